//! A delivery: a message that is to tell how an event ended, and how it is written down.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::store::journal::{Kind, RowId};

use super::event::{Failure, RequestId, Stamp};
use super::observation::Observation;

/// Whose rows deliveries are.
pub(super) const DELIVERY: Kind = Kind(2);

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum Purpose {
    /// The dead-letter queue gets the event.
    DeadLetter,
    /// The destination of successes gets a record.
    OnSuccess,
    /// The destination of failures gets a record.
    OnFailure,
}

impl Purpose {
    /// What is counted when it fails.
    pub(super) fn failure(self) -> Observation {
        match self {
            Self::DeadLetter => Observation::DeadLetterError,
            Self::OnSuccess | Self::OnFailure => Observation::DestinationDeliveryFailure,
        }
    }
}

/// What is written down of a delivery, beside the message's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DeliveryHeader {
    /// The row of the event.
    #[serde(with = "row")]
    pub(super) event: RowId,
    pub(super) purpose: Purpose,
    /// The ARN of the queue.
    pub(super) target: Arc<str>,
    /// When it was written.
    pub(super) since: Stamp,
    pub(super) request_id: RequestId,
    /// What the attributes of a dead letter tell; records have it in their body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<Failure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trace: Option<String>,
}

impl DeliveryHeader {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("headers hold nothing that JSON has not")
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

/// Rows as their number.
mod row {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::store::journal::RowId;

    pub(super) fn serialize<S: Serializer>(row: &RowId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(row.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RowId, D::Error> {
        u64::deserialize(deserializer).map(RowId)
    }
}
