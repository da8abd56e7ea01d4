//! `samovar config`: what a function is given.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, ensure};
use clap::{Args, ValueEnum};
use serde::Deserialize as _;
use serde_json::Value;

use super::client::{ApiError, Client, function_path, segment};
use super::event_settings::{self, EventSettings};
use super::settings::{Settings, pair};
use super::settled::updated;
use super::table::{Column, Listing, Table};
use super::{Endpoint, output, wire};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  samovar config hello\n  samovar config hello --qualifier live\n  \
                        samovar config hello --memory 256 --env STAGE=test --unset-env DEBUG\n  \
                        samovar config hello --qualifier live --retries 0 --on-failure \
                        arn:aws:sqs:us-east-1:000000000000:failed")]
pub(super) struct Config {
    /// The function's name
    name: String,
    /// Show this version, or that which this alias leads to; of these only what becomes of queued events can be changed
    #[arg(long, value_name = "VERSION|ALIAS", conflicts_with_all = CHANGES)]
    qualifier: Option<String>,
    #[command(flatten)]
    settings: Settings,
    /// An environment variable to set; the others stay
    #[arg(long, value_name = "K=V", value_parser = pair)]
    env: Vec<(String, String)>,
    /// An environment variable to take away
    #[arg(long, value_name = "K")]
    unset_env: Vec<String>,
    /// How the function's lines are written in the log
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    #[command(flatten)]
    events: EventSettings,
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    endpoint: Endpoint,
}

/// Where the document has what was said of queued events, if anything was.
const EVENTS: &str = "EventInvokeConfig";

/// The options that change something of `$LATEST` alone.
const CHANGES: [&str; 9] = [
    "handler",
    "memory",
    "ephemeral_storage",
    "timeout",
    "description",
    "dead_letter",
    "env",
    "unset_env",
    "log_format",
];

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

impl Config {
    pub(super) fn run(self) -> Result<ExitCode> {
        self.check()?;
        let client = Client::new(&self.endpoint)?;
        if self.is_change() {
            self.change(&client)?;
        }
        let query = self.qualifier.as_deref().map(|qualifier| format!("?Qualifier={}", segment(qualifier)));
        let query = query.unwrap_or_default();
        let path = format!("/configuration{query}");
        let mut function: Value = client.read(&function_path(&self.name, &path))?;
        let events = self.events.put(&client, &self.name, &query)?;
        if let (Some(function), Some(events)) = (function.as_object_mut(), events) {
            function.insert(EVENTS.to_owned(), events);
        }
        let rows = || {
            let events = event_settings::rows(&function[EVENTS]);
            let function = wire::FunctionConfiguration::deserialize(&function);
            let function = function.context("the server's answer is not what Lambda's API would answer")?;
            Ok(table(&function, events))
        };
        self.listing.print(&function, rows, "")?;
        Ok(ExitCode::SUCCESS)
    }

    fn check(&self) -> Result<()> {
        self.settings.check()?;
        self.events.check()?;
        let both = self.env.iter().find(|(key, _)| self.unset_env.contains(key));
        ensure!(both.is_none(), "{} cannot be both set and taken away", both.map_or("", |(key, _)| key));
        Ok(())
    }

    fn is_change(&self) -> bool {
        let has_settings = self.settings.to_wire() != wire::Settings::default();
        has_settings || !self.env.is_empty() || !self.unset_env.is_empty() || self.log_format.is_some()
    }

    /// Reads, merges and writes, if nobody else has written meanwhile.
    fn change(&self, client: &Client) -> Result<()> {
        let name = &self.name;
        let path = function_path(name, "/configuration");
        let present: wire::FunctionConfiguration = client.read(&path)?;
        let settings = self.merged(&present);
        if settings == wire::Settings::default() {
            output::error_line(&format!("{name} has that already"));
            return Ok(());
        }
        let update = wire::UpdateFunctionConfiguration { revision_id: &present.revision_id, settings };
        let change = || {
            let changed = client.json("PUT", &path, &update).map_err(|error| self.told(error))?;
            updated(client, name, changed).with_context(|| format!("cannot change {name}"))
        };
        output::while_waiting(format!("changing {name}"), change).map(|_function| ())
    }

    fn merged(&self, present: &wire::FunctionConfiguration) -> wire::Settings {
        let present = &present.environment.variables;
        let kept = present.iter().filter(|(key, _)| !self.unset_env.contains(key));
        let given = self.env.iter().map(|(key, value)| (key, value));
        let variables: BTreeMap<String, String> =
            kept.chain(given).map(|(key, value)| (key.clone(), value.clone())).collect();
        let log_format = self.log_format.map(|format| match format {
            LogFormat::Text => "Text".to_owned(),
            LogFormat::Json => "JSON".to_owned(),
        });
        wire::Settings {
            environment: (variables != *present).then_some(wire::Environment { variables }),
            logging_config: log_format.map(|log_format| wire::LoggingConfig { log_format, log_group: None }),
            ..self.settings.to_wire()
        }
    }

