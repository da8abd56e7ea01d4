//! Answers its whole context.

use samovar_sdk::{Context, Error, LambdaEvent, run, service_fn, tokio};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(context)).await
}

async fn context(event: LambdaEvent<Value>) -> Result<Context, Error> {
    Ok(event.context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;
    use serde_json::json;

    #[test]
    fn the_answer_is_the_context() {
        let answer = testing::invoke(&mut service_fn(context), json!({})).expect("it answers");
        assert_eq!(answer["env_config"]["function_name"], "test");
    }
}
