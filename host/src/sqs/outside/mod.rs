//! Queues outside: AWS's own, and those of servers that speak as SQS does. The only user of the AWS SDK.
//!
//! One attempt is made of each request, and bounded in time; when the next is due, others decide.

mod client;
mod consume;
mod failure;
mod nobody;
#[cfg(test)]
#[path = "../../../../tests/src/sqs_recorder.rs"]
#[expect(dead_code, unreachable_pub, reason = "it is the behaviour tests', which use all of it")]
mod recorder;
mod settings;
#[cfg(test)]
mod tests;
mod urls;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::operation::send_message::builders::SendMessageFluentBuilder;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
};
use tokio::sync::OnceCell;

pub(crate) use self::settings::TIMES;
pub use self::settings::{SqsCredentials, SqsEndpoint, SqsEndpointError, SqsSettings};

use self::failure::Failure;
use self::urls::QueueUrls;
use super::{
    AttributeValue, MessageAttribute, MessageId, OutgoingMessage, QueueArn, SendError, Sender, Sending,
};

/// Sends messages to queues outside, and takes some out of them.
#[derive(Debug)]
pub(crate) struct OutsideQueues {
    settings: SqsSettings,
    /// Made for the first message: until then nothing of AWS's configuration is looked at.
    client: OnceCell<Client>,
    urls: QueueUrls,
}

impl OutsideQueues {
    /// Queues as the settings have them. Nothing is asked for yet.
    pub(crate) fn new(settings: SqsSettings) -> Self {
        Self { settings, client: OnceCell::new(), urls: QueueUrls::default() }
    }

    async fn attempt(&self, queue: &QueueArn, message: &OutgoingMessage) -> Result<MessageId, SendError> {
        let of_message = |failure: Failure| failure.for_message(message.bytes());
        let region = self.region_of(queue);
        let client = self.client_for(queue).await;
        let known = self.urls.get(queue);
        let url = match &known {
            Some(url) => url.clone(),
            None => self.ask_for(client, queue).await.map_err(of_message)?,
        };
        let request = filled(client.send_message().queue_url(&url), message)
            .map_err(|error| SendError::Refused { reason: error.to_string() })?;
        let sent = request.customize().config_override(config::Builder::new().region(region)).send().await;
        let sent = sent.map_err(|error| of_message(Failure::of(&error)));
        match &sent {
            Ok(_) if known.is_none() => self.urls.insert(queue, url),
            Err(SendError::NoSuchQueue) => self.urls.remove(queue),
            _ => {}
        }
        sent?.message_id.map(|id| MessageId(id.into())).ok_or_else(|| SendError::Unreachable {
            reason: "it answered without the message's id, as SQS never does".to_owned(),
        })
    }

    async fn client_for(&self, queue: &QueueArn) -> &Client {
        self.client.get_or_init(|| client::connect(&self.settings, self.region_of(queue))).await
    }

    /// Asks where a queue is. Who may send to it need not have the right to ask, and then the usual place is as good.
    async fn ask_for(&self, client: &Client, queue: &QueueArn) -> Result<String, Failure> {
        let region = config::Builder::new().region(self.region_of(queue));
        let asked = client
            .get_queue_url()
            .queue_name(queue.name())
            .queue_owner_aws_account_id(queue.account().as_str())
            .customize()
            .config_override(region)
            .send()
            .await;
        match asked.map_err(|error| Failure::of(&error)) {
            Ok(answer) => answer.queue_url.ok_or(Failure::Of(SendError::NoSuchQueue)),
            Err(Failure::Forbidden { .. }) => Ok(self.usual_url(queue)),
            Err(failure) => Err(failure),
        }
    }

    /// The URL that a queue has on AWS, and on most servers that are like it.
    fn usual_url(&self, queue: &QueueArn) -> String {
        let region = self.region_of(queue);
        let suffix = if region.as_ref().starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let server = match &self.settings.endpoint {
            Some(endpoint) => endpoint.to_string(),
            None => format!("https://sqs.{region}.{suffix}"),
        };
        format!("{server}/{}/{}", queue.account(), queue.name())
    }

    fn region_of(&self, queue: &QueueArn) -> config::Region {
        let region = self.settings.region.as_ref().unwrap_or(queue.region());
        config::Region::new(region.as_str().to_owned())
    }
}

impl Sender for OutsideQueues {
    fn send<'a>(&'a self, queue: &'a QueueArn, message: &'a OutgoingMessage) -> Sending<'a> {
        let limit = self.settings.send_time_max;
        Box::pin(async move {
            match tokio::time::timeout(limit, self.attempt(queue, message)).await {
                Ok(sent) => sent,
                Err(_) => Err(SendError::Unreachable {
                    reason: format!("it has not answered within {} s", limit.as_secs_f64()),
                }),
            }
        })
    }
}

/// A request with everything that a message has.
fn filled(
    request: SendMessageFluentBuilder,
    message: &OutgoingMessage,
) -> Result<SendMessageFluentBuilder, BuildError> {
    let mut request = request.message_body(&message.body);
    for (name, attribute) in &message.attributes {
        request = request.message_attributes(name, to_sdk(attribute)?);
    }
    let Some(header) = &message.trace_header else { return Ok(request) };
    let header = MessageSystemAttributeValue::builder().data_type("String").string_value(header).build()?;
    Ok(request.message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, header))
}

fn to_sdk(attribute: &MessageAttribute) -> Result<MessageAttributeValue, BuildError> {
    let value = MessageAttributeValue::builder().data_type(&attribute.data_type);
    match &attribute.value {
        AttributeValue::Text(text) => value.string_value(text),
        AttributeValue::Binary(bytes) => value.binary_value(Blob::new(bytes.as_ref())),
    }
    .build()
}
