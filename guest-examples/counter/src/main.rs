//! Counts its events. The count lives in `main`, as long as the instance is warm.

use samovar_sdk::{Error, LambdaEvent, run, service_fn, tokio};
use serde_json::{Value, json};
use std::cell::Cell;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let count = Cell::new(0);
    run(service_fn(|event| counted(&count, event))).await
}

async fn counted(count: &Cell<u64>, _event: LambdaEvent<Value>) -> Result<Value, Error> {
    count.update(|n| n + 1);
    Ok(json!({ "count": count.get() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;

    #[test]
    fn the_count_goes_on_from_event_to_event() {
        let count = Cell::new(0);
        let mut service = service_fn(|event| counted(&count, event));
        assert_eq!(testing::invoke(&mut service, json!({})), Ok(json!({"count": 1})));
        assert_eq!(testing::invoke(&mut service, json!({})), Ok(json!({"count": 2})));
    }
}
