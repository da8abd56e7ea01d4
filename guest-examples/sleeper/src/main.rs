//! Waits as long as it is told.

use samovar_sdk::{Error, LambdaEvent, run, service_fn, tokio};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

#[derive(Deserialize)]
struct Nap {
    ms: u64,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(nap)).await
}

async fn nap(event: LambdaEvent<Nap>) -> Result<Value, Error> {
    let Nap { ms } = event.payload;
    sleep(Duration::from_millis(ms)).await;
    Ok(json!({ "slept_ms": ms }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;

    #[test]
    fn the_answer_comes_after_the_nap() {
        assert_eq!(testing::invoke(&mut service_fn(nap), json!({"ms": 2})), Ok(json!({"slept_ms": 2})));
    }
}
