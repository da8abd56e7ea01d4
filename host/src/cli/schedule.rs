//! `samovar schedule`: schedules, and when they are due. What is asked of a server is in [`schedules`](super::schedules).

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::output;
use super::schedules::{Create, List, One};
use super::table::{Column, Listing, Table};
use crate::sources::schedule::{Expression, Timetable, Window, time_zone};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  samovar schedule create greeting 'rate(5 minutes)' hello --input '{\"name\":\"Ada\"}'\n  \
                        samovar schedule disable greeting\n  \
                        samovar schedule next 'cron(30 9 ? * MON-FRI *)' --time-zone Europe/Berlin\n  \
                        samovar schedule next 'rate(5 minutes)' --count 3"
)]
pub(super) struct Schedule {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say when a schedule would be due next: an expression of EventBridge Scheduler
    Next(Next),
    /// Create a schedule that invokes a function
    Create(Create),
    /// List the schedules
    List(List),
    /// Show a schedule
    Show(One),
    /// Let a schedule be fired again; what was due meanwhile is not made up for
    Enable(One),
    /// Keep a schedule from being fired
    Disable(One),
    /// Delete a schedule
    Delete(One),
}

#[derive(Debug, Args)]
struct Next {
    /// `rate(5 minutes)`, `cron(30 9 ? * MON-FRI *)` or `at(2027-01-01T09:00:00)`
    expression: String,
    /// Where the times of cron and at are local, as the IANA database names it
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    time_zone: String,
    /// How many times to list at most
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,
    /// List times after this one, such as 2027-01-01T00:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    after: Option<Timestamp>,
    #[command(flatten)]
    listing: Listing,
}

impl Schedule {
    pub(super) fn run(&self) -> Result<ExitCode> {
        match &self.command {
            Command::Next(next) => next.run(),
            Command::Create(create) => create.run(),
            Command::List(list) => list.run(),
            Command::Show(schedule) => schedule.show(),
            Command::Enable(schedule) => schedule.enable(),
            Command::Disable(schedule) => schedule.disable(),
            Command::Delete(schedule) => schedule.delete(),
        }
    }
}

impl Next {
    fn run(&self) -> Result<ExitCode> {
        let expression = Expression::parse(&self.expression);
        let expression =
            expression.with_context(|| format!("{:?} is no schedule", output::shown(&self.expression)))?;
        let (time_zone, from) = (time_zone(&self.time_zone)?, self.after.unwrap_or_else(Timestamp::now));
        let timetable =
            Timetable { expression, time_zone, created: from, start: None, end: None, window: Window::OFF };
        let next = |due: &Timestamp| timetable.next_after(*due).map(|due| due.scheduled);
        let due: Vec<Timestamp> = std::iter::successors(next(&from), next).take(self.count.into()).collect();
        let table = || {
            let mut table = Table::new([Column::left("DUE (UTC)"), Column::left("LOCAL TIME")]);
            for due in &due {
                let local = due.to_zoned(timetable.time_zone.clone());
                table.row([&*due.strftime("%F %T").to_string(), &local.strftime("%a %F %T %:z").to_string()]);
            }
            Ok(table)
        };
        let times: Vec<String> = due.iter().map(Timestamp::to_string).collect();
        self.listing.print(&times, table, "it is never due")?;
        Ok(ExitCode::SUCCESS)
    }
}
