//! Ends the process with the code it is told, which a function should not do.
//!
//! Of the code, WASI 0.2 tells the host only whether it is 0: every other one arrives as 1.

use samovar_sdk::{Error, LambdaEvent, run, service_fn, tokio};
use serde::Deserialize;
use std::process;

#[derive(Deserialize)]
struct Exit {
    code: i32,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(exit)).await
}

async fn exit(event: LambdaEvent<Exit>) -> Result<(), Error> {
    process::exit(event.payload.code)
}
