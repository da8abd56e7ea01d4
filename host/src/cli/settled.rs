//! Waiting for functions whose code is being compiled.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use tokio::time::Instant;

use super::client::{Client, function_path};
use super::wire::FunctionConfiguration;

/// How often a function is asked for until it is settled.
const POLL_PERIOD: Duration = Duration::from_millis(250);
/// How long a command waits for that: for many compilations one after the other.
const SETTLE_TIME_MAX: Duration = Duration::from_secs(1800);

/// Waits until a function is neither being made nor being updated.
pub(super) fn settled(
    client: &Client,
    name: &str,
    mut function: FunctionConfiguration,
) -> Result<FunctionConfiguration> {
    let started = Instant::now();
    while function.is_changing() {
        if started.elapsed() > SETTLE_TIME_MAX {
            bail!("{name} is still being compiled after {} s", SETTLE_TIME_MAX.as_secs());
        }
        std::thread::sleep(POLL_PERIOD);
        function = client.read(&function_path(name, "/configuration"))?;
    }
    Ok(function)
}

/// Waits for a change of a function; that it failed is an error.
pub(super) fn updated(
    client: &Client,
    name: &str,
    function: FunctionConfiguration,
) -> Result<FunctionConfiguration> {
    let function = settled(client, name, function)?;
    let reason = &function.last_update_status_reason;
    ensure!(function.last_update_status != "Failed", "{}", super::output::shown(reason));
    Ok(function)
}

/// Waits for new code of a function; that it was refused is an error.
pub(super) fn compiled(
    client: &Client,
    name: &str,
    function: FunctionConfiguration,
) -> Result<FunctionConfiguration> {
    let function = updated(client, name, function)?;
    ensure!(!function.is_failed(), "{}", super::output::shown(&function.state_reason));
    Ok(function)
}

impl FunctionConfiguration {
    /// Whether its code is still being compiled.
    fn is_changing(&self) -> bool {
        self.state == "Pending" || self.last_update_status == "InProgress"
    }

    /// Whether its code was refused, so that it cannot be run.
    pub(super) fn is_failed(&self) -> bool {
        self.state == "Failed"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::{Endpoint, wire};

    fn function(state: &str, update: &str) -> FunctionConfiguration {
        wire::tests::function(&json!({
            "State": state, "StateReason": "bad code", "LastUpdateStatus": update, "LastUpdateStatusReason": "bad update",
        }))
    }

    #[test]
    fn what_failed_is_an_error_with_its_reason() {
        let endpoint = Endpoint { url: "http://127.0.0.1:1".to_owned(), region: None };
        let client = Client::new(&endpoint).expect("a client");
        let waited = |state, update| {
            compiled(&client, "f", function(state, update))
                .map(|_| "done".to_owned())
                .unwrap_or_else(|error| error.to_string())
        };
        assert_eq!(waited("Active", "Successful"), "done");
        assert_eq!(waited("Active", ""), "done");
        assert_eq!(waited("Failed", ""), "bad code");
        assert_eq!(waited("Active", "Failed"), "bad update");
        // Settings can be changed of a function whose code was refused.
        assert!(updated(&client, "f", function("Failed", "Successful")).is_ok());
        // These are asked for again, of a server that is not there.
        for (state, update) in [("Pending", ""), ("Active", "InProgress")] {
            assert!(waited(state, update).contains("nothing listens"), "{state} {update}");
        }
    }
}
