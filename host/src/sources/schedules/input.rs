//! The event that a firing hands to its function.

use std::borrow::Cow;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::IgnoredAny;

use super::name::ScheduleKey;
use crate::function::AccountId;

/// The most bytes that a schedule's input may have: EventBridge Scheduler's limit.
pub const INPUT_BYTES_MAX: usize = 256 << 10;
/// What the names of context attributes begin with.
const ATTRIBUTE: &str = "<aws.scheduler.";

/// Why a text cannot be the input of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleInputError {
    /// It is too large, or would be as an event.
    #[error("the input has {bytes} bytes, and may have {limit}")]
    TooLarge {
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        limit: usize,
    },
    /// It is no JSON.
    #[error("the input is not JSON: {reason}")]
    NotJson {
        /// What is wrong with it.
        reason: String,
    },
}

/// A due time that is fired.
#[derive(Debug)]
pub(super) struct Firing<'a> {
    pub(super) key: &'a ScheduleKey,
    pub(super) account: &'a AccountId,
    /// The due time, as the schedule's expression has it.
    pub(super) scheduled: Timestamp,
    /// A UUID.
    pub(super) execution_id: &'a str,
    /// From 1.
    pub(super) attempt: u32,
}

/// What EventBridge Scheduler hands over where there is no input.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct ScheduledEvent<'a> {
    version: &'static str,
    id: &'a str,
    detail_type: &'static str,
    source: &'static str,
    account: &'a str,
    time: String,
    region: &'a str,
    resources: [String; 1],
    /// A text, as there.
    detail: &'static str,
}

impl Firing<'_> {
    /// The payload of the event.
    pub(super) fn payload(&self, input: Option<Bytes>) -> Bytes {
        match input {
            Some(input) => match std::str::from_utf8(&input).map(|text| self.filled(text)) {
                Ok(Cow::Owned(filled)) => filled.into(),
                Ok(Cow::Borrowed(_)) | Err(_) => input,
            },
            None => self.scheduled_event().into(),
        }
    }

    /// The input, with values in place of context attributes. None of them has a character that JSON would escape.
    fn filled<'a>(&self, input: &'a str) -> Cow<'a, str> {
        if !input.contains(ATTRIBUTE) {
            return Cow::Borrowed(input);
        }
        let values = [
            ("<aws.scheduler.schedule-arn>", self.arn()),
            ("<aws.scheduler.scheduled-time>", self.time()),
            ("<aws.scheduler.execution-id>", self.execution_id.to_owned()),
            ("<aws.scheduler.attempt-number>", self.attempt.to_string()),
        ];
        let fill = |text: String, (attribute, value): &(&str, String)| text.replace(attribute, value);
        Cow::Owned(values.iter().fold(input.to_owned(), fill))
    }

    fn scheduled_event(&self) -> Vec<u8> {
        let event = ScheduledEvent {
            version: "0",
            id: self.execution_id,
            detail_type: "Scheduled Event",
            source: "aws.scheduler",
            account: self.account.as_str(),
            time: self.time(),
            region: self.key.region.as_str(),
            resources: [self.arn()],
            detail: "{}",
        };
        serde_json::to_vec(&event).expect("texts always have a JSON form")
    }

    fn arn(&self) -> String {
        self.key.arn(self.account)
    }

    fn time(&self) -> String {
        self.scheduled.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

/// Checks that an input can be the event of that schedule, which may have so many bytes.
pub(super) fn check(
    input: &str,
    key: &ScheduleKey,
    account: &AccountId,
    payload_bytes_max: usize,
) -> Result<(), ScheduleInputError> {
    let within = |bytes: usize, limit: usize| match bytes <= limit {
        true => Ok(()),
        false => Err(ScheduleInputError::TooLarge { bytes, limit }),
    };
    within(input.len(), INPUT_BYTES_MAX)?;
    // As long as any, and as much JSON.
    let execution_id = uuid::Uuid::nil().to_string();
    let (scheduled, attempt) = (Timestamp::UNIX_EPOCH, super::settings::RETRIES_MAX + 1);
    let firing = Firing { key, account, scheduled, execution_id: &execution_id, attempt };
    let event = firing.filled(input);
    within(event.len(), payload_bytes_max)?;
    let json: Result<IgnoredAny, _> = serde_json::from_str(&event);
    json.map(drop).map_err(|error| ScheduleInputError::NotJson { reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::name::ScheduleName;
    use super::*;
    use crate::function::Region;

    const ARN: &str = "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/tea";

    fn key() -> (ScheduleKey, AccountId) {
        let region = Region::parse("eu-west-1").expect("a region");
        let key = ScheduleKey { region, name: ScheduleName::parse("tea").expect("a name") };
        (key, AccountId::parse("123456789012").expect("an account"))
    }

    fn event(input: Option<&str>) -> Value {
        let (key, account) = key();
        let scheduled = "2027-03-22T18:59:43Z".parse().expect("a time");
        let firing = Firing { key: &key, account: &account, scheduled, execution_id: "id", attempt: 2 };
        let payload = firing.payload(input.map(|input| Bytes::copy_from_slice(input.as_bytes())));
        serde_json::from_slice(&payload).expect("JSON")
    }

    #[test]
    fn without_an_input_a_function_gets_a_scheduled_event() {
        let expected = json!({
            "version": "0", "id": "id", "detail-type": "Scheduled Event", "source": "aws.scheduler",
            "account": "123456789012", "time": "2027-03-22T18:59:43Z", "region": "eu-west-1",
            "resources": [ARN], "detail": "{}",
        });
        assert_eq!(event(None), expected);
    }

    #[test]
    fn context_attributes_stand_for_their_values() {
        let input = r#"{"a": "<aws.scheduler.schedule-arn>", "t": "at <aws.scheduler.scheduled-time>", "n": <aws.scheduler.attempt-number>,
                        "e": "<aws.scheduler.execution-id>", "other": "<aws.scheduler.other>"}"#;
        let expected = json!({ "a": ARN, "t": "at 2027-03-22T18:59:43Z", "n": 2, "e": "id", "other": "<aws.scheduler.other>" });
        assert_eq!(event(Some(input)), expected);
        assert_eq!(event(Some("[1]")), json!([1]));
    }

    #[test]
    fn an_input_is_json_and_has_room_with_its_values() {
        let (key, account) = key();
        let check = |input: &str, limit| check(input, &key, &account, limit);
        let text = |letters: usize| format!("\"{}\"", "x".repeat(letters - 2));
        assert_eq!(check(&text(INPUT_BYTES_MAX), 1 << 20), Ok(()));
        assert_eq!(check(r#"{"n": <aws.scheduler.attempt-number>}"#, 100), Ok(()));
        for (input, limit) in [
            (text(INPUT_BYTES_MAX + 1), 1 << 20),
            (text(101), 100),
            ("\"<aws.scheduler.schedule-arn>\"".into(), 40),
        ] {
            assert!(matches!(check(&input, limit), Err(ScheduleInputError::TooLarge { .. })), "{limit}");
        }
        for input in ["", "{", "tea", "{} {}"] {
            assert!(matches!(check(input, 100), Err(ScheduleInputError::NotJson { .. })), "{input}");
        }
    }
}
