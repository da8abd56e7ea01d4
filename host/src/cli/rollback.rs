//! `samovar rollback`: takes the last move of an alias back.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::Map;

use super::aliases::own_path;
use super::client::{Client, function_path, segment};
use super::{Endpoint, output, wire};

#[derive(Debug, Args)]
#[command(
    after_help = "An alias that leads to two versions leads to the first alone again. One that leads to one \
                        version leads to the version that it led to before; doing that twice leads it on again.\n\n\
                        Example:\n  samovar rollback hello live"
)]
pub(super) struct Rollback {
    /// The function's name
    name: String,
    /// The alias
    alias: String,
    #[command(flatten)]
    endpoint: Endpoint,
}

impl Rollback {
    pub(super) fn run(self) -> Result<ExitCode> {
        let Self { name, alias, endpoint } = &self;
        let client = Client::new(endpoint)?;
        let told = || format!("cannot roll back the alias {alias} of {name}");
        let path = function_path(name, &format!("/aliases/{}", segment(alias)));
        let before: wire::Alias = client.read(&path).with_context(told)?;
        let path = own_path(name, alias, "rollback");
        let after: wire::Alias = client.json("POST", &path, &Map::new()).with_context(told)?;
        let line = format!("alias {}: {} -> {}", after.name, before.target(), after.target());
        output::print(output::one_line(&line).as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}
