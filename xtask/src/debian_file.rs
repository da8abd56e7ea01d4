//! One file of a Debian package, for tests that need somebody else's program or library.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::absence::Absence;
use crate::debian::{self, Archive};
use crate::repository::Repository;
use crate::step;

/// A file that is fetched into a folder of its own in `target/`.
#[derive(Debug)]
pub(crate) struct DebianFile {
    pub(crate) package: &'static str,
    /// Where it is in the package; a `*` stands for any names.
    pub(crate) source: &'static str,
    /// Where it is to be, in `target/`: a folder and a name.
    pub(crate) place: &'static str,
    /// Whether a file does what it is for.
    pub(crate) works: fn(&Path) -> bool,
}

impl DebianFile {
    /// Fetches it, unless it is there. What comes back is why it cannot be had.
    pub(crate) fn fetch(&self, repository: &Repository) -> Result<Option<Absence>> {
        let _alone = repository.lock_setup()?;
        let place = repository.target(self.place);
        if (self.works)(&place) {
            step::note(&format!("target/{}", self.place));
            Absence::forget(&place);
            return Ok(None);
        }
        let work = place.with_file_name("work");
        if work.exists() {
            std::fs::remove_dir_all(&work)?;
        }
        std::fs::create_dir_all(&work)?;
        let what = format!("target/{}, from Debian's package {}", self.place, self.package);
        match step::quiet(&what, || self.unpack(&work)) {
            Ok(file) => std::fs::rename(file, &place)?,
            Err(error) => return Ok(Some(Absence::record(&place, &error)?)),
        }
        std::fs::remove_dir_all(&work)?;
        Absence::forget(&place);
        Ok(None)
    }

    fn unpack(&self, work: &Path) -> Result<PathBuf> {
        // Of the machine's own release, so that it runs on the machine's own C library.
        let suite = debian::own_suite();
        let archive = Archive::open(&work.join("apt"), &[&suite])?;
        let versions = archive.versions(self.package)?;
        let version =
            versions.first().with_context(|| format!("Debian's {suite} offers no {}", self.package))?;
        let content = work.join("content");
        std::fs::create_dir(&content)?;
        archive.unpack(self.package, version, self.source, &content)?;
        let name = Path::new(self.source).file_name().context("a file has a name")?;
        let file =
            find(&content, name)?.with_context(|| format!("{} has no {}", self.package, self.source))?;
        ensure!((self.works)(&file), "{} does not work here", file.display());
        Ok(file)
    }
}

/// The file of that name in a folder or those below it.
fn find(folder: &Path, name: &std::ffi::OsStr) -> Result<Option<PathBuf>> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let found = match path.is_dir() {
            true => find(&path, name)?,
            false => (path.file_name() == Some(name)).then_some(path),
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}
