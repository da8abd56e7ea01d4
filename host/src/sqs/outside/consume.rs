//! Messages taken out of queues outside.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message, MessageAttributeValue,
    MessageSystemAttributeName, QueueAttributeName,
};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::super::limits::{BATCH_ENTRIES_MAX, VISIBILITY_SECONDS};
use super::super::{
    AttributeValue, ConsumeError, Consumer, Consuming, Delivery, MessageAttribute, QueueFacts, Receive,
    RedrivePolicy, SendError, md5_of_attributes, md5_of_body,
};
use super::OutsideQueues;
use super::failure::Failure;
use crate::function::QueueArn;

/// What queues have as their visibility timeout if they do not say.
const USUAL_VISIBILITY_SECONDS: u32 = 30;
/// How long a receive that is told to stop may still go on: what it brings is on its way, and nobody else would get it for a while.
const GRACE: Duration = Duration::from_secs(2);

impl OutsideQueues {
    /// The client, the queue's URL, and what of the configuration is the queue's own.
    async fn at(&self, queue: &QueueArn) -> Result<(&Client, String, config::Builder), ConsumeError> {
        let client = self.client_for(queue).await;
        let url = match self.urls.get(queue) {
            Some(url) => url,
            None => {
                let url = self.ask_for(client, queue).await?;
                self.urls.insert(queue, url.clone());
                url
            }
        };
        Ok((client, url, config::Builder::new().region(self.region_of(queue))))
    }

    /// Lets a request take no longer than it may, and forgets the URL of a queue that is not there.
    async fn in_time<T>(
        &self,
        queue: &QueueArn,
        limit: Duration,
        request: Consuming<'_, T>,
    ) -> Result<T, ConsumeError> {
        let done = tokio::time::timeout(limit, request).await.unwrap_or_else(|_| {
            let reason = format!("it has not answered within {} s", limit.as_secs_f64());
            Err(ConsumeError::Unusable { reason })
        });
        if done.as_ref().is_err_and(|error| *error == ConsumeError::NoSuchQueue) {
            self.urls.remove(queue);
        }
        done
    }

    async fn ask_facts(&self, queue: &QueueArn) -> Result<QueueFacts, ConsumeError> {
        let (client, url, own) = self.at(queue).await?;
        let request = client
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(QueueAttributeName::VisibilityTimeout)
            .attribute_names(QueueAttributeName::RedrivePolicy);
        let answer = request.customize().config_override(own).send().await;
        let answer = answer.map_err(|error| ConsumeError::from(Failure::of(&error)))?;
        let attribute = |name| answer.attributes().and_then(|all| all.get(&name)).map(String::as_str);
        let visibility = attribute(QueueAttributeName::VisibilityTimeout).and_then(|text| text.parse().ok());
        let redrive = attribute(QueueAttributeName::RedrivePolicy);
        Ok(QueueFacts {
            visibility_seconds: visibility.unwrap_or(USUAL_VISIBILITY_SECONDS).min(*VISIBILITY_SECONDS.end()),
            dead_letters: redrive
                .and_then(|text| RedrivePolicy::parse(text).ok())
                .map(|policy| policy.target),
        })
    }

    async fn ask_messages(&self, queue: &QueueArn, want: Receive) -> Result<Vec<Delivery>, ConsumeError> {
        let (client, url, own) = self.at(queue).await?;
        let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let request = client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(want.messages_max.try_into().unwrap_or(i32::MAX))
            .set_visibility_timeout(want.visibility_seconds.map(number))
            .set_wait_time_seconds(want.wait_seconds.map(number))
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All");
        let answer = request.customize().config_override(own).send().await;
        let answer = answer.map_err(|error| ConsumeError::from(Failure::of(&error)))?;
        Ok(answer.messages.unwrap_or_default().into_iter().map(delivery).collect())
    }

    async fn ask_to_delete(&self, queue: &QueueArn, receipts: &[String]) -> Result<(), ConsumeError> {
        let (client, url, own) = self.at(queue).await?;
        let entries = receipts.iter().enumerate().map(|(id, receipt)| {
            DeleteMessageBatchRequestEntry::builder().id(id.to_string()).receipt_handle(receipt).build()
        });
        let entries = entries.collect::<Result<_, _>>().expect("an id and a receipt is all they need");
        let request = client.delete_message_batch().queue_url(url).set_entries(Some(entries));
        let answer = request.customize().config_override(own).send().await;
        let answer = answer.map_err(|error| ConsumeError::from(Failure::of(&error)))?;
        // What is the receipt's fault stays so: the message is somebody else's.
        match answer.failed.iter().find(|failed| !failed.sender_fault) {
            None => Ok(()),
            Some(failed) => {
                Err(ConsumeError::Unusable { reason: format!("{}: it was not deleted", failed.code) })
            }
        }
    }

