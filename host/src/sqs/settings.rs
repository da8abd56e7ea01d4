//! The settings of a queue.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access_policy::AccessPolicy;
use super::fifo::{DeduplicationScope, FifoSettings, FifoThroughputLimit};
use super::limits::{
    DELAY_SECONDS, QUEUE_MESSAGE_BYTES, RETENTION_SECONDS, VISIBILITY_SECONDS, WAIT_SECONDS,
};
use super::redrive::{RedriveAllowPolicy, RedrivePolicy};

/// The name of the policy that says where messages go that were received too often.
pub(crate) const REDRIVE: &str = "RedrivePolicy";
/// The name of the policy that says whose messages come that were received too often.
pub(crate) const REDRIVE_ALLOW: &str = "RedriveAllowPolicy";
/// The name of the policy that says who may use a queue.
pub(crate) const POLICY: &str = "Policy";
/// The name of the setting that says whether the body tells messages of a FIFO queue apart.
pub(crate) const CONTENT_BASED: &str = "ContentBasedDeduplication";
/// The name of the setting that says among which messages a deduplication id is one message's.
pub(crate) const SCOPE: &str = "DeduplicationScope";
/// The name of the setting that says what of a FIFO queue has a rate.
pub(crate) const THROUGHPUT: &str = "FifoThroughputLimit";

/// The settings of a queue, each within SQS's limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QueueSettings {
    pub(crate) delay_seconds: u32,
    pub(crate) message_bytes_max: u32,
    pub(crate) retention_seconds: u32,
    pub(crate) wait_seconds: u32,
    pub(crate) visibility_seconds: u32,
    /// Where messages go that were received too often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) redrive: Option<Arc<RedrivePolicy>>,
    /// Whose messages come here that were received too often; all that there are, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) redrive_allow: Option<Arc<RedriveAllowPolicy>>,
    /// Who may use it, as its owner says; nobody looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<Arc<AccessPolicy>>,
    #[serde(default, skip_serializing_if = "is_usual")]
    pub(crate) fifo: FifoSettings,
}

/// One of the settings that are numbers, under its name in SQS's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueSetting {
    Delay,
    MessageBytes,
    Retention,
    Wait,
    Visibility,
}

/// Settings that are given, the others being left as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct QueueChange(Vec<Given>);

/// A setting that is given; of policies, none is what takes one away.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Given {
    Number(QueueSetting, u32),
    Redrive(Option<Arc<RedrivePolicy>>),
    RedriveAllow(Option<Arc<RedriveAllowPolicy>>),
    Policy(Option<Arc<AccessPolicy>>),
    ContentBased(bool),
    Scope(DeduplicationScope),
    Throughput(FifoThroughputLimit),
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            delay_seconds: 0,
            message_bytes_max: *QUEUE_MESSAGE_BYTES.end(),
            retention_seconds: 345_600,
            wait_seconds: 0,
            visibility_seconds: 30,
            redrive: None,
            redrive_allow: None,
            policy: None,
            fifo: FifoSettings::default(),
        }
    }
}

impl QueueSetting {
    pub(crate) const ALL: [Self; 5] =
        [Self::Delay, Self::MessageBytes, Self::Retention, Self::Wait, Self::Visibility];

    /// The setting of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setting| setting.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Delay => "DelaySeconds",
            Self::MessageBytes => "MaximumMessageSize",
            Self::Retention => "MessageRetentionPeriod",
            Self::Wait => "ReceiveMessageWaitTimeSeconds",
            Self::Visibility => "VisibilityTimeout",
        }
    }

    fn allows(self, value: u32) -> bool {
        match self {
            Self::Delay => DELAY_SECONDS,
            Self::MessageBytes => QUEUE_MESSAGE_BYTES,
            Self::Retention => RETENTION_SECONDS,
            Self::Wait => WAIT_SECONDS,
            Self::Visibility => VISIBILITY_SECONDS,
        }
        .contains(&value)
    }
}

impl QueueChange {
    /// Adds a setting; false if the value is outside its limits.
    #[must_use]
    pub(crate) fn add(&mut self, setting: QueueSetting, value: u32) -> bool {
        let allowed = setting.allows(value);
        if allowed {
            self.0.push(Given::Number(setting, value));
        }
        allowed
    }

    /// Adds where messages go that were received too often; none, that they go nowhere.
    pub(crate) fn add_redrive(&mut self, policy: Option<RedrivePolicy>) {
        self.0.push(Given::Redrive(policy.map(Arc::new)));
    }

    /// Adds whose messages come that were received too often; none, that nothing is said of it.
    pub(crate) fn add_redrive_allow(&mut self, policy: Option<RedriveAllowPolicy>) {
        self.0.push(Given::RedriveAllow(policy.map(Arc::new)));
    }

    /// Adds who may use it; none, that nothing is said of it.
    pub(crate) fn add_policy(&mut self, policy: Option<AccessPolicy>) {
        self.0.push(Given::Policy(policy.map(Arc::new)));
    }

    /// Adds whether the body tells messages of a FIFO queue apart.
    pub(crate) fn add_content_based(&mut self, content_based: bool) {
        self.0.push(Given::ContentBased(content_based));
    }

