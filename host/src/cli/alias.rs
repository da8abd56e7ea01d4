//! `samovar alias`: points an alias at a version, or at two.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;

use super::client::{Client, function_path, segment};
use super::{Endpoint, output, wire};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  samovar alias hello live 2\n  samovar alias hello live 1 --weight 2=0.1"
)]
pub(super) struct Alias {
    /// The function's name
    #[arg(value_name = "NAME")]
    function: String,
    /// The alias; it is made if there is none of that name
    alias: String,
    /// The version it leads to
    version: String,
    /// A second version and its share of the calls, from 0 to 1
    #[arg(long, value_name = "VERSION=WEIGHT", value_parser = weight)]
    weight: Option<(String, f64)>,
    #[command(flatten)]
    endpoint: Endpoint,
}

impl Alias {
    pub(super) fn run(self) -> Result<ExitCode> {
        let client = Client::new(&self.endpoint)?;
        let mut wanted = wire::Alias::to(self.alias, self.version);
        wanted.routing_config.additional_version_weights.extend(self.weight);
        let line = point(&client, &self.function, &wanted)?;
        output::print(output::one_line(&line).as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Makes the alias or moves it, and says where it leads now.
pub(super) fn point(client: &Client, function: &str, wanted: &wire::Alias) -> Result<String> {
    let all = function_path(function, "/aliases");
    let own = format!("{all}/{}", segment(&wanted.name));
    let present: Option<wire::Alias> = client.get(&own)?;
    let told = || format!("cannot point the alias {} of {function}", wanted.name);
    let pointed: wire::Alias = match present {
        None => client.json("POST", &all, wanted).with_context(told)?,
        Some(_) => client.json("PUT", &own, wanted).with_context(told)?,
    };
    Ok(format!("alias {} -> {}", pointed.name, pointed.target()))
}

fn weight(text: &str) -> Result<(String, f64), String> {
    let form = || format!("write VERSION=WEIGHT, such as 2=0.1, not {text:?}");
    let (version, weight) = text.split_once('=').ok_or_else(form)?;
    let weight: f64 = weight.parse().map_err(|_| form())?;
    match (0.0..=1.0).contains(&weight) && !version.is_empty() {
        true => Ok((version.to_owned(), weight)),
        false => Err(form()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_names_a_version_and_a_share() {
        assert_eq!(weight("2=0.1"), Ok(("2".to_owned(), 0.1)));
        for bad in ["2", "2=", "=0.1", "2=1.1", "2=x", "2=NaN"] {
            assert!(weight(bad).is_err(), "{bad}");
        }
    }
}
