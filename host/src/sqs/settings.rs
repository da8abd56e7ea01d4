//! The settings of a queue.

use serde::{Deserialize, Serialize};

use super::limits::{
    DELAY_SECONDS, QUEUE_MESSAGE_BYTES, RETENTION_SECONDS, VISIBILITY_SECONDS, WAIT_SECONDS,
};

/// The settings of a queue, each within SQS's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QueueSettings {
    pub(crate) delay_seconds: u32,
    pub(crate) message_bytes_max: u32,
    pub(crate) retention_seconds: u32,
    pub(crate) wait_seconds: u32,
    pub(crate) visibility_seconds: u32,
}

/// One of the settings, under its name in SQS's API.
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
pub(crate) struct QueueChange(Vec<(QueueSetting, u32)>);

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            delay_seconds: 0,
            message_bytes_max: *QUEUE_MESSAGE_BYTES.end(),
            retention_seconds: 345_600,
            wait_seconds: 0,
            visibility_seconds: 30,
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
            self.0.push((setting, value));
        }
        allowed
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
        for (setting, value) in &change.0 {
            match setting {
                QueueSetting::Delay => self.delay_seconds = *value,
                QueueSetting::MessageBytes => self.message_bytes_max = *value,
                QueueSetting::Retention => self.retention_seconds = *value,
                QueueSetting::Wait => self.wait_seconds = *value,
                QueueSetting::Visibility => self.visibility_seconds = *value,
            }
        }
        self
    }

    /// The first of the given settings that is not so here.
    pub(crate) fn differing(&self, change: &QueueChange) -> Option<QueueSetting> {
        let differs = |(setting, value): &&(QueueSetting, u32)| self.get(*setting) != *value;
        change.0.iter().find(differs).map(|(setting, _)| *setting)
    }
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
        assert_eq!(QueueSettings::default().differing(&change), Some(QueueSetting::Delay));
        assert_eq!(QueueSetting::named("VisibilityTimeout"), Some(QueueSetting::Visibility));
    }
}
