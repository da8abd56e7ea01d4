//! The guest in Python, made a component with an interpreter in it.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::environment::Environment;
use crate::recipe::{Recipe, WIT};
use crate::repository::Repository;

const COMPONENTIZE: Environment = Environment {
    name: "componentize-py",
    requirements: "guest-examples/python/requirements.txt",
    module: "componentize_py",
    what: "what makes components of Python",
};

const APP: &str = "guest-examples/python/app.py";

/// `guest-examples/python`.
pub(crate) const RECIPE: Recipe =
    Recipe { name: "python", inputs: &[APP, COMPONENTIZE.requirements, WIT], prepare, compile };

fn prepare(repository: &Repository) -> Result<()> {
    COMPONENTIZE.prepare(repository)?;
    // Python caches what it compiled beside the source, so it gets a copy.
    let folder = repository.target(COMPONENTIZE.name).join("app");
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(repository.root().join(APP), folder.join("app.py"))?;
    Ok(())
}

fn compile(repository: &Repository, to: &Path) -> Command {
    let mut componentize = repository.command(COMPONENTIZE.program(repository, "componentize-py"));
    componentize.args(["--quiet", "--wit-path", WIT, "--world", "function", "componentize", "--python-path"]);
    componentize.arg(repository.target(COMPONENTIZE.name).join("app")).args(["app", "--output"]).arg(to);
    componentize
}
