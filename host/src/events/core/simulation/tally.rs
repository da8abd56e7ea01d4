//! How often what happened.

use std::collections::BTreeMap;

/// Faults and fates that must all have happened.
const EXPECTED: &[&str] = &[
    "accepted",
    "accept refused",
    "body unreadable",
    "clock set",
    "claim refused",
    "crash",
    "drained",
    "event unreadable",
    "fate Dead, nobody told",
    "fate Dead, told",
    "fate EventAgeExceeded",
    "fate HostCrash",
    "fate RecursiveInvocation",
    "fate RetriesExhausted",
    "fate Success",
    "fate ZeroReservedConcurrency",
    "forgotten",
    "function answers",
    "function error",
    "function hangs",
    "function kills the host",
    "function not found",
    "function throttled",
    "function zero reserved",
    "host cannot run it",
    "last chance",
    "lease over",
    "nothing to tell it to",
    "purged",
    "queue hangs",
    "queue is missing",
    "queue refuses",
    "queue takes it",
    "queue throttles",
    "queue unreachable",
    "message too large",
    "record too large for an event",
    "redriven",
    "released",
    "settle refused",
    "told to a function",
    "told to a queue",
    "unknown outcome, not written",
    "unknown outcome, sent",
    "unknown outcome, written",
    "void claim refused",
];

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally(BTreeMap<String, u64>);

impl Tally {
    pub(super) fn count(&mut self, what: impl AsRef<str>) {
        let what = what.as_ref();
        match self.0.get_mut(what) {
            Some(count) => *count += 1,
            None => {
                self.0.insert(what.to_owned(), 1);
            }
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            *self.0.entry(what.clone()).or_default() += count;
        }
    }

    /// What happened less often than that.
    pub(super) fn below(&self, min: u64) -> Vec<(&'static str, u64)> {
        let count = |what: &&'static str| (*what, self.0.get(*what).copied().unwrap_or(0));
        EXPECTED.iter().map(count).filter(|(_, count)| *count < min).collect()
    }
}
