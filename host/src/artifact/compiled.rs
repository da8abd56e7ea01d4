//! Compiled code on disk: machine code, kept with a MAC, so that only what this data folder's host has compiled is run.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::digest::CodeDigest;
use super::disk::{is_temporary, write_whole};

const KEY_BYTES: usize = blake3::KEY_LEN;
const MAC_BYTES: usize = blake3::OUT_LEN;
/// The largest artifact there may be: what 250 MiB of WebAssembly may become.
pub(super) const ARTIFACT_BYTES_MAX: u64 = 1 << 30;

/// A folder of compiled code, by the digest of the component and the settings of the engine it was compiled for. A cache:
/// what is gone is compiled again.
#[derive(Debug)]
pub(super) struct CompiledCode {
    folder: PathBuf,
    key: Key,
    /// Names the engine: artifacts of another version or other settings are other artifacts.
    engine: u64,
    bytes_max: u64,
    shrinking: Mutex<()>,
}

/// The secret of a data folder.
struct Key([u8; KEY_BYTES]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl CompiledCode {
    /// Opens a folder that is there, and its key, which is made if there is none. The oldest code goes when all of it has
    /// more than `bytes_max` bytes.
    pub(super) fn open(folder: PathBuf, key: &Path, engine: u64, bytes_max: u64) -> io::Result<Self> {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if is_temporary(&entry.file_name()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(Self { folder, key: Key::of(key)?, engine, bytes_max, shrinking: Mutex::new(()) })
    }

    /// The artifact of a component, if it is there as it was made. A damaged one is removed.
    pub(super) fn find(&self, component: &CodeDigest) -> Option<Vec<u8>> {
        let name = self.name(component);
        let path = self.folder.join(&name);
        let mut file = File::open(&path).ok()?;
        let read = read(&mut file);
        match read.and_then(|bytes| self.checked(&name, bytes)) {
            Ok(artifact) => {
                // The time of its last use decides how long it stays; one that cannot be noted goes earlier.
                let _ = file.set_modified(SystemTime::now());
                Some(artifact)
            }
            Err(reason) => {
                tracing::warn!(file = %path.display(), %reason, "compiled code is not what was written: it is compiled anew");
                // What is there in its place is overwritten in any case.
                let _ = fs::remove_file(&path);
                None
            }
        }
    }

    /// Keeps an artifact, and lets the oldest go if there are too many. One that cannot be kept, as on a full disk, is no harm:
    /// it is compiled again when it is needed again.
    pub(super) fn keep(&self, component: &CodeDigest, artifact: &[u8]) {
        let name = self.name(component);
        let mac = self.mac(&name, artifact);
        let kept = write_whole(&self.folder.join(&name), &[artifact, mac.as_bytes()]);
        if let Err(reason) = kept.and_then(|()| self.shrink()) {
            tracing::warn!(file = name, %reason, "compiled code could not be kept");
        }
    }

    fn name(&self, component: &CodeDigest) -> String {
        format!("{component}-{:016x}.cwasm", self.engine)
    }

    /// Of the name too, so that one artifact cannot stand in for another.
    fn mac(&self, name: &str, artifact: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key.0);
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes()).update(artifact);
        hasher.finalize()
    }

    fn checked(&self, name: &str, mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "its MAC is not that of its content");
        let length = bytes.len().checked_sub(MAC_BYTES).ok_or_else(damaged)?;
        let mac = blake3::Hash::from_slice(&bytes[length..]).map_err(|_| damaged())?;
        // Compared in constant time.
        if self.mac(name, &bytes[..length]) != mac {
            return Err(damaged());
        }
        bytes.truncate(length);
        Ok(bytes)
    }

    fn shrink(&self) -> io::Result<()> {
        // One at a time: two would each remove what the other has counted.
        let _shrinking = self.shrinking.lock().unwrap_or_else(PoisonError::into_inner);
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if is_temporary(&entry.file_name()) {
                continue;
            }
            // Another may have removed it meanwhile.
            let Ok(found) = entry.metadata() else { continue };
            files.push((found.modified()?, found.len(), entry.path()));
        }
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        files.sort();
        for (_, bytes, path) in files {
            if total <= self.bytes_max {
                break;
            }
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => total -= bytes,
            }
        }
        Ok(())
    }
}

