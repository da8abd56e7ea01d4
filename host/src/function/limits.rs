//! What one invocation, one function and its code may have at most on a host.

use std::fmt;
use std::ops::RangeInclusive;

/// The largest payload that a host can be set to take, in bytes: what the body of a request is thrown away beyond.
pub const PAYLOAD_BYTES_BOUND: usize = 256 << 20;
/// The largest payload of an event that a host can be set to queue, in bytes: each is written to disk, and answered only then.
pub const ASYNC_PAYLOAD_BYTES_BOUND: usize = 16 << 20;
/// The largest answer that a host can be set to take, in bytes. A guest hands it over in one call, which may carry 16 MiB
/// in all.
pub const ANSWER_BYTES_BOUND: usize = 15 << 20;
/// The largest package that a host can be set to take, in bytes: half of what may wait to be compiled.
pub const PACKAGE_BYTES_BOUND: usize = 256 << 20;
/// The largest unzipped package that a host can be set to take, in bytes. Reading one needs memory for twice as much.
pub const UNZIPPED_BYTES_BOUND: u64 = 1 << 30;
/// The largest environment that a host can be set to take, in bytes: every instance has a copy.
pub const ENVIRONMENT_BYTES_BOUND: usize = 256 << 10;
/// The largest client context that a host can be set to take, in bytes. It comes in a header.
pub const CLIENT_CONTEXT_BYTES_BOUND: usize = 32 << 10;

/// What one invocation, one function and its code may have at most. The defaults are Lambda's, where Lambda has the limit.
///
/// What comes of each excess is in `docs/limits.md`. [`HostBuilder::limits`](crate::HostBuilder::limits) takes it, and
/// [`HostBuilder::start`](crate::HostBuilder::start) refuses what cannot be kept.
///
/// ```
/// let mut limits = samovar::Limits::default();
/// limits.payload_bytes = 1 << 20;
/// let host = samovar::Host::builder().limits(limits);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The bytes of an invocation's payload. Default: 6,291,456 (6 MiB), as on Lambda; from 1 to 256 MiB.
    pub payload_bytes: usize,
    /// The bytes of the payload of an event that is queued. Default: 1,048,576 (1 MiB), as on Lambda; from 1 to 16 MiB.
    pub async_payload_bytes: usize,
    /// The bytes of an invocation's answer. Default: 6,291,556 (6 MiB and 100 bytes), as on Lambda; from 1 to 15 MiB,
    /// because a guest hands it over in one call, which carries at most 16.
    pub answer_bytes: usize,
    /// The bytes that one invocation may log, each line counted with 26 more, as CloudWatch counts them. What it logs beyond
    /// is dropped, and a line at the end says how much that was; the invocation goes on. Default: 4 MiB, a sixteenth of what
    /// is kept of a log group by default, so that no invocation alone drives out what the others have logged; from 1 KiB to
    /// 1 TiB. Lambda has no such limit, but a disk has.
    pub invocation_log_bytes: u64,
    /// The bytes of a function's environment: of all keys and values. Default: 4,096, as on Lambda; from 0 to 256 KiB.
    pub environment_bytes: usize,
    /// The bytes of an uploaded package. Default: 52,428,800 (50 MiB), as on Lambda; from 1 to 256 MiB.
    pub package_bytes: usize,
    /// The bytes of all files of an uploaded zip, unzipped. Default: 262,144,000 (250 MiB), as on Lambda; from 1 to 1 GiB.
    pub unzipped_bytes: u64,
    /// The bytes of an invocation's client context, as JSON and in base64. Default: 3,583, as on Lambda; from 0 to 32 KiB.
    pub client_context_bytes: usize,
    /// How many resources an instance may hold at a time: open files, streams, headers, requests. What one of them holds in
    /// the host's own memory is at most some 60 KiB. Default: 1,024, the number of open files on Lambda; from 16 to 65,536.
    pub resources: usize,
}

/// A limit that a host cannot be set to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the limit {name} cannot be {given}: it must be from {minimum} to {maximum}{why}")]
pub struct LimitsError {
    /// The limit: the name of its member of [`Limits`].
    pub name: &'static str,
    /// What was asked for.
    pub given: u64,
    /// The least that can be asked for.
    pub minimum: u64,
    /// The most that can be asked for.
    pub maximum: u64,
    /// Why, as the end of a sentence.
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Why(&'static str);

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            payload_bytes: 6_291_456,
            async_payload_bytes: 1 << 20,
            answer_bytes: 6_291_556,
            invocation_log_bytes: 4 << 20,
            environment_bytes: 4096,
            package_bytes: 52_428_800,
            unzipped_bytes: 262_144_000,
            client_context_bytes: 3583,
            resources: 1024,
        }
    }
}

