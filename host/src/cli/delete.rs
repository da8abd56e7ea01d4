//! `samovar delete`: removes a function, or one version of it.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use super::client::{Client, function_path};
use super::{Endpoint, output, wire};
use crate::function::FunctionRef;

/// How much of an answer to a question is read.
const REPLY_BYTES_MAX: u64 = 64;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  samovar delete hello --version 1\n  samovar delete hello --yes")]
pub(super) struct Delete {
    /// The function's name
    name: String,
    /// Delete this version alone; no alias may lead to it
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    endpoint: Endpoint,
}

impl Delete {
    pub(super) fn run(self) -> Result<ExitCode> {
        let Self { name, version, .. } = &self;
        let named = FunctionRef::parse(name)?;
        ensure!(named.qualifier.is_none(), "name the version by --version, not in {name:?}");
        let client = Client::new(&self.endpoint)?;
        let qualifier = version.map(|version| format!("?Qualifier={version}")).unwrap_or_default();
        let what = match version {
            None => format!("{name} with all its versions and aliases"),
            Some(version) => format!("version {version} of {name}"),
        };
        // The API does not mind if there is no such version; somebody who mistyped it does.
        let _: wire::FunctionConfiguration =
            client.read(&function_path(name, &format!("/configuration{qualifier}")))?;
        if !self.yes && !is_confirmed(&what)? {
            output::error_line("nothing was deleted");
            return Ok(ExitCode::FAILURE);
        }
        let path = function_path(name, &qualifier);
        client.delete(&path).with_context(|| format!("cannot delete {what}"))?;
        output::print(format!("deleted {what}").as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Asks on the terminal.
fn is_confirmed(what: &str) -> Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("say --yes to delete {what}: there is no terminal to ask on");
    }
    let mut stderr = io::stderr().lock();
    write!(stderr, "delete {what}? [y/N] ").and_then(|()| stderr.flush()).context("cannot ask")?;
    let mut reply = String::new();
    io::stdin().lock().take(REPLY_BYTES_MAX).read_line(&mut reply).context("cannot read the answer")?;
    Ok(is_yes(&reply))
}

fn is_yes(reply: &str) -> bool {
    matches!(reply.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one() {
        assert!(["y\n", "Y", "yes\r\n"].into_iter().all(is_yes));
        assert!(!["", "\n", "n", "yep", "no y"].into_iter().any(is_yes));
    }
}
