//! Computes as long as it is told, and says how much it got done.

use samovar_sdk::{Error, LambdaEvent, run, service_fn, tokio};
use serde::Deserialize;
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Work {
    /// How long it computes, in microseconds.
    us: u64,
    /// Instead, until when: in milliseconds since the Unix epoch.
    until_ms: Option<u64>,
    /// From when on rounds count, likewise.
    from_ms: u64,
    /// How many bytes it logs before.
    log_bytes: usize,
}

impl Default for Work {
    fn default() -> Self {
        Self { us: 0, until_ms: None, from_ms: 0, log_bytes: 0 }
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(work)).await
}

async fn work(event: LambdaEvent<Work>) -> Result<Value, Error> {
    let Work { us, until_ms, from_ms, log_bytes } = event.payload;
    const LINE: &str = "A line of a log as long as such lines are: it has one hundred bytes with its line feed, as one can see.";
    for _ in 0..log_bytes.div_ceil(LINE.len() + 1) {
        println!("{LINE}");
    }
    let (began, from, mut rounds) = (Instant::now(), Duration::from_millis(from_ms), 0_u64);
    let over = || match until_ms {
        Some(until_ms) => since_epoch() >= Duration::from_millis(until_ms),
        None => began.elapsed() >= Duration::from_micros(us),
    };
    while !over() {
        round();
        if from_ms == 0 || since_epoch() >= from {
            rounds += 1;
        }
    }
    Ok(json!({ "rounds": rounds }))
}

/// Some ten microseconds of work.
fn round() {
    let mut state = black_box(88_172_645_463_325_252_u64);
    for _ in 0..5_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    black_box(state);
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;

    #[test]
    fn rounds_count_from_the_time_that_was_told() {
        let counted = |event| {
            let answer: Value = testing::invoke(&mut service_fn(work), event).expect("an answer");
            answer["rounds"].as_u64().expect("a number")
        };
        assert!(counted(json!({"us": 5_000})) > 0);
        assert_eq!(counted(json!({"us": 100, "fromMs": u64::MAX})), 0);
        assert_eq!(counted(json!({"untilMs": 1})), 0);
    }
}
