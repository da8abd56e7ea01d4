//! `samovar events`: what has become of asynchronous events.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::client::{Client, segment};
use super::table::{Column, Listing, Table};
use super::{Endpoint, output};

/// The most characters of a payload or result that a table shows.
const BODY_CHARS_MAX: usize = 1_000;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  samovar events show 3f2b0c1e-8d0a-4c9e-9d5e-0a7f6d1b2c3d")]
pub(super) struct Events {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show how far an event has come, and its result or, if it is dead, its payload
    Show(Show),
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// The request id that the event was accepted with
    request_id: String,
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    endpoint: Endpoint,
}

impl Events {
    pub(super) fn run(self) -> Result<ExitCode> {
        let Command::Show(show) = self.command;
        show.run("events")
    }
}

impl Show {
    /// Shows the event at that place of Samovar's own.
    pub(super) fn run(&self, place: &str) -> Result<ExitCode> {
        let client = Client::new(&self.endpoint)?;
        let event: Value = client.read(&format!("/samovar/{place}/{}?body=1", segment(&self.request_id)))?;
        self.listing.print(&event, || Ok(table(&event)), "the server says nothing of it")?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What a person sees of an event: members and their values, those alone that are there.
fn table(event: &Value) -> Table {
    let mut table = Table::new([Column::left("WHAT"), Column::left("VALUE")]);
    let mut row = |what: &str, value: Option<String>| {
        if let Some(value) = value {
            table.row([what, &value]);
        }
    };
    let text = |member: &str| event[member].as_str().map(str::to_owned);
    let number = |member: &str| event[member].as_u64().map(|number| number.to_string());
    let time = |member: &str| event[member].as_str().map(|time| format!("{} UTC", output::moment(time)));
    row("request id", text("RequestId"));
    row("function", text("FunctionArn"));
    row("state", text("State"));
    row("accepted", time("AcceptedTime"));
    row("attempts", number("Attempts"));
    row("redrives", number("Redrives").filter(|redrives| redrives != "0"));
    row("running attempt", number("Attempt"));
    row("running since", time("RunningSince"));
    row("next attempt", time("RetryTime"));
    row("ended", time("EndedTime"));
    row("reason", text("Condition").filter(|condition| condition != "Success"));
    row("executed version", text("ExecutedVersion"));
    row("last failure", failure(event));
    for (what, member) in [("to be told", "ToBeTold"), ("told", "Told")] {
        for arn in event[member].as_array().into_iter().flatten() {
            row(what, arn.as_str().map(str::to_owned));
        }
    }
    for one in event["Undelivered"].as_array().into_iter().flatten() {
        row("not told", Some(undelivered(one)));
    }
    row("result", body(&event["Result"]));
    row("payload", body(&event["Payload"]));
    table
}

/// What went wrong last, and how Lambda would call that in the terms of HTTP.
pub(super) fn failure(event: &Value) -> Option<String> {
    let failure = &event["LastFailure"];
    let message = failure["Message"].as_str()?;
    match failure["Code"].as_u64() {
        None | Some(200) => Some(message.to_owned()),
        Some(code) => Some(format!("{message} ({code})")),
    }
}

/// A place that could not be told, and why.
pub(super) fn undelivered(one: &Value) -> String {
    let text = |member: &str| one[member].as_str().unwrap_or_default();
    format!("{}: {}", text("Target"), text("Reason"))
}

fn body(value: &Value) -> Option<String> {
    if value.is_null() {
        return None;
    }
    let text = value.to_string();
    Some(match text.char_indices().nth(BODY_CHARS_MAX) {
        None => text,
        Some((end, _)) => {
            format!("{}... ({} in all; --output json has it)", &text[..end], output::size(text.len() as u64))
        }
    })
}
