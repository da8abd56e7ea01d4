//! Packages: a component as it is, or a zip with one and the files it is deployed with.
//!
//! Nothing is written anywhere: a name in a zip is a key, never a path of this machine, and still only names that would
//! be harmless paths everywhere are taken. Sizes that a zip declares are checked against every limit before anything is
//! unpacked, and unpacking ends where the declared size does, so neither an honest bomb nor a lying one is unpacked.

mod content;
mod directory;
mod path;
mod records;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use self::directory::Entry;
use crate::function::UNZIPPED_BYTES_BOUND;

/// The most entries a zip may have, folders among them.
const ENTRIES_MAX: u64 = 10_000;
/// How many times its size in the zip a file may have, and all files together that of the zip. Deflate comes to 1,032 at
/// most; WebAssembly to about 4, and text that repeats itself to less than 100.
const RATIO_MAX: u64 = 200;
/// What unpacks to no more than this is harmless, however well it was packed.
const RATIO_FREE_BYTES: u64 = 1 << 20;
/// The most bytes of a name.
const NAME_BYTES_MAX: usize = 4096;
/// The most bytes of a part of a name, between slashes.
const PART_BYTES_MAX: usize = 255;
/// The most parts of a name.
const PARTS_MAX: usize = 64;
/// The most characters of a name that an error shows.
const SHOWN_CHARS_MAX: usize = 64;
/// The most names that an error lists.
const LISTED_MAX: usize = 8;

/// Why a zip is not a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// It cannot be read.
    #[error("the zip cannot be read: {reason}")]
    Damaged {
        /// What is wrong with it.
        reason: String,
    },
    /// It has too many entries.
    #[error("the zip has {entries} entries; at most {ENTRIES_MAX} are allowed")]
    Entries {
        /// How many it says it has.
        entries: u64,
    },
    /// Its files are too large.
    #[error("{name:?} is one too many in the zip: unzipped size must be smaller than {limit} bytes")]
    Unzipped {
        /// The entry with which all come to more than the limit.
        name: String,
        /// How many bytes all files may have.
        limit: u64,
    },
    /// A file was packed better than any honest file is.
    #[error(
        "{name:?} in the zip unpacks to more than {RATIO_MAX} times its packed size, as only zip bombs do"
    )]
    Ratio {
        /// The name of the entry.
        name: String,
    },
    /// All files together were packed better than honest files are.
    #[error("the zip unpacks to more than {RATIO_MAX} times its size, as only zip bombs do")]
    TotalRatio,
    /// A name would not be the same harmless path everywhere.
    #[error("the name {name:?} in the zip is not allowed: {reason}")]
    Name {
        /// The name.
        name: String,
        /// Which rule it breaks.
        reason: String,
    },
    /// Two entries have the same name.
    #[error("{name:?} is in the zip twice")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// One name is that of a file and that of a folder.
    #[error("{name:?} in the zip is both a file and a folder")]
    FileAndFolder {
        /// The name.
        name: String,
    },
    /// An entry is neither a file nor a folder.
    #[error("{name:?} in the zip is {kind}; only files and folders are allowed")]
    Special {
        /// The name of the entry.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// An entry is encrypted.
    #[error("{name:?} in the zip is encrypted; the zip must be readable without a password")]
    Encrypted {
        /// The name of the entry.
        name: String,
    },
    /// An entry is compressed in a way that is not read.
    #[error("{name:?} in the zip is compressed with {method}; only deflate and no compression are read")]
    Compression {
        /// The name of the entry.
        name: String,
        /// What it is compressed with.
        method: String,
    },
    /// Bytes of the zip belong to two entries.
    #[error("{name:?} in the zip overlaps with another entry, as only zip bombs do")]
    Overlap {
        /// The name of the entry.
        name: String,
    },
    /// The header of an entry and the zip's directory contradict each other.
    #[error("the zip's directory and the entry's own header give different {what} for {name:?}")]
    Contradiction {
        /// The name of the entry in the directory.
        name: String,
        /// What differs.
        what: &'static str,
    },
    /// The bytes of a file are not those that were packed.
    #[error("{name:?} in the zip is damaged: {reason}")]
    Content {
        /// The name of the entry.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// None of its files is a component.
    #[error("the zip must hold a WebAssembly component, a file whose name ends in .wasm; it holds {found}")]
    NoComponent {
        /// What it holds.
        found: String,
    },
    /// Several of its files are components, and the handler names none of them.
    #[error("the zip holds several WebAssembly files; Handler must name one of them: {found}")]
    WhichComponent {
        /// Their names.
        found: String,
    },
}

/// What was uploaded as a function's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    /// What runs; if the package is no zip, it is all there is, whatever it may be.
    pub(crate) component: Bytes,
    /// Every other file, by its relative path with slashes, in the order of the zip.
    pub(crate) assets: Vec<(String, Bytes)>,
}

