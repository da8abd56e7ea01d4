//! Answers its event, byte for byte: the payload is neither parsed nor copied.

use samovar_sdk::{Error, LambdaEvent, RawPayload, run, service_fn, tokio};

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(echo)).await
}

async fn echo(event: LambdaEvent<RawPayload>) -> Result<RawPayload, Error> {
    Ok(event.payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;

    #[test]
    fn the_answer_is_the_event() {
        let answer = testing::invoke_bytes(&mut service_fn(echo), "{ }", testing::context().build());
        assert_eq!(answer, Ok(b"{ }".to_vec()));
    }
}
