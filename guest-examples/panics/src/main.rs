//! Always panics. Standard output comes out in full before.

use samovar_sdk::{Error, LambdaEvent, run, service_fn, tokio};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(boil)).await
}

async fn boil(_event: LambdaEvent<Value>) -> Result<(), Error> {
    print!("looking into the kettle");
    panic!("the kettle is empty")
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;
    use serde_json::json;

    #[test]
    fn the_error_tells_message_and_place() {
        let error = testing::invoke(&mut service_fn(boil), json!({})).expect_err("it always panics");
        assert_eq!(error.to_string(), "Runtime.Panic: the kettle is empty");
        assert!(error.stack_trace[0].contains("main.rs:"), "{:?}", error.stack_trace);
    }
}
