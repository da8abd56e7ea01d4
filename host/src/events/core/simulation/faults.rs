//! What befalls the whole process: crashes, drains, and clocks that are set.

use super::super::Input;
use super::Violation;
use super::functions::{Mood, queues};
use super::world::{Pending, World, start};

impl World {
    pub(super) fn set_clock(&mut self) -> Result<(), Violation> {
        self.check.tally.count("clock set");
        let jump_ms = if self.rng.bool() { 3_600_000 } else { 86_400_000 };
        let wall_ms = self.now.wall_ms;
        self.now.wall_ms = if self.rng.bool() { wall_ms + jump_ms } else { wall_ms - jump_ms };
        self.tell(Input::Tick)
    }

    pub(super) fn change_mood(&mut self) -> Result<(), Violation> {
        let queues = queues();
        let queue = &queues[self.rng.usize(..queues.len())];
        self.moods.insert(queue.clone(), Mood::any(&mut self.rng));
        Ok(())
    }

    /// The process ends at once. Of what was on its way to the journal and to queues, some came there.
    pub(super) fn crash(&mut self) -> Result<(), Violation> {
        self.check.tally.count("crash");
        for pending in std::mem::take(&mut self.pending) {
            let came = self.rng.bool();
            match pending {
                Pending::Write { changes, .. } if came => {
                    self.check.tally.count("unknown outcome, written");
                    drop(self.apply(&changes)?);
                }
                Pending::Write { .. } => self.check.tally.count("unknown outcome, not written"),
                Pending::Send { delivery, header, target, .. }
                    if came && self.moods[&target] == Mood::Takes =>
                {
                    self.check.tally.count("unknown outcome, sent");
                    self.receive(delivery, &header, true)?;
                }
                _ => {}
            }
        }
        self.restart()
    }

    /// The process is asked to end, and does when nothing is on its way any more.
    pub(super) fn drain(&mut self) -> Result<(), Violation> {
        self.check.tally.count("drained");
        self.is_draining = true;
        self.tell(Input::Drain)?;
        for _ in 0..self.rng.usize(..20) {
            if self.core.is_drained() || self.pending.is_empty() {
                break;
            }
            self.complete_any()?;
            if !self.is_draining {
                // A function killed the host meanwhile.
                return Ok(());
            }
        }
        self.tell(Input::Release)?;
        for _ in 0..10_000 {
            let write = self.pending.iter().position(|pending| matches!(pending, Pending::Write { .. }));
            let Some(index) = write else { break };
            let Pending::Write { ticket, changes } = self.pending.swap_remove(index) else { break };
            let result = self.apply(&changes)?;
            self.tell(Input::Written { ticket, result })?;
        }
        self.pending.clear();
        self.restart()
    }

    pub(super) fn restart(&mut self) -> Result<(), Violation> {
        let away_ms = if self.rng.bool() { 50 } else { self.rng.u64(..600_000) };
        self.now.mono_ms += away_ms;
        self.now.wall_ms += away_ms;
        self.asks.clear();
        (self.passed_over, self.eligible) = Default::default();
        self.is_draining = false;
        let (core, effects) = start(&mut self.rng, &self.rows, self.now, self.bug);
        self.core = core;
        let (clock, now) = (self.core.clock, self.now);
        let due_ms = |due: u64| now.mono_ms + due.saturating_sub(clock.stamp(now).at);
        self.check.crashed(&self.rows, due_ms)?;
        self.take(effects)
    }
}
