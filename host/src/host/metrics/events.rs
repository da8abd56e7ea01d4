//! Functions' events: what was counted of them, and how many there are.

use super::super::Host;
use crate::events::Depth;
use crate::metrics::EventMetrics;

/// What was counted of functions' events, and how many there are of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventFigures {
    /// What was counted of each function that had events, in the order of regions and names. Those beyond
    /// [the bound](crate::HostBuilder::metrics_resources_max) are one together, whose names are `other`. A function that is
    /// deleted takes its own away.
    pub functions: Vec<EventMetrics>,
    /// How many are ready to run, or wait for their next attempt.
    pub queued: usize,
    /// How many run.
    pub running: usize,
    /// How many have ended, and places are being told.
    pub delivering: usize,
    /// How many have ended and are only remembered, so that one can ask what became of them.
    pub finished: usize,
    /// How many are in the dead table: they failed, and not everybody who was to be told could be, or nobody was.
    pub dead: usize,
    /// How many messages to dead-letter queues and destinations are still to be sent.
    pub deliveries: usize,
    /// How many there may be that are queued, run or are being delivered; then no more are accepted.
    pub limit: usize,
}

impl Host {
    pub(super) fn event_figures(&self) -> EventFigures {
        let counters = &self.parts.event_counters;
        // A host that closes forgets its functions, and keeps what was counted of them.
        if !self.is_closing() {
            counters.keep(|function| self.parts.registry.function(function).is_some());
        }
        let Depth { queued, running, delivering, finished, dead, deliveries } = self.events().depth();
        EventFigures {
            functions: counters.read(),
            queued,
            running,
            delivering,
            finished,
            dead,
            deliveries,
            limit: self.events().limit(),
        }
    }
}
