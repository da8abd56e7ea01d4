//! How an invocation comes in: the permit and the instance that it gets.

use super::Host;
use crate::concurrency::Permit;
use crate::invocation::{InvokeError, Start, Throttled};
use crate::metrics::InstanceKind;
use crate::pool::{Provisioned, Seat};
use crate::version::{Version, WasmLauncher};
use crate::wasm::Instance;

/// What an invocation has of the host while it runs: a permit, and the seat of the provisioned instance that it runs on.
#[derive(Debug)]
pub(super) struct Entry {
    seat: Option<Seat<WasmLauncher>>,
    kind: InstanceKind,
    _permit: Permit,
}

impl Entry {
    /// On what instance the invocation runs.
    pub(super) fn kind(&self) -> InstanceKind {
        self.kind
    }

    /// Gives back the instance, and with it the permit.
    pub(super) fn leave(self, version: &Version, instance: Option<Instance>) {
        match self.seat {
            Some(seat) => seat.put_back(instance),
            None => version.pool.put_back(instance),
        }
    }
}

impl Host {
    /// Lets an invocation in: on a provisioned instance of its version, if one is ready, or else on demand, as soon as its
    /// function may run one more.
    pub(super) async fn enter(
        &self,
        version: &Version,
        start: Start,
    ) -> Result<(Entry, Option<Instance>), InvokeError> {
        let provisioned = version.provisioned().filter(|_| start == Start::Any);
        let (entry, instance) = match provisioned.and_then(Provisioned::take) {
            Some((seat, instance)) => match version.gate.acquire_provisioned() {
                Ok(permit) => {
                    let kind = InstanceKind::Provisioned;
                    (Entry { seat: Some(seat), kind, _permit: permit }, Some(instance))
                }
                Err(refused) => {
                    seat.put_back(Some(instance));
                    (self.enter_late(version, refused).await?, None)
                }
            },
            None => match version.gate.acquire() {
                Ok(permit) => {
                    (Entry { seat: None, kind: without_seat(version, start), _permit: permit }, None)
                }
                Err(refused) => (self.enter_late(version, refused).await?, None),
            },
        };
        // Looked at with the permit in hand: `close` sets the flag first and then waits for all permits.
        if self.is_closing() { Err(InvokeError::Closing) } else { Ok((entry, instance)) }
    }

    /// Lets an invocation in that was refused, if it may wait until there is room.
    async fn enter_late(&self, version: &Version, refused: Throttled) -> Result<Entry, InvokeError> {
        let wait = version.facts.configuration.permit_wait;
        if wait.is_zero() {
            return Err(InvokeError::Throttled(refused));
        }
        let permit = self.until_closed(version.gate.acquire_within(wait.duration())).await?;
        let permit = permit.map_err(InvokeError::Throttled)?;
        Ok(Entry { seat: None, kind: without_seat(version, Start::Any), _permit: permit })
    }
}

/// What an invocation runs on that has no provisioned instance.
fn without_seat(version: &Version, start: Start) -> InstanceKind {
    match version.provisioned() {
        Some(provisioned) if start == Start::Any && provisioned.is_wanted() => InstanceKind::Spillover,
        _ => InstanceKind::OnDemand,
    }
}
