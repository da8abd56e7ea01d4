//! `samovar versions`: the versions of a function.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use super::client::{Client, function_path};
use super::table::{Column, Listing, Table};
use super::wire::{Alias, FunctionConfiguration};
use super::{Endpoint, output, pages};

/// How much of a digest tells versions apart for a person.
const DIGEST_CHARS: usize = 12;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  samovar versions hello\n  \
                        samovar versions hello --output json | jq -r '.Versions[-1].Description'")]
pub(super) struct Versions {
    /// The function's name
    name: String,
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    endpoint: Endpoint,
}

impl Versions {
    pub(super) fn run(self) -> Result<ExitCode> {
        let client = Client::new(&self.endpoint)?;
        let versions = of(&client, &self.name)?;
        let aliases = pages::all(&client, &function_path(&self.name, "/aliases"), "Aliases")?;
        let document = json!({ "Versions": versions, "Aliases": aliases });
        let rows = || Ok(table(&pages::read(&versions)?, &pages::read(&aliases)?));
        self.listing.print(&document, rows, &format!("{} has no versions", self.name))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// All versions of a function, `$LATEST` among them, as they were answered.
pub(super) fn of(client: &Client, name: &str) -> Result<Vec<Value>> {
    pages::all(client, &function_path(name, "/versions"), "Versions")
}

fn table(versions: &[FunctionConfiguration], aliases: &[Alias]) -> Table {
    let mut table = Table::new([
        Column::left("VERSION"),
        Column::left("CODE SHA256"),
        Column::right("CODE SIZE"),
        Column::right("MEMORY"),
        Column::left("LAST MODIFIED (UTC)"),
        Column::left("ALIASES"),
        Column::left("DESCRIPTION"),
    ]);
    for version in versions {
        let digest: String = version.code_sha256.chars().take(DIGEST_CHARS).collect();
        let memory = format!("{} MB", version.memory_size);
        let (size, modified) = (output::size(version.code_size), output::moment(&version.last_modified));
        let leading = leading_to(&version.version, aliases);
        table.row([&version.version, &digest, &size, &memory, &modified, &leading, &version.description]);
    }
    table
}

/// The aliases that lead to a version, each with its share if that is not everything: `beta, live 10 %`.
fn leading_to(version: &str, aliases: &[Alias]) -> String {
    let leading = aliases.iter().filter_map(|alias| {
        let percent = alias.percent_to(version)?;
        let is_shared = !alias.routing_config.additional_version_weights.is_empty();
        Some(if is_shared { format!("{} {percent} %", alias.name) } else { alias.name.clone() })
    });
    leading.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_the_aliases_that_lead_to_it_with_their_shares() {
        let mut canary = Alias::to("live".to_owned(), "1".to_owned());
        canary.routing_config.additional_version_weights.insert("2".to_owned(), 0.1);
        let aliases = [Alias::to("beta".to_owned(), "2".to_owned()), canary];
        let leading = ["1", "2", "3"].map(|version| leading_to(version, &aliases));
        assert_eq!(leading, ["live 90 %", "beta, live 10 %", ""]);
    }
}
