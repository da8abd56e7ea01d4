//! Event source mappings: which queues' messages functions get.

use std::sync::Arc;

use super::Host;
use super::errors::ChangeError;
use crate::function::{FunctionArn, FunctionKey, FunctionRef, Qualifier, QueueArn, TagError, Tags};
use crate::metrics::MappingMetrics;
use crate::sources::mapping::{Mapping, MappingChange, MappingSettings, MappingSettingsError};
use crate::sources::mappings::{MAPPINGS_MAX, MappingState, MappingStatus};
use crate::sqs::{ConsumeError, QueueFacts};
use crate::store::StoreError;
use crate::timestamp;

/// A mapping that is to be made.
#[derive(Debug, Clone)]
pub struct CreateMapping {
    /// Whose messages.
    pub queue: QueueArn,
    /// Who gets them: a function, or a version or an alias of it.
    pub function: FunctionRef,
    /// Whether the queue is polled from now on. Default: yes.
    pub enabled: bool,
    /// How batches are made, and what becomes of them.
    pub settings: MappingSettings,
    /// The tags of the mapping.
    pub tags: Tags,
}

/// A change of a mapping. What is not given stays as it is.
#[derive(Debug, Clone, Default)]
pub struct UpdateMapping {
    /// Who gets the messages.
    pub function: Option<FunctionRef>,
    /// Whether the queue is polled.
    pub enabled: Option<bool>,
    /// How batches are made, and what becomes of them.
    pub settings: MappingChange,
}

/// Which mappings a list has.
#[derive(Debug, Clone, Default)]
pub struct ListMappings {
    /// Those of that queue only.
    pub queue: Option<String>,
    /// Those of that function only, and, if it has a qualifier, of that version or alias.
    pub function: Option<FunctionRef>,
    /// Those behind the mapping with that id.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// An event source mapping, and how it is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MappingInfo {
    /// Its id: a UUID.
    pub uuid: String,
    /// Its ARN.
    pub arn: String,
    /// Whose messages.
    pub queue: QueueArn,
    /// The ARN of the function that gets them, with the qualifier that was given.
    pub function_arn: String,
    /// How batches are made, and what becomes of them.
    pub settings: MappingSettings,
    /// How far it has come.
    pub state: MappingState,
    /// What came of the last batch: `OK`, or `PROBLEM: ` and what it is. None before there was one since the host was started.
    pub last_result: Option<Arc<str>>,
    /// When it was last changed, in milliseconds since 1970.
    pub last_modified_ms: u64,
    /// What was counted of it since the host was started.
    pub metrics: MappingMetrics,
    /// How many poll for it.
    pub pollers: usize,
}

