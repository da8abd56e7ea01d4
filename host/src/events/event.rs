//! An event: what it is, how far it has come, and how both are written down.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::function::{FunctionKey, Qualifier, VersionNumber};
use crate::policy::retry::{Condition, Tries};
use crate::store::journal::Kind;

/// Whose rows events are.
pub(super) const EVENT: Kind = Kind(1);

/// The first byte of a header, which tells how it is written: as [`postcard`] writes, member by member, so that a start reads a million of
/// them. Whoever adds a member makes another format. The first headers were JSON, which begins with a brace, and are still read.
const FORMAT: u8 = 1;

/// What an event is known by: a UUID in text.
pub(crate) type RequestId = Arc<str>;

/// An event that is to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewEvent {
    /// An id that no other event has.
    pub(crate) request_id: RequestId,
    /// Whose event it is.
    pub(crate) function: FunctionKey,
    /// Which version or alias; an alias is resolved when the event runs.
    pub(crate) qualifier: Option<Qualifier>,
    /// JSON, or nothing, which stands for `{}`.
    pub(crate) payload: Bytes,
    /// The trace header that came with it.
    pub(crate) trace: Option<String>,
}

/// A moment in both times: that of the core, which goes on evenly, and that of the clock on the wall, which may be set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// In the core's time, in milliseconds. What is waited for and how old things are is reckoned in this.
    pub(super) at: u64,
    /// Milliseconds since 1970. This is for people, and for how long the host was away.
    pub(super) wall: u64,
}

/// What an event is, from when it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    #[serde(with = "text")]
    pub(super) request_id: RequestId,
    #[serde(with = "key")]
    pub(super) function: FunctionKey,
    #[serde(with = "qualifier", default)]
    pub(super) qualifier: Option<Qualifier>,
    /// When it was accepted, or put back into the queue from the dead table.
    pub(super) accepted: Stamp,
    #[serde(default)]
    pub(super) trace: Option<String>,
    pub(super) payload_bytes: u64,
    /// How often it was put back into the queue from the dead table.
    #[serde(default)]
    pub(super) redrives: u32,
}

/// What went wrong last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// In the terms of HTTP; 200 is an error of the function.
    pub(crate) code: u16,
    /// What happened, the first 1,024 bytes.
    pub(crate) message: Arc<str>,
}

/// How an event ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ending {
    pub(super) condition: Condition,
    pub(super) at: Stamp,
    pub(super) tries: Tries,
    /// Which version answered last, if one did.
    #[serde(default)]
    pub(super) version: Option<VersionNumber>,
    #[serde(default)]
    pub(super) failure: Option<Failure>,
    /// Where it was told.
    #[serde(default)]
    pub(super) places: Vec<Arc<str>>,
    /// Where it was to be told, and cannot be.
    #[serde(default)]
    pub(super) undelivered: Vec<Undelivered>,
}

/// A place that could not be told how an event ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Undelivered {
    /// Its ARN.
    pub(crate) target: Arc<str>,
    /// Why not.
    pub(crate) reason: Arc<str>,
}

/// How far an event has come. What is written is which of them it is, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Progress {
    /// It is to run, not before that time of the core.
    Queued {
        due: u64,
        tries: Tries,
        #[serde(default)]
        last: Option<Failure>,
    },
    /// It runs, or did when the process ended. This is durable before the run begins.
    Running {
        since: Stamp,
        tries: Tries,
        #[serde(default)]
        last: Option<Failure>,
    },
    /// It has ended, and places are to be told: each is a row of its own, written with this.
    Delivering { ending: Ending },
    /// It has ended, and is kept so long.
    Finished { ending: Ending, until: u64 },
}

/// A header that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeaderError {
    #[error("it is in no format that is known")]
    Format,
    #[error(transparent)]
    Content(#[from] postcard::Error),
    #[error("it goes on behind its end")]
    TooLong,
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// What is written down of an event, beside its payload or result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EventHeader {
    pub(super) facts: Facts,
    pub(super) progress: Progress,
    /// When this was written.
    pub(super) written: Stamp,
}

impl Ending {
    /// Whether it is one to work with: nobody was told of the failure, or somebody could not be told.
    pub(super) fn is_dead_letter(&self) -> bool {
        !self.undelivered.is_empty() || self.condition != Condition::Success && self.places.is_empty()
    }
}