    /// Adds among which messages of a FIFO queue a deduplication id is one message's.
    pub(crate) fn add_scope(&mut self, scope: DeduplicationScope) {
        self.0.push(Given::Scope(scope));
    }

    /// Adds what of a FIFO queue has a rate.
    pub(crate) fn add_throughput(&mut self, limit: FifoThroughputLimit) {
        self.0.push(Given::Throughput(limit));
    }

    /// Where messages are to go that were received too often, if that is given.
    pub(super) fn redrive(&self) -> Option<&Arc<RedrivePolicy>> {
        self.0.iter().rev().find_map(|given| match given {
            Given::Redrive(policy) => policy.as_ref(),
            _ => None,
        })
    }
}

impl Given {
    /// Its name in SQS's API.
    fn name(&self) -> &'static str {
        match self {
            Self::Number(setting, _) => setting.name(),
            Self::Redrive(_) => REDRIVE,
            Self::RedriveAllow(_) => REDRIVE_ALLOW,
            Self::Policy(_) => POLICY,
            Self::ContentBased(_) => CONTENT_BASED,
            Self::Scope(_) => SCOPE,
            Self::Throughput(_) => THROUGHPUT,
        }
    }
}

impl QueueSettings {
    pub(crate) fn get(&self, setting: QueueSetting) -> u32 {
        match setting {
            QueueSetting::Delay => self.delay_seconds,
            QueueSetting::MessageBytes => self.message_bytes_max,
            QueueSetting::Retention => self.retention_seconds,
            QueueSetting::Wait => self.wait_seconds,
            QueueSetting::Visibility => self.visibility_seconds,
        }
    }

    /// These settings with that change.
    pub(crate) fn with(mut self, change: &QueueChange) -> Self {
        for given in &change.0 {
            match given {
                Given::Number(QueueSetting::Delay, value) => self.delay_seconds = *value,
                Given::Number(QueueSetting::MessageBytes, value) => self.message_bytes_max = *value,
                Given::Number(QueueSetting::Retention, value) => self.retention_seconds = *value,
                Given::Number(QueueSetting::Wait, value) => self.wait_seconds = *value,
                Given::Number(QueueSetting::Visibility, value) => self.visibility_seconds = *value,
                Given::Redrive(policy) => self.redrive.clone_from(policy),
                Given::RedriveAllow(policy) => self.redrive_allow.clone_from(policy),
                Given::Policy(policy) => self.policy.clone_from(policy),
                Given::ContentBased(content_based) => self.fifo.content_based = *content_based,
                Given::Scope(scope) => self.fifo.scope = *scope,
                Given::Throughput(limit) => self.fifo.limit = *limit,
            }
        }
        self
    }

    /// The name of the first of the given settings that is not so here.
    pub(crate) fn differing(&self, change: &QueueChange) -> Option<&'static str> {
        let differs = |given: &&Given| match given {
            Given::Number(setting, value) => self.get(*setting) != *value,
            Given::Redrive(policy) => self.redrive != *policy,
            Given::RedriveAllow(policy) => self.redrive_allow != *policy,
            Given::Policy(policy) => self.policy != *policy,
            Given::ContentBased(content_based) => self.fifo.content_based != *content_based,
            Given::Scope(scope) => self.fifo.scope != *scope,
            Given::Throughput(limit) => self.fifo.limit != *limit,
        };
        change.0.iter().find(differs).map(Given::name)
    }
}

fn is_usual(fifo: &FifoSettings) -> bool {
    *fifo == FifoSettings::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let mut change = QueueChange::default();
        assert!(change.add(QueueSetting::Delay, 900) && !change.add(QueueSetting::Delay, 901));
        assert!(!change.add(QueueSetting::Retention, 59) && !change.add(QueueSetting::Wait, 21));
        let settings = QueueSettings::default().with(&change);
        assert_eq!((settings.delay_seconds, settings.visibility_seconds), (900, 30));
        assert_eq!(settings.differing(&change), None);
        assert_eq!(QueueSettings::default().differing(&change), Some("DelaySeconds"));
        assert_eq!(QueueSetting::named("VisibilityTimeout"), Some(QueueSetting::Visibility));
    }

    #[test]
    fn a_policy_is_set_changed_and_taken_away() {
        let policy = |receives_max| {
            let target = "arn:aws:sqs:us-east-1:000000000000:dead".parse().expect("an ARN");
            RedrivePolicy { target, receives_max }
        };
        let mut change = QueueChange::default();
        change.add_redrive(Some(policy(5)));
        change.add_redrive_allow(Some(RedriveAllowPolicy::Nobody));
        let settings = QueueSettings::default().with(&change);
        assert_eq!((settings.redrive.as_deref(), settings.differing(&change)), (Some(&policy(5)), None));
        let written = serde_json::to_string(&settings).expect("JSON");
        assert_eq!(serde_json::from_str::<QueueSettings>(&written).expect("settings"), settings);
        let mut away = QueueChange::default();
        away.add_redrive(None);
        assert_eq!((settings.differing(&away), away.redrive()), (Some(REDRIVE), None));
        let settings = settings.with(&away);
        assert_eq!(settings.redrive, None);
        assert_eq!(settings.redrive_allow.as_deref(), Some(&RedriveAllowPolicy::Nobody));
    }
}
