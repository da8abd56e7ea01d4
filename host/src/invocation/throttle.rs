//! Why a request was refused for the number of others.

use std::fmt;

/// Which limit a throttled request has met, in the terms of Lambda's API (`ThrottleReason`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ThrottleReason {
    /// All functions without a reservation run as many invocations as they may together.
    Concurrency,
    /// The function runs as many invocations as are reserved for it.
    ReservedConcurrency,
    /// The function has grown by as many instances in ten seconds as it may.
    ScalingRate,
    /// All functions without a reservation get as many requests a second as they may together.
    Rate,
    /// The function gets as many requests a second as its reservation, or its provisioned instances, allow.
    ReservedRate,
}

impl ThrottleReason {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Concurrency, Self::ReservedConcurrency, Self::ScalingRate, Self::Rate, Self::ReservedRate];

    /// Lambda's name for it. It has none for growth apart from concurrency.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Concurrency | Self::ScalingRate => "ConcurrentInvocationLimitExceeded",
            Self::ReservedConcurrency => "ReservedFunctionConcurrentInvocationLimitExceeded",
            Self::Rate => "FunctionInvocationRateLimitExceeded",
            Self::ReservedRate => "ReservedFunctionInvocationRateLimitExceeded",
        }
    }
}

/// A request that was refused for the number of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Throttled {
    /// Which limit it met.
    pub reason: ThrottleReason,
    /// How many invocations ran that the limit is on.
    pub running: usize,
    /// How much the limit allows: invocations at a time, new instances in ten seconds, or requests a second.
    pub limit: usize,
}

impl Throttled {
    pub(crate) fn new(reason: ThrottleReason, running: usize, limit: usize) -> Self {
        Self { reason, running, limit }
    }

    /// Whether an invocation that ends makes room for this one.
    pub(crate) fn is_worth_waiting(&self) -> bool {
        // What is reserved and is nothing never comes free.
        matches!(self.reason, ThrottleReason::Concurrency | ThrottleReason::ReservedConcurrency)
            && self.limit > 0
    }
}

impl fmt::Display for Throttled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, running, limit } = self;
        match reason {
            ThrottleReason::Concurrency => write!(
                f,
                "{running} invocations are running; all functions without reserved concurrency may run {limit} together"
            ),
            ThrottleReason::ReservedConcurrency => {
                write!(f, "{running} invocations of the function are running; {limit} are reserved for it")
            }
            ThrottleReason::ScalingRate => {
                write!(
                    f,
                    "a function may have {limit} new instances in 10 seconds; {running} invocations of it are running"
                )
            }
            ThrottleReason::Rate => {
                write!(
                    f,
                    "all functions without reserved concurrency may get {limit} requests a second together"
                )
            }
            ThrottleReason::ReservedRate => {
                write!(f, "the function may get {limit} requests a second, for the concurrency of its own")
            }
        }
    }
}