impl EventHeader {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![FORMAT]).expect("headers hold nothing that cannot be written")
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        match bytes.split_first() {
            Some((&FORMAT, content)) => match postcard::take_from_bytes(content)? {
                (header, []) => Ok(header),
                _ => Err(HeaderError::TooLong),
            },
            Some((b'{', _)) => Ok(serde_json::from_slice(bytes)?),
            _ => Err(HeaderError::Format),
        }
    }
}

/// Texts that many hold, read without another copy.
mod text {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
        <&str>::deserialize(deserializer).map(Arc::from)
    }
}

/// Keys of functions as their text.
mod key {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::function::FunctionKey;

    pub(super) fn serialize<S: Serializer>(key: &FunctionKey, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(key.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FunctionKey, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        FunctionKey::parse(text).ok_or_else(|| D::Error::custom("not the key of a function"))
    }
}

/// Qualifiers as their text.
mod qualifier {
    use serde::{Deserialize, Deserializer, Serialize as _, Serializer, de::Error};

    use crate::function::Qualifier;

    #[expect(clippy::ref_option, reason = "so serde calls it")]
    pub(super) fn serialize<S: Serializer>(
        qualifier: &Option<Qualifier>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        qualifier.as_ref().map(Qualifier::to_string).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Qualifier>, D::Error> {
        let text = <Option<&str>>::deserialize(deserializer)?;
        text.map(Qualifier::parse).transpose().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_as_it_was_written() {
        let failure = Failure { code: 200, message: "no \"luck\"".into() };
        let ending = Ending {
            condition: Condition::RetriesExhausted,
            at: Stamp { at: 5, wall: 7 },
            tries: Tries { attempts: 3, backoffs: 0, crashes: 1 },
            version: Some(VersionNumber::Published(7)),
            failure: Some(failure.clone()),
            places: vec!["arn:aws:sqs:us-east-1:000000000000:q".into()],
            undelivered: vec![Undelivered { target: "arn".into(), reason: "too large".into() }],
        };
        let tries = Tries::default();
        for progress in [
            Progress::Queued { due: 1, tries, last: None },
            Progress::Running { since: Stamp::default(), tries, last: Some(failure) },
            Progress::Delivering { ending: ending.clone() },
            Progress::Finished { ending, until: 1 },
        ] {
            for qualifier in [None, Some("$LATEST"), Some("7"), Some("live")] {
                let facts = Facts {
                    request_id: "id".into(),
                    function: FunctionKey::parse("us-east-1:f").expect("a key"),
                    qualifier: qualifier.map(|text| Qualifier::parse(text).expect("a qualifier")),
                    accepted: Stamp { at: 3, wall: 4 },
                    trace: qualifier.map(str::to_owned),
                    payload_bytes: 2,
                    redrives: 0,
                };
                let header = EventHeader { facts, progress: progress.clone(), written: Stamp::default() };
                let bytes = header.to_bytes();
                assert_eq!(EventHeader::parse(&bytes).expect("it reads"), header);
                let json = serde_json::to_vec(&header).expect("JSON");
                assert_eq!(EventHeader::parse(&json).expect("it reads"), header, "as they were once");
                assert!(bytes.len() * 2 < json.len(), "{} of {}", bytes.len(), json.len());
                for end in 0..bytes.len() {
                    assert!(EventHeader::parse(&bytes[..end]).is_err(), "{end}");
                }
                assert!(EventHeader::parse(&[&bytes[..], b"0"].concat()).is_err());
            }
        }
        for bad in [&b"{}"[..], b"", b"\x02", b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"] {
            assert!(EventHeader::parse(bad).is_err(), "{bad:?}");
        }
    }

    /// Without what was left out then, and with what was always there.
    #[test]
    fn a_header_of_the_first_format_is_read() {
        let old = r#"{"facts":{"request_id":"id","function":"us-east-1:f","accepted":{"at":3,"wall":4},"payload_bytes":2,
            "redrives":0},"progress":{"Queued":{"due":9,"tries":{"attempts":1,"backoffs":0,"crashes":0}}},"written":{"at":5,"wall":6}}"#;
        let facts = Facts {
            request_id: "id".into(),
            function: FunctionKey::parse("us-east-1:f").expect("a key"),
            qualifier: None,
            accepted: Stamp { at: 3, wall: 4 },
            trace: None,
            payload_bytes: 2,
            redrives: 0,
        };
        let tries = Tries { attempts: 1, ..Tries::default() };
        let progress = Progress::Queued { due: 9, tries, last: None };
        let header = EventHeader { facts, progress, written: Stamp { at: 5, wall: 6 } };
        assert_eq!(EventHeader::parse(old.as_bytes()).expect("it reads"), header);
    }
}
