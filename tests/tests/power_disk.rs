//! The disk that the power cuts are tested on does what it says: it is a file system as others are, until its power is cut.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use samovar_tests::{Flushing, PowerDisk, Unflushed};

fn written(path: &Path, data: &[u8]) -> File {
    let mut file = File::create(path).expect("a file");
    file.write_all(data).expect("written");
    file
}

fn flush_folder(path: &Path) {
    File::open(path).and_then(|folder| folder.sync_all()).expect("flushed");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn it_is_a_file_system_as_others_are() {
    let Some(disk) = PowerDisk::mount() else { return };
    let folder = disk.path().join("folder");
    fs::create_dir(&folder).expect("made");
    let many: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    drop(written(&folder.join("large"), &many));
    assert!(fs::read(folder.join("large")).expect("read") == many);
    for number in 0..500 {
        drop(written(&folder.join(format!("{number:03}")), b"x"));
    }
    assert_eq!(names(&folder).len(), 501);
    for number in 1..500 {
        fs::remove_file(folder.join(format!("{number:03}"))).expect("removed");
    }
    fs::rename(folder.join("000"), folder.join("large")).expect("renamed");
    assert_eq!(
        (names(&folder), fs::read(folder.join("large")).expect("read")),
        (vec!["large".into()], b"x".into())
    );
    let taken = tempfile::NamedTempFile::new_in(&folder).expect("a file");
    taken.persist_noclobber(folder.join("large")).expect_err("the name is taken");
    fs::remove_dir(&folder).expect_err("it is not empty");
    fs::remove_file(folder.join("large")).expect("removed");
    fs::remove_dir(&folder).expect("removed");
    assert_eq!(names(disk.path()), <[&str; 0]>::default());
}

#[test]
fn a_cut_takes_what_was_not_flushed_and_nothing_else() {
    let Some(mut disk) = PowerDisk::mount() else { return };
    let place = disk.path().to_owned();
    written(&place.join("flushed"), b"old").sync_all().expect("flushed");
    drop(written(&place.join("unflushed"), b"new"));
    drop(
        File::options().append(true).open(place.join("flushed")).and_then(|mut file| file.write_all(b" new")),
    );
    // As a program does that replaces a file; the second one forgets the folder.
    let replaced = |temporary: &str, name: &str| {
        written(&place.join(temporary), b"whole").sync_all().expect("flushed");
        fs::rename(place.join(temporary), place.join(name)).expect("renamed");
    };
    replaced("first", "renamed");
    flush_folder(&place);
    replaced("second", "lost");
    disk.power_off();
    fs::read(place.join("unflushed")).expect_err("there is no power");
    let losses = disk.power_on(Unflushed::Lost);
    // The folder was flushed after the name of `unflushed` had been written, but not its content.
    assert_eq!(names(&place), ["flushed", "renamed", "second", "unflushed"]);
    for (name, content) in [("flushed", "old"), ("renamed", "whole"), ("second", "whole"), ("unflushed", "")]
    {
        assert_eq!(fs::read_to_string(place.join(name)).expect("read"), content, "{name}");
    }
    assert_eq!((losses.blocks, losses.names), (2, 1));
}

#[test]
fn a_cut_leaves_a_part_of_it_by_a_seed() {
    let Some(mut disk) = PowerDisk::mount() else { return };
    let path = disk.path().join("f");
    written(&path, &[1; 100 * 4096]).sync_all().expect("flushed");
    drop(File::options().write(true).open(&path).and_then(|mut file| file.write_all(&[2; 100 * 4096])));
    let losses = disk.power_on(Unflushed::KeptInPart(1));
    let left = fs::read(&path).expect("read");
    let kept = left.chunks(4096).filter(|block| **block == [2; 4096]).count();
    let lost = left.chunks(4096).filter(|block| **block == [1; 4096]).count();
    assert_eq!((kept, lost), (losses.blocks_kept, losses.blocks));
    assert!(kept + lost == 100 && kept > 20 && lost > 20, "{losses:?}");
}

#[test]
fn flushes_lie_or_fail_when_they_are_told_to() {
    let Some(mut disk) = PowerDisk::mount() else { return };
    let path = disk.path().join("f");
    disk.set_flushing(Flushing::Lying);
    written(&path, b"lost").sync_all().expect("it says that all is well");
    disk.power_on(Unflushed::Lost);
    assert!(!path.exists());
    disk.set_flushing(Flushing::FailingAfter(1));
    let mut file = written(&path, b"one");
    file.sync_data().expect("flushed");
    file.write_all(b" two").expect("written");
    for _ in 0..2 {
        let error = file.sync_all().expect_err("it fails");
        assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::IO.raw_os_error()));
    }
    assert_eq!(disk.flushes(), 3);
    drop(file);
    disk.power_on(Unflushed::Lost);
    assert_eq!(fs::read(&path).expect("read"), b"one");
}
