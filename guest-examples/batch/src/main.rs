//! Takes the messages of an SQS queue in batches. Those that fail go back to the queue, and only those.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use samovar_sdk::{Error, LambdaEvent, run, service_fn, tokio};
use serde::Deserialize;

/// What a message may say: any JSON, or no JSON at all.
#[derive(Deserialize)]
struct Order {
    #[serde(default)]
    fail: bool,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(take)).await
}

async fn take(event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let mut response = SqsBatchResponse::default();
    for message in event.payload.records {
        let (id, body) = (message.message_id.unwrap_or_default(), message.body.unwrap_or_default());
        if serde_json::from_str(&body).is_ok_and(|order: Order| order.fail) {
            println!("cannot take {id}: {body}");
            response.add_failure(id);
        } else {
            println!("took {id}: {body}");
        }
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;
    use serde_json::json;

    #[test]
    fn only_the_message_that_fails_goes_back() {
        let event = json!({"Records": [
            {"messageId": "good", "body": r#"{"item": "tea"}"#},
            {"messageId": "bad", "body": r#"{"item": "tea", "fail": true}"#},
            {"messageId": "text", "body": "tea, please"},
        ]});
        let answer = testing::invoke(&mut service_fn(take), event);
        assert_eq!(answer, Ok(json!({"batchItemFailures": [{"itemIdentifier": "bad"}]})));
    }
}
