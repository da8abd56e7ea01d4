//! `samovar deploy`: creates or updates a function and publishes it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use clap::{Args, ValueEnum};
use serde_json::Value;
use tokio::time::Instant;

use super::alias::point;
use super::client::{Client, function_path};
use super::settings::{Settings, check_description, pair};
use super::settled::{compiled, settled, updated};
use super::{Endpoint, output, pages, versions, wire};
use crate::CodeDigest;
use crate::function::{AliasName, Environment, FunctionRef, OutboundList, PACKAGE_BYTES_BOUND};
use crate::http::{ISOLATION_VARIABLE, OUTBOUND_VARIABLE, PERMIT_WAIT_VARIABLE};

/// What the API wants to be told and has no use for.
const ROLE: &str = "arn:aws:iam::000000000000:role/samovar";
const RUNTIME: &str = "provided.al2023";
const HANDLER: &str = "bootstrap";

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  samovar deploy hello hello.wasm --alias live\n  \
                        samovar deploy hello hello.wasm --memory 256 --timeout 10 --env STAGE=test\n  \
                        samovar deploy hello hello.wasm --revision \"$(git rev-parse --short HEAD)\"")]
pub(super) struct Deploy {
    /// The function's name
    name: String,
    /// The WebAssembly component or module, or a zip with it and the files it reads
    file: PathBuf,
    #[command(flatten)]
    settings: Settings,
    /// An environment variable; all that are given replace all the function had
    #[arg(long, value_name = "K=V", value_parser = pair)]
    env: Vec<(String, String)>,
    /// Whether a warm instance handles one event after another, or every event has an instance of its own
    #[arg(long)]
    isolation: Option<Isolation>,
    /// Where it may send HTTP requests, of what the server allows: [http://|https://]HOST[:PORT], with * for any host or
    /// port and *.NAME for all below a name; all that are given replace all the function had
    #[arg(long, value_name = "RULE")]
    allow_outbound: Vec<String>,
    /// For how many milliseconds a request may wait while as many invocations run as may, instead of being refused
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(..=60_000))]
    permit_wait_ms: Option<u32>,
    /// What the code was built from, such as a commit; it becomes the description of the published version
    #[arg(long, value_name = "REV")]
    revision: Option<String>,
    /// The alias to point at the published version
    #[arg(long, value_name = "NAME")]
    alias: Option<String>,
    #[command(flatten)]
    endpoint: Endpoint,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Isolation {
    Fresh,
    Reuse,
}

