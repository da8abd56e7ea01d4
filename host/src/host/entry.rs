//! How an invocation comes in: the permit and the instance that it gets.

use super::Host;
use crate::concurrency::Permit;
use crate::invocation::{InvokeError, Start};
use crate::metrics::InstanceKind;
use crate::pool::{Provisioned, Seat};
use crate::version::{Version, WasmLauncher};
use crate::wasm::Instance;

/// What an invocation has of the host while it runs: a permit, and the seat of the provisioned instance that it runs on.
#[derive(Debug)]
pub(super) struct Entry {
    seat: Option<Seat<WasmLauncher>>,
    _permit: Permit,
}

impl Entry {
    /// What instance it is that the invocation has.
    pub(super) fn kind(&self, version: &Version) -> InstanceKind {
        match (&self.seat, version.provisioned()) {
            (Some(_), _) => InstanceKind::Provisioned,
            (None, Some(provisioned)) if provisioned.standing().target > 0 => InstanceKind::Spillover,
            (None, _) => InstanceKind::OnDemand,
        }
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
                Ok(permit) => (Entry { seat: Some(seat), _permit: permit }, Some(instance)),
                Err(throttled) => {
                    seat.put_back(Some(instance));
                    return Err(InvokeError::Throttled(throttled));
                }
            },
            None => {
                let permit = match version.gate.acquire() {
                    Err(_) if !version.facts.configuration.permit_wait.is_zero() => {
                        let wait = version.facts.configuration.permit_wait.duration();
                        self.until_closed(version.gate.acquire_within(wait)).await?
                    }
                    decided => decided,
                };
                (Entry { seat: None, _permit: permit.map_err(InvokeError::Throttled)? }, None)
            }
        };
        // Looked at with the permit in hand: `close` sets the flag first and then waits for all permits.
        if self.is_closing() { Err(InvokeError::Closing) } else { Ok((entry, instance)) }
    }
}
