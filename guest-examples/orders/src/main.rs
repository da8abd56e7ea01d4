//! Takes orders from an SQS queue. Orders it cannot take go back to the queue, and only those.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use samovar_sdk::{Error, LambdaEvent, run, service_fn, tokio};
use serde::Deserialize;

#[derive(Deserialize)]
struct Order {
    item: String,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(take)).await
}

async fn take(event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let mut response = SqsBatchResponse::default();
    for message in &event.payload.records {
        match order(message) {
            Ok(order) => println!("took an order of {}", order.item),
            Err(error) => {
                let id = message.message_id.clone().unwrap_or_default();
                println!("cannot take {id}: {error}");
                response.add_failure(id);
            }
        }
    }
    Ok(response)
}

fn order(message: &SqsMessage) -> Result<Order, serde_json::Error> {
    serde_json::from_str(message.body.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;
    use serde_json::json;

    #[test]
    fn only_the_order_that_cannot_be_read_goes_back() {
        let event = json!({"Records": [
            {"messageId": "good", "body": r#"{"item": "tea"}"#},
            {"messageId": "bad", "body": "tea, please"},
        ]});
        let answer = testing::invoke(&mut service_fn(take), event);
        assert_eq!(answer, Ok(json!({"batchItemFailures": [{"itemIdentifier": "bad"}]})));
    }
}
