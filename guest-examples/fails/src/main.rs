//! Always answers with a typed error, which a caller can tell from others.

use samovar_sdk::{Diagnostic, Error, LambdaEvent, run, service_fn, tokio};
use serde::Deserialize;

#[derive(Deserialize)]
struct Order {
    id: u64,
}

struct OrderNotFound(u64);

impl From<OrderNotFound> for Diagnostic {
    fn from(OrderNotFound(id): OrderNotFound) -> Self {
        Diagnostic { error_type: "OrderNotFound".into(), error_message: format!("there is no order {id}") }
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(find)).await
}

async fn find(event: LambdaEvent<Order>) -> Result<(), OrderNotFound> {
    Err(OrderNotFound(event.payload.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;
    use serde_json::json;

    #[test]
    fn the_error_bears_the_type_the_function_gave_it() {
        let error = testing::invoke(&mut service_fn(find), json!({"id": 7})).expect_err("it always fails");
        assert_eq!(error.to_string(), "OrderNotFound: there is no order 7");
    }
}
