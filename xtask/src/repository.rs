//! The repository: where its parts are, and cargo as it is called on them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::faketime::FAKETIME;
use crate::promtool::PROMTOOL;

/// A checkout of this repository.
#[derive(Debug)]
pub(crate) struct Repository {
    root: PathBuf,
}

impl Repository {
    /// The checkout that this command was started in.
    pub(crate) fn open() -> Result<Self> {
        // `cargo run` sets the variable; the value of compile time serves when the binary is started by hand.
        let package = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = package.parent().context("xtask has no parent folder")?.canonicalize()?;
        Ok(Self { root })
    }

    /// The root folder, absolute.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path inside `target/`, absolute.
    pub(crate) fn target(&self, path: &str) -> PathBuf {
        self.root.join("target").join(path)
    }

    /// A process that starts in the root folder, without the variables that cargo set for xtask itself: build scripts that
    /// watch them would run again, and rebuild what they belong to, whenever they differ from an ordinary `cargo build`'s.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for (name, _) in std::env::vars_os() {
            let own = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
            if own.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command
    }

    /// Cargo on this workspace. It always builds into `target/`, whatever the environment says: paths inside it are promised.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let mut command = self.command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.arg(subcommand).env("CARGO_TARGET_DIR", self.target(""));
        command
    }

    /// Cargo on the workspace of the guests, which has a target folder of its own.
    pub(crate) fn guest_cargo(&self, subcommand: &str, target: &str) -> Command {
        let mut command = self.cargo(subcommand);
        command
            .args(["--manifest-path", "guest-examples/Cargo.toml"])
            .env("CARGO_TARGET_DIR", self.target(target));
        command
    }

    /// Tells tests and benchmarks where to find what xtask has built.
    pub(crate) fn describe_to(&self, command: &mut Command) {
        command
            .env("SAMOVAR_ROOT", &self.root)
            .env("SAMOVAR_BIN", self.target("release/samovar"))
            .env("SAMOVAR_GUESTS", self.target("guests"))
            .env("SAMOVAR_THIRD_PARTY", self.target("third-party"))
            .env("SAMOVAR_PROMTOOL", self.target(PROMTOOL.place))
            .env("SAMOVAR_FAKETIME", self.target(FAKETIME.place))
            .env("SAMOVAR_MOTO", self.target("moto/bin/moto_server"))
            .env("SAMOVAR_PYTHON", self.target("python/bin/python"))
            .env("SAMOVAR_NODE_MODULES", self.target("aws-sdk-javascript/node_modules"));
    }

    /// Lets one process at a time set things up. The kernel releases the lock when the process ends, in whatever way, so
    /// what a killed set-up left behind may be cleared away by the next holder.
    pub(crate) fn lock_setup(&self) -> Result<File> {
        let path = self.target("xtask.lock");
        std::fs::create_dir_all(self.target(""))?;
        let lock = File::create(&path).with_context(|| format!("cannot open {}", path.display()))?;
        lock.lock().with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(lock)
    }
}
