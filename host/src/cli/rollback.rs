//! `samovar rollback`: takes the last move of an alias back.

use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use clap::Args;

use super::aliases::own_path;
use super::client::{ApiError, Client, function_path, segment};
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
        let refused = |error: anyhow::Error| match error.downcast_ref::<ApiError>() {
            Some(refused) if refused.status == 412 => anyhow!(
                "the alias {alias} of {name} was moved by somebody else at the same time, and is as they left it; look at it \
                 with `samovar aliases {name}` and try again"
            ),
            _ => error.context(told()),
        };
        let path = function_path(name, &format!("/aliases/{}", segment(alias)));
        let before: wire::Alias = client.read(&path).with_context(told)?;
        let path = own_path(name, alias, "rollback");
        let rollback = wire::Rollback { revision_id: &before.revision_id };
        let after: wire::Alias = client.json("POST", &path, &rollback).map_err(refused)?;
        let line = format!("alias {}: {} -> {}", after.name, before.target(), after.target());
        output::print(output::one_line(&line).as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}
