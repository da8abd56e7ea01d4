//! How long each stage of an invocation took.

use std::time::Duration;

/// The time each stage of an invocation took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stages {
    /// Finding the version that the reference means.
    pub resolve: Duration,
    /// Checking the request and taking a permit.
    pub permit: Duration,
    /// Taking a warm instance from the pool; on a cold start, finding that there is none.
    pub checkout: Duration,
    /// Mapping in the version's compiled code; zero unless this was its first use.
    pub load: Duration,
    /// Making the instance; zero when it was warm.
    pub instantiate: Duration,
    /// The guest's own set-up; zero when it was warm.
    pub init: Duration,
    /// The handler.
    pub run: Duration,
}

impl Stages {
    /// The stages with their names, in the order in which they happen.
    pub fn named(&self) -> [(&'static str, Duration); 7] {
        [
            ("resolve", self.resolve),
            ("permit", self.permit),
            ("checkout", self.checkout),
            ("load", self.load),
            ("instantiate", self.instantiate),
            ("init", self.init),
            ("run", self.run),
        ]
    }
}
