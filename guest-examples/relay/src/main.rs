//! Hands events on to the server whose URL is in the environment variable `RELAY_TO`, and answers as that does. Of a queue's messages
//! that server so decides which ones go back.

use samovar_sdk::{Diagnostic, Error, LambdaEvent, RawPayload, http, run, service_fn, tokio};

/// Why there is no answer to pass on.
enum NotHandedOn {
    NoUrl,
    Unreachable(http::Error),
    /// With what status it was refused.
    Refused(u16),
}

impl From<NotHandedOn> for Diagnostic {
    fn from(error: NotHandedOn) -> Self {
        let (error_type, error_message) = match error {
            NotHandedOn::NoUrl => ("Relay.NoUrl", "RELAY_TO is not set to a URL".to_owned()),
            NotHandedOn::Unreachable(error) => ("Relay.Unreachable", error.to_string()),
            NotHandedOn::Refused(status) => ("Relay.Refused", format!("it answered with status {status}")),
        };
        Diagnostic { error_type: error_type.into(), error_message }
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(hand_on)).await
}

async fn hand_on(event: LambdaEvent<RawPayload>) -> Result<RawPayload, NotHandedOn> {
    let url = std::env::var("RELAY_TO").map_err(|_| NotHandedOn::NoUrl)?;
    let RawPayload(event) = event.payload;
    let request = http::Request::post(url).header("Content-Type", "application/json").body(event);
    let response = request.send().await.map_err(NotHandedOn::Unreachable)?;
    if !response.is_success() {
        return Err(NotHandedOn::Refused(response.status()));
    }
    Ok(response.bytes().await.map_err(NotHandedOn::Unreachable)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;

    #[test]
    fn without_a_url_there_is_an_error_that_says_so() {
        let answer = testing::invoke_bytes(&mut service_fn(hand_on), b"{}", testing::context().build());
        let error = answer.expect_err("there is no URL");
        assert_eq!(error.to_string(), "Relay.NoUrl: RELAY_TO is not set to a URL");
    }
}
