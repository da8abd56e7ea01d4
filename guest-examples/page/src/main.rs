//! Answers a function URL with a page.

use aws_lambda_events::lambda_function_urls::{LambdaFunctionUrlRequest, LambdaFunctionUrlResponse};
use samovar_sdk::{Error, LambdaEvent, run, service_fn, tokio};

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(page)).await
}

async fn page(event: LambdaEvent<LambdaFunctionUrlRequest>) -> Result<LambdaFunctionUrlResponse, Error> {
    let path = event.payload.raw_path.unwrap_or_default();
    let mut response = LambdaFunctionUrlResponse::default();
    response.status_code = if path == "/" { 200 } else { 404 };
    response.headers.insert("content-type", "text/plain; charset=utf-8".parse()?);
    response.body = Some(format!("this is {path}\n"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;
    use serde_json::Value;

    #[test]
    fn there_is_one_page() {
        let mut service = service_fn(page);
        let cases: Vec<Value> =
            serde_json::from_str(include_str!("../events.json")).expect("the cases are JSON");
        for case in cases {
            let answer = testing::invoke(&mut service, case["event"].clone()).expect("it answers");
            assert_eq!(answer, case["answerIncludes"], "{}", case["name"]);
        }
    }
}
