//! Where the files of a group lie: `REGION/=+aws+lambda+NAME/NUMBER.log`.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// The longest name of a folder that is a group's own name, in bytes: file systems take 255.
const NAME_BYTES_MAX: usize = 200;
/// What the file of a segment ends with.
const SUFFIX: &str = ".log";

/// A group of a region.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct GroupKey {
    pub(super) region: String,
    pub(super) name: String,
}

impl GroupKey {
    /// The folder of the group. Names of regions and groups hold no character that has a meaning in a path but `/` and `.`.
    pub(super) fn folder(&self, logs: &Path) -> PathBuf {
        logs.join(&self.region).join(folder_name(&self.name))
    }
}

/// A name that is one folder's: with `+` for `/`, which no group's name holds, and `=` before it, so that it is not `..`.
fn folder_name(group: &str) -> String {
    let name = format!("={}", group.replace('/', "+"));
    if name.len() <= NAME_BYTES_MAX {
        return name;
    }
    let digest = Sha256::digest(group.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}={digest}", &name[..name.floor_char_boundary(NAME_BYTES_MAX / 2)])
}

/// The file of a segment in the folder of its group.
pub(super) fn segment_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:020}{SUFFIX}"))
}

/// The number of the segment that a file is, if it is one.
pub(super) fn segment_number(path: &Path) -> Option<u64> {
    let digits = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    (digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// Makes a folder for its owner alone, if it is not there.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_a_folder_of_its_own_below_its_region() {
        let folder = |name: &str| {
            GroupKey { region: "us-east-1".to_owned(), name: name.to_owned() }.folder(Path::new("/logs"))
        };
        assert_eq!(folder("/aws/lambda/f"), Path::new("/logs/us-east-1/=+aws+lambda+f"));
        for odd in ["..", ".", "/", "../../etc", "=", &"/x".repeat(256), &"x".repeat(512)] {
            let folder = folder(odd);
            let name = folder.file_name().expect("a name").len();
            assert!(
                folder.parent() == Some(Path::new("/logs/us-east-1")) && name <= 255,
                "{odd}: {folder:?}"
            );
        }
        assert_ne!(folder(&"x".repeat(511)), folder(&"x".repeat(512)));
    }

    #[test]
    fn a_segments_file_has_its_number() {
        let path = segment_path(Path::new("/g"), 17);
        assert_eq!((path.to_str(), segment_number(&path)), (Some("/g/00000000000000000017.log"), Some(17)));
        for other in
            ["17.log", "00000000000000000017", "0000000000000000001x.log", "99999999999999999999.log"]
        {
            assert_eq!(segment_number(Path::new(other)), None, "{other}");
        }
    }
}
