//! Never ends, and never waits either: only the host can stop it.

use samovar_sdk::{Error, LambdaEvent, run, service_fn, tokio};
use serde_json::Value;
use std::hint::spin_loop;

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(spin)).await
}

async fn spin(_event: LambdaEvent<Value>) -> Result<(), Error> {
    loop {
        spin_loop();
    }
}