    async fn ask_to_keep(
        &self,
        queue: &QueueArn,
        receipts: &[String],
        seconds: u32,
    ) -> Result<(), ConsumeError> {
        let (client, url, own) = self.at(queue).await?;
        let seconds = i32::try_from(seconds).unwrap_or(i32::MAX);
        let entries = receipts.iter().enumerate().map(|(id, receipt)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(id.to_string());
            entry.receipt_handle(receipt).visibility_timeout(seconds).build()
        });
        let entries = entries.collect::<Result<_, _>>().expect("an id and a receipt is all they need");
        let request = client.change_message_visibility_batch().queue_url(url).set_entries(Some(entries));
        let answer = request.customize().config_override(own).send().await;
        let answer = answer.map_err(|error| ConsumeError::from(Failure::of(&error)))?;
        match answer.failed.iter().find(|failed| !failed.sender_fault) {
            None => Ok(()),
            Some(failed) => {
                Err(ConsumeError::Unusable { reason: format!("{}: it was not kept", failed.code) })
            }
        }
    }
}

impl Consumer for OutsideQueues {
    fn facts<'a>(&'a self, queue: &'a QueueArn) -> Consuming<'a, QueueFacts> {
        Box::pin(self.in_time(queue, self.settings.send_time_max, Box::pin(self.ask_facts(queue))))
    }

    fn receive<'a>(
        &'a self,
        queue: &'a QueueArn,
        request: Receive,
        stop: &'a CancellationToken,
    ) -> Consuming<'a, Vec<Delivery>> {
        Box::pin(async move {
            let wait = Duration::from_secs(request.wait_seconds.unwrap_or_default().into());
            let limit = self.settings.send_time_max + wait;
            let mut asked =
                std::pin::pin!(self.in_time(queue, limit, Box::pin(self.ask_messages(queue, request))));
            tokio::select! {
                biased;
                received = &mut asked => received,
                () = stop.cancelled() => {
                    tokio::time::timeout(GRACE, asked).await.unwrap_or(Ok(Vec::new()))
                }
            }
        })
    }

    fn delete<'a>(&'a self, queue: &'a QueueArn, receipts: Vec<String>) -> Consuming<'a, ()> {
        Box::pin(async move {
            let mut done = Ok(());
            for some in receipts.chunks(BATCH_ENTRIES_MAX) {
                let asked = Box::pin(self.ask_to_delete(queue, some));
                // The others are deleted all the same.
                done = done.and(self.in_time(queue, self.settings.send_time_max, asked).await);
            }
            done
        })
    }

    fn keep<'a>(&'a self, queue: &'a QueueArn, receipts: Vec<String>, seconds: u32) -> Consuming<'a, ()> {
        Box::pin(async move {
            let mut done = Ok(());
            for some in receipts.chunks(BATCH_ENTRIES_MAX) {
                let asked = Box::pin(self.ask_to_keep(queue, some, seconds));
                // The others are kept all the same.
                done = done.and(self.in_time(queue, self.settings.send_time_max, asked).await);
            }
            done
        })
    }
}

/// A message as it came. What it lacks, which no server should let it, is made up from what is there.
fn delivery(message: Message) -> Delivery {
    let body = message.body.unwrap_or_default();
    let system = message.attributes.unwrap_or_default();
    let attributes: BTreeMap<String, MessageAttribute> = message
        .message_attributes
        .unwrap_or_default()
        .into_iter()
        .map(|(name, value)| (name, attribute(value)))
        .collect();
    let named = attributes.iter().map(|(name, it)| (name.as_str(), it));
    Delivery {
        id: message.message_id.unwrap_or_default(),
        receipt: message.receipt_handle.unwrap_or_default(),
        md5_of_body: message.md5_of_body.unwrap_or_else(|| md5_of_body(&body)),
        md5_of_attributes: message.md5_of_message_attributes.or_else(|| md5_of_attributes(named)),
        body,
        system: system.into_iter().map(|(name, value)| (name.as_str().to_owned(), value)).collect(),
        attributes,
    }
}

fn attribute(value: MessageAttributeValue) -> MessageAttribute {
    let MessageAttributeValue { data_type, string_value, binary_value, .. } = value;
    let value = match binary_value {
        Some(bytes) => AttributeValue::Binary(Bytes::from(bytes.into_inner())),
        None => AttributeValue::Text(string_value.unwrap_or_default()),
    };
    MessageAttribute { data_type, value }
}

impl From<Failure> for ConsumeError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Of(SendError::NoSuchQueue) => Self::NoSuchQueue,
            Failure::Of(SendError::Throttled) => Self::Throttled,
            Failure::Forbidden { reason } => Self::Unusable { reason },
            Failure::Of(error) => Self::Unusable { reason: error.to_string() },
            Failure::TooLarge { .. } => {
                Self::Unusable { reason: "it takes no request of that size".to_owned() }
            }
        }
    }
}
