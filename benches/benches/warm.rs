//! Warm invocations, in process, with every policy: resolve, admission, permit, checkout, limits, deadline, log, report.

use std::hint::black_box;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use criterion::Criterion;
use samovar::function::FunctionRef;
use samovar::{Deployment, Host, HostBuilder, Invoke, LogSettings};
use samovar_benches::{Bare, Contender, Findings, Goal, Race, Row, guest};
use tokio::runtime::Runtime;

pub(crate) fn invoke_100b(criterion: &mut Criterion, runtime: &Runtime) -> Findings {
    let race = Race { name: "warm_invoke_100b", time: Duration::from_secs(5) };
    let (name, payload) = (race.name, json_string(100));
    let setup = Setup::new(runtime, payload.clone())?;
    let keeping = Setup::with(runtime, payload, Host::builder().logs(LogSettings::default()))?;
    let [invoke, bare, kept] = race.run(criterion, [setup.invoke(), setup.bare(), keeping.invoke()]);
    let above_bare = invoke.cpu_us - bare.cpu_us;
    Ok(vec![
        Row::new(name, invoke.cpu_us, "us CPU")
            .against("bare component call", bare.cpu_us)
            .goal(Goal::AtMost(1.5)),
        Row::new(format!("{name}/above_bare"), above_bare, "us CPU").goal(Goal::AtMost(1.0)),
        Row::new(format!("{name}/wall"), invoke.wall_us, "us").against("bare component call", bare.wall_us),
        Row::new(format!("{name}/logs_kept"), kept.cpu_us, "us CPU").against("no logs kept", invoke.cpu_us),
        Row::new(format!("{name}/logs_kept_more"), kept.cpu_us - invoke.cpu_us, "us CPU")
            .goal(Goal::AtMost(2.0)),
    ])
}

pub(crate) fn invoke_64k(criterion: &mut Criterion, runtime: &Runtime) -> Findings {
    let race = Race { name: "warm_invoke_64k", time: Duration::from_secs(5) };
    large(race, criterion, runtime, 64 << 10, Some(Goal::RatioAtMost(2.0)))
}

pub(crate) fn invoke_1m(criterion: &mut Criterion, runtime: &Runtime) -> Findings {
    let race = Race { name: "warm_invoke_1m", time: Duration::from_secs(5) };
    large(race, criterion, runtime, 1 << 20, None)
}

/// An invocation whose time goes into copying its payload, so that copying is what it is compared with.
fn large(
    race: Race,
    criterion: &mut Criterion,
    runtime: &Runtime,
    bytes: usize,
    goal: Option<Goal>,
) -> Findings {
    let setup = Setup::new(runtime, json_string(bytes))?;
    let contenders = [setup.invoke(), setup.bare(), copy(setup.payload.clone())];
    let [invoke, bare, copy] = race.run(criterion, contenders);
    let name = race.name;
    let beside_copy = Row::new(name, invoke.cpu_us, "us CPU").against("memory-copy floor", copy.cpu_us);
    Ok(vec![
        goal.map_or(beside_copy.clone(), |goal| beside_copy.goal(goal)),
        Row::new(format!("{name}/bare"), invoke.cpu_us, "us CPU").against("bare component call", bare.cpu_us),
        Row::new(format!("{name}/wall"), invoke.wall_us, "us").against("memory-copy floor", copy.wall_us),
    ])
}

/// A host and a bare instance, both with a warm `echo`.
struct Setup<'a> {
    runtime: &'a Runtime,
    host: Host,
    function: FunctionRef,
    bare: Bare,
    wasm: Vec<u8>,
    payload: Bytes,
}

impl<'a> Setup<'a> {
    fn new(runtime: &'a Runtime, payload: Bytes) -> Result<Self> {
        Self::with(runtime, payload, Host::builder())
    }

    fn with(runtime: &'a Runtime, payload: Bytes, builder: HostBuilder) -> Result<Self> {
        let wasm = guest("echo")?;
        let host = runtime.block_on(async {
            let host = builder.start().await?;
            let version = host.publish(Deployment::new("echo", wasm.clone())).await?;
            host.alias("echo", "live", version.number).await?;
            anyhow::Ok(host)
        })?;
        Ok(Self { runtime, host, function: "echo:live".parse()?, bare: Bare::new()?, wasm, payload })
    }

    fn invoke(&self) -> Contender<'_> {
        Contender::new(|times| {
            self.runtime.block_on(async {
                for _ in 0..times {
                    let request = Invoke::new(self.function.clone(), self.payload.clone());
                    let outcome = self.host.invoke(request).await.expect("the function is there");
                    assert!(black_box(outcome).answer.is_ok_and(|answer| answer.len() == self.payload.len()));
                }
            });
        })
    }

    fn bare(&self) -> Contender<'_> {
        let function = self.bare.compile(&self.wasm).expect("it compiles");
        let mut instance = self.runtime.block_on(function.instantiate()).expect("it comes up");
        Contender::new(move |times| {
            self.runtime.block_on(async {
                for _ in 0..times {
                    let answer = instance.call(self.payload.clone()).await.expect("it answers");
                    assert_eq!(black_box(answer).len(), self.payload.len());
                }
            });
        })
    }
}

impl Drop for Setup<'_> {
    fn drop(&mut self) {
        self.runtime.block_on(self.host.close());
    }
}

/// What no host that keeps its guests apart can do without: the event is copied into the guest's memory and the answer
/// out of it, into memory of its own.
fn copy(payload: Bytes) -> Contender<'static> {
    let mut guest_memory = vec![0; payload.len()];
    Contender::new(move |times| {
        for _ in 0..times {
            black_box(&mut guest_memory).copy_from_slice(black_box(&payload));
            black_box(Bytes::copy_from_slice(black_box(&guest_memory)));
        }
    })
}

/// A JSON string of so many bytes in all.
fn json_string(bytes: usize) -> Bytes {
    format!("\"{}\"", "x".repeat(bytes - 2)).into()
}
