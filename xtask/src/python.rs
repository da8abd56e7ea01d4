//! Python with the AWS clients, for the tests that show that ordinary clients work.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;
use crate::repository::Repository;
use crate::step;

/// The packages that a machine without Python needs.
const DEBIAN_PACKAGES: [&str; 2] = ["python3", "python3-venv"];

/// Makes the virtual environment `target/python` with what `tests/requirements.txt` pins.
pub(crate) fn prepare(repository: &Repository) -> Result<()> {
    let _alone = repository.lock_setup()?;
    let folder = repository.target("python");
    let requirements = repository.root().join("tests/requirements.txt");
    let stamp = stamp(&folder, &requirements)?;
    let stamp_file = folder.join("xtask.stamp");
    let done = std::fs::read_to_string(&stamp_file).is_ok_and(|there| there == stamp);
    // The interpreter is asked too, as an environment outlives the Python that it points to.
    if done && command::succeeds(Command::new(folder.join("bin/python")).args(["-c", "import boto3"])) {
        step::note("target/python is ready");
        return Ok(());
    }

    if !is_usable() {
        install_python()?;
    }
    // An environment holds its own path, so it cannot be built elsewhere and renamed. Without the stamp, which is written
    // last, it is not taken for done.
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    step::quiet("target/python: boto3 and the aws command line, from tests/requirements.txt", || {
        command::output(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        let mut pip = Command::new(folder.join("bin/python"));
        pip.args([
            "-m",
            "pip",
            "install",
            // Twice: its retries are not worth a line each, only its errors are.
            "--quiet",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ])
        .arg(&requirements);
        command::output(&mut pip)
            .context("pip cannot install tests/requirements.txt; is there a network?")?;
        Ok(std::fs::write(&stamp_file, &stamp)?)
    })
}

/// What the environment depends on: the requirements, and its own place, which its programs name.
fn stamp(folder: &Path, requirements: &Path) -> Result<String> {
    let requirements = std::fs::read_to_string(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    Ok(format!("{}\n{requirements}", folder.display()))
}

/// Whether Python is there and can make environments; Debian packages that part separately.
fn is_usable() -> bool {
    command::succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"]))
}

fn install_python() -> Result<()> {
    let packages = DEBIAN_PACKAGES.join(" ");
    let root = command::output(Command::new("id").arg("-u")).is_ok_and(|user| user.trim() == "0");
    if !root || !command::succeeds(Command::new("apt-get").arg("--version")) {
        bail!(
            "the tests need Python with venv: install {packages} (on Debian: `apt-get install {packages}`)"
        );
    }
    step::quiet(&format!("apt-get install {packages}, as this machine has no Python with venv"), || {
        let apt = || {
            let mut command = Command::new("apt-get");
            command.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq");
            command
        };
        command::output(apt().arg("update"))?;
        command::output(apt().args(["install", "--yes", "--no-install-recommends"]).args(DEBIAN_PACKAGES))?;
        if !is_usable() {
            bail!(
                "the `python3` on the PATH still cannot make environments; put Debian's first, or install its venv"
            );
        }
        Ok(())
    })
}
