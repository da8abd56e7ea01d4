//! `samovar concurrency`: what a function has of the server's concurrency as its own.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::client::{Client, segment};
use super::table::{Column, Listing, Table};
use super::{Endpoint, output, pages};

/// How often provisioned instances are asked for until they are there.
const POLL_PERIOD: Duration = Duration::from_millis(100);
/// How long a command waits for them: as long as their init may take.
const READY_TIME_MAX: Duration = Duration::from_secs(900);

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  samovar concurrency hello\n  samovar concurrency hello --reserve 50\n  \
                        samovar concurrency hello --qualifier live --provision 10\n  \
                        samovar concurrency hello --qualifier live --unprovision --release"
)]
pub(super) struct Concurrency {
    /// The function's name
    name: String,
    /// Reserve so many invocations at a time for the function, which it may not exceed; 0 stops it
    #[arg(long, value_name = "N", conflicts_with = "release")]
    reserve: Option<u32>,
    /// Let it share what is not reserved with all others again
    #[arg(long)]
    release: bool,
    /// The version or alias whose instances are meant
    #[arg(long, value_name = "VERSION|ALIAS")]
    qualifier: Option<String>,
    /// Keep so many instances of it that are there before anybody asks for them, and wait until they are
    #[arg(long, value_name = "N", requires = "qualifier", value_parser = clap::value_parser!(u32).range(1..))]
    provision: Option<u32>,
    /// Keep none of it any more
    #[arg(long, requires = "qualifier", conflicts_with = "provision")]
    unprovision: bool,
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    endpoint: Endpoint,
}

impl Concurrency {
    pub(super) fn run(self) -> Result<ExitCode> {
        let client = Client::new(&self.endpoint)?;
        self.change(&client)?;
        let name = segment(&self.name);
        let reserved: Value = client.read(&format!("/2019-09-30/functions/{name}/concurrency"))?;
        let list = format!("/2019-09-30/functions/{name}/provisioned-concurrency?List=ALL");
        let provisioned: Vec<Value> = pages::all(&client, &list, "ProvisionedConcurrencyConfigs")?;
        let mut document = reserved;
        document["ProvisionedConcurrencyConfigs"] = provisioned.into();
        let nothing = format!(
            "{} has nothing reserved or provisioned: it shares what is left with all others",
            self.name
        );
        self.listing.print(&document, || Ok(table(&document)), &nothing)?;
        Ok(ExitCode::SUCCESS)
    }

    /// What is provisioned is a part of what is reserved: less of it comes first, more of it last.
    fn change(&self, client: &Client) -> Result<()> {
        let name = segment(&self.name);
        let reserved = format!("/2017-10-31/functions/{name}/concurrency");
        let qualifier = self.qualifier.as_deref().map(segment);
        let provisioned = qualifier.map(|qualifier| {
            format!("/2019-09-30/functions/{name}/provisioned-concurrency?Qualifier={qualifier}")
        });
        if let Some(path) = provisioned.as_ref().filter(|_| self.unprovision) {
            client.delete(path).context("cannot take the provisioned instances away")?;
        }
        if let Some(units) = self.reserve {
            let body = json!({ "ReservedConcurrentExecutions": units });
            client.tell("PUT", &reserved, &body).with_context(|| format!("cannot reserve {units}"))?;
        } else if self.release {
            client.delete(&reserved).context("cannot release what is reserved")?;
        }
        if let Some((path, units)) = provisioned.as_ref().zip(self.provision) {
            let body = json!({ "ProvisionedConcurrentExecutions": units });
            client.tell("PUT", path, &body).with_context(|| format!("cannot provision {units}"))?;
            let message = format!("bringing up {}", output::count(units as usize, "instance"));
            output::while_waiting(message, || ready(client, path))?;
        }
        Ok(())
    }
}

/// Waits until all provisioned instances are there; that one did not come up is an error.
fn ready(client: &Client, path: &str) -> Result<()> {
    let started = Instant::now();
    loop {
        let config: Value = client.read(path)?;
        match config["Status"].as_str() {
            Some("READY") => return Ok(()),
            Some("FAILED") => {
                let reason = config["StatusReason"].as_str().unwrap_or("no reason was given");
                bail!("an instance did not come up: {} (`samovar logs` has more)", output::shown(reason));
            }
            _ if started.elapsed() > READY_TIME_MAX => {
                bail!("the instances are still coming up after {} s", READY_TIME_MAX.as_secs())
            }
            _ => std::thread::sleep(POLL_PERIOD),
        }
    }
}

fn table(document: &Value) -> Table {
    let mut table = Table::new([
        Column::left("WHAT"),
        Column::right("ASKED FOR"),
        Column::right("THERE"),
        Column::left("STATUS"),
    ]);
    if let Some(reserved) = document["ReservedConcurrentExecutions"].as_u64() {
        table.row(["reserved", &reserved.to_string(), "", ""]);
    }
    for config in document["ProvisionedConcurrencyConfigs"].as_array().into_iter().flatten() {
        let number = |key: &str| config[key].as_u64().unwrap_or_default().to_string();
        let text = |key: &str| config[key].as_str().unwrap_or_default().to_owned();
        let about = text("FunctionArn").rsplit(':').next().map(|about| format!("provisioned {about}"));
        let status = match config["StatusReason"].as_str() {
            Some(reason) => format!("{}: {reason}", text("Status")),
            None => text("Status"),
        };
        table.row([
            &about.unwrap_or_default(),
            &number("RequestedProvisionedConcurrentExecutions"),
            &number("AllocatedProvisionedConcurrentExecutions"),
            &output::one_line(&status),
        ]);
    }
    table
}
