//! Every check and every test.

use anyhow::{Context as _, Result, bail};

use crate::absence::Absence;
use crate::clients;
use crate::command;
use crate::faketime::FAKETIME;
use crate::guests;
use crate::host;
use crate::moto;
use crate::promtool::PROMTOOL;
use crate::repository::Repository;
use crate::step;
use crate::third_party;

/// Which tests are to be run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection<'a> {
    /// Only tests whose names contain one of these; all tests and checks, if there are none.
    filters: Vec<&'a str>,
    /// A long run of one test, and nothing else.
    long: Option<Long>,
}

/// A test that can be run for long, by a flag with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Long {
    run: &'static LongRun,
    count: u64,
}

/// What a flag runs.
#[derive(Debug, PartialEq, Eq)]
struct LongRun {
    flag: &'static str,
    /// The file of the test.
    test: &'static str,
    /// The variable that tells it how many.
    variable: &'static str,
    /// A variable that is set as well.
    also: Option<&'static str>,
}

const LONG_RUNS: [LongRun; 7] = [
    // In the server's own process: a worker for each would take hours longer, and shield the server.
    LongRun {
        flag: "--mutations",
        test: "mutations",
        variable: "SAMOVAR_MUTATIONS",
        also: Some("SAMOVAR_MUTATIONS_IN_PROCESS"),
    },
    LongRun { flag: "--hostile", test: "hostile_suite", variable: "SAMOVAR_HOSTILE_RUNS", also: None },
    LongRun { flag: "--slot-reuses", test: "slot_reuse", variable: "SAMOVAR_SLOT_REUSES", also: None },
    LongRun { flag: "--ledger", test: "ledger", variable: "SAMOVAR_LEDGER_CYCLES", also: None },
    LongRun { flag: "--restart-events", test: "restart", variable: "SAMOVAR_RESTART_EVENTS", also: None },
    LongRun { flag: "--power-cuts", test: "power_cut", variable: "SAMOVAR_POWER_CUTS", also: None },
    LongRun {
        flag: "--outside-messages",
        test: "event_source_kills",
        variable: "SAMOVAR_OUTSIDE_MESSAGES",
        also: None,
    },
];

impl<'a> Selection<'a> {
    /// Reads the arguments of the command.
    pub(crate) fn of(arguments: &'a [String]) -> Result<Self> {
        match arguments {
            [flag, count] if let Some(run) = LONG_RUNS.iter().find(|run| run.flag == flag) => {
                let count = count.replace('_', "").parse();
                let count = count.with_context(|| format!("{flag} takes a number"))?;
                Ok(Self { long: Some(Long { run, count }), ..Self::default() })
            }
            filters if filters.iter().any(|filter| filter.starts_with('-')) => {
                let flags = LONG_RUNS.map(|run| run.flag).join(", ");
                bail!("unknown flag; there are {flags}, each with a number and on its own")
            }
            filters => Ok(Self { filters: filters.iter().map(String::as_str).collect(), ..Self::default() }),
        }
    }

    fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

/// Sets up what the tests need, then runs them all; with a filter, only the tests of the workspace that match. All checks run
/// even when one fails, so that one run shows everything; the workspace's tests come last, and theirs is the last word.
pub(crate) fn run(repository: &Repository, selection: &Selection<'_>) -> Result<()> {
    let mut absences = guests::build(repository)?;
    host::build(repository)?;
    clients::prepare(repository)?;
    absences.extend(third_party::fetch(repository)?);
    absences.extend(PROMTOOL.fetch(repository)?);
    absences.extend(FAKETIME.fetch(repository)?);
    absences.extend(moto::fetch(repository)?);

    let mut checks = Vec::new();
    if selection.is_everything() {
        checks.push(("the format", format(repository)));
        checks.push(("clippy", lint(repository)));
        checks.push(("the library without its default features", check_lean(repository)));
        checks.push(("the guests' tests", test_guests(repository)));
    }
    let tests = test_workspace(repository, selection, &absences);
    checks.push(("the tests", tests));

    let failed: Vec<&str> =
        checks.iter().filter(|(_, result)| result.is_err()).map(|(name, _)| *name).collect();
    if !failed.is_empty() {
        bail!("failed: {}; each has its own message above", failed.join(", "));
    }
    Ok(())
}

fn format(repository: &Repository) -> Result<()> {
    if !command::succeeds(repository.cargo("fmt").arg("--version")) {
        step::note("rustfmt is not installed: the format is not checked");
        return Ok(());
    }
    step::shown("format checked", || {
        let host = command::run(repository.cargo("fmt").args(["--all", "--check"]));
        let guests = command::run(repository.guest_cargo("fmt", "guest-native").args(["--all", "--check"]));
        host.and(guests)
    })
}

fn lint(repository: &Repository) -> Result<()> {
    if !command::succeeds(repository.cargo("clippy").arg("--version")) {
        step::note("clippy is not installed: the lints are not checked");
        return Ok(());
    }
    let scope = ["--release", "--workspace", "--all-targets", "--", "-D", "warnings"];
    step::shown("lints checked", || command::run(repository.cargo("clippy").args(scope)))
}

/// The library as an embedder may want it, without HTTP and command line.
fn check_lean(repository: &Repository) -> Result<()> {
    let scope = ["--release", "--package", "samovar", "--lib", "--no-default-features"];
    step::shown("library checked without default features", || {
        command::run(repository.cargo("check").args(scope))
    })
}

/// The guests' unit tests, which run natively on the SDK's double of the host.
fn test_guests(repository: &Repository) -> Result<()> {
    step::shown("guests' own tests", || {
        command::run(repository.guest_cargo("test", "guest-native").arg("--workspace"))
    })
}

fn test_workspace(repository: &Repository, selection: &Selection<'_>, absences: &[Absence]) -> Result<()> {
    let mut tests = repository.cargo("test");
    // A test of what cannot be had fails, unless nothing but a network is missing.
    if absences.iter().any(|absence| absence.offline) {
        tests.env("SAMOVAR_OFFLINE", "1");
    }
    tests.args(["--release", "--workspace", "--no-fail-fast"]);
    if let Some(Long { run, count }) = selection.long {
        tests.env(run.variable, count.to_string()).envs(run.also.map(|variable| (variable, "1")));
        // One test at a time, as some of them measure.
        tests.args(["--test", run.test, "--", "--nocapture", "--test-threads=1"]);
    } else if !selection.filters.is_empty() {
        tests.arg("--").args(&selection.filters);
    }
    repository.describe_to(&mut tests);
    command::run(&mut tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_is_a_flag_and_everything_else_is_a_filter() {
        let arguments = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let (none, some) = (arguments(&[]), arguments(&["worlds", "files"]));
        assert!(Selection::of(&none).expect("all").is_everything());
        assert_eq!(Selection::of(&some).expect("two").filters, ["worlds", "files"]);
        let long = arguments(&["--mutations", "1_000_000"]);
        let run = Selection::of(&long).expect("a number").long.expect("a long run");
        assert_eq!((run.run.test, run.count), ("mutations", 1_000_000));
        assert!(Selection::of(&arguments(&["--mutations"])).is_err());
        assert!(Selection::of(&arguments(&["--mutations", "many"])).is_err());
    }
}
