//! A clock on the wall that tests set, for servers that are started with it; the clock that nobody sets stays as it is.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Api, TemporaryFolder, can_be_had, variable};

/// How far a server's clock may be from what was set, in seconds: by the time that asking it takes.
const ASKING_SECONDS_MAX: i64 = 60;

/// The clock, kept by a library in each process that is started with it. It says the true time until it is set.
#[derive(Debug)]
pub struct WallClock {
    library: PathBuf,
    folder: TemporaryFolder,
    /// By how many seconds it is ahead.
    ahead: AtomicI64,
    sets: AtomicU32,
}

impl WallClock {
    /// A clock, unless the library cannot be had and `cargo xtask test` found no network; the reason is printed.
    pub fn new() -> Option<Self> {
        let library = PathBuf::from(variable("SAMOVAR_FAKETIME"));
        if !can_be_had(&library) {
            return None;
        }
        assert!(library.is_file(), "{} is not there", library.display());
        let folder = TemporaryFolder::new();
        std::fs::create_dir(&folder.0).expect("a folder");
        let clock = Self { library, folder, ahead: AtomicI64::new(0), sets: AtomicU32::new(0) };
        clock.write();
        Some(clock)
    }

    /// The variables of a process that has this clock.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let text = |path: &PathBuf| path.to_str().expect("it is UTF-8").to_owned();
        vec![
            ("LD_PRELOAD", text(&self.library)),
            ("FAKETIME_TIMESTAMP_FILE", text(&self.file())),
            // A jump is seen at once.
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
        ]
    }

    /// Sets the clock forward by so many seconds, or back. Those who have it know at once.
    pub fn jump(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::SeqCst);
        self.write();
    }

    /// Holds a server's own idea of the time against this clock: the library would say nothing if it did not work. The function is
    /// one whose settings for events are Lambda's.
    pub fn check(&self, api: &Api, function: &str) {
        let path = format!("/2019-09-25/functions/{function}/event-invoke-config");
        let reply = api.call("PUT", &path, Some(&serde_json::json!({ "MaximumRetryAttempts": 2 })));
        let modified = reply.body["LastModified"].as_f64().unwrap_or_else(|| panic!("{reply:?}"));
        let here = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
        let ahead = modified as i64 - here.cast_signed();
        let wanted = self.ahead.load(Ordering::SeqCst);
        assert!((ahead - wanted).abs() < ASKING_SECONDS_MAX, "ahead by {ahead} s, not {wanted}");
    }

    fn file(&self) -> PathBuf {
        self.folder.0.join("now")
    }

    /// Whoever reads the file finds one time or the other.
    fn write(&self) {
        let next = self.folder.0.join(format!("next-{}", self.sets.fetch_add(1, Ordering::SeqCst)));
        let ahead = self.ahead.load(Ordering::SeqCst);
        std::fs::write(&next, format!("{ahead:+}\n")).expect("it is written");
        std::fs::rename(next, self.file()).expect("it is put in place");
    }
}
