//! Queues that are built in, as those see them who take messages out of queues wherever these are.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::super::consumer::{ConsumeError, Consumer, Consuming, Delivery, QueueFacts};
use super::super::digest::{md5_of_attributes, md5_of_body};
use super::super::receipt::ReceiptHandle;
use super::{QueueError, Queues, Receive, ReceiveError, ReceivedMessage};
use crate::function::QueueArn;

/// Who has sent the messages of queues that are built in, as long as nobody is authenticated.
pub(crate) const SENDER_ID: &str = "AIDASAMOVAR0000000000";

impl ReceivedMessage {
    /// The system attributes it has, in the order of their names.
    pub(crate) fn system_attributes(&self) -> BTreeMap<&'static str, String> {
        let given = [
            ("AWSTraceHeader", self.message.trace_header.clone()),
            ("ApproximateFirstReceiveTimestamp", Some(self.first_received_ms.to_string())),
            ("ApproximateReceiveCount", Some(self.receives.to_string())),
            ("DeadLetterQueueSourceArn", self.source.as_ref().map(ToString::to_string)),
            ("MessageDeduplicationId", self.message.deduplication.clone()),
            ("MessageGroupId", self.message.group.clone()),
            ("SenderId", Some(SENDER_ID.to_owned())),
            ("SentTimestamp", Some(self.sent_ms.to_string())),
            ("SequenceNumber", self.sequence.map(|sequence| sequence.to_string())),
        ];
        given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

impl Consumer for Queues {
    fn facts<'a>(&'a self, queue: &'a QueueArn) -> Consuming<'a, QueueFacts> {
        Box::pin(async move {
            let settings = self.info(queue)?.settings;
            Ok(QueueFacts {
                visibility_seconds: settings.visibility_seconds,
                dead_letters: settings.redrive.map(|redrive| redrive.target.clone()),
            })
        })
    }

    fn receive<'a>(
        &'a self,
        queue: &'a QueueArn,
        request: Receive,
        stop: &'a CancellationToken,
    ) -> Consuming<'a, Vec<Delivery>> {
        Box::pin(async move {
            let received = self.receive_until(queue, request, stop).await?;
            Ok(received.into_iter().map(delivery).collect())
        })
    }

    fn delete<'a>(&'a self, queue: &'a QueueArn, receipts: Vec<String>) -> Consuming<'a, ()> {
        Box::pin(async move {
            self.delete_messages(queue, &self.own(queue, &receipts)?).await?;
            Ok(())
        })
    }

    fn keep<'a>(&'a self, queue: &'a QueueArn, receipts: Vec<String>, seconds: u32) -> Consuming<'a, ()> {
        Box::pin(async move {
            let own = self.own(queue, &receipts)?;
            let changes: Vec<_> = own.into_iter().map(|receipt| (receipt, seconds)).collect();
            self.change_visibility(queue, &changes).await?;
            Ok(())
        })
    }
}

impl Queues {
    fn own(&self, queue: &QueueArn, receipts: &[String]) -> Result<Vec<ReceiptHandle>, QueueError> {
        let own = receipts.iter().filter_map(|text| self.receipt(queue, text).transpose());
        own.collect()
    }
}

fn delivery(received: ReceivedMessage) -> Delivery {
    let system = received.system_attributes();
    let attributes = received.message.attributes;
    Delivery {
        id: received.id,
        receipt: received.receipt.text(),
        md5_of_body: md5_of_body(&received.message.body),
        md5_of_attributes: md5_of_attributes(attributes.iter().map(|(name, it)| (name.as_str(), it))),
        body: received.message.body,
        system: system.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        attributes,
    }
}

impl From<QueueError> for ConsumeError {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::NoSuchQueue => Self::NoSuchQueue,
            error => Self::Unusable { reason: error.to_string() },
        }
    }
}

impl From<ReceiveError> for ConsumeError {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::OverLimit => Self::Throttled,
            ReceiveError::Queue(error) => error.into(),
        }
    }
}
