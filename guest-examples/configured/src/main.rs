//! Needs a variable and does not start without it: an error of `main` is the answer to every event.

use samovar_sdk::{Error, LambdaEvent, run, service_fn, tokio};
use serde_json::{Value, json};
use std::env;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let table = env::var("TABLE").map_err(|_| "the variable TABLE is not set")?;
    run(service_fn(|event| tell(&table, event))).await
}

async fn tell(table: &str, _event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(json!({ "table": table }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;

    #[test]
    fn the_table_is_told() {
        let mut service = service_fn(|event| tell("orders", event));
        assert_eq!(testing::invoke(&mut service, json!({})), Ok(json!({"table": "orders"})));
    }
}
