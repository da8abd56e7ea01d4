//! Answers nothing, which is `null`.

use samovar_sdk::{Error, LambdaEvent, run, service_fn, tokio};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(nothing)).await
}

async fn nothing(_event: LambdaEvent<Value>) -> Result<(), Error> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;
    use serde_json::json;

    #[test]
    fn nothing_is_null() {
        assert_eq!(testing::invoke(&mut service_fn(nothing), json!({})), Ok(json!(null)));
    }
}
