//! What is counted of one resource, as a function is invoked by: of its name, of a version or of an alias.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::histogram::{DurationHistogram, Histogram, INIT_BOUNDS, RUN_BOUNDS};
use crate::invocation::{FunctionError, FunctionErrorKind, InvokeError, Outcome, ThrottleReason};

/// The type of an error that a function ended with: Lambda's own names, which are few. What a function calls its errors is not
/// among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ErrorType {
    /// `Unhandled`: an error of the function's own.
    Unhandled,
    /// `Sandbox.Timedout`: it took longer than it may.
    TimedOut,
    /// `Runtime.ExitError`: it trapped or exited.
    ExitError,
    /// `Runtime.OutOfMemory`: it wanted more memory than it may have.
    OutOfMemory,
    /// `Function.ResponseSizeTooLarge`: its answer was too large.
    ResponseSizeTooLarge,
    /// `Runtime.UnsupportedEvent`: the event is none that its world takes.
    UnsupportedEvent,
    /// `Runtime.NoAnswer`: it ended without an answer.
    NoAnswer,
    /// `Runtime.MarshalError`: its answer has no JSON form.
    MarshalError,
}

/// Why a request was throttled: what Lambda's 429 calls `Reason`, and two of Samovar's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ThrottleCause {
    /// `ConcurrentInvocationLimitExceeded`: functions without a reservation ran as many invocations as they may together.
    Concurrency,
    /// `ReservedFunctionConcurrentInvocationLimitExceeded`: the function ran as many as it has reserved.
    ReservedConcurrency,
    /// `ScalingRateLimitExceeded`: the function had grown as fast as it may.
    ScalingRate,
    /// `FunctionInvocationRateLimitExceeded`: functions without a reservation got as many requests a second as they may.
    Rate,
    /// `ReservedFunctionInvocationRateLimitExceeded`: the function got as many as its reservation allows.
    ReservedRate,
    /// `InstanceLimitExceeded`: the host held as many instances as it can, all of them busy.
    Instances,
}

impl ErrorType {
    /// Every type.
    pub const ALL: [Self; 8] = [
        Self::Unhandled,
        Self::TimedOut,
        Self::ExitError,
        Self::OutOfMemory,
        Self::ResponseSizeTooLarge,
        Self::UnsupportedEvent,
        Self::NoAnswer,
        Self::MarshalError,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unhandled => "Unhandled",
            Self::TimedOut => "Sandbox.Timedout",
            Self::ExitError => "Runtime.ExitError",
            Self::OutOfMemory => "Runtime.OutOfMemory",
            Self::ResponseSizeTooLarge => "Function.ResponseSizeTooLarge",
            Self::UnsupportedEvent => "Runtime.UnsupportedEvent",
            Self::NoAnswer => "Runtime.NoAnswer",
            Self::MarshalError => "Runtime.MarshalError",
        }
    }

    fn of(error: &FunctionError) -> Self {
        match error.kind {
            FunctionErrorKind::Reported => Self::Unhandled,
            FunctionErrorKind::Exited => Self::ExitError,
            FunctionErrorKind::OutOfMemory => Self::OutOfMemory,
            FunctionErrorKind::TimedOut => Self::TimedOut,
            FunctionErrorKind::AnswerTooLarge => Self::ResponseSizeTooLarge,
            FunctionErrorKind::BadEvent => Self::UnsupportedEvent,
            FunctionErrorKind::BadAnswer if error.error_type == Self::MarshalError.name() => {
                Self::MarshalError
            }
            FunctionErrorKind::BadAnswer => Self::NoAnswer,
        }
    }
}

impl ThrottleCause {
    /// Every cause.
    pub const ALL: [Self; 6] = [
        Self::Concurrency,
        Self::ReservedConcurrency,
        Self::ScalingRate,
        Self::Rate,
        Self::ReservedRate,
        Self::Instances,
    ];

    /// Its name: that of Lambda's reason, where Lambda has one.
    pub fn name(self) -> &'static str {
        match self {
            Self::Concurrency => ThrottleReason::Concurrency.as_str(),
            Self::ReservedConcurrency => ThrottleReason::ReservedConcurrency.as_str(),
            Self::ScalingRate => "ScalingRateLimitExceeded",
            Self::Rate => ThrottleReason::Rate.as_str(),
            Self::ReservedRate => ThrottleReason::ReservedRate.as_str(),
            Self::Instances => "InstanceLimitExceeded",
        }
    }

    /// Why a request was throttled, if that is what the error is.
    fn of(error: &InvokeError) -> Option<Self> {
        match error {
            InvokeError::Throttled(throttled) => Some(match throttled.reason {
                ThrottleReason::Concurrency => Self::Concurrency,
                ThrottleReason::ReservedConcurrency => Self::ReservedConcurrency,
                ThrottleReason::ScalingRate => Self::ScalingRate,
                ThrottleReason::Rate => Self::Rate,
                ThrottleReason::ReservedRate => Self::ReservedRate,
            }),
            InvokeError::NoInstanceLeft { .. } => Some(Self::Instances),
            InvokeError::OutOfResources { .. }
            | InvokeError::NotFound { .. }
            | InvokeError::PayloadTooLarge { .. }
            | InvokeError::PayloadNotJson { .. }
            | InvokeError::BadContext { .. }
            | InvokeError::NotActive { .. }
            | InvokeError::NotReady { .. }
            | InvokeError::Closing => None,
        }
    }
}

