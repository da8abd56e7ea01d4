//! Answers its environment variables.

use samovar_sdk::{Error, LambdaEvent, run, service_fn, tokio};
use serde_json::Value;
use std::collections::BTreeMap;
use std::env;

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(environment)).await
}

async fn environment(_event: LambdaEvent<Value>) -> Result<BTreeMap<String, String>, Error> {
    Ok(env::vars().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;
    use serde_json::json;

    #[test]
    fn every_variable_is_in_the_answer() {
        let answer = testing::invoke(&mut service_fn(environment), json!({})).expect("it answers");
        assert_eq!(answer["CARGO_PKG_NAME"], "environment");
    }
}
