//! The schedules of a server: `samovar schedule create`, `list`, `show`, `enable`, `disable` and `delete`.

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client::{Client, function_path, segment};
use super::table::{Column, Listing, Table};
use super::{Endpoint, output, wire};
use crate::sources::schedule::WINDOW_MINUTES_MAX;

const PATH: &str = "/schedules";
/// EventBridge Scheduler wants a role. Here it means nothing.
const ROLE: &str = "arn:aws:iam::000000000000:role/samovar";
/// How many pages of a list are asked for at most: more than there are.
const PAGES_MAX: usize = 100_000;
/// What GetSchedule says of a schedule that UpdateSchedule does not take.
const NOT_TAKEN: [&str; 5] = ["Arn", "CreationDate", "GroupName", "LastModificationDate", "Name"];

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The schedule's name
    name: String,
    /// `rate(5 minutes)`, `cron(30 9 ? * MON-FRI *)` or `at(2027-01-01T09:00:00)`
    expression: String,
    /// The function that it invokes, perhaps with a version or alias: NAME[:QUALIFIER]
    function: String,
    /// The event as JSON [default: EventBridge Scheduler's `Scheduled Event`]
    #[arg(long, value_name = "JSON")]
    input: Option<String>,
    /// Where the times of cron and at are local, as the IANA database names it
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    time_zone: String,
    /// Fire it at any time within so many minutes after it is due
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(WINDOW_MINUTES_MAX)))]
    window_minutes: Option<u16>,
    /// Not before this time, such as 2027-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    start: Option<Timestamp>,
    /// Not after this time
    #[arg(long, value_name = "TIME")]
    end: Option<Timestamp>,
    /// What to say of it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Do not fire it before it is enabled
    #[arg(long)]
    disabled: bool,
    /// Delete it when it is not due again
    #[arg(long)]
    delete_after_completion: bool,
    #[command(flatten)]
    endpoint: Endpoint,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Those whose names begin so
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    endpoint: Endpoint,
}

/// One schedule.
#[derive(Debug, Args)]
pub(super) struct One {
    /// The schedule's name
    name: String,
    #[command(flatten)]
    endpoint: Endpoint,
}

/// What the table shows of a schedule.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    name: String,
    state: String,
    target: Target,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    arn: String,
}

impl Create {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let client = Client::new(&self.endpoint)?;
        // Its ARN, and that it is there: the API does not look before an event is run.
        let function: wire::FunctionConfiguration =
            client.read(&function_path(&self.function, "/configuration"))?;
        let made: Value = client
            .json("POST", &path(&self.name), &self.request(&function.function_arn))
            .with_context(|| format!("cannot create the schedule {}", self.name))?;
        let arn = made["ScheduleArn"].as_str().unwrap_or_default();
        output::print(format!("created {}", output::shown(arn)).as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }

    fn request(&self, function_arn: &str) -> Value {
        let window = match self.window_minutes {
            Some(minutes) => json!({ "Mode": "FLEXIBLE", "MaximumWindowInMinutes": minutes }),
            None => json!({ "Mode": "OFF" }),
        };
        let mut target = json!({ "Arn": function_arn, "RoleArn": ROLE });
        if let Some(input) = &self.input {
            target["Input"] = input.as_str().into();
        }
        let mut request = json!({
            "ScheduleExpression": self.expression,
            "ScheduleExpressionTimezone": self.time_zone,
            "FlexibleTimeWindow": window,
            "Target": target,
            "State": if self.disabled { "DISABLED" } else { "ENABLED" },
            "ActionAfterCompletion": if self.delete_after_completion { "DELETE" } else { "NONE" },
        });
        let seconds = |time: Timestamp| Value::from(time.as_millisecond() as f64 / 1e3);
        let optional = [
            ("StartDate", self.start.map(seconds)),
            ("EndDate", self.end.map(seconds)),
            ("Description", self.description.as_deref().map(Value::from)),
        ];
        for (member, value) in optional {
            if let Some(value) = value {
                request[member] = value;
            }
        }
        request
    }
}

impl List {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let client = Client::new(&self.endpoint)?;
        let mut list = self.listing.paged(Table::new([
            Column::left("NAME"),
            Column::left("STATE"),
            Column::left("TARGET"),
        ]));
        let prefix = self.prefix.as_ref().map(|prefix| format!("&NamePrefix={}", segment(prefix)));
        let first = format!("{PATH}?MaxResults=100{}", prefix.unwrap_or_default());
        let mut next = Some(first.clone());
        let mut asked = 0;
        while let Some(path) = next.take() {
            asked += 1;
            ensure!(asked <= PAGES_MAX, "the list has more than {PAGES_MAX} pages");
            let page: Map<String, Value> = client.read(&path)?;
            let schedules = page.get("Schedules").and_then(Value::as_array).cloned();
            let schedules = schedules.context("the server's answer has no Schedules")?;
            if !list.print(&schedules, row)? {
                return Ok(ExitCode::SUCCESS);
            }
            let token = page.get("NextToken").and_then(Value::as_str);
            next = token.map(|token| format!("{first}&NextToken={}", segment(token)));
        }
        list.end("there are no schedules; `samovar schedule create` makes one")?;
        Ok(ExitCode::SUCCESS)
    }
}

fn row(table: &mut Table, schedule: &Value) {
    match Summary::deserialize(schedule) {
        Ok(Summary { name, state, target }) => table.row([&name, &state, &target.arn]),
        Err(_) => table.row(["?", "?", "?"]),
    }
}

impl One {
    pub(super) fn show(&self) -> Result<ExitCode> {
        let schedule: Value = Client::new(&self.endpoint)?.read(&path(&self.name))?;
        let text = serde_json::to_vec_pretty(&schedule).context("cannot write the answer as JSON")?;
        output::print_answer(&text)?;
        Ok(ExitCode::SUCCESS)
    }

    pub(super) fn delete(&self) -> Result<ExitCode> {
        let client = Client::new(&self.endpoint)?;
        client
            .delete(&path(&self.name))
            .with_context(|| format!("cannot delete the schedule {}", self.name))?;
        self.done("deleted")
    }

    pub(super) fn enable(&self) -> Result<ExitCode> {
        self.update("ENABLED")?;
        self.done("enabled")
    }

    pub(super) fn disable(&self) -> Result<ExitCode> {
        self.update("DISABLED")?;
        self.done("disabled")
    }

    /// UpdateSchedule replaces all, so all is said again.
    fn update(&self, state: &str) -> Result<()> {
        let client = Client::new(&self.endpoint)?;
        let mut schedule: Map<String, Value> = client.read(&path(&self.name))?;
        schedule.retain(|member, _| !NOT_TAKEN.contains(&member.as_str()));
        schedule.insert("State".to_owned(), state.into());
        let updated: Result<Value> = client.json("PUT", &path(&self.name), &schedule);
        updated.with_context(|| format!("cannot change the schedule {}", self.name)).map(drop)
    }

    fn done(&self, what: &str) -> Result<ExitCode> {
        output::print(format!("{what} the schedule {}", output::shown(&self.name)).as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn path(name: &str) -> String {
    format!("{PATH}/{}", segment(name))
}
