//! How long an invocation took, in the header `Server-Timing`, for those who ask.

use std::fmt::Write as _;
use std::time::Duration;

use crate::Outcome;

/// The request header that asks for the header `Server-Timing`, when its value is `1`.
///
/// It has a member per [stage](crate::Stages), then `duration` and, on a cold start, `init-duration`, as the log's
/// REPORT line has them; all in milliseconds.
pub const TIMING_HEADER: &str = "x-samovar-timing";

/// The request header that asks for an instance of its own, when its value is `cold`: for measuring cold starts.
pub const START_HEADER: &str = "x-samovar-start";

/// The header's value (W3C Server Timing).
pub(super) fn server_timing(outcome: &Outcome) -> String {
    let mut value = String::with_capacity(256);
    for (name, time) in outcome.stages.iter().flat_map(|stages| stages.named()) {
        member(&mut value, name, time);
    }
    member(&mut value, "duration", outcome.report.duration);
    if let Some(init) = outcome.report.init_duration {
        member(&mut value, "init-duration", init);
    }
    value
}

fn member(value: &mut String, name: &str, time: Duration) {
    let separator = if value.is_empty() { "" } else { ", " };
    write!(value, "{separator}{name};dur={:.4}", time.as_secs_f64() * 1e3).expect("a String takes all");
}
