//! Prometheus's own checker, for the tests that hold metrics, alerts and dashboard against it.

use std::process::Command;

use crate::command;
use crate::debian_file::DebianFile;

/// The checker.
pub(crate) const PROMTOOL: DebianFile = DebianFile {
    package: "prometheus",
    source: "./usr/bin/promtool",
    place: "promtool/promtool",
    works: |file| command::succeeds(Command::new(file).arg("--version")),
};
