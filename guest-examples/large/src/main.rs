//! Answers a text that is as many bytes of JSON as it is told; the quotes make two at least.

use samovar_sdk::{Error, LambdaEvent, run, service_fn, tokio};
use serde::Deserialize;

#[derive(Deserialize)]
struct Size {
    bytes: usize,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(large)).await
}

async fn large(event: LambdaEvent<Size>) -> Result<String, Error> {
    let letters = event.payload.bytes.checked_sub(2).ok_or("no text takes less than 2 bytes")?;
    Ok("x".repeat(letters))
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;

    #[test]
    fn the_quotes_are_counted() {
        let answer =
            testing::invoke_bytes(&mut service_fn(large), r#"{"bytes": 5}"#, testing::context().build());
        assert_eq!(answer, Ok(br#""xxx""#.to_vec()));
    }
}
