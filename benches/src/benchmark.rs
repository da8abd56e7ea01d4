//! The benchmarks by name: which of them are run, and what becomes of their rows.

use anyhow::{Result, ensure};
use criterion::Criterion;
use tokio::runtime::Runtime;

use crate::environment;
use crate::machine::Machine;
use crate::results::{Results, write_json};
use crate::row::Row;

/// What a benchmark found out, or why it could not.
pub type Findings = Result<Vec<Row>>;

/// One benchmark.
#[derive(Debug, Clone, Copy)]
pub struct Benchmark {
    /// Its name, with which the names of its rows begin.
    pub name: &'static str,
    /// Measures. The runtime is like the one that the binary uses.
    pub run: fn(&mut Criterion, &Runtime) -> Findings,
}

/// Runs the benchmarks whose names contain one of the words on the command line, or all if there are none.
///
/// Every benchmark's rows are written as soon as it ends.
///
/// # Errors
/// When a word matches no benchmark, or a benchmark fails. The others are run all the same.
pub fn run(benchmarks: &[Benchmark]) -> Result<()> {
    let (options, words): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).partition(|word| word.starts_with("--"));
    // Cargo adds it, but not when it tests (`cargo test --all-targets`): then it is enough that this starts.
    if !options.iter().any(|option| option == "--bench") {
        return Ok(());
    }
    let names: Vec<&str> = benchmarks.iter().map(|benchmark| benchmark.name).collect();
    for word in &words {
        let known = names.iter().any(|name| name.contains(word.as_str()));
        ensure!(known, "there is no benchmark {word:?}; there are {}", names.join(", "));
    }
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    write_json(&environment::target("bench/machine.json")?, &Machine::look(&environment::root()?))?;
    let criterion_folder = environment::target("bench/criterion")?;
    let mut criterion = Criterion::default().without_plots().output_directory(&criterion_folder);
    let mut results = Results::open(
        environment::target("bench/results.json")?,
        benchmarks.iter().map(|benchmark| benchmark.name).collect(),
    );
    let mut failed = Vec::new();
    for benchmark in benchmarks.iter().filter(|benchmark| wanted(benchmark.name)) {
        // A runtime of its own: nothing that one benchmark leaves behind is measured with the next.
        match (benchmark.run)(&mut criterion, &Runtime::new()?) {
            Ok(rows) => results.replace(benchmark.name, rows)?,
            Err(error) => failed.push(format!("{}: {error:#}", benchmark.name)),
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}
