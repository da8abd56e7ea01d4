//! Packages: a component as it is, or a zip with one component in it.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use zip::ZipArchive;

/// The most bytes one uploaded package may have: Lambda's 50 MiB.
pub const PACKAGE_BYTES_MAX: usize = 52_428_800;
/// The most bytes the component in a zip may have: Lambda's limit on an unzipped package, 250 MiB.
pub const COMPONENT_BYTES_MAX: u64 = 262_144_000;
/// The most entries a zip may have.
const ENTRIES_MAX: usize = 1000;

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
        /// How many it has.
        entries: usize,
    },
    /// Its component is too large.
    #[error(
        "{name:?} in the zip is too large: unzipped size must be smaller than {COMPONENT_BYTES_MAX} bytes"
    )]
    Unzipped {
        /// The name of the entry.
        name: String,
    },
    /// It holds other than exactly one file, a component.
    #[error("the zip must hold exactly one file, a WebAssembly component; it holds {found}")]
    Content {
        /// What it holds.
        found: String,
    },
}

/// The component in a package. Nothing is written anywhere, and no name in a zip is taken as a path.
pub(super) fn component_of(package: &[u8]) -> Result<Cow<'_, [u8]>, PackageError> {
    if !package.starts_with(b"PK") {
        return Ok(Cow::Borrowed(package));
    }
    let damaged = |reason: String| PackageError::Damaged { reason };
    let mut zip = ZipArchive::new(Cursor::new(package)).map_err(|error| damaged(error.to_string()))?;
    if zip.len() > ENTRIES_MAX {
        return Err(PackageError::Entries { entries: zip.len() });
    }
    let names: Vec<(usize, String)> = zip
        .file_names_raw()
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .enumerate()
        .filter(|(_, name)| !name.ends_with('/'))
        .collect();
    let [(index, name)] = names.as_slice() else {
        return Err(PackageError::Content { found: listed(&names) });
    };
    let file = zip.by_index(*index).map_err(|error| damaged(error.to_string()))?;
    let mut component = Vec::new();
    // The size in the header may lie: what is read is what counts.
    let read = file.take(COMPONENT_BYTES_MAX).read_to_end(&mut component);
    match read.map_err(|error| damaged(error.to_string()))? as u64 {
        COMPONENT_BYTES_MAX.. => Err(PackageError::Unzipped { name: name.clone() }),
        _ => Ok(Cow::Owned(component)),
    }
}

fn listed(files: &[(usize, String)]) -> String {
    const SHOWN_MAX: usize = 8;
    let shown: Vec<String> = files.iter().take(SHOWN_MAX).map(|(_, name)| format!("{name:?}")).collect();
    match files.len() {
        0 => "no file".to_owned(),
        count if count > SHOWN_MAX => format!("{count} files, among them {}", shown.join(", ")),
        _ => shown.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            zip.start_file(*name, SimpleFileOptions::default()).expect("a file");
            zip.write_all(bytes).expect("its bytes");
        }
        zip.finish().expect("a zip").into_inner()
    }

    #[test]
    fn a_component_is_taken_as_it_is_or_out_of_a_zip() {
        assert_eq!(component_of(b"\0asm rest").as_deref(), Ok(&b"\0asm rest"[..]));
        let zipped = zip(&[("function.wasm", b"\0asm rest")]);
        assert_eq!(component_of(&zipped).as_deref(), Ok(&b"\0asm rest"[..]));
    }

    #[test]
    fn a_zip_with_other_than_one_file_is_refused_with_what_it_holds() {
        let refused = |files: &[(&str, &[u8])]| component_of(&zip(files)).expect_err("refused").to_string();
        assert!(refused(&[]).contains("no file"));
        assert!(refused(&[("a.wasm", b""), ("b.wasm", b"")]).contains(r#""a.wasm", "b.wasm""#));
    }

    #[test]
    fn a_damaged_zip_is_refused() {
        let mut zipped = zip(&[("function.wasm", &[7; 5000])]);
        zipped.truncate(zipped.len() / 2);
        assert!(matches!(component_of(&zipped), Err(PackageError::Damaged { .. })));
        assert!(matches!(component_of(b"PK"), Err(PackageError::Damaged { .. })));
    }

    #[test]
    fn a_name_that_climbs_out_is_only_a_name() {
        let zipped = zip(&[("../../../etc/passwd", b"\0asm")]);
        assert_eq!(component_of(&zipped).as_deref(), Ok(&b"\0asm"[..]));
    }

    #[test]
    fn a_zip_bomb_ends_at_the_limit() {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("bomb.wasm", SimpleFileOptions::default()).expect("a file");
        let zeros = vec![0; 1 << 20];
        for _ in 0..251 {
            zip.write_all(&zeros).expect("its bytes");
        }
        let bomb = zip.finish().expect("a zip").into_inner();
        assert!(bomb.len() < 1 << 20, "it is small");
        assert!(matches!(component_of(&bomb), Err(PackageError::Unzipped { .. })));
    }
}
