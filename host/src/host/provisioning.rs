//! Provisioned instances are brought up and kept here: one keeper for each version that shall have some.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cpu::{Closed, Processors};
use crate::invocation::Status;
use crate::pool::Next;
use crate::registry::{Follower, Function};
use crate::version::{LaunchError, Version};

/// How many instances of one version are brought up at a time.
const LAUNCHES_MAX: u32 = 4;
/// How long a keeper waits after the first instance that did not come up; twice as long after each further one.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Lambda's reason for provisioned concurrency that a function's own init makes impossible.
const INIT_FAILURE: &str = "FUNCTION_ERROR_INIT_FAILURE";

/// Sees to it that versions have the provisioned instances that they shall have.
#[derive(Debug, Clone)]
pub(super) struct Provisioning {
    pub(super) processors: Arc<Processors>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

impl Follower for Provisioning {
    fn follow(&self, before: Option<&Function>, after: Option<&Function>) {
        let targets =
            |function: Option<&Function>| function.map_or_else(BTreeMap::new, Function::provisioned_targets);
        let (were, shall) = (targets(before), targets(after));
        for number in were.keys().filter(|number| !shall.contains_key(number)) {
            // The version itself may be gone, and is then only in what was before.
            let version = before.and_then(|before| before.published.get(number));
            if let Some(provisioned) = version.and_then(|version| version.provisioned()) {
                // Nobody has to begin keeping what shall be none.
                let _ = provisioned.settle(0);
            }
        }
        for (number, target) in &shall {
            if let Some(version) = after.and_then(|after| after.published.get(number))
                && version.provision().settle(*target)
            {
                self.keep(version.clone());
            }
        }
    }
}

impl Provisioning {
    /// Begins to keep the provisioned instances of a version.
    pub(super) fn keep(&self, version: Arc<Version>) {
        let (stop, processors) = (self.stop.clone(), self.processors.clone());
        self.tasks.spawn(async move { stop.run_until_cancelled(keep(&version, &processors)).await });
    }
}

async fn keep(version: &Arc<Version>, processors: &Arc<Processors>) {
    let provisioned = version.provision();
    let mut pause = PAUSE_MIN;
    loop {
        version.count_provisioned();
        match provisioned.next() {
            Next::End => return version.count_provisioned(),
            Next::Wait => provisioned.changed().await,
            Next::Launch(missing) => match launch(version, processors, missing.min(LAUNCHES_MAX)).await {
                Ok(()) => pause = PAUSE_MIN,
                Err(reason) => {
                    provisioned.failed(reason);
                    let another = tokio::time::timeout(pause, wanted_otherwise(version)).await;
                    pause = if another.is_ok() { PAUSE_MIN } else { (pause * 2).min(PAUSE_MAX) };
                }
            },
        }
    }
}

/// Waits until another number of instances shall be there, which is a reason to try again at once.
async fn wanted_otherwise(version: &Version) {
    let provisioned = version.provision();
    let target = provisioned.standing().target;
    while provisioned.standing().target == target {
        provisioned.changed().await;
    }
}

/// Brings so many up, side by side.
async fn launch(version: &Arc<Version>, processors: &Arc<Processors>, count: u32) -> Result<(), String> {
    let mut launches = JoinSet::new();
    for _ in 0..count {
        let (version, processors) = (version.clone(), processors.clone());
        launches.spawn(async move {
            let provisioned = version.provision().clone();
            let began = Instant::now();
            processors.run(&version.cold_share, began, None, async move { provisioned.launch().await }).await
        });
    }
    let mut failure = None;
    while let Some(launched) = launches.join_next().await {
        match launched {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => failure = Some(reason(version, error)),
            Ok(Err(Closed)) => failure = Some("the host is closing".to_owned()),
            Err(error) => failure = Some(format!("it panicked: {error}")),
        }
    }
    failure.map_or(Ok(()), Err)
}

/// Why an instance did not come up, as those are told who ask how far provisioning is. The function's own log says more.
fn reason(version: &Version, error: LaunchError) -> String {
    match error {
        LaunchError::Init(failed) => {
            let error = failed.ending.into_error("(provisioned)", version.facts.configuration.memory);
            let (kind, message) = (&error.error_type, &error.error_message);
            tracing::warn!(
                version = version.qualified_arn(),
                kind,
                message,
                "a provisioned instance did not come up"
            );
            failed.log.init_ended(failed.phase, &Status::of(&Err(error)), failed.duration);
            INIT_FAILURE.to_owned()
        }
        LaunchError::Host(error) => {
            tracing::warn!(version = version.qualified_arn(), %error, "a provisioned instance did not come up");
            error.to_string()
        }
    }
}
