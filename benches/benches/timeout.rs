//! How late a guest is ended that never waits: the epoch has to reach it, and a processor has to be free.

use std::time::Duration;

use anyhow::{Result, ensure};
use criterion::Criterion;
use samovar::{Deployment, Host, Invoke, Status};
use samovar_benches::{Findings, Goal, Row, Stopwatch, guest};
use tokio::runtime::Runtime;

/// How often each is tried; the worst counts.
const TRIES: usize = 4;
const LIMIT: Duration = Duration::from_secs(1);

pub(crate) fn lateness(_: &mut Criterion, runtime: &Runtime) -> Findings {
    let name = "timeout_lateness";
    let host = runtime.block_on(async {
        let host = Host::builder().start().await?;
        let spinner = Deployment::new("spinner", guest("spinner")?).timeout_seconds(1);
        host.publish(spinner).await?;
        anyhow::Ok(host)
    })?;
    let alone = runtime.block_on(worst(&host, 1))?;
    let crowded = runtime.block_on(worst(&host, 4))?;
    runtime.block_on(host.close());
    Ok(vec![
        Row::new(name, alone, "ms late, worst").goal(Goal::AtMost(50.0)),
        Row::new(format!("{name}/4_spinners"), crowded, "ms late, worst").goal(Goal::AtMost(50.0)),
    ])
}

/// How much later than its limit the latest of all spinners ended, of which so many ran at a time.
async fn worst(host: &Host, spinners: usize) -> Result<f64> {
    let mut worst = Duration::ZERO;
    for _ in 0..TRIES {
        let running: Vec<_> = (0..spinners).map(|_| tokio::spawn(spin(host.clone()))).collect();
        for spinner in running {
            worst = worst.max(spinner.await??);
        }
    }
    Ok(worst.as_secs_f64() * 1e3)
}

async fn spin(host: Host) -> Result<Duration> {
    let stopwatch = Stopwatch::start();
    let outcome = host.invoke(Invoke::new("spinner".parse()?, "{}")).await?;
    let took = stopwatch.spent().wall;
    ensure!(outcome.report.status == Status::Timeout, "it ended otherwise: {:?}", outcome.answer);
    Ok(took.saturating_sub(LIMIT))
}
