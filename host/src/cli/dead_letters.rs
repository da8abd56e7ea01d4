//! `samovar dead-letters`: events that ended without success and that nobody was told of, and those whose ends somebody could not be
//! told.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::{Client, segment};
use super::events::{Show, failure, undelivered};
use super::pages::Pages;
use super::table::{Column, Listing, Table};
use super::{Endpoint, output};

const PATH: &str = "/samovar/dead-letters";
const BACKLOGS_PATH: &str = "/samovar/delivery-backlogs";

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  samovar dead-letters list --function orders --older-than 1h\n  \
                        samovar dead-letters show REQUEST_ID\n  \
                        samovar dead-letters redrive --function orders --rate 10\n  \
                        samovar dead-letters redrive --all\n  \
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
    /// How many to list at most
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    endpoint: Endpoint,
}

/// Which dead letters are to be changed: those that are named, those that fit, or all. Nothing is changed that nobody chose.
#[derive(Debug, Args)]
struct Chosen {
    /// These alone
    #[arg(value_name = "REQUEST_ID", conflicts_with_all = ["function", "reason", "older_than", "all"])]
    request_ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// All dead letters there are
    #[arg(long, conflicts_with_all = ["function", "reason", "older_than"])]
    all: bool,
}

#[derive(Debug, Args)]
struct Redrive {
    #[command(flatten)]
    chosen: Chosen,
    /// At most so many a second
    #[arg(long, value_name = "N", conflicts_with = "request_ids", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: Option<u32>,
    #[command(flatten)]
    endpoint: Endpoint,
}

#[derive(Debug, Args)]
struct Purge {
    #[command(flatten)]
    chosen: Chosen,
    /// Remove all that fit, without being asked again
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

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Backlogs {
    delivery_backlogs: Vec<Backlog>,
}

/// A queue that messages wait for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Backlog {
    queue_arn: String,
    waiting: usize,
    #[serde(default)]
    last_error: Option<String>,
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
        let mut pages = Pages::new(&client, &path, "DeadLetters", "marker");
        let mut list = self.listing.paged(table());
        let (mut room, mut is_cut) = (self.limit as usize, false);
        while !is_cut && let Some(page) = pages.next() {
            let mut letters = page?;
            is_cut = letters.len() > room || (letters.len() == room && pages.goes_on());
            letters.truncate(room);
            room -= letters.len();
            if !list.print(&letters, row)? {
                return Ok(ExitCode::SUCCESS);
            }
        }
        list.end("there are no dead letters that fit")?;
        if is_cut {
            let limit = self.limit;
            output::error_line(&format!(
                "the list ends after {limit} of them; --limit N lists more, if there are"
            ));
        }
        let Backlogs { delivery_backlogs } = client.read(BACKLOGS_PATH)?;
        for Backlog { queue_arn, waiting, last_error } in delivery_backlogs {
            // Without an error they are on their way.
            if let Some(error) = last_error {
                let messages = output::count(waiting, "message");
                let line = format!("not in the list: {messages} for {queue_arn}, tried again: {error}");
                output::error_line(&output::one_line(&line));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Redrive {
    fn run(&self) -> Result<ExitCode> {
        let Chosen { request_ids, filter, .. } = self.chosen.checked()?;
        let client = Client::new(&self.endpoint)?;
        if request_ids.is_empty() {
            let done = client.json("POST", &format!("{PATH}/redrive"), &filter.order(self.rate))?;
            return told(&done, "put back");
        }
        each(request_ids, |id| {
            let path = format!("{PATH}/{}/redrive", segment(id));
            client.send("POST", &path, &[], &[]).with_context(|| format!("cannot put {id} back"))?;
            Ok(format!("put {id} back"))
        })
    }
}

impl Purge {
    fn run(&self) -> Result<ExitCode> {
        let Chosen { request_ids, filter, .. } = self.chosen.checked()?;
        ensure!(
            self.yes || !request_ids.is_empty(),
            "say --yes to remove all of them for good, or name some by their request ids"
        );
        let client = Client::new(&self.endpoint)?;
        if request_ids.is_empty() {
            let done = client.json("POST", &format!("{PATH}/purge"), &filter.order(None))?;
            return told(&done, "removed");
        }
        each(request_ids, |id| {
            let path = format!("{PATH}/{}", segment(id));
            client.delete(&path).with_context(|| format!("cannot remove {id}"))?;
            Ok(format!("removed {id}"))
        })
    }
}

impl Chosen {
    /// The choice, if there is one.
    fn checked(&self) -> Result<&Self> {
        let is_made = self.all || !self.request_ids.is_empty() || self.filter.is_given();
        ensure!(
            is_made,
            "say which dead letters: some by their request ids, those that fit --function, --reason or --older-than, \
             or --all"
        );
        Ok(self)
    }
}

impl Filter {
    fn is_given(&self) -> bool {
        self.function.is_some() || self.reason.is_some() || self.older_than.is_some()
    }

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

/// Does something with each that is named, whatever becomes of the others, and says what came of it.
fn each(request_ids: &[String], work: impl Fn(&str) -> Result<String>) -> Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for id in request_ids {
        match work(id) {
            Ok(done) => output::print(output::one_line(&done).as_bytes())?,
            Err(error) => {
                output::error_line(&output::one_line(&format!("error: {error:#}")));
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
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

fn table() -> Table {
    Table::new([
        Column::left("REQUEST ID"),
        Column::left("FUNCTION"),
        Column::left("ENDED (UTC)"),
        Column::left("REASON"),
        Column::right("ATTEMPTS"),
        Column::left("WHAT WENT WRONG"),
    ])
}

fn row(table: &mut Table, letter: &Value) {
    let text = |member: &str| letter[member].as_str().unwrap_or_default();
    let function = text("FunctionArn").split_once(":function:").map_or("", |(_, function)| function);
    let attempts = letter["Attempts"].as_u64().unwrap_or_default().to_string();
    let first = letter["Undelivered"].as_array().and_then(|all| all.first());
    let wrong = failure(letter).or_else(|| first.map(undelivered)).unwrap_or_default();
    let ended = output::moment(text("EndedTime"));
    table.row([text("RequestId"), function, &ended, text("Condition"), &attempts, &wrong]);
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
    fn nothing_is_changed_that_nobody_chose() {
        #[derive(Debug, clap::Parser)]
        struct Only {
            #[command(flatten)]
            chosen: Chosen,
        }
        let read = |line: &[&str]| {
            <Only as clap::Parser>::try_parse_from([&["samovar"], line].concat()).map(|only| only.chosen)
        };
        let error = read(&[]).expect("a line").checked().expect_err("nothing is chosen").to_string();
        assert!(
            ["request ids", "--function", "--older-than", "--all"].iter().all(|word| error.contains(word)),
            "{error}"
        );
        for line in
            [&["id"][..], &["a", "b"], &["--reason", "HostCrash"], &["--older-than", "1h"], &["--all"]]
        {
            assert!(read(line).expect("a line").checked().is_ok(), "{line:?}");
        }
        for line in [&["id", "--all"][..], &["--all", "--function", "f"], &["id", "--function", "f"]] {
            assert!(read(line).is_err(), "{line:?}");
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
