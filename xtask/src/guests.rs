//! The guests: every folder of `guest-examples/` as WebAssembly in `target/guests/`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::absence::Absence;
use crate::c;
use crate::command;
use crate::javascript;
use crate::python;
use crate::recipe::{Made, Recipe};
use crate::repository::Repository;
use crate::step;
use crate::toolchain::{TARGET, Toolchain};

/// The guests that are not cargo's to build.
const RECIPES: [Recipe; 3] = [c::RECIPE, javascript::RECIPE, python::RECIPE];

/// One package of `guest-examples/` and the file that cargo makes of it.
#[derive(Debug, PartialEq, Eq)]
struct Guest {
    /// `name@version`, as `http` alone would also be a library.
    package: String,
    /// The file's name in cargo's target folder.
    artifact: String,
    /// The file's name in `target/guests/`.
    component: String,
}

/// Builds every guest, and leaves `target/guests/<name>.wasm`. What comes back is why there are guests missing, whose compilers
/// cannot be fetched here.
pub(crate) fn build(repository: &Repository) -> Result<Vec<Absence>> {
    let toolchain = Toolchain::prepare(repository)?;
    let guests = find(repository)?;
    step::shown("guests compiled", || compile(repository, &toolchain, &guests))?;
    let mut changed = copy(repository, &guests)?;
    let mut absences = Vec::new();
    for recipe in &RECIPES {
        match recipe.make(repository)? {
            Made::Unchanged => {}
            Made::Changed => changed += 1,
            Made::Absent(absence) => absences.push(absence),
        }
    }
    let count = guests.len() + RECIPES.len() - absences.len();
    step::note(&format!("{count} guests in target/guests, {changed} of them new or changed"));
    Ok(absences)
}

fn find(repository: &Repository) -> Result<Vec<Guest>> {
    ensure!(
        repository.root().join("guest-examples/Cargo.toml").exists(),
        "guest-examples/ has no Cargo.toml"
    );
    let mut metadata = repository.guest_cargo("metadata", "guest-build");
    let metadata = command::output(metadata.args(["--no-deps", "--format-version", "1"]))?;
    let guests = parse(&serde_json::from_str(&metadata)?);
    ensure!(!guests.is_empty(), "guest-examples/ has no package with a binary or a `cdylib`");
    Ok(guests)
}

/// The guests in what `cargo metadata` says. A package that is no guest says `wasm = false` under
/// `[package.metadata.samovar]`.
fn parse(metadata: &Value) -> Vec<Guest> {
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut guests = Vec::new();
    for package in items(&metadata["packages"]) {
        if package["metadata"]["samovar"]["wasm"] == Value::Bool(false) {
            continue;
        }
        for target in items(&package["targets"]) {
            let (target_name, name) = (text(&target["name"]), text(&package["name"]));
            let package = format!("{name}@{}", text(&package["version"]));
            let kinds = items(&target["kind"]);
            if kinds.iter().any(|kind| kind == "bin") {
                let file = format!("{target_name}.wasm");
                guests.push(Guest { package, artifact: file.clone(), component: file });
            } else if kinds.iter().any(|kind| kind == "cdylib") {
                let artifact = format!("{}.wasm", target_name.replace('-', "_"));
                guests.push(Guest { package, artifact, component: format!("{name}.wasm") });
            }
        }
    }
    guests
}

fn compile(repository: &Repository, toolchain: &Toolchain, guests: &[Guest]) -> Result<()> {
    let mut cargo = repository.guest_cargo("build", "guest-build");
    cargo.args(["--release", "--target", TARGET]);
    for guest in guests {
        cargo.args(["--package", &guest.package]);
    }
    toolchain.apply(&mut cargo);
    command::run(&mut cargo).context("the guests do not compile; cargo's own message is above")
}

/// Brings `target/guests/` up to date and counts what changed. A component that is the same keeps its file, so that nothing
/// that watches it starts again; one whose package is gone goes too.
fn copy(repository: &Repository, guests: &[Guest]) -> Result<usize> {
    let built = repository.target("guest-build").join(TARGET).join("release");
    let folder = repository.target("guests");
    std::fs::create_dir_all(&folder)?;
    let mut changed = 0;
    for guest in guests {
        let artifact = built.join(&guest.artifact);
        let component =
            std::fs::read(&artifact).with_context(|| format!("cargo made no {}", artifact.display()))?;
        let place = folder.join(&guest.component);
        if std::fs::read(&place).is_ok_and(|there| there == component) {
            continue;
        }
        let partial = place.with_extension("partial");
        std::fs::write(&partial, component)?;
        std::fs::rename(&partial, &place)?;
        changed += 1;
    }
    for stale in stale(&folder, guests)? {
        std::fs::remove_file(stale)?;
    }
    Ok(changed)
}

fn stale(folder: &Path, guests: &[Guest]) -> Result<Vec<PathBuf>> {
    let files = std::fs::read_dir(folder)?.filter_map(Result::ok).map(|file| file.path());
    let of_a_guest = |path: &PathBuf| {
        guests.iter().any(|guest| path.ends_with(&guest.component))
            || RECIPES.iter().any(|recipe| path.ends_with(recipe.file_name()))
    };
    Ok(files.filter(|path| path.extension().is_some_and(|ext| ext == "wasm") && !of_a_guest(path)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binaries_and_dynamic_libraries_are_guests_unless_they_say_no() {
        let metadata = serde_json::json!({ "packages": [
            { "name": "echo", "version": "0.1.0", "metadata": null, "targets": [{ "name": "echo", "kind": ["bin"] }] },
            { "name": "raw-bytes", "version": "0.2.0", "metadata": null,
              "targets": [{ "name": "raw_bytes", "kind": ["cdylib", "rlib"] }] },
            { "name": "shared", "metadata": null, "targets": [{ "name": "shared", "kind": ["lib"] }] },
            { "name": "original", "metadata": { "samovar": { "wasm": false } },
              "targets": [{ "name": "original", "kind": ["bin"] }] },
        ]});
        let guest = |package: &str, artifact: &str, component: &str| Guest {
            package: package.to_owned(),
            artifact: artifact.to_owned(),
            component: component.to_owned(),
        };
        let expected = [
            guest("echo@0.1.0", "echo.wasm", "echo.wasm"),
            guest("raw-bytes@0.2.0", "raw_bytes.wasm", "raw-bytes.wasm"),
        ];
        assert_eq!(parse(&metadata), expected);
    }
}