impl Package {
    /// The bytes of all its files that are not its component.
    pub(super) fn asset_bytes(&self) -> u64 {
        self.assets.iter().map(|(_, content)| content.len() as u64).sum()
    }

    /// Reads a package. The handler says which component of several is meant: by its path in the zip, by that without
    /// `.wasm`, or in the manner of Lambda, by that with a dot and a further word behind it.
    ///
    /// May compute for a second and need memory for twice the size of all files. This is for packages that were taken before,
    /// whatever the limit was then.
    pub(crate) fn read(bytes: &Bytes, handler: &str) -> Result<Self, PackageError> {
        Self::read_within(bytes, handler, UNZIPPED_BYTES_BOUND)
    }

    /// Reads a package whose files may have so many bytes in all.
    pub(crate) fn read_within(
        bytes: &Bytes,
        handler: &str,
        unzipped_bytes_max: u64,
    ) -> Result<Self, PackageError> {
        if !bytes.starts_with(b"PK") {
            return Ok(Self { component: bytes.clone(), assets: Vec::new() });
        }
        let entries = directory::entries(bytes)?;
        path::check_all(&entries)?;
        check_sizes(&entries, bytes.len() as u64, unzipped_bytes_max)?;
        let mut files = Vec::new();
        for entry in entries.iter().filter(|entry| !entry.is_folder() && !is_left_over(entry.name)) {
            files.push((entry.name.to_owned(), content::unpacked(entry)?));
        }
        let (_, component) = files.remove(component_among(&files, handler)?);
        Ok(Self { component, assets: files })
    }
}

/// Holds the sizes that the directory declares against the limits. No entry is unpacked to more than it declares.
fn check_sizes(entries: &[Entry<'_>], package_bytes: u64, limit: u64) -> Result<(), PackageError> {
    let mut total: u64 = 0;
    for entry in entries {
        total = total.saturating_add(entry.size_bytes);
        if total >= limit {
            return Err(PackageError::Unzipped { name: shown(entry.name), limit });
        }
        if is_bomb(entry.packed.len() as u64, entry.size_bytes) {
            return Err(PackageError::Ratio { name: shown(entry.name) });
        }
    }
    if is_bomb(package_bytes, total) { Err(PackageError::TotalRatio) } else { Ok(()) }
}

fn is_bomb(packed_bytes: u64, bytes: u64) -> bool {
    bytes > RATIO_FREE_BYTES && bytes > packed_bytes.saturating_mul(RATIO_MAX)
}

/// What macOS puts into zips and nobody asked for.
fn is_left_over(path: &str) -> bool {
    path.starts_with("__MACOSX/") || path == ".DS_Store" || path.ends_with("/.DS_Store")
}

/// Which of the files is the component.
fn component_among(files: &[(String, Bytes)], handler: &str) -> Result<usize, PackageError> {
    let those = |is_one: fn(&(String, Bytes)) -> bool| -> Vec<usize> {
        (0..files.len()).filter(|&index| is_one(&files[index])).collect()
    };
    let by_name = those(|(path, _)| path.ends_with(".wasm"));
    // The name `bootstrap`, which Lambda's own runtimes ask for, says nothing of what is in it.
    let found =
        if by_name.is_empty() { those(|(_, content)| content.starts_with(b"\0asm")) } else { by_name };
    let stem = handler.rsplit_once('.').map(|(stem, _)| stem);
    match found.as_slice() {
        [] => Err(PackageError::NoComponent { found: listed(files.iter().map(|(path, _)| path)) }),
        [only] => Ok(*only),
        several => std::iter::once(handler)
            .chain(stem)
            .find_map(|name| several.iter().copied().find(|&index| is_named(&files[index].0, name)))
            .ok_or_else(|| PackageError::WhichComponent {
                found: listed(several.iter().map(|&index| &files[index].0)),
            }),
    }
}

fn is_named(path: &str, name: &str) -> bool {
    path == name || path.strip_suffix(".wasm") == Some(name)
}

fn listed<'a>(names: impl ExactSizeIterator<Item = &'a String>) -> String {
    let count = names.len();
    let some: Vec<String> = names.take(LISTED_MAX).map(|name| format!("{:?}", shown(name))).collect();
    match count {
        0 => "no file".to_owned(),
        count if count > LISTED_MAX => format!("{count} files, among them {}", some.join(", ")),
        _ => some.join(", "),
    }
}

/// A name from a zip, which may be as long as the zip, cut to what an error should show of it.
fn shown(name: &str) -> String {
    match name.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name.to_owned(),
    }
}
