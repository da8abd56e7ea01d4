//! The guest in C, a core module of WASI preview 1. Its compiler is Zig's, which is one Python package with a C library for
//! WASI in it.

use std::path::Path;
use std::process::Command;

use crate::environment::Environment;
use crate::recipe::Recipe;
use crate::repository::Repository;

const ZIG: Environment = Environment {
    name: "zig",
    requirements: "guest-examples/command-c/requirements.txt",
    module: "ziglang",
    what: "Zig's C compiler",
};

/// `guest-examples/command-c`.
pub(crate) const RECIPE: Recipe = Recipe {
    name: "command-c",
    inputs: &["guest-examples/command-c/main.c", ZIG.requirements],
    prepare: |repository| ZIG.prepare(repository),
    compile,
};

fn compile(repository: &Repository, to: &Path) -> Command {
    let mut zig = ZIG.python(repository);
    let cache = repository.target(ZIG.name).join("cache");
    zig.env("ZIG_GLOBAL_CACHE_DIR", &cache).env("ZIG_LOCAL_CACHE_DIR", &cache);
    zig.args(["-m", "ziglang", "cc", "-target", "wasm32-wasi"]);
    zig.args(["-O2", "-s", "-Wall", "-Wextra", "-Werror", "guest-examples/command-c/main.c", "-o"]).arg(to);
    zig
}
