//! The guest in JavaScript, made a component with an engine in it.

use std::path::Path;
use std::process::Command;

use crate::node::Packages;
use crate::recipe::{Recipe, WIT};
use crate::repository::Repository;

const COMPONENTIZE: Packages = Packages {
    name: "componentize-js",
    manifest: "guest-examples/javascript/package.json",
    lock: "guest-examples/javascript/package-lock.json",
    what: "what makes components of JavaScript",
    node_major_min: 20,
};

const HANDLER: &str = "guest-examples/javascript/handler.js";

/// `guest-examples/javascript`.
pub(crate) const RECIPE: Recipe = Recipe {
    name: "javascript",
    inputs: &[HANDLER, COMPONENTIZE.manifest, COMPONENTIZE.lock, WIT],
    prepare: |repository| COMPONENTIZE.prepare(repository),
    compile,
};

fn compile(repository: &Repository, to: &Path) -> Command {
    let mut componentize = repository.command(COMPONENTIZE.program(repository, "componentize-js"));
    componentize.args([HANDLER, "--wit", WIT, "--world-name", "function"]);
    // It would import `wasi:http`, and export a handler of requests beside ours.
    componentize.args(["--disable", "http", "--disable", "fetch-event", "--out"]).arg(to);
    componentize
}