/// Why a mapping is not there, or was not made or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MappingError {
    /// There is none of that id.
    #[error("The resource you requested does not exist.")]
    NotFound,
    /// There is no such function, version or alias.
    #[error("Function does not exist")]
    NoFunction,
    /// The queue cannot be polled. In Lambda's words, and SQS's.
    #[error("Error occurred while ReceiveMessage. SQS Error Code: {code}. SQS Error Message: {message}")]
    Queue {
        /// The code of SQS's error.
        code: &'static str,
        /// What SQS says, or what happened instead.
        message: String,
    },
    /// Messages would come back while the function runs on them.
    #[error(
        "Invalid request provided: Queue visibility timeout: {visibility_seconds} seconds is less than Function timeout: \
         {timeout_seconds} seconds"
    )]
    Visibility {
        /// How long the queue keeps a message from others.
        visibility_seconds: u32,
        /// How long the function may run.
        timeout_seconds: u64,
    },
    /// The function has a mapping of that queue already.
    #[error(
        "An event source mapping with SQS arn (\" {queue} \") and function (\" {function} \") already exists. Please update or \
         delete the existing mapping with UUID {uuid}"
    )]
    Exists {
        /// The queue's ARN.
        queue: String,
        /// The function's name, and its qualifier, if it has one.
        function: String,
        /// The id of the mapping that is there.
        uuid: String,
    },
    /// It was deleted, and what it began goes on.
    #[error("Cannot {action} the event source mapping because it is in use.")]
    InUse {
        /// What was to be done with it.
        action: &'static str,
    },
    /// There are as many as there may be.
    #[error("there may be {limit} event source mappings")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
    /// The settings are not those of a mapping.
    #[error(transparent)]
    Settings(#[from] MappingSettingsError),
    /// Its tags are none.
    #[error(transparent)]
    Tags(#[from] TagError),
    /// The change could not be kept.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for MappingError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

impl CreateMapping {
    /// A mapping with every setting at its default.
    pub fn new(queue: QueueArn, function: FunctionRef) -> Self {
        let (settings, tags) = (MappingSettings::default(), Tags::default());
        Self { queue, function, enabled: true, settings, tags }
    }
}

/// A function that a mapping is for.
struct Mapped {
    key: FunctionKey,
    qualifier: Option<Qualifier>,
    /// How long it may run.
    timeout_seconds: u64,
}

impl Host {
    /// Lets a function get a queue's messages from now on: a queue that is built in, or, if the host was told of
    /// [others](crate::HostBuilder::sqs), one of those.
    ///
    /// # Errors
    /// When there is no such function or queue, the function has the queue's messages already, or the settings do not go with the
    /// queue.
    pub async fn create_event_source_mapping(
        &self,
        create: CreateMapping,
    ) -> Result<MappingInfo, MappingError> {
        self.check_open()?;
        create.settings.check(&create.queue)?;
        let function = self.mapped(&create.function)?;
        let facts = self.queue_facts(&create.queue).await?;
        function.check_visibility(&facts)?;
        let turn = self.mappings().turn().await;
        self.check_single(&create.queue, &function, "")?;
        if self.mappings().count() >= MAPPINGS_MAX {
            return Err(MappingError::TooMany { limit: MAPPINGS_MAX });
        }
        let mapping = Mapping {
            uuid: uuid::Uuid::new_v4().to_string(),
            queue: create.queue,
            function: function.key,
            qualifier: function.qualifier,
            is_enabled: create.enabled,
            settings: create.settings,
            tags: create.tags,
            last_modified_ms: timestamp::now_ms(),
        };
        let audit = self.audit("CreateEventSourceMapping", &self.mapping_arn(&mapping));
        let made = self.mappings().create(turn, mapping, audit).await?;
        Ok(self.mapping_info(made))
    }

    /// Changes a mapping: batches that have begun end as they began, and the next are as it says.
    ///
    /// # Errors
    /// When there is none of that id, it was deleted, or as when it is [made](Self::create_event_source_mapping).
    pub async fn update_event_source_mapping(
        &self,
        uuid: &str,
        update: UpdateMapping,
    ) -> Result<MappingInfo, MappingError> {
        self.check_open()?;
        let queue = self.mapping(uuid, "update")?.queue.clone();
        // Whatever became of the queue, its mapping can be disabled.
        let facts = match update.function {
            Some(_) => Some(self.queue_facts(&queue).await?),
            None => None,
        };
        let turn = self.mappings().turn().await;
        let present = self.mapping(uuid, "update")?;
        let settings = present.settings.clone().changed(update.settings);
        settings.check(&queue)?;
        let (function, qualifier) = match &update.function {
            None => (present.function.clone(), present.qualifier.clone()),
            Some(function) => {
                let function = self.mapped(function)?;
                facts.iter().try_for_each(|facts| function.check_visibility(facts))?;
                self.check_single(&queue, &function, uuid)?;
                (function.key, function.qualifier)
            }
        };
        let mapping = Mapping {
            function,
            qualifier,
            is_enabled: update.enabled.unwrap_or(present.is_enabled),
            settings,
            last_modified_ms: timestamp::now_ms(),
            ..Mapping::clone(&present)
        };
        let audit = self.audit("UpdateEventSourceMapping", &self.mapping_arn(&mapping));
        let updated = self.mappings().update(turn, mapping, audit).await?;
        Ok(self.mapping_info(updated))
    }

    /// Ends a mapping: nothing is polled any more, and batches that have begun end as they began. Until they have, the mapping is still
    /// there to be seen.
    ///
    /// # Errors
    /// When there is none of that id, or it was deleted before.
    pub async fn delete_event_source_mapping(&self, uuid: &str) -> Result<MappingInfo, MappingError> {
        self.check_open()?;
        let turn = self.mappings().turn().await;
        let present = self.mapping(uuid, "delete")?;
        let audit = self.audit("DeleteEventSourceMapping", &self.mapping_arn(&present));
        let deleted = self.mappings().delete(turn, uuid, audit).await?;
        Ok(self.mapping_info(deleted))
    }

    /// A mapping, and how it is doing.
    ///
    /// # Errors
    /// When there is none of that id.
    pub fn event_source_mapping(&self, uuid: &str) -> Result<MappingInfo, MappingError> {
        let status = self.mappings().get(uuid).ok_or(MappingError::NotFound)?;
        Ok(self.mapping_info(status))
    }

    /// Mappings in the order of their ids.
    pub fn list_event_source_mappings(&self, list: &ListMappings) -> Vec<MappingInfo> {
        let function = list.function.as_ref().map(|function| (self.key(function), &function.qualifier));
        let is_meant = |mapping: &Mapping| {
            let is_queues = list.queue.as_ref().is_none_or(|queue| queue == mapping.queue.as_str());
            let is_functions = function.as_ref().is_none_or(|(key, qualifier)| {
                key.as_ref() == Some(&mapping.function)
                    && (qualifier.is_none() || **qualifier == mapping.qualifier)
            });
            is_queues && is_functions
        };
        let found = self.mappings().list(list.after.as_deref(), is_meant, list.limit);
        found.into_iter().map(|status| self.mapping_info(status)).collect()
    }

    /// The tags of a mapping.
    ///
    /// # Errors
    /// When there is none of that id.
    pub fn event_source_mapping_tags(&self, uuid: &str) -> Result<Tags, MappingError> {
        let status = self.mappings().get(uuid).ok_or(MappingError::NotFound)?;
        Ok(status.mapping.tags.clone())
    }

    /// Sets tags of a mapping, in place of those that have the same keys.
    ///
    /// # Errors
    /// When there is none of that id, or it would have too many.
    pub async fn tag_event_source_mapping(&self, uuid: &str, tags: Tags) -> Result<(), MappingError> {
        self.retag("TagResource", uuid, |present| present.with(tags)).await
    }

    /// Takes tags from a mapping.
    ///
    /// # Errors
    /// When there is none of that id.
    pub async fn untag_event_source_mapping(&self, uuid: &str, keys: &[String]) -> Result<(), MappingError> {
        self.retag("UntagResource", uuid, |present| Ok(present.without(keys))).await
    }

    async fn retag(
        &self,
        action: &str,
        uuid: &str,
        tags: impl FnOnce(&Tags) -> Result<Tags, TagError>,
    ) -> Result<(), MappingError> {
        self.check_open()?;
        let turn = self.mappings().turn().await;
        let present = self.mapping(uuid, "update")?;
        let mapping = Mapping { tags: tags(&present.tags)?, ..Mapping::clone(&present) };
        let audit = self.audit(action, &self.mapping_arn(&mapping));
        self.mappings().update(turn, mapping, audit).await?;
        Ok(())
    }

    /// The mapping, if it can be changed.
    fn mapping(&self, uuid: &str, action: &'static str) -> Result<Arc<Mapping>, MappingError> {
        let MappingStatus { mapping, state, .. } = self.mappings().get(uuid).ok_or(MappingError::NotFound)?;
        match state {
            MappingState::Deleting => Err(MappingError::InUse { action }),
            _ => Ok(mapping),
        }
    }

    /// The function that a reference names, if it is there.
    fn mapped(&self, function: &FunctionRef) -> Result<Mapped, MappingError> {
        let (key, present) = self.present(function).map_err(|_| MappingError::NoFunction)?;
        let version = present.main_version(function.qualifier.as_ref()).ok_or(MappingError::NoFunction)?;
        let timeout_seconds = version.facts.configuration.timeout.duration().as_secs();
        Ok(Mapped { key, qualifier: function.qualifier.clone(), timeout_seconds })
    }

    async fn queue_facts(&self, queue: &QueueArn) -> Result<QueueFacts, MappingError> {
        self.mappings().queue_facts(queue).await.map_err(|error| match error {
            ConsumeError::NoSuchQueue => MappingError::Queue {
                code: "AWS.SimpleQueueService.NonExistentQueue",
                message: "The specified queue does not exist.".to_owned(),
            },
            error => MappingError::Queue { code: "ServiceUnavailable", message: format!("{error}.") },
        })
    }

    /// Checks that a function has no other mapping of a queue.
    fn check_single(&self, queue: &QueueArn, function: &Mapped, own: &str) -> Result<(), MappingError> {
        let is_same = |other: &Mapping| {
            other.uuid != own
                && other.queue == *queue
                && (&other.function, &other.qualifier) == (&function.key, &function.qualifier)
        };
        match self.mappings().list(None, is_same, 1).pop() {
            None => Ok(()),
            Some(MappingStatus { mapping, .. }) => Err(MappingError::Exists {
                queue: queue.to_string(),
                function: match &mapping.qualifier {
                    None => mapping.function.name().to_owned(),
                    Some(qualifier) => format!("{}:{qualifier}", mapping.function.name()),
                },
                uuid: mapping.uuid.clone(),
            }),
        }
    }

    fn mapping_info(&self, status: MappingStatus) -> MappingInfo {
        let MappingStatus { mapping, state, last_result, metrics, pollers } = status;
        let function =
            FunctionArn::new(self.account_id(), mapping.function.region(), mapping.function.name());
        MappingInfo {
            arn: self.mapping_arn(&mapping),
            uuid: mapping.uuid.clone(),
            queue: mapping.queue.clone(),
            function_arn: match &mapping.qualifier {
                None => function.as_str().to_owned(),
                Some(qualifier) => function.qualified(qualifier),
            },
            settings: mapping.settings.clone(),
            state,
            last_result,
            last_modified_ms: mapping.last_modified_ms,
            metrics,
            pollers,
        }
    }

    fn mapping_arn(&self, mapping: &Mapping) -> String {
        let region = mapping.function.region();
        format!("arn:aws:lambda:{region}:{}:event-source-mapping:{}", self.account_id(), mapping.uuid)
    }
}

impl Mapped {
    /// Checks that a message is kept from others for as long as the function may run.
    fn check_visibility(&self, facts: &QueueFacts) -> Result<(), MappingError> {
        let (visibility_seconds, timeout_seconds) = (facts.visibility_seconds, self.timeout_seconds);
        match u64::from(visibility_seconds) < timeout_seconds {
            true => Err(MappingError::Visibility { visibility_seconds, timeout_seconds }),
            false => Ok(()),
        }
    }
}