/// On what instance an invocation runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstanceKind {
    /// One that was made because somebody asked for one.
    OnDemand,
    /// One of those provisioned for its version.
    Provisioned,
    /// One on demand, because none of those provisioned was left.
    Spillover,
}

/// The counters of one resource. What every invocation touches lies together.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Series {
    begun: AtomicU64,
    ended: AtomicU64,
    /// The memory that may be used times the time that is billed, in MiB and milliseconds.
    billed_mib_ms: AtomicU64,
    max_memory_used_bytes: AtomicU64,
    durations: Histogram,
    init_durations: Histogram,
    errors: [AtomicU64; ErrorType::ALL.len()],
    throttles: [AtomicU64; ThrottleCause::ALL.len()],
    provisioned: AtomicU64,
    spillovers: AtomicU64,
    /// Whether nobody reads it any more: whoever has it at hand asks for another.
    retired: AtomicBool,
}

/// An invocation that runs; it is over when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    series: Arc<Series>,
    kind: InstanceKind,
}

/// Whose figures [`ResourceMetrics`] are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ResourceNames {
    pub(crate) region: String,
    pub(crate) function: String,
    pub(crate) executed_version: String,
    pub(crate) resource: String,
}

/// What was counted of one resource and one version that it led to, since the host was started.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceMetrics {
    /// The function's region.
    pub region: String,
    /// The function's name.
    pub function: String,
    /// The version that ran, a number or `$LATEST`.
    pub executed_version: String,
    /// As the function was invoked: `NAME`, `NAME:ALIAS` or `NAME:VERSION`.
    pub resource: String,
    /// How long each handler ran: as many as there were invocations, whatever came of them.
    pub durations: DurationHistogram,
    /// How long each instance took to come up: as many as there were cold starts.
    pub init_durations: DurationHistogram,
    /// How many invocations ended with an error, by its type; every type is there.
    pub errors: Vec<(ErrorType, u64)>,
    /// How many requests were throttled, by the reason; every reason is there.
    pub throttles: Vec<(ThrottleCause, u64)>,
    /// How many invocations ran on provisioned instances.
    pub provisioned_invocations: u64,
    /// How many ran on demand because no provisioned instance was left.
    pub spillover_invocations: u64,
    /// How many invocations are running.
    pub running: u64,
    /// The memory that the function may use times the time that is billed, in MiB and milliseconds.
    pub billed_mib_ms: u64,
    /// The most memory that any of its instances has had, in bytes.
    pub max_memory_used_bytes: u64,
}

impl ResourceMetrics {
    /// How many invocations have ended.
    pub fn invocations(&self) -> u64 {
        self.durations.count
    }
}

impl Default for Series {
    fn default() -> Self {
        Self {
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            billed_mib_ms: AtomicU64::new(0),
            max_memory_used_bytes: AtomicU64::new(0),
            durations: Histogram::new(RUN_BOUNDS),
            init_durations: Histogram::new(INIT_BOUNDS),
            errors: Default::default(),
            throttles: Default::default(),
            provisioned: AtomicU64::new(0),
            spillovers: AtomicU64::new(0),
            retired: AtomicBool::new(false),
        }
    }
}

impl Series {
    /// Counts an invocation as running on such an instance.
    pub(crate) fn begin(self: Arc<Self>, kind: InstanceKind) -> Running {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Running { series: self, kind }
    }

