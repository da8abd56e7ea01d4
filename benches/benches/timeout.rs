//! How late a guest is ended that never waits: the epoch has to reach it, and a processor has to be free.

use std::time::Duration;

use anyhow::{Result, ensure};
use criterion::Criterion;
use samovar::{Deployment, Host, Invoke, Status};
use samovar_benches::{Findings, Goal, Row, guest, median};
use tokio::runtime::Runtime;

/// How often each is tried.
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
    let cores = std::thread::available_parallelism()?.get();
    let few = runtime.block_on(late_ms(&host, cores))?;
    let crowded = runtime.block_on(late_ms(&host, 2 * cores))?;
    let flooded = runtime.block_on(late_ms(&host, 200))?;
    runtime.block_on(host.close());
    let worst = |late: &[f64]| late.iter().copied().fold(0.0, f64::max);
    Ok(vec![
        Row::new(name, worst(&few), "ms late, worst").goal(Goal::AtMost(50.0)),
        Row::new(format!("{name}/p50"), median(few.into_iter()), "ms late"),
        Row::new(format!("{name}/twice_as_many_as_cores"), worst(&crowded), "ms late, worst")
            .goal(Goal::AtMost(50.0)),
        Row::new(format!("{name}/200_spinners"), worst(&flooded), "ms late, worst").goal(Goal::AtMost(100.0)),
        Row::new(format!("{name}/200_spinners_p50"), median(flooded.into_iter()), "ms late"),
    ])
}

/// How much later than its limit each spinner ended, of which so many ran at a time.
async fn late_ms(host: &Host, spinners: usize) -> Result<Vec<f64>> {
    let mut late = Vec::new();
    for _ in 0..TRIES {
        let running: Vec<_> = (0..spinners).map(|_| tokio::spawn(spin(host.clone()))).collect();
        for spinner in running {
            late.push(spinner.await??.as_secs_f64() * 1e3);
        }
    }
    Ok(late)
}

async fn spin(host: Host) -> Result<Duration> {
    let outcome = host.invoke(Invoke::new("spinner".parse()?, "{}")).await?;
    let took = outcome.report.duration;
    ensure!(outcome.report.status == Status::Timeout, "it ended otherwise: {:?}", outcome.answer);
    Ok(took.saturating_sub(LIMIT))
}
