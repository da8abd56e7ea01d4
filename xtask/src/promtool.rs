//! Prometheus's own checker, for the tests that hold metrics, alerts and dashboard against it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::absence::Absence;
use crate::command;
use crate::debian::{self, Archive};
use crate::repository::Repository;
use crate::step;

/// The Debian package that it comes in.
const PACKAGE: &str = "prometheus";

/// Fetches it, unless it is there. What comes back is why it cannot be had.
pub(crate) fn fetch(repository: &Repository) -> Result<Option<Absence>> {
    let _alone = repository.lock_setup()?;
    let folder = repository.target("promtool");
    let place = folder.join("promtool");
    if command::succeeds(Command::new(&place).arg("--version")) {
        step::note("promtool in target/promtool");
        Absence::forget(&place);
        return Ok(None);
    }
    let work = folder.join("work");
    if work.exists() {
        std::fs::remove_dir_all(&work)?;
    }
    std::fs::create_dir_all(&work)?;
    let fetched =
        step::quiet("target/promtool: promtool, from Debian's package prometheus", || unpack(&work));
    if let Err(error) = fetched {
        return Ok(Some(Absence::record(&place, &error)?));
    }
    std::fs::rename(work.join("usr/bin/promtool"), &place)?;
    std::fs::remove_dir_all(&work)?;
    Absence::forget(&place);
    Ok(None)
}

fn unpack(work: &Path) -> Result<()> {
    // Of the machine's own release, so that it runs on the machine's own C library.
    let suite = debian::own_suite();
    let archive = Archive::open(&work.join("apt"), &[&suite])?;
    let versions = archive.versions(PACKAGE)?;
    let version = versions.first().with_context(|| format!("Debian's {suite} offers no {PACKAGE}"))?;
    archive.unpack(PACKAGE, version, "./usr/bin/promtool", work)?;
    let promtool = work.join("usr/bin/promtool");
    ensure!(
        command::succeeds(Command::new(&promtool).arg("--version")),
        "{} does not run",
        promtool.display()
    );
    Ok(())
}
