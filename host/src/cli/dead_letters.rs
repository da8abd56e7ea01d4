//! `samovar dead-letters`: events that ended without success and that nobody was told of, and those whose ends somebody could not be
//! told.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;

use super::client::{Client, segment};
use super::events::{Show, failure, undelivered};
use super::table::{Column, Listing, Table};
use super::{Endpoint, output, pages};

const PATH: &str = "/samovar/dead-letters";

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  samovar dead-letters list --function orders --older-than 1h\n  \
                        samovar dead-letters show REQUEST_ID\n  \
                        samovar dead-letters redrive --function orders --rate 10\n  \
                        samovar dead-letters purge --reason EventAgeExceeded --yes")]
pub(super) struct DeadLetters {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List dead letters, the one that ended first at the beginning
    List(List),
    /// Show one of them with its payload
    Show(Show),
    /// Put dead letters back into the queue, under their request ids
    Redrive(Redrive),
    /// Remove dead letters for good
    Purge(Purge),
}

/// Which dead letters are meant: those that fit all that is given.
#[derive(Debug, Args)]
struct Filter {
    /// Those of this function
    #[arg(long, value_name = "NAME")]
    function: Option<String>,
    /// Those that ended for this reason, such as RetriesExhausted, EventAgeExceeded or ZeroReservedConcurrency
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    /// Those that ended at least so long ago, such as 30s, 10m, 1h or 2d
    #[arg(long, value_name = "TIME", value_parser = age)]
    older_than: Option<u64>,
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    endpoint: Endpoint,
}

#[derive(Debug, Args)]
struct Redrive {
    /// These alone
    #[arg(value_name = "REQUEST_ID", conflicts_with_all = ["function", "reason", "older_than", "rate"])]
    request_ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// At most so many a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: Option<u32>,
    #[command(flatten)]
    endpoint: Endpoint,
}

#[derive(Debug, Args)]
struct Purge {
    /// These alone
    #[arg(value_name = "REQUEST_ID", conflicts_with_all = ["function", "reason", "older_than"])]
    request_ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// Remove all that fit
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    endpoint: Endpoint,
}

/// What is asked for of many dead letters.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Order<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    older_than_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_per_second: Option<u32>,
}

impl DeadLetters {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self.command {
            Command::List(list) => list.run(),
            Command::Show(show) => show.run("dead-letters"),
            Command::Redrive(redrive) => redrive.run(),
            Command::Purge(purge) => purge.run(),
        }
    }
}

