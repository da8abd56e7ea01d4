//! GetQueueAttributes and SetQueueAttributes.

use std::collections::BTreeMap;

use super::error::SqsWireError;
use super::shapes::{GetQueueAttributes, QueueAttributes, SetQueueAttributes};
use super::{Call, Done, given, json, nothing};
use crate::sqs::{
    AccessPolicy, POLICY, QueueArn, QueueChange, QueueInfo, QueueSetting, REDRIVE, REDRIVE_ALLOW,
    RedriveAllowPolicy, RedrivePolicy,
};

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

/// What a queue may have and need not.
const MAY_BE: [&str; 3] = [POLICY, REDRIVE, REDRIVE_ALLOW];

/// What queues of SQS have and those here do not yet.
const NOT_YET: [&str; 6] = [
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
];

pub(super) fn get(call: &Call<'_>) -> Done {
    let request: GetQueueAttributes = call.request()?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let names = request.attribute_names.unwrap_or_default();
    let mut attributes = attributes(&queue, &call.queues.info(&queue)?);
    for name in names.iter().map(String::as_str) {
        let may_be = MAY_BE.contains(&name) || NOT_YET.contains(&name);
        if name != ALL && !may_be && !attributes.contains_key(name) {
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
    let redrive = info.settings.redrive.as_ref().map(|policy| (REDRIVE, policy.text()));
    let redrive_allow = info.settings.redrive_allow.as_ref().map(|policy| (REDRIVE_ALLOW, policy.text()));
    let policy = info.settings.policy.as_ref().map(|policy| (POLICY, policy.text().to_owned()));
    let policies = redrive.into_iter().chain(redrive_allow).chain(policy);
    TOLD.into_iter().zip(told).chain(settings).chain([encrypted]).chain(policies).collect()
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
            (_, REDRIVE, "") => settings.add_redrive(None),
            (_, REDRIVE_ALLOW, "") => settings.add_redrive_allow(None),
            (_, POLICY, "") => settings.add_policy(None),
            (_, POLICY, text) => {
                let policy = AccessPolicy::parse(text).map_err(SqsWireError::policy)?;
                settings.add_policy(Some(policy));
            }
            (_, REDRIVE, text) => {
                let policy = RedrivePolicy::parse(text);
                settings.add_redrive(Some(policy.map_err(|reason| SqsWireError::redrive(text, &reason))?));
            }
            (_, REDRIVE_ALLOW, text) => {
                let policy = RedriveAllowPolicy::parse(text);
                let policy = policy.map_err(|reason| SqsWireError::redrive_allow(text, &reason))?;
                settings.add_redrive_allow(Some(policy));
            }
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
        for (name, value) in [("KmsMasterKeyId", ""), (ENCRYPTED, "false")] {
            assert_eq!(set(name, value).expect("nothing"), QueueChange::default(), "{name}");
        }
        for (name, value, code) in [
            ("FifoQueue", "true", "InvalidAttributeName"),
            ("Policy", "[]", "InvalidAttributeValue"),
            ("RedrivePolicy", "5", "InvalidAttributeValue"),
            ("RedrivePolicy", "{}", "InvalidParameterValue"),
            ("RedriveAllowPolicy", "{}", "InvalidAttributeValue"),
            ("RedriveAllowPolicy", "{\"redrivePermission\":\"byQueue\"}", "InvalidParameterValue"),
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
