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
                let _ = provisioned.settle(0, true);
            }
        }
        let anew = before.map(|before| &before.provisioned) != after.map(|after| &after.provisioned);
        for (number, target) in &shall {
            if let Some(version) = after.and_then(|after| after.published.get(number))
                && version.provision().settle(*target, anew)
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
    let mut launches = JoinSet::new();
    let (mut pause, mut again_at) = (PAUSE_MIN, Instant::now());
    loop {
        version.count_provisioned();
        let paused = provisioned.has_failed() && Instant::now() < again_at;
        match provisioned.next(launches.len() as u32) {
            Next::Launch(missing) if !paused => {
                for _ in 0..missing.min(LAUNCHES_MAX.saturating_sub(launches.len() as u32)) {
                    launches.spawn(launch(version.clone(), processors.clone()));
                }
            }
            Next::End if provisioned.end() => return,
            Next::Abort => launches.abort_all(),
            Next::Launch(_) | Next::Wait | Next::End => {}
        }
        tokio::select! {
            launched = launches.join_next(), if !launches.is_empty() => match launched {
                Some(Ok(Ok(()))) => pause = PAUSE_MIN,
                Some(Ok(Err(reason))) => {
                    provisioned.failed(reason);
                    again_at = Instant::now() + pause;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Some(Err(error)) if error.is_panic() => {
                    provisioned.failed(format!("it panicked: {error}"));
                    again_at = Instant::now() + PAUSE_MAX;
                }
                // Given up, because there were enough.
                Some(Err(_)) | None => {}
            },
            () = provisioned.changed() => {}
            () = tokio::time::sleep_until(again_at), if paused => {}
        }
    }
}

/// Brings one up.
async fn launch(version: Arc<Version>, processors: Arc<Processors>) -> Result<(), String> {
    let provisioned = version.provision().clone();
    let launch = async move { provisioned.launch().await };
    match processors.run(&version.cold_share, Instant::now(), None, launch).await {
        Ok(launched) => launched.map_err(|error| reason(&version, error)),
        Err(Closed) => Err("the host is closing".to_owned()),
    }
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
