//! A start: everything in memory is made of the rows.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::policy::retry::{self, Attempt};
use crate::store::StoreError;
use crate::store::journal::{Row, RowId};

use super::super::delivery::{DELIVERY, DeliveryHeader};
use super::super::event::{EVENT, EventHeader, Progress, Stamp};
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

/// What was read of the journal.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    events: Vec<(RowId, Box<Event>)>,
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
        let damaged = |error: serde_json::Error| StoreError::Damaged {
            file: "queue".to_owned(),
            reason: format!("row {} cannot be read: {error}", id.0),
        };
        let stamp = match row.kind {
            EVENT => {
                let header = EventHeader::parse(&row.header).map_err(damaged)?;
                let stamp = header.written;
                self.events.push((id, Event::of(header, row.fence, row.body_bytes.unwrap_or(0))));
                stamp
            }
            DELIVERY => {
                let header = DeliveryHeader::parse(&row.header).map_err(damaged)?;
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
            by_request: HashMap::with_capacity(recovery.events.len()),
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
        let Recovery { mut events, mut deliveries, .. } = recovery;
        // In the order in which they were accepted.
        events.sort_by_key(|(row, ..)| *row);
        deliveries.sort_by_key(|(row, _)| *row);
        let mut delivering = Vec::new();
        for (row, mut event) in events {
            let header = &mut event.header;
            if let Progress::Delivering { .. } = header.progress {
                delivering.push(row);
            }
            self.suspect(header, stamp);
            self.by_request.insert(header.facts.request_id.clone(), row);
            self.count(header, true);
            self.events.insert(row, event);
            self.place(row, stamp);
        }
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
