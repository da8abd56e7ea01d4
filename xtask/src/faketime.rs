//! A library that sets the clock on the wall for one process alone, for the tests in which it jumps: libfaketime, of Debian.

use std::process::Command;

use crate::command;
use crate::debian_file::DebianFile;

/// The library, as programs with threads need it.
pub(crate) const FAKETIME: DebianFile = DebianFile {
    package: "libfaketime",
    source: "./usr/lib/*/faketime/libfaketimeMT.so.1",
    place: "faketime/libfaketimeMT.so.1",
    works: |file| {
        let mut date = Command::new("date");
        date.arg("+%Y").env("LD_PRELOAD", file).env("FAKETIME", "@2001-02-03 04:05:06");
        // A library that cannot be loaded is passed over, and the year is this one.
        command::output(&mut date).is_ok_and(|year| year.trim() == "2001")
    },
};