impl Deploy {
    pub(super) fn run(self) -> Result<ExitCode> {
        self.check()?;
        let package = self.package()?;
        let client = Client::new(&self.endpoint)?;
        let name = &self.name;
        let present: Option<wire::FunctionConfiguration> =
            client.get(&function_path(name, "/configuration"))?;
        let before = match present {
            None => {
                self.create(&client, &package)?;
                Vec::new()
            }
            Some(present) => {
                self.update(&client, present, &package)?;
                self.configure(&client)?;
                versions::of(&client, name)?
            }
        };
        let published = self.publish(&client, &package, &before)?;
        if let Some(alias) = &self.alias {
            let wanted = wire::Alias::to(alias.clone(), published.version);
            output::print(output::one_line(&point(&client, name, &wanted)?).as_bytes())?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Publishes the package, unless somebody else has put another in its place meanwhile, and tells a new version from one
    /// that is given back because nothing has changed.
    fn publish(
        &self,
        client: &Client,
        package: &[u8],
        before: &[Value],
    ) -> Result<wire::FunctionConfiguration> {
        let code_sha256 = digest(package);
        let publish =
            wire::PublishVersion { code_sha256: &code_sha256, description: self.revision.as_deref() };
        let path = function_path(&self.name, "/versions");
        let published: wire::FunctionConfiguration =
            client.json("POST", &path, &publish).with_context(|| format!("cannot publish {}", self.name))?;
        let line = format!("version {}: {}", published.version, published.function_arn);
        output::print(output::one_line(&line).as_bytes())?;
        let before: Vec<wire::FunctionConfiguration> = pages::read(before)?;
        if before.iter().any(|version| version.version == published.version) {
            output::print(output::one_line(&self.unchanged(&published)).as_bytes())?;
        }
        Ok(published)
    }

    /// What to say of a version that was published before.
    fn unchanged(&self, version: &wire::FunctionConfiguration) -> String {
        let number = &version.version;
        let unchanged = format!("nothing has changed since version {number} was published");
        match &self.revision {
            Some(revision) if *revision != version.description => {
                let kept = &version.description;
                format!("{unchanged}; its description stays {kept:?}, and {revision:?} is not kept")
            }
            _ => unchanged,
        }
    }

    /// Checks all that was given before anything is sent, so that nothing is half deployed.
    fn check(&self) -> Result<()> {
        FunctionRef::parse(&self.name)?;
        self.alias.as_deref().map(AliasName::parse).transpose()?;
        self.settings.check()?;
        self.revision.as_deref().map(|text| check_description("--revision", text)).transpose()?;
        Environment::new(self.env.iter().cloned().collect())?;
        self.allow_outbound.join(" ").parse::<OutboundList>().context("--allow-outbound")?;
        Ok(())
    }

    fn package(&self) -> Result<Vec<u8>> {
        let file = self.file.display();
        let mut package = Vec::new();
        let opened = File::open(&self.file).with_context(|| format!("cannot read {file}"))?;
        let read = opened.take(PACKAGE_BYTES_BOUND as u64 + 1).read_to_end(&mut package);
        read.with_context(|| format!("cannot read {file}"))?;
        ensure!(
            package.len() <= PACKAGE_BYTES_BOUND,
            "{file} has more than the {PACKAGE_BYTES_BOUND} bytes that any server takes"
        );
        // Whatever else is wrong with it, the server tells better.
        ensure!(
            package.starts_with(b"\0asm") || package.starts_with(b"PK"),
            "{file} is not WebAssembly; build a component, for example with `cargo build --target wasm32-wasip2`"
        );
        Ok(package)
    }

    fn create(&self, client: &Client, package: &[u8]) -> Result<()> {
        let zip_file = BASE64_STANDARD.encode(package);
        let handler = self.settings.handler.as_deref().unwrap_or(HANDLER);
        let settings = self.settings(&wire::Environment::default()).unwrap_or_default();
        let create = wire::CreateFunction {
            function_name: &self.name,
            role: ROLE,
            runtime: RUNTIME,
            code: wire::Code { zip_file: &zip_file },
            settings: wire::Settings { handler: Some(handler.to_owned()), ..settings },
        };
        let created =
            self.compile(client, "created", || client.json("POST", "/2015-03-31/functions", &create));
        created.with_context(|| self.refused())
    }

    fn update(&self, client: &Client, present: wire::FunctionConfiguration, package: &[u8]) -> Result<()> {
        let name = &self.name;
        // It may still be compiling what somebody else has sent, or this command before it was stopped.
        let present =
            output::while_waiting(format!("waiting for {name}"), || settled(client, name, present))?;
        if digest(package) == present.code_sha256 && !present.is_failed() {
            output::print(format!("{name}: code unchanged").as_bytes())?;
        } else {
            let zip_file = BASE64_STANDARD.encode(package);
            let code = wire::Code { zip_file: &zip_file };
            let send = || client.json("PUT", &function_path(name, "/code"), &code);
            self.compile(client, "updated", send).with_context(|| self.refused())?;
        }
        Ok(())
    }

    /// Sends what was asked for beside the code, merged into what there is now, if nobody else has written meanwhile.
    fn configure(&self, client: &Client) -> Result<()> {
        let name = &self.name;
        let path = function_path(name, "/configuration");
        let configured = || {
            let present: wire::FunctionConfiguration = client.read(&path)?;
            let Some(settings) = self.settings(&present.environment) else { return Ok(false) };
            let update = wire::UpdateFunctionConfiguration { revision_id: &present.revision_id, settings };
            updated(client, name, client.json("PUT", &path, &update)?).map(|_function| true)
        };
        let told =
            || format!("cannot configure {name}; its $LATEST has the new code, and nothing was published");
        if configured().with_context(told)? {
            output::print(format!("{name}: configuration updated").as_bytes())?;
        }
        Ok(())
    }

    /// Sends code and waits until it is compiled.
    fn compile(
        &self,
        client: &Client,
        done: &str,
        send: impl FnOnce() -> Result<wire::FunctionConfiguration>,
    ) -> Result<()> {
        let started = Instant::now();
        let function = output::while_waiting(format!("compiling {}", self.name), || {
            compiled(client, &self.name, send()?)
        });
        self.compiled(done, function?.code_size, started)
    }

    fn compiled(&self, done: &str, bytes: u64, started: Instant) -> Result<()> {
        let (size, time) = (output::size(bytes), output::time(started.elapsed()));
        Ok(output::print(format!("{done} {}: {size}, compiled in {time}", self.name).as_bytes())?)
    }

    fn refused(&self) -> String {
        format!("cannot deploy {}", self.file.display())
    }

    /// What was asked for, if anything was. Isolation and outbound rules are variables among the others and outlive
    /// their replacement.
    fn settings(&self, present: &wire::Environment) -> Option<wire::Settings> {
        let mut variables: BTreeMap<String, String> = match self.env.is_empty() {
            true => present.variables.clone(),
            false => self.env.iter().cloned().collect(),
        };
        let isolation = self.isolation.map(|isolation| match isolation {
            Isolation::Fresh => "fresh".to_owned(),
            Isolation::Reuse => "reuse".to_owned(),
        });
        let outbound = (!self.allow_outbound.is_empty()).then(|| self.allow_outbound.join(" "));
        let permit_wait = self.permit_wait_ms.map(|wait| wait.to_string());
        let own = [
            (ISOLATION_VARIABLE, isolation),
            (OUTBOUND_VARIABLE, outbound),
            (PERMIT_WAIT_VARIABLE, permit_wait),
        ];
        for (name, given) in own {
            if let Some(given) = given {
                variables.insert(name.to_owned(), given);
            } else if let Some(kept) = present.variables.get(name) {
                variables.entry(name.to_owned()).or_insert_with(|| kept.clone());
            }
        }
        let changed = variables != present.variables;
        let settings = wire::Settings {
            environment: changed.then_some(wire::Environment { variables }),
            ..self.settings.to_wire()
        };
        (settings != wire::Settings::default()).then_some(settings)
    }
}

/// The digest of a package as the API writes it.
fn digest(package: &[u8]) -> String {
    BASE64_STANDARD.encode(CodeDigest::of(package).bytes())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn deploy(options: &[&str]) -> Deploy {
        let line = ["samovar", "deploy", "f", "f.wasm"].iter().chain(options);
        let Command::Deploy(deploy) = Cli::parse_from(line).command else { panic!("a deployment") };
        deploy
    }

    fn environment(pairs: &[(&str, &str)]) -> wire::Environment {
        let variables = pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        wire::Environment { variables }
    }

    #[test]
    fn without_options_no_settings_are_sent() {
        assert!(deploy(&[]).settings(&environment(&[("A", "1")])).is_none());
    }

    #[test]
    fn every_setting_is_sent_by_itself() {
        for option in
            ["--memory=512", "--ephemeral-storage=1024", "--timeout=9", "--description=it", "--dead-letter="]
        {
            assert!(deploy(&[option]).settings(&environment(&[])).is_some(), "{option}");
        }
    }

    #[test]
    fn variables_replace_those_there_were_but_not_the_isolation() {
        let present = environment(&[("A", "1"), (ISOLATION_VARIABLE, "fresh")]);
        let settings = deploy(&["--env", "B=2=3"]).settings(&present).expect("settings");
        let expected = environment(&[("B", "2=3"), (ISOLATION_VARIABLE, "fresh")]);
        assert_eq!(settings.environment, Some(expected));
    }

    #[test]
    fn outbound_rules_are_set_together_and_outlive_other_variables() {
        let rules = ["--allow-outbound", "https://a.example", "--allow-outbound", "*.b.example"];
        let settings = deploy(&rules).settings(&environment(&[("A", "1")])).expect("settings");
        let with_rules = environment(&[("A", "1"), (OUTBOUND_VARIABLE, "https://a.example *.b.example")]);
        assert_eq!(settings.environment, Some(with_rules.clone()));
        let settings = deploy(&["--env", "B=2"]).settings(&with_rules).expect("settings");
        let kept = environment(&[("B", "2"), (OUTBOUND_VARIABLE, "https://a.example *.b.example")]);
        assert_eq!(settings.environment, Some(kept));
        assert!(deploy(&["--allow-outbound", "https://a.example/path"]).check().is_err());
    }

    #[test]
    fn the_isolation_is_set_without_touching_other_variables() {
        let settings =
            deploy(&["--isolation", "fresh"]).settings(&environment(&[("A", "1")])).expect("settings");
        assert_eq!(settings.environment, Some(environment(&[("A", "1"), (ISOLATION_VARIABLE, "fresh")])));
    }
}
