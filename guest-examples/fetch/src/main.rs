//! Asks another server and passes its answer on.

use std::collections::BTreeMap;
use std::time::Duration;

use samovar_sdk::{LambdaEvent, http, run, service_fn, tokio};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Errand {
    url: String,
    #[serde(default = "get")]
    method: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    redirects: u32,
    timeout_ms: Option<u64>,
}

#[tokio::main]
async fn main() -> Result<(), samovar_sdk::Error> {
    run(service_fn(fetch)).await
}

async fn fetch(event: LambdaEvent<Errand>) -> Result<Value, http::Error> {
    let Errand { url, method, headers, body, redirects, timeout_ms } = event.payload;
    let request = http::Request::new(method, url).body(body).redirects(redirects);
    let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    let answer = match timeout_ms {
        Some(milliseconds) => request.timeout(Duration::from_millis(milliseconds)).send().await?,
        None => request.send().await?,
    };
    let status = answer.status();
    Ok(json!({ "status": status, "body": answer.text().await? }))
}

fn get() -> String {
    "GET".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;

    #[test]
    fn the_answer_is_passed_on() {
        testing::answer_requests(|request| Ok(http::Response::new(200, request.url())));
        let answer = testing::invoke(&mut service_fn(fetch), json!({"url": "https://example.com/x"}));
        assert_eq!(answer, Ok(json!({"status": 200, "body": "https://example.com/x"})));
    }
}