    fn told(&self, error: anyhow::Error) -> anyhow::Error {
        let name = &self.name;
        match error.downcast_ref::<ApiError>() {
            Some(error) if error.status == 412 => anyhow!(
                "{name} was changed by somebody else at the same time, and is as they left it; look at it with \
                 `samovar config {name}` and try again"
            ),
            _ => error.context(format!("cannot change {name}")),
        }
    }
}

fn table(function: &wire::FunctionConfiguration, events: [(&'static str, String); 4]) -> Table {
    let mut table = Table::new([Column::left("SETTING"), Column::left("VALUE")]);
    let megabytes = |size| format!("{size} MB");
    let storage = function.ephemeral_storage.map(|storage| megabytes(storage.size));
    let logging = function.logging_config.clone();
    let dead_letters = function.dead_letter_config.clone().and_then(|config| config.target_arn);
    let rows = [
        ("function", function.function_arn.clone()),
        ("version", function.version.clone()),
        ("description", function.description.clone()),
        ("memory", megabytes(function.memory_size)),
        ("timeout", format!("{} s", function.timeout)),
        ("ephemeral storage", storage.unwrap_or_default()),
        ("handler", function.handler.clone()),
        ("runtime", function.runtime.clone()),
        ("log format", logging.as_ref().map(|logging| logging.log_format.clone()).unwrap_or_default()),
        ("log group", logging.and_then(|logging| logging.log_group).unwrap_or_default()),
        ("dead letters", dead_letters.unwrap_or_default()),
        ("code size", output::size(function.code_size)),
        ("code SHA256", function.code_sha256.clone()),
        ("state", with_reason(&function.state, &function.state_reason)),
        ("last update", with_reason(&function.last_update_status, &function.last_update_status_reason)),
        ("last modified (UTC)", output::moment(&function.last_modified)),
        ("revision id", function.revision_id.clone()),
    ];
    for (setting, value) in rows.iter().chain(&events).filter(|(_, value)| !value.is_empty()) {
        table.row([setting, value]);
    }
    for (key, value) in &function.environment.variables {
        table.row([&format!("env {key}"), value]);
    }
    table
}

fn with_reason(state: &str, reason: &str) -> String {
    if reason.is_empty() { state.to_owned() } else { format!("{state}: {reason}") }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use serde_json::json;

    use super::*;
    use crate::cli::{Cli, Command};

    fn config(options: &[&str]) -> Config {
        let line = ["samovar", "config", "f"].iter().chain(options);
        let Command::Config(config) = Cli::parse_from(line).command else { panic!("a configuration") };
        config
    }

    fn present(variables: Value) -> wire::FunctionConfiguration {
        wire::tests::function(&json!({ "Environment": { "Variables": variables } }))
    }

    #[test]
    fn variables_merge_into_what_is_there() {
        let config = config(&["--env", "A=2", "--env", "C=3", "--unset-env", "B", "--unset-env", "none"]);
        let merged = config.merged(&present(json!({ "A": "1", "B": "1", "D": "1" })));
        let variables = merged.environment.expect("variables").variables;
        let pairs: Vec<_> = variables.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(pairs, ["A=2", "C=3", "D=1"]);
    }

    #[test]
    fn what_is_there_already_is_not_sent() {
        let same = config(&["--env", "A=1", "--unset-env", "B"]);
        assert_eq!(same.merged(&present(json!({ "A": "1" }))), wire::Settings::default());
        let other = config(&["--log-format", "json"]).merged(&present(json!({})));
        assert_eq!(
            serde_json::to_value(other).expect("JSON"),
            json!({ "LoggingConfig": { "LogFormat": "JSON" } })
        );
    }

    #[test]
    fn every_option_of_latest_alone_is_a_change() {
        for option in [
            "--handler=h",
            "--memory=128",
            "--ephemeral-storage=512",
            "--timeout=1",
            "--description=d",
            "--dead-letter=arn:aws:sqs:us-east-1:000000000000:q",
            "--env=A=1",
            "--unset-env=A",
            "--log-format=text",
        ] {
            assert!(config(&[option]).is_change(), "{option}");
            let both = ["samovar", "config", "f", "--qualifier=1", option];
            assert!(Cli::try_parse_from(both).is_err(), "{option} with a qualifier");
        }
        assert!(!config(&["--qualifier", "live", "--output", "json"]).is_change());
        assert!(!config(&["--qualifier", "live", "--retries", "0"]).is_change(), "of the function itself");
        assert!(config(&["--env", "A=1", "--unset-env", "A"]).check().is_err());
    }
}
