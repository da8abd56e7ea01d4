//! The figures of one invocation, as Lambda's REPORT line gives them.

use std::fmt::Write as _;
use std::time::Duration;

use super::function_error::{Answer, FunctionErrorKind};

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// With an answer.
    Success,
    /// With an error of that type.
    Error(String),
    /// By its time limit.
    Timeout,
}

impl Status {
    pub(crate) fn of(answer: &Answer) -> Self {
        match answer {
            Ok(_) => Self::Success,
            Err(error) if error.kind == FunctionErrorKind::TimedOut => Self::Timeout,
            Err(error) => Self::Error(error.error_type.clone()),
        }
    }
}

/// The figures of one invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How the invocation ended.
    pub status: Status,
    /// How long the handler ran, without init.
    pub duration: Duration,
    /// How long the instance took to come up, the guest's set-up included; only on a cold start.
    pub init_duration: Option<Duration>,
    /// The memory the function may use, in MiB.
    pub memory_size_mb: u32,
    /// The most memory the instance has had in its life, in bytes.
    pub max_memory_used_bytes: u64,
}

impl Report {
    /// The time that would be billed: init and duration, rounded up to whole milliseconds.
    pub fn billed_duration(&self) -> Duration {
        let used = self.duration + self.init_duration.unwrap_or_default();
        Duration::from_millis(used.as_micros().div_ceil(1000).max(1) as u64)
    }

    /// The most memory the instance has had, in MiB, rounded up.
    pub fn max_memory_used_mb(&self) -> u64 {
        self.max_memory_used_bytes.div_ceil(1 << 20)
    }

    /// The REPORT line, without a line feed. Its fields, tabs and order are Lambda's.
    pub fn line(&self, request_id: &str) -> String {
        // With the digits of integers: this is done for every event whose log somebody wants, and floats take far longer.
        let hundredths = (self.duration.as_nanos() + 5_000) / 10_000;
        let mut line = format!(
            "REPORT RequestId: {request_id}\tDuration: {}.{:02} ms\tBilled Duration: {} ms\tMemory Size: {} MB\t\
             Max Memory Used: {} MB\t",
            hundredths / 100,
            hundredths % 100,
            self.billed_duration().as_millis(),
            self.memory_size_mb,
            self.max_memory_used_mb(),
        );
        if let Some(init) = self.init_duration {
            // Two digits, as Lambda writes them, would show a cold start of microseconds as nothing.
            let micros = (init.as_nanos() + 500) / 1_000;
            write!(line, "Init Duration: {}.{:03} ms\t", micros / 1_000, micros % 1_000)
                .expect("a String takes all");
        }
        match &self.status {
            Status::Success => {}
            Status::Timeout => line.push_str("Status: timeout"),
            Status::Error(error_type) => {
                write!(line, "Status: error\tError Type: {error_type}").expect("a String takes all");
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(status: Status, init_duration: Option<Duration>) -> Report {
        Report {
            status,
            duration: Duration::from_micros(12_340),
            init_duration,
            memory_size_mb: 128,
            max_memory_used_bytes: (17 << 20) + 1,
        }
    }

    #[test]
    fn a_cold_report_has_the_init_duration_and_bills_it() {
        let line = report(Status::Success, Some(Duration::from_micros(5_670))).line("id");
        assert_eq!(
            line,
            "REPORT RequestId: id\tDuration: 12.34 ms\tBilled Duration: 19 ms\tMemory Size: 128 MB\t\
             Max Memory Used: 18 MB\tInit Duration: 5.670 ms\t"
        );
    }

    #[test]
    fn a_report_says_how_a_failed_invocation_ended() {
        assert!(report(Status::Timeout, None).line("id").ends_with("\tStatus: timeout"));
        let error = report(Status::Error("Runtime.ExitError".to_owned()), None).line("id");
        assert!(error.ends_with("\tStatus: error\tError Type: Runtime.ExitError"));
    }
}
