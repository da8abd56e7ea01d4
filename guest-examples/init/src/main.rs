//! Finds primes once, before its first event; the events only look them up.

use samovar_sdk::{Error, LambdaEvent, run, service_fn, tokio};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU32, Ordering};

/// How often the set-up ran in this instance: once, whatever happens.
static SET_UPS: AtomicU32 = AtomicU32::new(0);

#[derive(Deserialize)]
struct Question {
    /// Which prime is asked for, counted from 1.
    n: usize,
}

#[derive(Serialize)]
struct Answer {
    prime: usize,
    set_ups: u32,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    SET_UPS.fetch_add(1, Ordering::Relaxed);
    let primes = primes_below(1_000_000);
    println!("found {} primes", primes.len());
    run(service_fn(|event| nth(&primes, event))).await
}

async fn nth(primes: &[usize], event: LambdaEvent<Question>) -> Result<Answer, Error> {
    let index = event.payload.n.checked_sub(1).ok_or("primes are counted from 1")?;
    let prime = *primes.get(index).ok_or("this prime was not looked for")?;
    Ok(Answer { prime, set_ups: SET_UPS.load(Ordering::Relaxed) })
}

/// The sieve of Eratosthenes.
fn primes_below(end: usize) -> Vec<usize> {
    let mut composite = vec![false; end];
    let mut primes = Vec::new();
    for number in 2..end {
        if !composite[number] {
            primes.push(number);
            // A `usize` has 32 bits in a component, and these squares have up to 40.
            let square = number.saturating_mul(number);
            (square..end).step_by(number).for_each(|multiple| composite[multiple] = true);
        }
    }
    primes
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;
    use serde_json::json;

    #[test]
    fn the_answer_is_the_nth_prime() {
        let primes = primes_below(100);
        let mut service = service_fn(|event| nth(&primes, event));
        assert_eq!(testing::invoke(&mut service, json!({"n": 25})), Ok(json!({"prime": 97, "set_ups": 0})));
        let error =
            testing::invoke(&mut service, json!({"n": 26})).expect_err("there are 25 primes below 100");
        assert_eq!(error.error_message, "this prime was not looked for");
    }
}
