//! Functions of every temper, what their settings say, and the queues they name.

use bytes::Bytes;

use crate::function::{FunctionKey, Qualifier, VersionNumber};
use crate::sqs::{QueueArn, SendError};

use super::super::super::outcome::RunOutcome;
use super::super::super::settings::{EventSettings, Settings, Target};

pub(super) const FUNCTIONS: &[&str] =
    &["good", "bad", "flaky", "throttled", "reserved", "old", "told", "ring-a", "ring-b", "killer"];
const QUEUES: &[&str] = &["one", "two", "three", "four"];

pub(super) fn key(name: &str) -> FunctionKey {
    FunctionKey::parse(&format!("us-east-1:{name}")).expect("a key")
}

pub(super) fn queue(name: &str) -> QueueArn {
    QueueArn::parse(&format!("arn:aws:sqs:us-east-1:000000000000:{name}")).expect("an ARN")
}

pub(super) fn queues() -> Vec<QueueArn> {
    QUEUES.iter().map(|name| queue(name)).collect()
}

#[derive(Debug)]
pub(super) struct Tempers;

impl Settings for Tempers {
    fn settings(
        &self,
        function: &FunctionKey,
        _qualifier: Option<&Qualifier>,
        _ran: Option<VersionNumber>,
    ) -> EventSettings {
        let usual = EventSettings::default();
        let to_queue = |name| Some(Target::Queue(queue(name)));
        let to_function = |name| Some(Target::Function { key: key(name), qualifier: None });
        match function.name() {
            "bad" => EventSettings { dead_letter: Some(queue("one")), ..usual },
            "flaky" => EventSettings {
                dead_letter: Some(queue("two")),
                on_failure: to_queue("three"),
                on_success: to_queue("one"),
                ..usual
            },
            "throttled" => EventSettings { age_s_max: 300, on_failure: to_queue("two"), ..usual },
            "reserved" => EventSettings { on_failure: to_queue("four"), ..usual },
            "old" => EventSettings { age_s_max: 60, retries_max: 1, ..usual },
            "told" => EventSettings {
                on_success: to_function("good"),
                on_failure: to_function("bad"),
                dead_letter: Some(queue("four")),
                retries_max: 0,
                ..usual
            },
            "ring-a" => EventSettings { on_success: to_function("ring-b"), ..usual },
            "ring-b" => EventSettings {
                on_success: to_function("ring-a"),
                dead_letter: Some(queue("three")),
                ..usual
            },
            "killer" => EventSettings { dead_letter: Some(queue("one")), ..usual },
            _ => usual,
        }
    }
}

/// What a function does with an event.
pub(super) enum Deed {
    Ends(RunOutcome),
    /// It is not heard of before its lease is over.
    Hangs,
    /// The host does not outlive it.
    Kills,
}

pub(super) fn deed(function: &str, rng: &mut fastrand::Rng) -> Deed {
    let payload = match rng.u8(..20) {
        // Larger than the simulator lets an event be. The ring is to come round.
        0 if function == "told" => Bytes::from(format!("\"{}\"", "x".repeat(20_000))),
        _ => Bytes::from_static(b"{\"answer\":42}"),
    };
    let version = VersionNumber::Published(rng.u64(1..4));
    let answer = || Deed::Ends(RunOutcome::answered(version, payload.clone()));
    let error = || {
        let payload = match payload.len() > 100 {
            true => payload.clone(),
            false => Bytes::from_static(b"{\"errorType\":\"E\",\"errorMessage\":\"no\"}"),
        };
        Deed::Ends(RunOutcome::function_error(version, payload, "E"))
    };
    let throttled =
        |zero_reserved| Deed::Ends(RunOutcome::Throttled { reason: "too many".to_owned(), zero_reserved });
    match (function, rng.u8(..100)) {
        (_, 0 | 3..5) => Deed::Hangs,
        (_, 1) => Deed::Ends(RunOutcome::System { reason: "no memory".to_owned() }),
        (_, 2) => Deed::Ends(RunOutcome::NotFound),
        (_, 5) => Deed::Ends(RunOutcome::Unreadable { reason: "no files".to_owned() }),
        ("bad", _) => error(),
        ("flaky", ..50) => error(),
        ("flaky", 50..60) => throttled(false),
        ("throttled", ..90) => throttled(false),
        ("reserved", ..90) => throttled(true),
        ("old", ..40) => error(),
        ("old", 40..70) => throttled(false),
        ("told", ..50) => error(),
        ("killer", ..60) => Deed::Kills,
        _ => answer(),
    }
}

/// What a queue does for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Takes,
    Throttles,
    Unreachable,
    Missing,
    Hangs,
    Refuses,
    Small,
}

impl Mood {
    pub(super) fn any(rng: &mut fastrand::Rng) -> Self {
        match rng.u8(..12) {
            0 => Self::Throttles,
            1 => Self::Unreachable,
            2 => Self::Missing,
            3 => Self::Hangs,
            4 => Self::Refuses,
            5 => Self::Small,
            _ => Self::Takes,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Takes => "queue takes it",
            Self::Throttles => "queue throttles",
            Self::Unreachable => "queue unreachable",
            Self::Missing => "queue is missing",
            Self::Hangs => "queue hangs",
            Self::Refuses => "queue refuses",
            Self::Small => "message too large",
        }
    }

    pub(super) fn result(self) -> Result<(), SendError> {
        let reason = || "it is not my day".to_owned();
        match self {
            Self::Takes => Ok(()),
            Self::Throttles => Err(SendError::Throttled),
            Self::Unreachable | Self::Hangs => Err(SendError::Unreachable { reason: reason() }),
            Self::Missing => Err(SendError::NoSuchQueue),
            Self::Refuses => Err(SendError::Refused { reason: reason() }),
            Self::Small => Err(SendError::TooLarge { bytes: 2, limit: 1 }),
        }
    }
}
