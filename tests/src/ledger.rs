//! What was accepted of events held against what became of them. Who sends events writes each id down before it is sent and the
//! request id after the 202; a queue that is told of successes tells what became of them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::RecordedMessage;

/// What was sent, and what of it was accepted.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// How many ids were sent: those below it.
    sent: u64,
    /// The request ids of the accepted ones.
    accepted: BTreeMap<u64, String>,
}

/// What a queue was told of an event's success, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// The id in the event's payload.
    pub id: u64,
    /// The event's request id.
    pub request_id: String,
}

/// What was found, if nothing is wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many accepted events have a fate.
    pub accepted: usize,
    /// How many events have one that were accepted without anybody hearing of it.
    pub unheard: usize,
    /// How many records came once more.
    pub duplicates: usize,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// An accepted event has no fate.
    Lost {
        /// Its id.
        id: u64,
        /// Its request id.
        request_id: String,
    },
    /// There is a fate of an event that nobody sent.
    Unknown {
        /// Its id.
        id: u64,
    },
    /// There is a fate of an event with another request id than it was accepted or told of with.
    Stranger {
        /// Its id.
        id: u64,
        /// The request id that is wrong.
        request_id: String,
    },
    /// More records came twice than may.
    TooManyDuplicates {
        /// How many did.
        found: usize,
        /// How many may.
        most: usize,
    },
}

impl Ledger {
    /// An id that was not sent before; from now on it counts as sent.
    pub fn draw(&mut self) -> u64 {
        self.sent += 1;
        self.sent - 1
    }

    /// Notes that an id was accepted with that request id.
    pub fn accept(&mut self, id: u64, request_id: String) {
        let before = self.accepted.insert(id, request_id);
        assert_eq!(before, None, "{id} was sent once");
    }

    /// The request ids of those that were accepted.
    pub fn request_ids(&self) -> impl Iterator<Item = &str> {
        self.accepted.values().map(String::as_str)
    }

    /// How many were accepted.
    pub fn accepted(&self) -> usize {
        self.accepted.len()
    }

    /// Holds the ledger against what became of the events. `duplicates_max` is how many may have been on their way when the host was
    /// killed: so many may be told of once more.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(&self, fates: &[Fate], duplicates_max: usize) -> Result<Findings, Vec<Problem>> {
        let (mut problems, mut findings) = (Vec::new(), Findings::default());
        let mut known = BTreeMap::<u64, &Fate>::new();
        for fate in fates {
            let id = fate.id;
            let first = *known.entry(id).or_insert(fate);
            let wanted = self.accepted.get(&id).unwrap_or(&first.request_id);
            if id >= self.sent {
                problems.push(Problem::Unknown { id });
            } else if *wanted != fate.request_id {
                problems.push(Problem::Stranger { id, request_id: fate.request_id.clone() });
            }
        }
        findings.duplicates = fates.len() - known.len();
        for (id, request_id) in &self.accepted {
            match known.contains_key(id) {
                true => findings.accepted += 1,
                false => problems.push(Problem::Lost { id: *id, request_id: request_id.clone() }),
            }
        }
        findings.unheard = known.len().saturating_sub(findings.accepted);
        if findings.duplicates > duplicates_max {
            problems.push(Problem::TooManyDuplicates { found: findings.duplicates, most: duplicates_max });
        }
        if problems.is_empty() { Ok(findings) } else { Err(problems) }
    }
}

impl Fate {
    /// Reads the record of a success, or of a crash of the host, whose payload has the id as `id`.
    pub fn of(message: &RecordedMessage) -> Self {
        let record: Value = serde_json::from_str(&message.body).expect("a record is JSON");
        let context = &record["requestContext"];
        // What ran whenever a host was killed ends so. Nothing else goes wrong where this is used.
        let is_expected = context["condition"] == "Success" || context["condition"] == "HostCrash";
        assert!(is_expected, "{record}");
        Self {
            id: record["requestPayload"]["id"].as_u64().expect("an id"),
            request_id: context["requestId"].as_str().expect("a request id").to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten events, of which the last was not answered, and what became of all of them.
    fn sound() -> (Ledger, Vec<Fate>) {
        let mut ledger = Ledger::default();
        for _ in 0..10 {
            let id = ledger.draw();
            if id < 9 {
                ledger.accept(id, format!("request-{id}"));
            }
        }
        let fates = (0..10).map(|id| Fate { id, request_id: format!("request-{id}") });
        (ledger, fates.collect())
    }

    #[test]
    fn a_sound_ledger_is_found_sound() {
        let (ledger, mut fates) = sound();
        fates.push(fates[3].clone());
        let findings = Findings { accepted: 9, unheard: 1, duplicates: 1 };
        assert_eq!(ledger.check(&fates, 1), Ok(findings));
        fates.remove(9);
        let unheard_and_gone = ledger.check(&fates, 1).expect("nobody was told that it is accepted");
        assert_eq!((unheard_and_gone.accepted, unheard_and_gone.unheard), (9, 0));
    }

    #[test]
    fn what_is_lost_is_found() {
        let (ledger, mut fates) = sound();
        fates.remove(5);
        let lost = Problem::Lost { id: 5, request_id: "request-5".to_owned() };
        assert_eq!(ledger.check(&fates, 9), Err(vec![lost]));
        assert_eq!(ledger.check(&[], 9).map_err(|problems| problems.len()), Err(9));
    }

    #[test]
    fn what_comes_too_often_is_found() {
        let (ledger, mut fates) = sound();
        fates.push(fates[0].clone());
        fates.push(fates[0].clone());
        assert_eq!(ledger.check(&fates, 1), Err(vec![Problem::TooManyDuplicates { found: 2, most: 1 }]));
    }

    #[test]
    fn what_nobody_sent_or_was_told_is_found() {
        let (ledger, mut fates) = sound();
        fates.push(Fate { id: 10, request_id: "request-10".to_owned() });
        assert_eq!(ledger.check(&fates, 9), Err(vec![Problem::Unknown { id: 10 }]));
        let (ledger, mut fates) = sound();
        // Also of one of which the request id was not heard.
        for id in [2, 9] {
            fates.push(Fate { id, request_id: "another".to_owned() });
        }
        let stranger = |id| Problem::Stranger { id, request_id: "another".to_owned() };
        assert_eq!(ledger.check(&fates, 9), Err(vec![stranger(2), stranger(9)]));
    }
}
