//! `samovar functions`: which functions there are.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::client::Client;
use super::table::{Column, Listing, Table};
use super::wire::FunctionConfiguration;
use super::{Endpoint, output, pages};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  samovar functions\n  samovar functions --region eu-west-1\n  \
                        samovar functions --output json | jq -r '.[].FunctionName'")]
pub(super) struct Functions {
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    endpoint: Endpoint,
}

impl Functions {
    pub(super) fn run(self) -> Result<ExitCode> {
        let client = Client::new(&self.endpoint)?;
        let functions = pages::all(&client, "/2015-03-31/functions", "Functions")?;
        let rows = || Ok(table(&pages::read(&functions)?));
        self.listing.print(
            &functions,
            rows,
            "there are no functions; `samovar deploy NAME FILE` makes one",
        )?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The states stand there only if the server shows them in lists, which Lambda does not.
fn table(functions: &[FunctionConfiguration]) -> Table {
    let mut columns = vec![
        Column::left("NAME"),
        Column::right("MEMORY"),
        Column::right("TIMEOUT"),
        Column::right("CODE SIZE"),
        Column::left("LAST MODIFIED (UTC)"),
    ];
    let has_states = functions
        .iter()
        .any(|function| !(function.state.is_empty() && function.last_update_status.is_empty()));
    if has_states {
        columns.extend([Column::left("STATE"), Column::left("LAST UPDATE")]);
    }
    let mut table = Table::new(columns);
    for function in functions {
        let memory = format!("{} MB", function.memory_size);
        let timeout = format!("{} s", function.timeout);
        let (size, modified) = (output::size(function.code_size), output::moment(&function.last_modified));
        let (name, state, update) = (&function.function_name, &function.state, &function.last_update_status);
        match has_states {
            true => table.row([name, &memory, &timeout, &size, &modified, state, update]),
            false => table.row([name, &memory, &timeout, &size, &modified]),
        }
    }
    table
}
