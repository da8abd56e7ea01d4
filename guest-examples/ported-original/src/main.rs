//! Quotes a price. The prices are read once, and every event borrows them.

use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn, tracing};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::Duration;

#[derive(Deserialize)]
struct Order {
    item: String,
    quantity: u32,
}

#[derive(Debug, Serialize)]
struct Quote {
    cents: u64,
    request_id: String,
}

#[derive(Debug)]
enum QuoteError {
    UnknownItem(String),
    TooMany { limit: u32 },
}

impl From<QuoteError> for Diagnostic {
    fn from(error: QuoteError) -> Self {
        let (error_type, error_message) = match error {
            QuoteError::UnknownItem(item) => ("UnknownItem", format!("we do not sell {item}")),
            QuoteError::TooMany { limit } => ("TooMany", format!("at most {limit} are sold at once")),
        };
        Diagnostic { error_type: error_type.into(), error_message }
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let prices = HashMap::from([("tea".to_owned(), 250), ("samovar".to_owned(), 12_900)]);
    let prices = &prices;
    tracing::info!(items = prices.len(), "the prices are read");
    run(service_fn(async move |event: LambdaEvent<Order>| quote(prices, event).await)).await
}

async fn quote(prices: &HashMap<String, u64>, event: LambdaEvent<Order>) -> Result<Quote, QuoteError> {
    const LIMIT: u32 = 1000;
    let (order, context) = event.into_parts();
    if order.quantity > LIMIT {
        return Err(QuoteError::TooMany { limit: LIMIT });
    }
    let Some(price) = prices.get(&order.item) else {
        tracing::warn!(item = %order.item, "no price");
        return Err(QuoteError::UnknownItem(order.item));
    };
    // As if something had to be asked elsewhere.
    tokio::time::sleep(Duration::from_millis(1)).await;
    Ok(Quote { cents: price * u64::from(order.quantity), request_id: context.request_id })
}
