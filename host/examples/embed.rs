//! Samovar in your own process: publish a function, point an alias at it, invoke it cold and warm.
//!
//! `cargo run --release --example embed -- hello.wasm`

use samovar::{Deployment, Host, Invoke};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let wasm = std::fs::read(std::env::args().nth(1).ok_or("usage: embed FILE.wasm")?)?;

    let host = Host::builder().idle_memory_bytes_max(256 << 20).start().await?;
    let version = host.publish(Deployment::new("hello", wasm).memory_mb(256).timeout_seconds(5)).await?;
    host.alias("hello", "live", version.number).await?;

    for _ in 0..2 {
        let outcome = host.invoke(Invoke::new("hello:live".parse()?, r#"{"name":"Ada"}"#)).await?;
        let start = if outcome.report.init_duration.is_some() { "cold" } else { "warm" };
        println!("{} ({start}, {:?})", String::from_utf8_lossy(&outcome.body()), outcome.report.duration);
    }
    host.close().await;
    Ok(())
}
