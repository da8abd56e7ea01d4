//! The command line of `samovar`, used as a person would, with every answer checked.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command::{self, Captured};
use crate::http;
use crate::repository::Repository;

/// How long one command may take; compiling a function is the longest.
const COMMAND_TIME_MAX: Duration = Duration::from_secs(60);

/// How soon it is looked again at what is to come.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// What the binary says on standard error about the version that ran.
const EXECUTED_VERSION: &str = "executed version";

/// A person at a terminal in the root folder, and the server that they use.
#[derive(Debug)]
pub(crate) struct Client<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) endpoint: &'a str,
}

impl Client<'_> {
    /// Runs a command, and shows its line and what it printed.
    pub(crate) fn show(&self, arguments: &[&str]) -> Result<Answer> {
        println!("\n$ {}", self.line(arguments));
        let answer = self.run(arguments)?;
        print!("{}{}", answer.printed.stdout, answer.printed.stderr);
        Ok(answer)
    }

    /// Runs a command again and again until it prints what it should, and shows that.
    pub(crate) fn until(
        &self,
        what: &str,
        arguments: &[&str],
        is_so: impl Fn(&str) -> bool,
    ) -> Result<Answer> {
        let began = Instant::now();
        loop {
            let answer = self.run(arguments)?.succeeds()?;
            if is_so(answer.text()) {
                println!("\n$ {}   # until {what}", self.line(arguments));
                print!("{}{}", answer.printed.stdout, answer.printed.stderr);
                return Ok(answer);
            }
            ensure!(began.elapsed() < COMMAND_TIME_MAX, "not within {COMMAND_TIME_MAX:?}: {what}{answer}");
            std::thread::sleep(LOOK_AGAIN_AFTER);
        }
    }

    /// Asks the server's queues for something as clients of SQS do, and shows both.
    pub(crate) fn sqs(&self, operation: &str, body: &Value) -> Result<Value> {
        println!("\n> SQS {operation} {body}");
        let authority =
            self.endpoint.strip_prefix("http://").context("the endpoint is no http:// address")?;
        let answer = http::sqs(authority, operation, body)?;
        println!("{answer}");
        Ok(answer)
    }

    /// Runs a command and shows nothing.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Answer> {
        let mut samovar = self.repository.command("target/release/samovar");
        samovar.args(arguments).args(["--endpoint", self.endpoint]);
        let printed = command::capture(&mut samovar, COMMAND_TIME_MAX)?;
        Ok(Answer { line: self.line(arguments), printed })
    }

    /// The command as it can be typed again.
    pub(crate) fn line(&self, arguments: &[&str]) -> String {
        let ends = ["--endpoint", self.endpoint];
        let words = ["target/release/samovar"].iter().chain(arguments).chain(&ends);
        words.map(|word| command::quote(word)).collect::<Vec<_>>().join(" ")
    }
}

/// What a command printed and how it ended. Each check hands the answer on, or says what it should have been.
#[derive(Debug)]
pub(crate) struct Answer {
    line: String,
    printed: Captured,
}

impl Answer {
    pub(crate) fn succeeds(self) -> Result<Self> {
        ensure!(
            self.printed.status.success(),
            "this should succeed, but ended with {}{self}",
            self.printed.status
        );
        Ok(self)
    }

    pub(crate) fn fails(self) -> Result<Self> {
        ensure!(!self.printed.status.success(), "this should end with an exit code other than 0{self}");
        Ok(self)
    }

    /// Something that it printed on either stream.
    pub(crate) fn shows(self, text: &str) -> Result<Self> {
        ensure!(self.has(text), "this should show `{text}`{self}");
        Ok(self)
    }

    /// Something that it must not have printed on either stream.
    pub(crate) fn hides(self, text: &str) -> Result<Self> {
        ensure!(!self.has(text), "this should not show `{text}`{self}");
        Ok(self)
    }

    /// The function's answer, alone on standard output.
    pub(crate) fn answers(self, expected: serde_json::Value) -> Result<Self> {
        let answer = self.json()?;
        ensure!(answer == expected, "this should answer {expected}{self}");
        Ok(self)
    }

    /// What it printed on standard output.
    pub(crate) fn text(&self) -> &str {
        &self.printed.stdout
    }

    pub(crate) fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.printed.stdout)
            .with_context(|| format!("the answer is not one JSON value{self}"))
    }

    /// The version that ran, from the line on standard error.
    pub(crate) fn executed_version(&self) -> Result<&str> {
        let line =
            self.printed.stderr.lines().find(|line| line.to_ascii_lowercase().contains(EXECUTED_VERSION));
        let version = line.and_then(|line| line.split([' ', ':', '=']).rfind(|word| !word.is_empty()));
        version.with_context(|| format!("this should name the {EXECUTED_VERSION} on standard error{self}"))
    }

    fn has(&self, text: &str) -> bool {
        self.printed.stdout.contains(text) || self.printed.stderr.contains(text)
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Captured { stdout, stderr, .. } = &self.printed;
        write!(
            f,
            "\n$ {}\nstandard output: {}\nstandard error: {}",
            self.line,
            stdout.trim_end(),
            stderr.trim_end()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executed_version_is_the_last_word_of_its_line() {
        for stderr in ["START\nexecuted version: 2\n", "Executed version 2", "executed version=2"] {
            let status = std::process::ExitStatus::default();
            let printed = Captured { status, stdout: String::new(), stderr: stderr.to_owned() };
            let answer = Answer { line: String::new(), printed };
            assert_eq!(answer.executed_version().unwrap(), "2", "{stderr}");
        }
    }
}