impl Key {
    fn of(path: &Path) -> io::Result<Self> {
        match fs::read(path) {
            Ok(bytes) => match bytes.try_into() {
                Ok(key) => return Ok(Self(key)),
                Err(_) => {
                    tracing::warn!(file = %path.display(), "the key of compiled code is damaged: all is compiled anew");
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        // Readable for its owner alone, as all temporary files are.
        write_whole(path, &[&key])?;
        Ok(Self(key))
    }
}

fn read(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes =
        Vec::with_capacity(file.metadata()?.len().min(ARTIFACT_BYTES_MAX + MAC_BYTES as u64) as usize);
    file.take(ARTIFACT_BYTES_MAX + MAC_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;
    use std::time::Duration;

    use super::*;

    fn opened(folder: &Path, engine: u64, bytes_max: u64) -> CompiledCode {
        let code = folder.join("compiled");
        fs::create_dir_all(&code).expect("a folder");
        CompiledCode::open(code, &folder.join("key"), engine, bytes_max).expect("it opens")
    }

    fn only_file(folder: &Path) -> PathBuf {
        let mut files = fs::read_dir(folder.join("compiled")).expect("the folder");
        files.next().expect("a file").expect("an entry").path()
    }

    #[test]
    fn what_was_kept_is_found_again_also_by_the_next_process() {
        let folder = tempfile::tempdir().expect("a folder");
        let (component, artifact) = (CodeDigest::of(b"component"), vec![7; 10_000]);
        let kept = opened(folder.path(), 1, u64::MAX);
        kept.keep(&component, &artifact);
        assert_eq!(kept.find(&component), Some(artifact.clone()));
        assert_eq!(opened(folder.path(), 1, u64::MAX).find(&component), Some(artifact));
        assert_eq!(opened(folder.path(), 2, u64::MAX).find(&component), None, "another engine's");
        let key = fs::metadata(folder.path().join("key")).expect("a key");
        assert_eq!(key.mode() & 0o777, 0o600);
    }

    #[test]
    fn every_single_flipped_bit_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (component, artifact) = (CodeDigest::of(b"component"), vec![7; 100]);
        let kept = opened(folder.path(), 1, u64::MAX);
        for bit in 0..(artifact.len() + MAC_BYTES) * 8 {
            kept.keep(&component, &artifact);
            let path = only_file(folder.path());
            let mut bytes = fs::read(&path).expect("it can be read");
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, bytes).expect("it can be written");
            assert_eq!(kept.find(&component), None, "bit {bit}");
            assert!(!path.exists(), "it is removed");
        }
    }

    #[test]
    fn one_artifact_does_not_stand_in_for_another_nor_does_a_strangers() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, other) = (CodeDigest::of(b"one"), CodeDigest::of(b"other"));
        let kept = opened(folder.path(), 1, u64::MAX);
        kept.keep(&one, b"artifact");
        let (path, place) = (folder.path().join("compiled").join(kept.name(&one)), kept.name(&other));
        fs::copy(&path, path.with_file_name(place)).expect("copied");
        assert_eq!(kept.find(&other), None);
        let stranger = tempfile::tempdir().expect("a folder");
        opened(stranger.path(), 1, u64::MAX).keep(&one, b"artifact");
        fs::copy(only_file(stranger.path()), &path).expect("copied");
        assert_eq!(kept.find(&one), None);
    }

    #[test]
    fn the_code_used_longest_ago_goes_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = opened(folder.path(), 1, 3 * (1000 + MAC_BYTES as u64));
        let components: Vec<CodeDigest> = (0..4_u8).map(|number| CodeDigest::of(&[number])).collect();
        for (age, component) in components.iter().take(3).enumerate() {
            kept.keep(component, &[0; 1000]);
            let path = folder.path().join("compiled").join(kept.name(component));
            let hours = Duration::from_secs(3600 * (10 - age as u64));
            File::open(path).expect("it is there").set_modified(SystemTime::now() - hours).expect("set");
        }
        assert!(kept.find(&components[0]).is_some(), "which is a use");
        kept.keep(&components[3], &[0; 1000]);
        let there: Vec<bool> = components.iter().map(|component| kept.find(component).is_some()).collect();
        assert_eq!(there, [true, false, true, true]);
    }

    #[test]
    fn a_damaged_key_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let component = CodeDigest::of(b"component");
        opened(folder.path(), 1, u64::MAX).keep(&component, b"artifact");
        fs::write(folder.path().join("key"), b"short").expect("it can be written");
        assert_eq!(opened(folder.path(), 1, u64::MAX).find(&component), None);
    }
}
