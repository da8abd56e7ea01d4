//! `samovar aliases`: the aliases of a function, and where one has led.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use serde::Deserialize as _;
use serde_json::Value;

use super::client::{Client, function_path, segment};
use super::table::{Column, Listing, Table};
use super::wire::{Alias, History, Routing};
use super::{Endpoint, output, pages};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  samovar aliases hello\n  samovar aliases hello live")]
pub(super) struct Aliases {
    /// The function's name
    name: String,
    /// The alias whose history is shown, the newest move first
    alias: Option<String>,
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    endpoint: Endpoint,
}

impl Aliases {
    pub(super) fn run(self) -> Result<ExitCode> {
        let client = Client::new(&self.endpoint)?;
        match &self.alias {
            None => self.list(&client)?,
            Some(alias) => self.history(&client, alias)?,
        }
        Ok(ExitCode::SUCCESS)
    }

    fn list(&self, client: &Client) -> Result<()> {
        let aliases = pages::all(client, &function_path(&self.name, "/aliases"), "Aliases")?;
        let rows = || Ok(table(&pages::read(&aliases)?));
        self.listing.print(&aliases, rows, &format!("{} has no aliases", self.name))
    }

    fn history(&self, client: &Client, alias: &str) -> Result<()> {
        let history: Value = client.read(&own_path(&self.name, alias, "history"))?;
        let rows = || {
            let history = History::deserialize(&history);
            Ok(moves(&history.context("the server's answer is not what Samovar would answer")?))
        };
        self.listing.print(&history, rows, &format!("{alias} has never led anywhere"))
    }
}

/// Where Samovar, beside Lambda's API, has more of an alias.
pub(super) fn own_path(function: &str, alias: &str, rest: &str) -> String {
    format!("/samovar/functions/{}/aliases/{}/{rest}", segment(function), segment(alias))
}

fn table(aliases: &[Alias]) -> Table {
    let mut table =
        Table::new([Column::left("ALIAS"), Column::left("LEADS TO"), Column::left("DESCRIPTION")]);
    for alias in aliases {
        table.row([&alias.name, &alias.target(), &alias.description]);
    }
    table
}

fn moves(history: &History) -> Table {
    let columns = ["TIME (UTC)", "WHO", "FROM", "TO"].map(Column::left);
    let mut table = Table::new(columns);
    for moved in &history.moves {
        let from = moved.from.as_ref().map_or_else(|| "-".to_owned(), Routing::target);
        table.row([&output::moment(&moved.time), &moved.principal, &from, &moved.to.target()]);
    }
    table
}
