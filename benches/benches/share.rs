//! How processors are shared among functions of unlike memory sizes, when more compute than there are cores.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use criterion::Criterion;
use samovar::{Deployment, Host, Invoke};
use samovar_benches::{Findings, Goal, Row, guest};
use serde_json::Value;
use tokio::runtime::Runtime;

/// How many guests of each size compute at a time.
const EACH: usize = 4;
/// How long they compute before it counts, and how long it counts.
const BEFORE: Duration = Duration::from_millis(500);
const COUNTED: Duration = Duration::from_secs(3);

pub(crate) fn by_memory_size(_: &mut Criterion, runtime: &Runtime) -> Findings {
    let name = "cpu_share";
    let (single, double) = runtime.block_on(async {
        let host = Host::builder().start().await?;
        for (name, memory_mb) in [("single", 1_769), ("double", 3_538)] {
            let deployment = Deployment::new(name, guest("busy")?).memory_mb(memory_mb).timeout_seconds(60);
            host.publish(deployment).await?;
        }
        let rounds = rounds(&host).await?;
        host.close().await;
        anyhow::Ok(rounds)
    })?;
    let apart = (double / single - 2.0).abs();
    Ok(vec![
        Row::new(name, double, "rounds of 3,538 MB").against("rounds of 1,769 MB", single),
        Row::new(format!("{name}/off_by"), apart, "from 2").goal(Goal::AtMost(0.2)),
    ])
}

async fn rounds(host: &Host) -> Result<(f64, f64)> {
    let from = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)? + BEFORE;
    let until = from + COUNTED;
    let event = format!(r#"{{"fromMs":{},"untilMs":{}}}"#, from.as_millis(), until.as_millis());
    let running: Vec<_> = ["single", "double"]
        .repeat(EACH)
        .into_iter()
        .map(|name| {
            let (host, event) = (host.clone(), event.clone());
            tokio::spawn(async move {
                let outcome = host.invoke(Invoke::new(name.parse()?, event)).await?;
                let answer = outcome.answer.map_err(|error| anyhow::anyhow!(error.error_message))?;
                serde_json::from_slice::<Value>(&answer)?["rounds"].as_f64().context("a number")
            })
        })
        .collect();
    let mut sums = [0.0; 2];
    for (index, one) in running.into_iter().enumerate() {
        sums[index % 2] += one.await??;
    }
    Ok((sums[0], sums[1]))
}