    /// Counts a request that is not run, if it was throttled.
    pub(crate) fn refused(&self, error: &InvokeError) {
        if let Some(cause) = ThrottleCause::of(error) {
            self.throttles[cause as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed)
    }

    /// Whether anything was counted.
    pub(super) fn is_used(&self) -> bool {
        self.begun.load(Ordering::Relaxed) > 0
            || self.throttles.iter().any(|count| count.load(Ordering::Relaxed) > 0)
    }

    pub(super) fn read(&self, names: ResourceNames) -> ResourceMetrics {
        let ResourceNames { region, function, executed_version, resource } = names;
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        // What has ended is read first: then no invocation that ends meanwhile makes it more than has begun.
        let ended = of(&self.ended);
        ResourceMetrics {
            region,
            function,
            executed_version,
            resource,
            durations: self.durations.read(),
            init_durations: self.init_durations.read(),
            errors: ErrorType::ALL.into_iter().zip(self.errors.iter().map(of)).collect(),
            throttles: ThrottleCause::ALL.into_iter().zip(self.throttles.iter().map(of)).collect(),
            provisioned_invocations: of(&self.provisioned),
            spillover_invocations: of(&self.spillovers),
            running: of(&self.begun).saturating_sub(ended),
            billed_mib_ms: of(&self.billed_mib_ms),
            max_memory_used_bytes: of(&self.max_memory_used_bytes),
        }
    }
}

impl Running {
    /// Counts what came of it.
    pub(crate) fn ended(self, outcome: Outcome) -> Outcome {
        let (series, report) = (&*self.series, &outcome.report);
        match self.kind {
            InstanceKind::OnDemand => {}
            InstanceKind::Provisioned => _ = series.provisioned.fetch_add(1, Ordering::Relaxed),
            InstanceKind::Spillover => _ = series.spillovers.fetch_add(1, Ordering::Relaxed),
        }
        series.durations.observe(report.duration);
        if let Some(init) = report.init_duration {
            series.init_durations.observe(init);
        }
        let billed = u64::from(report.memory_size_mb) * milliseconds(report.billed_duration());
        series.billed_mib_ms.fetch_add(billed, Ordering::Relaxed);
        // Nearly always it is no more than before, and then nothing is written.
        if report.max_memory_used_bytes > series.max_memory_used_bytes.load(Ordering::Relaxed) {
            series.max_memory_used_bytes.fetch_max(report.max_memory_used_bytes, Ordering::Relaxed);
        }
        if let Err(error) = &outcome.answer {
            series.errors[ErrorType::of(error) as usize].fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }

    /// Counts that it was not run after all.
    pub(crate) fn refused(self, error: InvokeError) -> InvokeError {
        self.series.refused(&error);
        error
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.series.ended.fetch_add(1, Ordering::Relaxed);
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::VersionNumber;
    use crate::invocation::{Answer, Report, Status};

    fn outcome(answer: Answer, init: Option<Duration>) -> Outcome {
        let report = Report {
            status: Status::of(&answer),
            duration: Duration::from_micros(1_500),
            init_duration: init,
            memory_size_mb: 128,
            max_memory_used_bytes: 1 << 20,
        };
        let executed_version = VersionNumber::Latest;
        Outcome { request_id: "id".into(), executed_version, answer, report, log_tail: None, stages: None }
    }

    #[test]
    fn an_invocation_moves_each_counter_once() {
        let series = Arc::new(Series::default());
        let running = series.clone().begin(InstanceKind::OnDemand);
        assert_eq!(series.read(ResourceNames::default()).running, 1);
        running.ended(outcome(Ok("1".into()), Some(Duration::from_micros(700))));
        series
            .clone()
            .begin(InstanceKind::OnDemand)
            .ended(outcome(Err(FunctionError::not_json("no".to_owned())), None));
        series
            .clone()
            .begin(InstanceKind::OnDemand)
            .refused(InvokeError::NoInstanceLeft { limit: 1, reason: String::new() });
        drop(series.clone().begin(InstanceKind::OnDemand));
        let read = series.read(ResourceNames::default());
        assert_eq!((read.invocations(), read.init_durations.count, read.running), (2, 1, 0));
        // 1.5 ms and 0.7 ms of init are three milliseconds, 1.5 ms alone are two.
        assert_eq!((read.billed_mib_ms, read.max_memory_used_bytes), (128 * 5, 1 << 20));
        assert_eq!(read.durations.sum, Duration::from_millis(3));
        let errors: Vec<_> = read.errors.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(errors, [(ErrorType::MarshalError, 1)]);
        let throttles: Vec<_> = read.throttles.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(throttles, [(ThrottleCause::Instances, 1)]);
    }

    #[test]
    fn each_type_and_reason_is_counted_in_a_place_of_its_own() {
        for (place, error_type) in ErrorType::ALL.into_iter().enumerate() {
            assert_eq!(error_type as usize, place);
        }
        for (place, reason) in ThrottleCause::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
    }

    #[test]
    fn what_a_function_calls_its_errors_is_no_type() {
        let reported = FunctionError::reported("Sandbox.Timedout".to_owned(), String::new(), Vec::new());
        assert_eq!(ErrorType::of(&reported), ErrorType::Unhandled);
    }
}
