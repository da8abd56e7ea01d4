//! Named places in which a test lets the process die, as if it were killed just there, and what a test lets it leave out.
//!
//! `SAMOVAR_FAIL_POINT=NAME` or `NAME:N` ends the process when that place is reached for the first or the N-th time. The
//! variable is read once. Where it is not set, a place costs one relaxed load; what was not made ready for a crash is not
//! tidied up by this one either.
//!
//! | name | where |
//! | --- | --- |
//! | `journal.before-commit` | all changes of a transaction are made, and none is on the disk |
//! | `journal.after-commit` | they are on the disk, and nobody was told |
//! | `event.answer` | an event is accepted, or was refused, and whoever asked is not told yet |
//! | `event.run` | it is claimed, and its function does not run yet |
//! | `event.ran` | its function has ended, and nothing is written of that |
//! | `event.send` | a message of how it ended is about to be sent |
//! | `event.sent` | the queue has taken or refused it, and nothing is written of that |
//!
//! Of these the process does not die. It leaves something out instead, each time, and warns of it:
//!
//! | name | what |
//! | --- | --- |
//! | `store.no-flush` | SQLite's flushes: what is acknowledged is lost when the power is cut, which a test of that must find |

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The variable that chooses a place.
const VARIABLE: &str = "SAMOVAR_FAIL_POINT";

/// Set when it is known that no place was chosen.
static NONE_CHOSEN: AtomicBool = AtomicBool::new(false);
static CHOSEN: OnceLock<Option<Chosen>> = OnceLock::new();

/// Where the process ends.
#[derive(Debug)]
struct Chosen {
    name: String,
    /// How often it is still to be reached, this last time included.
    left: AtomicU64,
}

/// Ends the process without any tidying up, if this place was chosen and is reached for the time that was chosen.
pub(crate) fn reached(name: &str) {
    if !NONE_CHOSEN.load(Ordering::Relaxed) {
        look(name);
    }
}

/// Whether a test chose that this is left out.
pub(crate) fn is_left_out(name: &str) -> bool {
    let is_left_out = chosen().is_some_and(|chosen| chosen.name == name);
    if is_left_out {
        tracing::warn!("{name} was chosen with {VARIABLE}: this is for tests alone");
    }
    is_left_out
}

fn chosen() -> Option<&'static Chosen> {
    CHOSEN.get_or_init(|| Chosen::parse(&std::env::var(VARIABLE).ok()?)).as_ref()
}

#[cold]
fn look(name: &str) {
    match chosen() {
        None => NONE_CHOSEN.store(true, Ordering::Relaxed),
        Some(chosen) => {
            if chosen.is_due(name) {
                eprintln!("ended at the fail point {name}");
                std::process::abort();
            }
        }
    }
}

impl Chosen {
    /// None, if the text is empty. A name without a number that makes sense is a place that is never reached.
    fn parse(text: &str) -> Option<Self> {
        let whole = (text, 1);
        let (name, left) = text
            .rsplit_once(':')
            .and_then(|(name, number)| Some((name, number.parse().ok().filter(|&number| number > 0)?)))
            .unwrap_or(whole);
        (!name.is_empty()).then(|| Self { name: name.to_owned(), left: AtomicU64::new(left) })
    }

    fn is_due(&self, name: &str) -> bool {
        // At zero it wraps around; by then the process has ended.
        name == self.name && self.left.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Command;

    use super::*;

    const SIGABRT: i32 = 6;

    /// Runs this test again in a process of its own, which reaches two places three times each.
    fn ended_with(fail_point: Option<&str>) -> (Option<i32>, String) {
        let mut command = Command::new(std::env::current_exe().expect("the tests run from a file"));
        command.args(["failpoint::tests::the_process_ends_where_it_was_told_to", "--exact", "--nocapture"]);
        command.env("SAMOVAR_FAIL_POINT_TEST_CHILD", "1").env_remove(VARIABLE);
        let ended = command.envs(fail_point.map(|name| (VARIABLE, name))).output().expect("it runs");
        let said = String::from_utf8_lossy(&ended.stdout);
        let places: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("past ")).collect();
        (ended.status.signal(), places.join(" "))
    }

    #[test]
    fn the_process_ends_where_it_was_told_to() {
        if std::env::var_os("SAMOVAR_FAIL_POINT_TEST_CHILD").is_some() {
            println!();
            if is_left_out("something") {
                println!("past something");
            }
            for round in 1..=3 {
                for name in ["one", "other"] {
                    reached(name);
                    println!("past {name}{round}");
                }
            }
            return;
        }
        let all = "one1 other1 one2 other2 one3 other3";
        for never in
            [None, Some(""), Some("another"), Some("one:4"), Some("one:0"), Some("one:x"), Some(":1")]
        {
            assert_eq!(ended_with(never), (None, all.to_owned()), "{never:?}");
        }
        assert_eq!(ended_with(Some("something")), (None, format!("something {all}")), "it is left out");
        assert_eq!(ended_with(Some("one")), (Some(SIGABRT), String::new()));
        assert_eq!(ended_with(Some("other:1")), (Some(SIGABRT), "one1".to_owned()));
        assert_eq!(ended_with(Some("other:3")), (Some(SIGABRT), "one1 other1 one2 other2 one3".to_owned()));
    }
}
