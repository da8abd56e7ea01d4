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
        let entered = match enter_now(version, start) {
            Err(_) if !version.facts.configuration.permit_wait.is_zero() => {
                let wait = version.facts.configuration.permit_wait.duration();
                self.until_closed(version.gate.within(wait, || enter_now(version, start))).await?
            }
            decided => decided,
        };
        let entered = entered.map_err(InvokeError::Throttled)?;
        // Looked at with the permit in hand: `close` sets the flag first and then waits for all permits.
        if self.is_closing() { Err(InvokeError::Closing) } else { Ok(entered) }
    }
}

fn enter_now(version: &Version, start: Start) -> Result<(Entry, Option<Instance>), Throttled> {
    let provisioned = version.provisioned().filter(|_| start == Start::Any);
    if let Some((seat, instance)) = provisioned.and_then(Provisioned::take) {
        return match version.gate.acquire_provisioned() {
            Ok(permit) => {
                let kind = InstanceKind::Provisioned;
                Ok((Entry { seat: Some(seat), kind, _permit: permit }, Some(instance)))
            }
            Err(refused) => {
                seat.put_back(Some(instance));
                Err(refused)
            }
        };
    }
    let permit = version.gate.acquire()?;
    Ok((Entry { seat: None, kind: without_seat(version, start), _permit: permit }, None))
}

/// What an invocation runs on that has no provisioned instance.
fn without_seat(version: &Version, start: Start) -> InstanceKind {
    match version.provisioned() {
        Some(provisioned) if start == Start::Any && provisioned.is_wanted() => InstanceKind::Spillover,
        _ => InstanceKind::OnDemand,
    }
}
