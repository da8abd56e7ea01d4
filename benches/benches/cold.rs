//! Cold starts of Rust guests: with the version's code mapped in, out of the artifact, and from the upload.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use criterion::Criterion;
use samovar::function::{FunctionName, FunctionRef, Isolation};
use samovar::{CreateFunction, Deployment, Host, Invoke, Stages};
use samovar_benches::{
    Bare, BareFunction, Contender, Findings, Goal, Race, Row, Spent, Stopwatch, guest, median, target,
};
use tokio::runtime::Runtime;

/// How many cold starts the times of the stages are the medians of.
const STAGED_STARTS: usize = 5000;
/// How many functions are published, and called for the first time.
const PUBLISHED_FUNCTIONS: usize = 15;

pub(crate) fn start_rust(criterion: &mut Criterion, runtime: &Runtime) -> Findings {
    const EVENT: &[u8] = br#"{"name":"Ada"}"#;
    let mut rows = Vec::new();
    for (guest_name, name) in [("echo", "cold_start_rust"), ("hello", "cold_start_rust/hello")] {
        let wasm = guest(guest_name)?;
        let bare = Bare::new()?.compile(&wasm)?;
        let host = runtime.block_on(fresh_host(guest_name, wasm))?;
        let function: FunctionRef = guest_name.parse()?;
        let request = || Invoke::new(function.clone(), EVENT);
        let race = Race { name, time: Duration::from_secs(4) };
        let invoke = Contender::new(|times| {
            runtime.block_on(async {
                for _ in 0..times {
                    let outcome = host.invoke(request()).await.expect("the function is there");
                    assert!(black_box(outcome).answer.is_ok());
                }
            });
        });
        let bare = Contender::new(|times| runtime.block_on(start_bare(&bare, EVENT, times)));
        let [invoke, bare] = race.run(criterion, [invoke, bare]);
        let against = "bare component: instantiate, init, call, drop";
        rows.extend([
            Row::new(name, invoke.cpu_us, "us CPU").against(against, bare.cpu_us).goal(Goal::AtMost(15.0)),
            Row::new(format!("{name}/wall"), invoke.wall_us, "us").against(against, bare.wall_us),
        ]);
        rows.extend(stage_rows(name, runtime.block_on(staged_starts(&host, &request))?));
        runtime.block_on(host.close());
    }
    Ok(rows)
}

pub(crate) fn start_from_artifact(_: &mut Criterion, runtime: &Runtime) -> Findings {
    let name = "cold_start_from_artifact";
    let (bare, folder) = (Bare::new()?, Folder::new()?);
    let host = runtime.block_on(Host::builder().start())?;
    let (mut invoked, mut loads, mut bare_started) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..PUBLISHED_FUNCTIONS {
        let wasm = distinct(guest("echo")?, number);
        let artifact = folder.0.join(format!("{number}.cwasm"));
        std::fs::write(&artifact, bare.precompile(&wasm)?)?;
        let function = runtime.block_on(create(&host, number, wasm))?;

        let stopwatch = Stopwatch::start();
        let outcome = runtime.block_on(host.invoke(Invoke::new(function, "{}").with_stages()))?;
        invoked.push(stopwatch.spent());
        loads.push(outcome.stages.context("they were asked for")?.load);

        let stopwatch = Stopwatch::start();
        let loaded = bare.load(&artifact)?;
        runtime.block_on(start_bare(&loaded, b"{}", 1));
        bare_started.push(stopwatch.spent());
    }
    runtime.block_on(host.close());
    let against = "bare component: map in, link, instantiate, init, call, drop";
    Ok(vec![
        Row::new(name, wall_ms(&invoked), "ms")
            .against(against, wall_ms(&bare_started))
            .goal(Goal::AtMost(0.5)),
        Row::new(format!("{name}/cpu"), cpu_ms(&invoked), "ms CPU").against(against, cpu_ms(&bare_started)),
        Row::new(format!("{name}/load"), median(loads.iter().map(|load| load.as_secs_f64() * 1e3)), "ms"),
    ])
}

