//! Recipes: how a guest is made that is not cargo's to build.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::absence::Absence;
use crate::command;
use crate::repository::Repository;
use crate::step;

/// The contract between host and guests, from the root.
pub(crate) const WIT: &str = "sdk/wit/function.wit";

/// How one folder of `guest-examples/` becomes a file in `target/guests/`.
#[derive(Debug)]
pub(crate) struct Recipe {
    /// The folder, and the file's name without its ending.
    pub(crate) name: &'static str,
    /// The files, from the root, that the result depends on: sources and what pins the compiler.
    pub(crate) inputs: &'static [&'static str],
    /// Fetches the compiler, unless it is there.
    pub(crate) prepare: fn(&Repository) -> Result<()>,
    /// The command that writes the result to a file.
    pub(crate) compile: fn(&Repository, &Path) -> Command,
}

/// What following a recipe came to.
#[derive(Debug)]
pub(crate) enum Made {
    Unchanged,
    Changed,
    Absent(Absence),
}

impl Recipe {
    /// The name of the result in `target/guests/`.
    pub(crate) fn file_name(&self) -> String {
        format!("{}.wasm", self.name)
    }

    /// Makes the guest, unless it is there and nothing it depends on has changed. Where its compiler cannot be fetched it is
    /// left out; that it does not compile is an error.
    pub(crate) fn make(&self, repository: &Repository) -> Result<Made> {
        let folder = repository.target("guests");
        std::fs::create_dir_all(&folder)?;
        let place = folder.join(self.file_name());
        let partial = place.with_extension("partial");
        let mut compile = (self.compile)(repository, &partial);
        let stamp = self.stamp(repository, &compile)?;
        let stamp_file = place.with_extension("stamp");
        if place.exists() && std::fs::read_to_string(&stamp_file).is_ok_and(|there| there == stamp) {
            Absence::forget(&place);
            return Ok(Made::Unchanged);
        }

        if let Err(error) = (self.prepare)(repository) {
            return Ok(Made::Absent(Absence::record(&place, &error)?));
        }
        step::quiet(&format!("{} made", self.file_name()), || command::output(&mut compile))?;
        std::fs::rename(&partial, &place)
            .with_context(|| format!("{} left no {}", command::line(&compile), partial.display()))?;
        std::fs::write(&stamp_file, stamp)?;
        Absence::forget(&place);
        Ok(Made::Changed)
    }

    /// What the result depends on: the command that makes it, and its inputs.
    fn stamp(&self, repository: &Repository, compile: &Command) -> Result<String> {
        let mut stamp = format!("{}\n", command::line(compile));
        for input in self.inputs {
            let path = repository.root().join(input);
            let text =
                std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            stamp.push_str(&format!("--- {input}\n{text}"));
        }
        Ok(stamp)
    }
}
