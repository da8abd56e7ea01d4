//! A start: everything in memory is made of the rows.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::thread;

use crate::policy::retry::{self, Attempt};
use crate::store::StoreError;
use crate::store::journal::{Row, RowId};

use super::super::delivery::{DELIVERY, DeliveryHeader};
use super::super::event::{EVENT, EventHeader, Progress, RequestId, Stamp};
use super::super::settings::Settings;
use super::super::status::Depth;

use super::clock::Clock;
use super::dead::DeadTable;
use super::lanes::Lanes;
use super::results::Results;
use super::suspects::Suspects;
use super::targets::Targets;
use super::timers::Timers;
use super::{Core, Effect, Event, Now, Options, Phase};

/// From how many events on a thread of its own makes the table of their request ids, beside the rest.
const EVENTS_BESIDE_MIN: usize = 10_000;

/// What was read of the journal.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    events: Vec<(RowId, Box<Event>)>,
    requests: Vec<(RequestId, RowId)>,
    deliveries: Vec<(RowId, DeliveryHeader)>,
    /// The last stamp that was written.
    last: Option<Stamp>,
}

impl Recovery {
    /// Takes a row in; those of other kinds are not its business.
    ///
    /// # Errors
    /// When the row's header is none of an event or a delivery.
    pub(crate) fn take(&mut self, row: &Row) -> Result<(), StoreError> {
        let id = row.id;
        let damaged = |error: &dyn std::fmt::Display| StoreError::Damaged {
            file: "queue".to_owned(),
            reason: format!("row {} cannot be read: {error}", id.0),
        };
        let stamp = match row.kind {
            EVENT => {
                let header = EventHeader::parse(&row.header).map_err(|error| damaged(&error))?;
                let stamp = header.written;
                self.requests.push((header.facts.request_id.clone(), id));
                self.events.push((id, Event::of(header, row.fence, row.body_bytes.unwrap_or(0))));
                stamp
            }
            DELIVERY => {
                let header = DeliveryHeader::parse(&row.header).map_err(|error| damaged(&error))?;
                let stamp = header.since;
                self.deliveries.push((id, header));
                stamp
            }
            _ => return Ok(()),
        };
        self.came_to(stamp);
        Ok(())
    }

    /// Takes in what somebody else has taken.
    pub(crate) fn join(&mut self, mut other: Self) {
        self.events.append(&mut other.events);
        self.requests.append(&mut other.requests);
        self.deliveries.append(&mut other.deliveries);
        other.last.into_iter().for_each(|stamp| self.came_to(stamp));
    }

    fn came_to(&mut self, stamp: Stamp) {
        if self.last.is_none_or(|last| last.at < stamp.at) {
            self.last = Some(stamp);
        }
    }
}

impl Core {
    /// A queue that goes on where the rows say it was, and what is to be done at once.
    pub(crate) fn start(
        options: Options,
        settings: Arc<dyn Settings>,
        recovery: Recovery,
        now: Now,
    ) -> (Self, Vec<Effect>) {
        let mut core = Self {
            clock: Clock::after(recovery.last, now),
            phase: Phase::Serving,
            events: HashMap::with_capacity(recovery.events.len()),
            by_request: HashMap::new(),
            deliveries: HashMap::new(),
            dead: DeadTable::default(),
            results: Results::default(),
            depth: Depth::default(),
            shares: HashMap::new(),
            placed: BTreeSet::new(),
            suspects: Suspects::default(),
            lanes: Lanes::new(options.running_max, options.running_per_function_max),
            targets: Targets::new(options.sending_per_target_max),
            sending: 0,
            timers: Timers::default(),
            writes: HashMap::new(),
            forgetting: 0,
            tickets: 0,
            claims_from: 0,
            accepting: 0,
            out: Vec::new(),
            #[cfg(test)]
            bug: None,
            options,
            settings,
        };
        core.recover(recovery, now);
        let effects = std::mem::take(&mut core.out);
        (core, effects)
    }

    fn recover(&mut self, recovery: Recovery, now: Now) {
        let stamp = self.clock.stamp(now);
        let Recovery { events, requests, mut deliveries, .. } = recovery;
        let (by_request, delivering) = thread::scope(|scope| {
            let by_request = || requests.iter().cloned().collect();
            let beside = (requests.len() >= EVENTS_BESIDE_MIN).then(|| {
                thread::Builder::new().name("samovar-load".to_owned()).spawn_scoped(scope, by_request)
            });
            let delivering = self.recover_events(events, stamp);
            let by_request = match beside {
                Some(Ok(beside)) => beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Some(Err(_)) | None => by_request(),
            };
            (by_request, delivering)
        });
        self.by_request = by_request;
        deliveries.sort_by_key(|(row, _)| *row);
        for (row, header) in deliveries {
            if let Some(event) = self.events.get_mut(&header.event) {
                event.open.push(row);
            }
            self.admit_delivery(row, header);
        }
        for row in delivering {
            self.tell_row(row, stamp);
        }
        self.go_on(stamp);
    }

    /// Takes them in, and gives those that are being delivered.
    fn recover_events(&mut self, mut events: Vec<(RowId, Box<Event>)>, stamp: Stamp) -> Vec<RowId> {
        // In the order in which they were accepted.
        events.sort_by_key(|(row, _)| *row);
        let mut delivering = Vec::new();
        for (row, mut event) in events {
            let header = &mut event.header;
            if let Progress::Delivering { .. } = header.progress {
                delivering.push(row);
            }
            self.suspect(header, stamp);
            self.count(header, true);
            // Nearly all are ready, and need not be looked up for it.
            let is_ready = matches!(header.progress, Progress::Queued { due, .. } if due <= stamp.at);
            if is_ready {
                self.lanes.push(&header.facts.function, row);
            }
            self.events.insert(row, event);
            if !is_ready {
                self.place(row, stamp);
            }
        }
        delivering
    }

    /// An event that ran when the last process ended is suspected of having ended it.
    fn suspect(&self, header: &mut EventHeader, stamp: Stamp) {
        if let Progress::Running { tries, last, .. } = &header.progress {
            let (mut tries, last) = (*tries, last.clone());
            let policy = self.settings_of(&header.facts).retry();
            // What comes next is decided when its turn comes: its crashes are counted now.
            let _ = retry::after(Attempt::Crashed, &mut tries, 0, policy);
            header.progress = Progress::Queued { due: stamp.at, tries, last };
        }
    }
}
