//! What is said of queues beside their settings: tags, and who may use them.

use super::super::access_policy::{AccessPolicy, AccessPolicyError, Permission};
use super::super::record::QueueRecord;
use super::{Inner, QueueError, Queues};
use crate::function::{QueueArn, TagError, Tags};

/// Why a queue does not get tags.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum TagQueueError {
    #[error(transparent)]
    Tag(#[from] TagError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Why a permission is not added or taken away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PermissionError {
    #[error(transparent)]
    Policy(#[from] AccessPolicyError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Queues {
    /// The tags of a queue.
    pub(crate) fn tags(&self, arn: &QueueArn) -> Result<Tags, QueueError> {
        Ok(self.0.find(arn)?.state().record.tags.clone())
    }

    /// Gives a queue tags, in place of those with the same keys.
    pub(crate) async fn tag(&self, arn: &QueueArn, tags: Tags) -> Result<(), TagQueueError> {
        self.rewrite(arn, move |record| {
            record.tags = record.tags.with(tags)?;
            Ok(())
        })
        .await
    }

    /// Takes tags with these keys away.
    pub(crate) async fn untag(&self, arn: &QueueArn, keys: Vec<String>) -> Result<(), QueueError> {
        self.rewrite(arn, move |record| {
            record.tags = record.tags.without(&keys);
            Ok(())
        })
        .await
    }

    /// Adds a permission to what is said of who may use a queue.
    pub(crate) async fn add_permission(
        &self,
        arn: &QueueArn,
        permission: Permission,
    ) -> Result<(), PermissionError> {
        let queue = arn.clone();
        self.rewrite(arn, move |record| {
            let policy = AccessPolicy::with(record.settings.policy.as_deref(), &queue, &permission)?;
            record.settings.policy = Some(policy.into());
            Ok(())
        })
        .await
    }

    /// Takes the permission of that label away.
    pub(crate) async fn remove_permission(
        &self,
        arn: &QueueArn,
        label: String,
    ) -> Result<(), PermissionError> {
        self.rewrite(arn, move |record| {
            let policy = AccessPolicy::without(record.settings.policy.as_deref(), &label)?;
            record.settings.policy = policy.map(Into::into);
            Ok(())
        })
        .await
    }

    async fn rewrite<E: From<QueueError> + Send + 'static>(
        &self,
        arn: &QueueArn,
        change: impl FnOnce(&mut QueueRecord) -> Result<(), E> + Send + 'static,
    ) -> Result<(), E> {
        let (inner, arn) = (self.0.clone(), arn.clone());
        self.0.to_the_end(async move { Ok(inner.rewrite_named(&arn, change).await) }).await?
    }
}

impl Inner {
    async fn rewrite_named<E: From<QueueError>>(
        &self,
        arn: &QueueArn,
        change: impl FnOnce(&mut QueueRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        let _changing = self.changing.lock().await;
        let queue = self.find(arn)?;
        self.rewrite(&queue, change).await
    }
}