impl List {
    fn run(&self) -> Result<ExitCode> {
        let client = Client::new(&self.endpoint)?;
        let path = format!("{PATH}{}", self.filter.query());
        let letters = pages::all_from(&client, &path, "DeadLetters", "marker")?;
        self.listing.print(&letters, || Ok(table(&letters)), "there are no dead letters that fit")?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Redrive {
    fn run(&self) -> Result<ExitCode> {
        let client = Client::new(&self.endpoint)?;
        if self.request_ids.is_empty() {
            let done = client.json("POST", &format!("{PATH}/redrive"), &self.filter.order(self.rate))?;
            return told(&done, "put back");
        }
        for id in &self.request_ids {
            let path = format!("{PATH}/{}/redrive", segment(id));
            let put_back = client.send("POST", &path, &[], &[]);
            put_back.with_context(|| format!("cannot put {id} back"))?;
            output::print(output::one_line(&format!("put {id} back")).as_bytes())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Purge {
    fn run(&self) -> Result<ExitCode> {
        ensure!(
            self.yes || !self.request_ids.is_empty(),
            "say --yes to remove all dead letters that fit for good, or name some by their request ids"
        );
        let client = Client::new(&self.endpoint)?;
        if self.request_ids.is_empty() {
            let done = client.json("POST", &format!("{PATH}/purge"), &self.filter.order(None))?;
            return told(&done, "removed");
        }
        for id in &self.request_ids {
            let path = format!("{PATH}/{}", segment(id));
            client.delete(&path).with_context(|| format!("cannot remove {id}"))?;
            output::print(output::one_line(&format!("removed {id}")).as_bytes())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Filter {
    fn query(&self) -> String {
        let age = self.older_than.map(|seconds| seconds.to_string());
        let pairs = [("function", &self.function), ("reason", &self.reason), ("older-than-seconds", &age)];
        let given = pairs.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?)));
        let query: Vec<_> = given.map(|(key, value)| format!("{key}={}", segment(value))).collect();
        if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) }
    }

    fn order(&self, rate_per_second: Option<u32>) -> Order<'_> {
        Order {
            function: self.function.as_deref(),
            reason: self.reason.as_deref(),
            older_than_seconds: self.older_than,
            rate_per_second,
        }
    }
}

/// Says how far it has come: all of it, or as much as was done when the server answered that it goes on.
fn told(done: &Value, verb: &str) -> Result<ExitCode> {
    let number = |member: &str| done[member].as_u64();
    let (Some(matched), Some(done), Some(refused)) = (number("Matched"), number("Done"), number("Refused"))
    else {
        bail!("the server's answer is not what Samovar would answer");
    };
    let of_all = output::count(usize::try_from(matched).unwrap_or(usize::MAX), "dead letter");
    let goes_on = if done + refused < matched { "; the server goes on with the others" } else { "" };
    output::print(format!("{done} of {of_all} {verb}{goes_on}").as_bytes())?;
    if refused == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    output::error_line(&format!(
        "{refused} could not be: they are gone already, or succeeded and are not to run again"
    ));
    Ok(ExitCode::FAILURE)
}

fn table(letters: &[Value]) -> Table {
    let mut table = Table::new([
        Column::left("REQUEST ID"),
        Column::left("FUNCTION"),
        Column::left("ENDED (UTC)"),
        Column::left("REASON"),
        Column::right("ATTEMPTS"),
        Column::left("WHAT WENT WRONG"),
    ]);
    for letter in letters {
        let text = |member: &str| letter[member].as_str().unwrap_or_default();
        let function = text("FunctionArn").split_once(":function:").map_or("", |(_, function)| function);
        let attempts = letter["Attempts"].as_u64().unwrap_or_default().to_string();
        let first = letter["Undelivered"].as_array().and_then(|all| all.first());
        let wrong = failure(letter).or_else(|| first.map(undelivered)).unwrap_or_default();
        let ended = output::moment(text("EndedTime"));
        table.row([text("RequestId"), function, &ended, text("Condition"), &attempts, &wrong]);
    }
    table
}

/// A time such as `10m`, in seconds.
fn age(text: &str) -> Result<u64, String> {
    let seconds = || {
        let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 24 * 3600,
            "w" => 7 * 24 * 3600,
            _ => return None,
        };
        digits.parse::<u32>().ok().map(|number| u64::from(number) * unit)
    };
    seconds().ok_or_else(|| "must be such as 30s, 10m, 1h or 2d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_a_unit() {
        assert_eq!([age("30s"), age("10m"), age("2d")], [Ok(30), Ok(600), Ok(172_800)]);
        for bad in ["", "m", "10", "-1m", "1.5h", "10é"] {
            assert!(age(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_filter_is_the_same_in_a_query_and_in_a_body() {
        let none = Filter { function: None, reason: None, older_than: None };
        assert_eq!(none.query(), "");
        let filter = Filter {
            function: Some("a:b".to_owned()),
            reason: Some("HostCrash".to_owned()),
            older_than: Some(60),
        };
        assert_eq!(filter.query(), "?function=a%3Ab&reason=HostCrash&older-than-seconds=60");
        let order = serde_json::to_value(filter.order(Some(5))).expect("JSON");
        let expected = serde_json::json!({
            "Function": "a:b", "Reason": "HostCrash", "OlderThanSeconds": 60, "RatePerSecond": 5
        });
        assert_eq!(order, expected);
    }
}