pub(crate) fn publish_rust(_: &mut Criterion, runtime: &Runtime) -> Findings {
    let name = "publish_rust";
    let bare = Bare::new()?;
    let host = runtime.block_on(Host::builder().start())?;
    let (mut published, mut compiled) = (Vec::new(), Vec::new());
    for number in 0..PUBLISHED_FUNCTIONS {
        let wasm = distinct(guest("hello")?, number);
        let stopwatch = Stopwatch::start();
        black_box(bare.precompile(&wasm)?);
        compiled.push(stopwatch.spent());

        let stopwatch = Stopwatch::start();
        runtime.block_on(create(&host, number, wasm))?;
        published.push(stopwatch.spent());
    }
    runtime.block_on(host.close());
    let against = "wasmtime's compiler alone";
    Ok(vec![
        Row::new(name, wall_ms(&published), "ms").against(against, wall_ms(&compiled)),
        Row::new(format!("{name}/cpu"), cpu_ms(&published), "ms CPU").against(against, cpu_ms(&compiled)),
    ])
}

async fn fresh_host(name: &str, wasm: Vec<u8>) -> Result<Host> {
    let host = Host::builder().start().await?;
    host.publish(Deployment::new(name, wasm).isolation(Isolation::Fresh)).await?;
    Ok(host)
}

async fn start_bare(function: &BareFunction, event: &'static [u8], times: u64) {
    for _ in 0..times {
        let mut instance = function.instantiate().await.expect("it comes up");
        black_box(instance.call(Bytes::from_static(event)).await.expect("it answers"));
    }
}

/// Cold starts with the time of each stage, and of the whole.
async fn staged_starts(host: &Host, request: &impl Fn() -> Invoke) -> Result<Vec<(Stages, Duration)>> {
    let mut starts = Vec::new();
    for _ in 0..STAGED_STARTS {
        let stopwatch = Stopwatch::start();
        let outcome = host.invoke(request().with_stages()).await?;
        starts.push((outcome.stages.context("they were asked for")?, stopwatch.spent().wall));
    }
    Ok(starts)
}

fn stage_rows(name: &str, starts: Vec<(Stages, Duration)>) -> Vec<Row> {
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    let names = Stages::default().named().map(|(stage, _)| stage);
    let stages = names
        .into_iter()
        .enumerate()
        .map(|(index, stage)| (stage, median(starts.iter().map(|(stages, _)| us(stages.named()[index].1)))));
    let of_stages = |stages: &Stages| stages.named().iter().map(|(_, time)| *time).sum::<Duration>();
    let rest = median(starts.iter().map(|(stages, whole)| us(whole.saturating_sub(of_stages(stages)))));
    // What follows the last stage is next to nothing but the end of the instance.
    stages
        .chain([("drop", rest)])
        .map(|(stage, time)| Row::new(format!("{name}/{stage}"), time, "us"))
        .collect()
}

async fn create(host: &Host, number: usize, wasm: Vec<u8>) -> Result<FunctionRef> {
    let function = FunctionRef::from(FunctionName::parse(&format!("function-{number}"))?);
    host.create_function(CreateFunction::new(function.clone(), wasm)).await?;
    Ok(function)
}

/// The same component with a custom section, so that it is not the same code to the host.
fn distinct(mut wasm: Vec<u8>, number: usize) -> Vec<u8> {
    let name = format!("{number:04}");
    let lengths = [name.len() + 1, name.len()].map(|length| u8::try_from(length).expect("it is short"));
    wasm.push(0);
    wasm.extend(lengths);
    wasm.extend(name.bytes());
    wasm
}

fn wall_ms(spent: &[Spent]) -> f64 {
    median(spent.iter().map(|spent| spent.wall.as_secs_f64() * 1e3))
}

fn cpu_ms(spent: &[Spent]) -> f64 {
    median(spent.iter().map(|spent| spent.cpu.as_secs_f64() * 1e3))
}

/// A folder that goes with the benchmark.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let folder = target("bench/artifacts")?;
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left behind, it is filled again by the next run.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
