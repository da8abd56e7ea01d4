//! What the queue of events is given of the host: who runs functions, what their owners want of their events, and who counts.

use std::pin::Pin;
use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Host, HostParts};
use crate::events::{
    EventSettings, Events, Meter, Observation, Run, RunOutcome, RunRequest, Settings, Target,
};
use crate::function::{
    AccountId, Destination, EventInvokeConfig, FunctionKey, FunctionName, FunctionRef, Qualifier, Region,
    VersionNumber,
};
use crate::invocation::{Invoke, InvokeError, Throttled};
use crate::metrics::EventCounters;
use crate::registry::Registry;

/// Runs events on a host, for as long as it is there.
#[derive(Debug)]
pub(super) struct Runner(pub(super) Weak<HostParts>);

/// Knows what the owners of a host's functions want of their events.
#[derive(Debug)]
pub(super) struct Wishes {
    /// Whoever drops the host waits for the registry's file to be closed, whatever of the queue still ends.
    pub(super) registry: Weak<Registry>,
    pub(super) account: AccountId,
    /// Where functions are whose region nobody names.
    pub(super) region: Region,
}

impl Host {
    /// The queue of events.
    pub(crate) fn events(&self) -> &Events {
        self.parts.events.get().expect("a host that is handed out has started its queue")
    }
}

impl Meter for EventCounters {
    fn observe(&self, function: &FunctionKey, observation: Observation) {
        let series = self.of(function);
        let counter = match observation {
            Observation::Age { ms } => return series.began(Duration::from_millis(ms)),
            Observation::Received => &series.received,
            Observation::Dropped => &series.dropped,
            Observation::DeadLetterError => &series.dead_letter_errors,
            Observation::DestinationDeliveryFailure => &series.destination_delivery_failures,
            Observation::RecursiveInvocationDropped => &series.recursive_invocations_dropped,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Run for Runner {
    fn run(&self, request: RunRequest) -> Pin<Box<dyn Future<Output = RunOutcome> + Send + '_>> {
        let parts = self.0.upgrade();
        Box::pin(async move {
            match parts {
                Some(parts) => run(&Host { parts, caller: None }, request).await,
                None => RunOutcome::System { reason: InvokeError::Closing.to_string() },
            }
        })
    }
}

async fn run(host: &Host, request: RunRequest) -> RunOutcome {
    let RunRequest { function, qualifier, payload, request_id, trace } = request;
    let mut invoke = Invoke::new(reference(&function, qualifier), payload);
    invoke.request_id = Some(request_id);
    invoke.trace_id = Some(trace);
    match host.invoke(invoke).await {
        Ok(outcome) => {
            let (version, payload) = (outcome.executed_version, outcome.body());
            match &outcome.answer {
                Ok(_) => RunOutcome::answered(version, payload),
                Err(error) => RunOutcome::function_error(version, payload, &error.error_type),
            }
        }
        Err(InvokeError::NotFound { .. }) => RunOutcome::NotFound,
        Err(InvokeError::Throttled(throttled)) => {
            let zero_reserved = has_zero_reserved(host, &function);
            RunOutcome::Throttled { reason: told(&throttled), zero_reserved }
        }
        Err(error) => RunOutcome::System { reason: error.to_string() },
    }
}

fn told(throttled: &Throttled) -> String {
    format!("Rate Exceeded: {throttled}")
}

/// Whether no invocation of the function may run at all.
fn has_zero_reserved(host: &Host, function: &FunctionKey) -> bool {
    host.parts.registry.function(function).is_some_and(|function| function.reserved_concurrency == Some(0))
}

fn reference(function: &FunctionKey, qualifier: Option<Qualifier>) -> FunctionRef {
    let region = Region::parse(function.region()).expect("a key has the name of a region");
    let name = FunctionName::parse(function.name()).expect("a key has the name of a function");
    FunctionRef { region: Some(region), account: None, name, qualifier }
}

impl Settings for Wishes {
    fn settings(
        &self,
        function: &FunctionKey,
        qualifier: Option<&Qualifier>,
        ran: Option<VersionNumber>,
    ) -> EventSettings {
        let function = self.registry.upgrade().and_then(|registry| registry.function(function));
        let Some(function) = function else { return EventSettings::default() };
        let about = qualifier.map_or_else(|| VersionNumber::Latest.to_string(), Qualifier::to_string);
        let config = function.event_invoke.get(&about).cloned().unwrap_or_default();
        let ran = ran.and_then(|number| function.version(number));
        let version = ran.or_else(|| function.main_version(qualifier));
        let dead_letter = version.and_then(|version| version.facts.configuration.dead_letter.as_ref());
        let EventInvokeConfig { on_success, on_failure, .. } = &config;
        EventSettings {
            retries_max: config.retry_attempts(),
            age_s_max: u32::try_from(config.event_age().as_secs()).unwrap_or(u32::MAX),
            on_success: on_success.as_ref().and_then(|to| self.target(to)),
            on_failure: on_failure.as_ref().and_then(|to| self.target(to)),
            dead_letter: dead_letter.map(|target| target.queue().clone()),
            recursion: function.recursive_loop,
        }
    }
}

impl Wishes {
    fn target(&self, destination: &Destination) -> Option<Target> {
        match destination {
            Destination::Queue(arn) => Some(Target::Queue(arn.clone())),
            Destination::Function(to) => {
                let function = to.function();
                let is_own = |account: &AccountId| *account == self.account;
                let region = function.region.as_ref().unwrap_or(&self.region);
                let key = FunctionKey::new(region, &function.name);
                let qualifier = function.qualifier.clone();
                function.account.as_ref().is_none_or(is_own).then_some(Target::Function { key, qualifier })
            }
        }
    }
}
