//! `samovar tags`: what people say of a function.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use serde::Deserialize as _;
use serde_json::Value;

use super::Endpoint;
use super::client::{Client, function_path, segment};
use super::settings::pair;
use super::table::{Column, Listing, Table};
use super::wire;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  samovar tags hello\n  samovar tags hello team=tea stage=test --remove owner"
)]
pub(super) struct Tags {
    /// The function's name
    name: String,
    /// Tags to set
    #[arg(value_name = "KEY=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Tags to take away
    #[arg(long, value_name = "KEY", num_args = 1..)]
    remove: Vec<String>,
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    endpoint: Endpoint,
}

impl Tags {
    pub(super) fn run(self) -> Result<ExitCode> {
        let client = Client::new(&self.endpoint)?;
        let function: wire::FunctionConfiguration =
            client.read(&function_path(&self.name, "/configuration"))?;
        let path = format!("/2017-03-31/tags/{}", segment(&function.function_arn));
        if !self.remove.is_empty() {
            let keys = self.remove.iter().map(|key| format!("tagKeys={}", segment(key)));
            let query = keys.collect::<Vec<_>>().join("&");
            client.delete(&format!("{path}?{query}")).context("cannot take tags away")?;
        }
        if !self.set.is_empty() {
            let tags = wire::Tags { tags: self.set.into_iter().collect() };
            client.tell("POST", &path, &tags).context("cannot set tags")?;
        }
        let tags: Value = client.read(&path)?;
        let rows = || {
            let tags = wire::Tags::deserialize(&tags);
            Ok(table(&tags.context("the server's answer is not what Lambda's API would answer")?))
        };
        self.listing.print(&tags, rows, &format!("{} has no tags", self.name))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn table(tags: &wire::Tags) -> Table {
    let mut table = Table::new([Column::left("KEY"), Column::left("VALUE")]);
    for (key, value) in &tags.tags {
        table.row([key, value]);
    }
    table
}
