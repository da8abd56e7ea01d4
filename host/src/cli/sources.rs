//! `samovar sources`: which queues' messages functions get.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::{Client, segment};
use super::table::{Column, Listing, Table};
use super::{Endpoint, output, pages};

const PATH: &str = "/2015-03-31/event-source-mappings";

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  samovar sources list\n  \
                        samovar sources add orders arn:aws:sqs:us-east-1:000000000000:orders --report-failures\n  \
                        samovar sources add orders:live arn:aws:sqs:us-east-1:000000000000:orders --batch-size 100 --window 1\n  \
                        samovar sources disable UUID\n  samovar sources remove UUID")]
pub(super) struct Sources {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List event source mappings: which queue's messages which function gets, and what came of the last batch
    List(List),
    /// Let a function get a queue's messages
    Add(Add),
    /// Poll a queue again
    Enable(One),
    /// Poll a queue no more, until it is enabled again
    Disable(One),
    /// End an event source mapping; what has begun goes on
    Remove(One),
}

#[derive(Debug, Args)]
struct List {
    /// Those of this function
    #[arg(long, value_name = "NAME")]
    function: Option<String>,
    /// Those of this queue
    #[arg(long, value_name = "ARN")]
    queue: Option<String>,
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    endpoint: Endpoint,
}

#[derive(Debug, Args)]
struct Add {
    /// The function, or a version or an alias of it
    function: String,
    /// The queue's ARN
    queue: String,
    /// How many messages a batch has at most: 1 to 10,000, of a FIFO queue to 10 [default: 10]
    #[arg(long, value_name = "N")]
    batch_size: Option<u32>,
    /// How long messages are gathered, in seconds: 0 to 300, at least 1 for more than 10 messages [default: 0]
    #[arg(long, value_name = "S")]
    window: Option<u32>,
    /// How many batches run at a time at most: 2 to 1,000 [default: as many as the function may]
    #[arg(long, value_name = "N")]
    concurrency: Option<u32>,
    /// A pattern that messages must match, or one of several; others are deleted. `samovar filter` tries patterns
    #[arg(long = "filter", value_name = "PATTERN")]
    filters: Vec<String>,
    /// The function's answers say which messages failed
    #[arg(long)]
    report_failures: bool,
    /// Do not poll yet
    #[arg(long)]
    disabled: bool,
    #[command(flatten)]
    endpoint: Endpoint,
}

#[derive(Debug, Args)]
struct One {
    /// The id of the event source mapping
    uuid: String,
    #[command(flatten)]
    endpoint: Endpoint,
}

/// What CreateEventSourceMapping is given.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Create<'a> {
    function_name: &'a str,
    event_source_arn: &'a str,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_batching_window_in_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scaling_config: Option<ScalingConfig>,
    filter_criteria: FilterCriteria<'a>,
    function_response_types: &'a [&'static str],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ScalingConfig {
    maximum_concurrency: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct FilterCriteria<'a> {
    filters: Vec<Filter<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Filter<'a> {
    pattern: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Switch {
    enabled: bool,
}

/// A mapping as it is shown.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mapping {
    #[serde(rename = "UUID")]
    uuid: String,
    function_arn: String,
    event_source_arn: String,
    state: String,
    batch_size: u32,
    last_processing_result: Option<String>,
}

impl Sources {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self.command {
            Command::List(list) => list.run()?,
            Command::Add(add) => add.run()?,
            Command::Enable(one) => one.switch(true)?,
            Command::Disable(one) => one.switch(false)?,
            Command::Remove(one) => one.remove()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    fn run(self) -> Result<()> {
        let client = Client::new(&self.endpoint)?;
        let filters = [("FunctionName", &self.function), ("EventSourceArn", &self.queue)];
        let filters = filters
            .into_iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={}", segment(value))));
        let query = filters.collect::<Vec<_>>().join("&");
        let path = if query.is_empty() { PATH.to_owned() } else { format!("{PATH}?{query}") };
        let mappings = pages::all(&client, &path, "EventSourceMappings")?;
        let rows = || Ok(table(&pages::read(&mappings)?));
        self.listing.print(
            &mappings,
            rows,
            "there are no event source mappings; `samovar sources add` makes one",
        )
    }
}

impl Add {
    fn run(self) -> Result<()> {
        let client = Client::new(&self.endpoint)?;
        let reports: &[&str] = if self.report_failures { &["ReportBatchItemFailures"] } else { &[] };
        let create = Create {
            function_name: &self.function,
            event_source_arn: &self.queue,
            enabled: !self.disabled,
            batch_size: self.batch_size,
            maximum_batching_window_in_seconds: self.window,
            scaling_config: self.concurrency.map(|batches| ScalingConfig { maximum_concurrency: batches }),
            filter_criteria: FilterCriteria {
                filters: self.filters.iter().map(|pattern| Filter { pattern }).collect(),
            },
            function_response_types: reports,
        };
        let made: Value = client.json("POST", PATH, &create)?;
        say(&made)
    }
}

impl One {
    fn switch(self, enabled: bool) -> Result<()> {
        let client = Client::new(&self.endpoint)?;
        let changed: Value = client.json("PUT", &self.path(), &Switch { enabled })?;
        say(&changed)
    }

    fn remove(self) -> Result<()> {
        Client::new(&self.endpoint)?.delete(&self.path())?;
        Ok(output::print(format!("removed {}", output::one_line(&self.uuid)).as_bytes())?)
    }

    fn path(&self) -> String {
        format!("{PATH}/{}", segment(&self.uuid))
    }
}

/// Says how a mapping is doing, in a line.
fn say(mapping: &Value) -> Result<()> {
    let Mapping { uuid, function_arn, event_source_arn, state, .. } =
        pages::read::<Mapping>(std::slice::from_ref(mapping))?.remove(0);
    let line = format!("{uuid}: {} gets the messages of {event_source_arn} ({state})", name(&function_arn));
    Ok(output::print(output::one_line(&line).as_bytes())?)
}

fn table(mappings: &[Mapping]) -> Table {
    let mut table = Table::new([
        Column::left("UUID"),
        Column::left("FUNCTION"),
        Column::left("QUEUE"),
        Column::left("STATE"),
        Column::right("BATCH"),
        Column::left("LAST RESULT"),
    ]);
    for mapping in mappings {
        let size = mapping.batch_size.to_string();
        let queue = mapping.event_source_arn.rsplit(':').next().unwrap_or_default();
        let last = mapping.last_processing_result.as_deref().unwrap_or("-");
        table.row([&mapping.uuid, name(&mapping.function_arn), queue, &mapping.state, &size, last]);
    }
    table
}

/// The function's name in its ARN, with its qualifier.
fn name(arn: &str) -> &str {
    arn.split_once(":function:").map_or(arn, |(_, name)| name)
}
