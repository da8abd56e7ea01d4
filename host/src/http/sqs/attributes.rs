//! GetQueueAttributes and SetQueueAttributes.

use std::collections::BTreeMap;

use super::error::SqsWireError;
use super::shapes::{GetQueueAttributes, QueueAttributes, SetQueueAttributes};
use super::{Call, Done, given, json, nothing};
use crate::sqs::{
    AccessPolicy, CONTENT_BASED, DeduplicationScope, FifoSettings, FifoThroughputLimit, POLICY, QueueArn,
    QueueChange, QueueInfo, QueueKind, QueueSetting, REDRIVE, REDRIVE_ALLOW, RedriveAllowPolicy,
    RedrivePolicy, SCOPE, THROUGHPUT,
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
const MAY_BE: [&str; 7] = [CONTENT_BASED, FIFO, POLICY, REDRIVE, REDRIVE_ALLOW, SCOPE, THROUGHPUT];

/// What queues of SQS have and those here have not.
const NEVER: [&str; 2] = ["KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId"];

/// Whether a queue keeps an order, which its name says too.
pub(super) const FIFO: &str = "FifoQueue";

pub(super) fn get(call: &Call<'_>) -> Done {
    let request: GetQueueAttributes = call.request()?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let names = request.attribute_names.unwrap_or_default();
    let mut attributes = attributes(&queue, &call.queues.info(&queue)?);
    for name in names.iter().map(String::as_str) {
        let may_be = MAY_BE.contains(&name) || NEVER.contains(&name);
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
    let mut attributes = given(request.attributes, "Attributes")?;
    let kind = QueueKind::of(&queue);
    match (kind, attributes.remove(FIFO).as_deref()) {
        (_, None) | (QueueKind::Fifo, Some("true")) => {}
        (QueueKind::Standard, Some(_)) => return Err(SqsWireError::unknown_attribute(FIFO)),
        (QueueKind::Fifo, Some(_)) => return Err(SqsWireError::other_kind()),
    }
    let settings = settings(&attributes, kind)?;
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
    let fifo = (QueueKind::of(arn) == QueueKind::Fifo).then(|| of_fifo(&info.settings.fifo));
    let policies = redrive.into_iter().chain(redrive_allow).chain(policy);
    TOLD.into_iter()
        .zip(told)
        .chain(settings)
        .chain([encrypted])
        .chain(policies)
        .chain(fifo.into_iter().flatten())
        .collect()
}

fn of_fifo(fifo: &FifoSettings) -> [(&'static str, String); 4] {
    [
        (FIFO, "true".to_owned()),
        (CONTENT_BASED, fifo.content_based.to_string()),
        (SCOPE, fifo.scope.text().to_owned()),
        (THROUGHPUT, fifo.limit.text().to_owned()),
    ]
}

/// The settings that attributes are of a queue of that kind.
pub(super) fn settings(
    attributes: &BTreeMap<String, String>,
    kind: QueueKind,
) -> Result<QueueChange, SqsWireError> {
    let mut settings = QueueChange::default();
    for (name, value) in attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())) {
        if let Some(setting) = QueueSetting::named(name) {
            let value = value.parse().ok().filter(|value| settings.add(setting, *value));
            value.ok_or_else(|| SqsWireError::attribute_value(name))?;
        } else if matches!(name, CONTENT_BASED | SCOPE | THROUGHPUT) {
            add_fifo(&mut settings, kind, name, value)?;
        } else {
            add_policy(&mut settings, name, value)?;
        }
    }
    Ok(settings)
}

/// Adds an attribute of FIFO queues.
fn add_fifo(
    settings: &mut QueueChange,
    kind: QueueKind,
    name: &str,
    value: &str,
) -> Result<(), SqsWireError> {
    let wrong = || SqsWireError::attribute_value(name);
    match (kind, name) {
        (QueueKind::Standard, CONTENT_BASED) => return Err(SqsWireError::unknown_attribute(name)),
        (QueueKind::Standard, _) => return Err(SqsWireError::fifo_only(name)),
        (QueueKind::Fifo, SCOPE) => settings.add_scope(DeduplicationScope::parse(value).ok_or_else(wrong)?),
        (QueueKind::Fifo, THROUGHPUT) => {
            settings.add_throughput(FifoThroughputLimit::parse(value).ok_or_else(wrong)?);
        }
        (QueueKind::Fifo, _) => settings.add_content_based(value.parse().map_err(|_| wrong())?),
    }
    Ok(())
}

/// Adds a policy, which an empty value takes away; or says what is wrong with any other attribute.
fn add_policy(settings: &mut QueueChange, name: &str, value: &str) -> Result<(), SqsWireError> {
    match (name, value) {
        (REDRIVE, "") => settings.add_redrive(None),
        (REDRIVE_ALLOW, "") => settings.add_redrive_allow(None),
        (POLICY, "") => settings.add_policy(None),
        (REDRIVE, text) => {
            let policy = RedrivePolicy::parse(text);
            settings.add_redrive(Some(policy.map_err(|reason| SqsWireError::redrive(text, &reason))?));
        }
        (REDRIVE_ALLOW, text) => {
            let policy = RedriveAllowPolicy::parse(text);
            let policy = policy.map_err(|reason| SqsWireError::redrive_allow(text, &reason))?;
            settings.add_redrive_allow(Some(policy));
        }
        (POLICY, text) => {
            settings.add_policy(Some(AccessPolicy::parse(text).map_err(SqsWireError::policy)?));
        }
        // So clients take away what was never there.
        (ENCRYPTED, "false") => {}
        (ENCRYPTED, value) => return Err(SqsWireError::attribute_value_never(ENCRYPTED, value)),
        (name, "") if NEVER.contains(&name) => {}
        (name, _) if NEVER.contains(&name) => return Err(SqsWireError::attribute_never(name)),
        (name, _) => return Err(SqsWireError::unknown_attribute(name)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: &str) -> Result<QueueChange, SqsWireError> {
        settings(&BTreeMap::from([(name.to_owned(), value.to_owned())]), QueueKind::Standard)
    }

    #[test]
    fn what_is_not_there_is_refused_by_its_name() {
        assert_ne!(set("DelaySeconds", "5").expect("a setting"), QueueChange::default());
        for (name, value) in [("KmsMasterKeyId", ""), (ENCRYPTED, "false")] {
            assert_eq!(set(name, value).expect("nothing"), QueueChange::default(), "{name}");
        }
        for (name, value, code) in [
            ("KmsMasterKeyId", "alias/aws/sqs", "InvalidAttributeName"),
            ("ContentBasedDeduplication", "true", "InvalidAttributeName"),
            ("DeduplicationScope", "queue", "InvalidAttributeName"),
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

    #[test]
    fn a_fifo_queue_has_settings_of_its_own() {
        let set = |name: &str, value: &str| {
            settings(&BTreeMap::from([(name.to_owned(), value.to_owned())]), QueueKind::Fifo)
        };
        for (name, value) in
            [(CONTENT_BASED, "true"), (SCOPE, "messageGroup"), (THROUGHPUT, "perMessageGroupId")]
        {
            assert_ne!(set(name, value).expect(name), QueueChange::default());
            assert_eq!(set(name, "").expect_err(name).code(), "InvalidAttributeValue");
        }
    }
}
