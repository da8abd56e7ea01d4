//! Tests that need a process of their own.

use std::path::Path;
use std::process::Command;

/// Where the process that a test starts finds its folder; without it, the test is the one that starts it.
pub(in super::super) const CHILD_FOLDER: &str = "SAMOVAR_STORE_TEST_FOLDER";

/// The command that runs one test of this crate again, in a process of its own.
pub(in super::super) fn child_command(module: &str, test: &str, folder: &Path) -> Command {
    let (_crate, module) = module.split_once("::").expect("a module of this crate");
    let mut command = Command::new(std::env::current_exe().expect("the tests run from a file"));
    command.args([&format!("{module}::{test}"), "--exact", "--nocapture"]).env(CHILD_FOLDER, folder);
    command
}
