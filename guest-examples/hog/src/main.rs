//! Uses as much memory as it is told, and lets it go again.

use samovar_sdk::{Error, LambdaEvent, run, service_fn, tokio};
use serde::{Deserialize, Serialize};
use std::hint::black_box;

#[derive(Deserialize, Serialize)]
struct Memory {
    mb: usize,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(hog)).await
}

async fn hog(event: LambdaEvent<Memory>) -> Result<Memory, Error> {
    // Ones, because an allocator gets zeros from the host without touching them.
    let megabytes: Vec<_> = (0..event.payload.mb).map(|_| vec![1_u8; 1024 * 1024]).collect();
    Ok(Memory { mb: black_box(megabytes).len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;
    use serde_json::json;

    #[test]
    fn the_answer_is_what_was_used() {
        assert_eq!(testing::invoke(&mut service_fn(hog), json!({"mb": 3})), Ok(json!({"mb": 3})));
    }
}
