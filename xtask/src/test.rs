//! Every check and every test.

use anyhow::{Result, bail};

use crate::absence::Absence;
use crate::command;
use crate::environment;
use crate::guests;
use crate::host;
use crate::repository::Repository;
use crate::step;
use crate::third_party;

/// Sets up what the tests need, then runs them all; with a filter, only the tests of the workspace that match. All checks run
/// even when one fails, so that one run shows everything; the workspace's tests come last, and theirs is the last word.
pub(crate) fn run(repository: &Repository, filters: &[String]) -> Result<()> {
    let mut absences = guests::build(repository)?;
    host::build(repository)?;
    environment::CLIENTS.prepare(repository)?;
    absences.extend(third_party::fetch(repository)?);

    let mut checks = Vec::new();
    if filters.is_empty() {
        checks.push(("the format", format(repository)));
        checks.push(("clippy", lint(repository)));
        checks.push(("the library without its default features", check_lean(repository)));
        checks.push(("the guests' tests", test_guests(repository)));
    }
    let tests = test_workspace(repository, filters, &absences);
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

fn test_workspace(repository: &Repository, filters: &[String], absences: &[Absence]) -> Result<()> {
    let mut tests = repository.cargo("test");
    // A test of what cannot be had fails, unless nothing but a network is missing.
    if absences.iter().any(|absence| absence.offline) {
        tests.env("SAMOVAR_OFFLINE", "1");
    }
    tests.args(["--release", "--workspace", "--no-fail-fast"]);
    if !filters.is_empty() {
        tests.arg("--").args(filters);
    }
    repository.describe_to(&mut tests);
    command::run(&mut tests)
}
