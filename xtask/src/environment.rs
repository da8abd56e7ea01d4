//! Python's virtual environments: the one of the tests, and those of compilers that come as Python packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::command;
use crate::debian;
use crate::repository::Repository;
use crate::step;

/// The AWS clients, for the tests that show that ordinary clients work.
pub(crate) const CLIENTS: Environment = Environment {
    name: "python",
    requirements: "tests/requirements.txt",
    module: "boto3",
    what: "boto3 and the aws command line",
};

/// A virtual environment in `target/` with what a file of requirements pins.
#[derive(Debug)]
pub(crate) struct Environment {
    /// Its folder in `target/`.
    pub(crate) name: &'static str,
    /// The file of requirements, from the root.
    pub(crate) requirements: &'static str,
    /// A module that can be imported when it is whole.
    pub(crate) module: &'static str,
    /// What is in it, for a person.
    pub(crate) what: &'static str,
}

impl Environment {
    /// Makes the environment, unless it is there.
    pub(crate) fn prepare(&self, repository: &Repository) -> Result<()> {
        let _alone = repository.lock_setup()?;
        let folder = repository.target(self.name);
        let requirements = repository.root().join(self.requirements);
        let stamp = stamp(&folder, &requirements)?;
        let stamp_file = folder.join("xtask.stamp");
        let done = std::fs::read_to_string(&stamp_file).is_ok_and(|there| there == stamp);
        // The interpreter is asked too, as an environment outlives the Python that it points to.
        if done && self.imports(repository) {
            step::note(&format!("target/{} is ready", self.name));
            return Ok(());
        }

        install_python()?;
        // An environment holds its own path, so it cannot be built elsewhere and renamed. Without the stamp, which is written
        // last, it is not taken for done.
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        step::quiet(&format!("target/{}: {}, from {}", self.name, self.what, self.requirements), || {
            command::output(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
            let mut pip = self.python(repository);
            // Quiet twice: its retries are not worth a line each, only its errors are.
            pip.args(["-m", "pip", "install", "--quiet", "--quiet", "--disable-pip-version-check"]);
            command::output(pip.arg("--requirement").arg(&requirements))
                .with_context(|| format!("pip cannot install {}; is there a network?", self.requirements))?;
            Ok(std::fs::write(&stamp_file, &stamp)?)
        })
    }

    /// One of its programs.
    pub(crate) fn program(&self, repository: &Repository, name: &str) -> PathBuf {
        repository.target(self.name).join("bin").join(name)
    }

    /// Its interpreter.
    pub(crate) fn python(&self, repository: &Repository) -> Command {
        repository.command(self.program(repository, "python"))
    }

    fn imports(&self, repository: &Repository) -> bool {
        command::succeeds(self.python(repository).args(["-c", &format!("import {}", self.module)]))
    }
}

/// What the environment depends on: the requirements, and its own place, which its programs name.
fn stamp(folder: &Path, requirements: &Path) -> Result<String> {
    let requirements = std::fs::read_to_string(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    Ok(format!("{}\n{requirements}", folder.display()))
}

/// Sees to it that there is a Python that can make environments; Debian packages that part separately.
fn install_python() -> Result<()> {
    let usable = || command::succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"]));
    if usable() {
        return Ok(());
    }
    debian::install(&["python3", "python3-venv"], "Python with venv")?;
    ensure!(
        usable(),
        "the `python3` on the PATH still cannot make environments; put Debian's first, or install its venv"
    );
    Ok(())
}