impl Limits {
    /// The most bytes of an event that is handled later: it must not be too large for the function, either.
    pub(crate) fn event_bytes(&self) -> usize {
        self.async_payload_bytes.min(self.payload_bytes)
    }

    /// Checks that a host can keep these limits.
    ///
    /// # Errors
    /// When one of them is outside its range.
    pub fn check(&self) -> Result<(), LimitsError> {
        let all: [(&'static str, u64, RangeInclusive<u64>, &'static str); 9] = [
            ("payload_bytes", self.payload_bytes as u64, 1..=PAYLOAD_BYTES_BOUND as u64, ""),
            (
                "async_payload_bytes",
                self.async_payload_bytes as u64,
                1..=ASYNC_PAYLOAD_BYTES_BOUND as u64,
                ", because it is on disk before it is answered",
            ),
            (
                "answer_bytes",
                self.answer_bytes as u64,
                1..=ANSWER_BYTES_BOUND as u64,
                ", because a guest hands its answer over in one call, which carries 16 MiB in all",
            ),
            ("invocation_log_bytes", self.invocation_log_bytes, 1 << 10..=1 << 40, ""),
            ("environment_bytes", self.environment_bytes as u64, 0..=ENVIRONMENT_BYTES_BOUND as u64, ""),
            (
                "package_bytes",
                self.package_bytes as u64,
                1..=PACKAGE_BYTES_BOUND as u64,
                ", because 512 MiB of packages may wait to be compiled",
            ),
            (
                "unzipped_bytes",
                self.unzipped_bytes,
                1..=UNZIPPED_BYTES_BOUND,
                ", because a package is unzipped in memory",
            ),
            (
                "client_context_bytes",
                self.client_context_bytes as u64,
                0..=CLIENT_CONTEXT_BYTES_BOUND as u64,
                ", because it comes in a header",
            ),
            ("resources", self.resources as u64, 16..=65_536, ""),
        ];
        match all.into_iter().find(|(_, given, range, _)| !range.contains(given)) {
            None => Ok(()),
            Some((name, given, range, why)) => Err(LimitsError {
                name,
                given,
                minimum: *range.start(),
                maximum: *range.end(),
                why: Why(why),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambdas_limits_can_be_kept_and_an_answer_beyond_one_call_cannot() {
        assert_eq!(Limits::default().check(), Ok(()));
        let error = Limits { answer_bytes: 16 << 20, ..Limits::default() }.check().expect_err("too large");
        let text = error.to_string();
        assert!(text.starts_with("the limit answer_bytes cannot be 16777216: it must be from 1 to 15728640"));
        assert!(text.ends_with("which carries 16 MiB in all"), "{text}");
    }

    type Change = fn(&mut Limits, u64);

    #[test]
    fn each_limit_is_held_at_both_ends_of_its_range() {
        let with = |change: Change, value| {
            let mut limits = Limits::default();
            change(&mut limits, value);
            limits.check()
        };
        let all: [(Change, u64, u64); 9] = [
            (|limits, value| limits.payload_bytes = value as usize, 1, 256 << 20),
            (|limits, value| limits.async_payload_bytes = value as usize, 1, 16 << 20),
            (|limits, value| limits.answer_bytes = value as usize, 1, 15 << 20),
            (|limits, value| limits.invocation_log_bytes = value, 1 << 10, 1 << 40),
            (|limits, value| limits.environment_bytes = value as usize, 0, 256 << 10),
            (|limits, value| limits.package_bytes = value as usize, 1, 256 << 20),
            (|limits, value| limits.unzipped_bytes = value, 1, 1 << 30),
            (|limits, value| limits.client_context_bytes = value as usize, 0, 32 << 10),
            (|limits, value| limits.resources = value as usize, 16, 65_536),
        ];
        for (change, minimum, maximum) in all {
            assert_eq!((with(change, minimum), with(change, maximum)), (Ok(()), Ok(())));
            assert!(with(change, maximum + 1).is_err(), "beyond {maximum}");
            assert!(minimum == 0 || with(change, minimum - 1).is_err(), "below {minimum}");
        }
    }
}
