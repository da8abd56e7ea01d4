//! Names in a zip: only those that are the same harmless path everywhere.

use std::cmp::Ordering;

use super::directory::Entry;
use super::{NAME_BYTES_MAX, PART_BYTES_MAX, PARTS_MAX, PackageError, shown};

/// Checks every name by itself, and that together they make one tree of files and folders.
pub(super) fn check_all(entries: &[Entry<'_>]) -> Result<(), PackageError> {
    for entry in entries {
        if let Some(reason) = problem(entry.name) {
            return Err(PackageError::Name { name: shown(entry.name), reason });
        }
    }
    check_tree(entries)
}

/// What is wrong with a name. A folder's name ends in a slash.
fn problem(name: &str) -> Option<String> {
    let path = name.strip_suffix('/').unwrap_or(name);
    let parts = || path.split('/');
    let has_drive = || path.as_bytes().get(1) == Some(&b':') && path.as_bytes()[0].is_ascii_alphabetic();
    let problem = match path {
        "" => "it is empty",
        _ if path.len() > NAME_BYTES_MAX => {
            return Some(format!("it has more than {NAME_BYTES_MAX} bytes"));
        }
        _ if path.contains('\0') => "it has a NUL",
        _ if path.contains(char::is_control) => "it has a control character",
        _ if path.contains('\\') => "it has a backslash; folders end in a slash",
        _ if path.starts_with('/') => "it is an absolute path",
        _ if has_drive() => "it begins with a drive",
        _ if parts().any(|part| part == "..") => "it climbs out of its folder with ..",
        _ if parts().any(|part| part.is_empty() || part == ".") => "it has an empty part",
        _ if parts().any(|part| part.len() > PART_BYTES_MAX) => {
            return Some(format!("a part of it has more than {PART_BYTES_MAX} bytes"));
        }
        _ if parts().count() > PARTS_MAX => {
            return Some(format!("it lies in more than {} folders", PARTS_MAX - 1));
        }
        _ => return None,
    };
    Some(problem.to_owned())
}

fn check_tree(entries: &[Entry<'_>]) -> Result<(), PackageError> {
    let mut sorted: Vec<&Entry<'_>> = entries.iter().collect();
    // Part by part, what lies in a folder comes right behind it, so that looking at neighbours is enough.
    sorted.sort_unstable_by(|a, b| by_parts(a.path(), b.path()));
    for pair in sorted.windows(2) {
        let (first, second) = (pair[0], pair[1]);
        let name = || shown(first.path());
        if first.path() == second.path() {
            return Err(match first.is_folder() == second.is_folder() {
                true => PackageError::Duplicate { name: name() },
                false => PackageError::FileAndFolder { name: name() },
            });
        }
        let below = second.path().strip_prefix(first.path()).is_some_and(|rest| rest.starts_with('/'));
        if below && !first.is_folder() {
            return Err(PackageError::FileAndFolder { name: name() });
        }
    }
    Ok(())
}

fn by_parts(a: &str, b: &str) -> Ordering {
    a.split('/').cmp(b.split('/'))
}
