//! `samovar filter`: whether messages pass the filters of an event source mapping.

use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::Value;

use super::output;
use crate::sources::pattern::Filters;

/// How large an event may be.
const EVENT_BYTES_MAX: u64 = 64 << 20;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  samovar filter '{\"body\": {\"state\": [\"new\"]}}' --event event.json\n  \
                        echo '{\"body\": \"hello\"}' | samovar filter '{\"body\": [{\"prefix\": \"hell\"}]}'\n\n\
                  Says of each record whether it passes; the status is 1 if one does not."
)]
pub(super) struct Filter {
    /// Patterns, as they stand in FilterCriteria; a message passes if it matches one of them
    #[arg(value_name = "PATTERN", required = true)]
    patterns: Vec<String>,
    /// The file with an event of SQS as functions get it, or with one of its records; - is standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    event: PathBuf,
}

impl Filter {
    pub(super) fn run(&self) -> Result<ExitCode> {
        // What is wrong with a pattern is told before anybody waits for an event.
        let filters = Filters::parse(self.patterns.iter().map(String::as_str))?;
        let event = self.event()?;
        let records = match &event["Records"] {
            Value::Array(records) => records.as_slice(),
            _ => std::slice::from_ref(&event),
        };
        let mut code = ExitCode::SUCCESS;
        for (number, record) in records.iter().enumerate() {
            ensure!(record.is_object(), "record {} is no JSON object", number + 1);
            let name =
                record["messageId"].as_str().map_or_else(|| format!("record {}", number + 1), str::to_owned);
            let verdict = match filters.pass(record) {
                true => "passes",
                false => {
                    code = ExitCode::FAILURE;
                    "does not pass"
                }
            };
            output::print(output::one_line(&format!("{name} {verdict}")).as_bytes())?;
        }
        Ok(code)
    }

    fn event(&self) -> Result<Value> {
        let (name, mut bytes) = (self.event.display(), Vec::new());
        if self.event.as_os_str() == "-" {
            if std::io::stdin().is_terminal() {
                output::error_line("reading the event from standard input");
            }
            std::io::stdin().take(EVENT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        } else {
            let file = std::fs::File::open(&self.event).with_context(|| format!("cannot read {name}"))?;
            file.take(EVENT_BYTES_MAX + 1)
                .read_to_end(&mut bytes)
                .with_context(|| format!("cannot read {name}"))?;
        }
        ensure!(bytes.len() as u64 <= EVENT_BYTES_MAX, "{name} has more than {EVENT_BYTES_MAX} bytes");
        serde_json::from_slice(&bytes).with_context(|| format!("{name} is not JSON"))
    }
}
