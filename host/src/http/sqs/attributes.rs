//! GetQueueAttributes and SetQueueAttributes.

use std::collections::BTreeMap;

use super::error::SqsWireError;
use super::shapes::{GetQueueAttributes, QueueAttributes, SetQueueAttributes};
use super::{Call, Done, given, json, nothing};
use crate::sqs::{QueueArn, QueueChange, QueueInfo, QueueSetting};

const ALL: &str = "All";
/// Whether SQS encrypts what it keeps. Here nothing is encrypted.
const ENCRYPTED: &str = "SqsManagedSseEnabled";

/// What is told of a queue, and cannot be set.
const TOLD: [&str; 6] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

/// What queues of SQS have and those here do not yet.
const NOT_YET: [&str; 9] = [
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "Policy",
    "RedriveAllowPolicy",
    "RedrivePolicy",
];

pub(super) fn get(call: &Call<'_>) -> Done {
    let request: GetQueueAttributes = call.request()?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let names = request.attribute_names.unwrap_or_default();
    let mut attributes = attributes(&queue, &call.queues.info(&queue)?);
    for name in &names {
        let known = name == ALL || attributes.contains_key(name.as_str()) || NOT_YET.contains(&name.as_str());
        if !known {
            return Err(SqsWireError::unknown_attribute(name));
        }
    }
    if !names.iter().any(|name| name == ALL) {
        attributes.retain(|attribute, _| names.iter().any(|name| name == attribute));
    }
    json(&QueueAttributes { attributes })
}

pub(super) async fn set(call: &Call<'_>) -> Done {
    let request: SetQueueAttributes = call.request()?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let settings = settings(&given(request.attributes, "Attributes")?)?;
    call.queues.change(&queue, settings).await?;
    nothing()
}

fn attributes(arn: &QueueArn, info: &QueueInfo) -> BTreeMap<&'static str, String> {
    let told = [
        info.figures.visible.to_string(),
        info.figures.delayed.to_string(),
        info.figures.in_flight.to_string(),
        (info.created_ms / 1000).to_string(),
        (info.modified_ms / 1000).to_string(),
        arn.to_string(),
    ];
    let settings = QueueSetting::ALL.map(|setting| (setting.name(), info.settings.get(setting).to_string()));
    let encrypted = (ENCRYPTED, "false".to_owned());
    TOLD.into_iter().zip(told).chain(settings).chain([encrypted]).collect()
}

/// The settings that attributes are.
pub(super) fn settings(attributes: &BTreeMap<String, String>) -> Result<QueueChange, SqsWireError> {
    let mut settings = QueueChange::default();
    for (name, value) in attributes {
        if let Some(setting) = QueueSetting::named(name) {
            let value = value.parse().ok().filter(|value| settings.add(setting, *value));
            value.ok_or_else(|| SqsWireError::attribute_value(name))?;
            continue;
        }
        match (NOT_YET.contains(&name.as_str()), name.as_str(), value.as_str()) {
            // So clients take away what was never there.
            (true, _, "") | (false, ENCRYPTED, "false") => {}
            (true, ..) => return Err(SqsWireError::attribute_not_yet(name)),
            (false, ENCRYPTED, value) => return Err(SqsWireError::attribute_value_not_yet(ENCRYPTED, value)),
            (false, ..) => return Err(SqsWireError::unknown_attribute(name)),
        }
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: &str) -> Result<QueueChange, SqsWireError> {
        settings(&BTreeMap::from([(name.to_owned(), value.to_owned())]))
    }

    #[test]
    fn what_is_not_there_yet_is_refused_by_its_name() {
        assert_ne!(set("DelaySeconds", "5").expect("a setting"), QueueChange::default());
        for (name, value) in [("RedrivePolicy", ""), (ENCRYPTED, "false")] {
            assert_eq!(set(name, value).expect("nothing"), QueueChange::default(), "{name}");
        }
        for (name, value, code) in [
            ("FifoQueue", "true", "InvalidAttributeName"),
            ("RedrivePolicy", "{}", "InvalidAttributeName"),
            (ENCRYPTED, "true", "InvalidAttributeValue"),
            ("DelaySeconds", "901", "InvalidAttributeValue"),
            ("DelaySeconds", "soon", "InvalidAttributeValue"),
            ("QueueArn", "arn", "InvalidAttributeName"),
            ("Colour", "red", "InvalidAttributeName"),
        ] {
            let error = set(name, value).expect_err(name);
            assert_eq!(error.code(), code, "{name}");
            assert!(error.message().contains(name), "{}", error.message());
        }
    }
}
