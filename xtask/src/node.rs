//! Packages of npm, and Node.js to run them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::command;
use crate::debian;
use crate::repository::Repository;
use crate::step;

/// Packages in a folder of `target/`, as a manifest and its lock pin them.
#[derive(Debug)]
pub(crate) struct Packages {
    /// Their folder in `target/`.
    pub(crate) name: &'static str,
    /// The manifest, from the root.
    pub(crate) manifest: &'static str,
    /// The lock, from the root.
    pub(crate) lock: &'static str,
    /// What they are, for a person.
    pub(crate) what: &'static str,
    /// The oldest Node.js that they run on.
    pub(crate) node_major_min: u32,
}

impl Packages {
    /// Installs the packages, unless they are there.
    pub(crate) fn prepare(&self, repository: &Repository) -> Result<()> {
        let _alone = repository.lock_setup()?;
        install_node(repository)?;
        let major = node_major(repository)?;
        ensure!(
            major >= self.node_major_min,
            "Node.js {major} is too old for {}; {} or later is needed",
            self.what,
            self.node_major_min
        );
        let folder = repository.target(self.name);
        let files = [("package.json", self.manifest), ("package-lock.json", self.lock)];
        let mut stamp = format!("{}\n", folder.display());
        for (_, path) in files {
            stamp.push_str(
                &std::fs::read_to_string(repository.root().join(path))
                    .with_context(|| format!("cannot read {path}"))?,
            );
        }
        let stamp_file = folder.join("xtask.stamp");
        if std::fs::read_to_string(&stamp_file).is_ok_and(|there| there == stamp) {
            step::note(&format!("target/{} is ready", self.name));
            return Ok(());
        }

        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        for (name, path) in files {
            std::fs::copy(repository.root().join(path), folder.join(name))?;
        }
        step::quiet(&format!("target/{}: {}, from {}", self.name, self.what, self.lock), || {
            // Installing runs no scripts of the packages.
            let mut install = npm(repository, "ci");
            command::output(install.current_dir(&folder).args([
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
            ]))
            .with_context(|| format!("npm cannot install {}; is there a network?", self.lock))?;
            Ok(std::fs::write(&stamp_file, &stamp)?)
        })
    }

    /// One of their programs.
    pub(crate) fn program(&self, repository: &Repository, name: &str) -> PathBuf {
        repository.target(self.name).join("node_modules/.bin").join(name)
    }
}

/// A command of npm that says nothing but its errors, and gives up on a network that is not there after some seconds.
pub(crate) fn npm(repository: &Repository, subcommand: &str) -> Command {
    let mut npm = repository.command("npm");
    npm.args([subcommand, "--loglevel", "error", "--fetch-retries", "1", "--fetch-retry-mintimeout", "1000"]);
    npm
}

/// The first number of Node.js's version.
fn node_major(repository: &Repository) -> Result<u32> {
    let version = command::output(repository.command("node").arg("--version"))?;
    let major = version.trim().trim_start_matches('v').split('.').next().unwrap_or_default();
    major.parse().with_context(|| format!("`node --version` printed {version:?}"))
}

/// Sees to it that there are Node.js and npm.
pub(crate) fn install_node(repository: &Repository) -> Result<()> {
    let usable =
        || ["node", "npm"].iter().all(|name| command::succeeds(repository.command(name).arg("--version")));
    if usable() {
        return Ok(());
    }
    debian::install(&["nodejs", "npm"], "Node.js with npm")?;
    ensure!(usable(), "the `node` and `npm` on the PATH still do not run; put Debian's first");
    Ok(())
}
