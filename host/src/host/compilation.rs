//! How a package becomes code that can be run, while others can see that it is not yet.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Host;
use super::description::new_revision;
use crate::artifact::{Code, CodeError};
use crate::function::{FunctionKey, FunctionState};
use crate::registry::{Change, Function, Update};
use crate::store::StoreError;
use crate::version::Version;

/// How long to wait, at first and at most, before it is tried again to keep what came of a compilation.
const FINISH_WAIT_MIN: Duration = Duration::from_millis(100);
const FINISH_WAIT_MAX: Duration = Duration::from_secs(5);

/// A package that was taken in and is being compiled, whether or not anybody waits for it.
#[derive(Debug)]
pub(super) struct Compiling {
    pub(super) code: Arc<Code>,
    /// None when it was on the disk already.
    package: Option<Bytes>,
    end: JoinHandle<Option<Result<(), CodeError>>>,
}

/// How far it has come when it is not waited for any longer.
#[derive(Debug)]
pub(super) enum Progress {
    /// It can be run.
    Done,
    /// It goes on, and the package is on the disk, so that a later process can go on with it.
    Pending(Compiling),
}

impl Progress {
    pub(super) fn state(&self) -> FunctionState {
        match self {
            Self::Done => FunctionState::Active,
            Self::Pending(_) => FunctionState::Pending,
        }
    }
}

impl Compiling {
    /// Waits for so long, or to the end.
    ///
    /// # Errors
    /// When the code is refused within that time, or the package cannot be kept.
    pub(super) async fn wait(mut self, time: Option<Duration>) -> Result<Progress, CodeError> {
        let ended = match time {
            None => Some(self.end().await),
            Some(time) => tokio::time::timeout(time, self.end()).await.ok(),
        };
        if let Some(Err(refused)) = ended {
            return Err(refused);
        }
        // Also of code that was known already: its file may be the reason why it is uploaded again.
        if let Some(package) = self.package.take() {
            self.code.keep_package(package).await?;
        }
        Ok(if ended.is_some() { Progress::Done } else { Progress::Pending(self) })
    }

    async fn end(&mut self) -> Result<(), CodeError> {
        match (&mut self.end).await {
            Ok(done) => done.unwrap_or(Err(CodeError::Closing)),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_cancelled) => Err(CodeError::Closing),
            },
        }
    }
}

impl Host {
    /// Takes a package in and begins to compile it.
    pub(super) async fn compile(&self, package: Bytes, handler: &str) -> Result<Compiling, CodeError> {
        let artifacts = &self.parts.artifacts;
        let upload = artifacts.admit(package.clone())?;
        let code = artifacts.take_in(&upload, handler).await;
        let end = self.on_own_task(code.clone().compile(upload));
        Ok(Compiling { code, package: Some(package), end })
    }

    /// Takes a package in and waits until it can be run.
    pub(super) async fn compiled(&self, package: Bytes, handler: &str) -> Result<Arc<Code>, CodeError> {
        let compiling = self.compile(package, handler).await?;
        let code = compiling.code.clone();
        compiling.wait(None).await?;
        Ok(code)
    }

    /// Goes on with what a process before this one did not finish.
    pub(super) fn compile_again(&self, key: FunctionKey, code: Arc<Code>) {
        let end = self.on_own_task({
            let (host, code) = (self.clone(), code.clone());
            async move {
                let upload = host.parts.artifacts.admit_again(&code).await?;
                code.compile(upload).await
            }
        });
        drop(self.finish_later(key, Compiling { code, package: None, end }));
    }

    /// Makes known what comes of a compilation that is not done, once what this gives back is dropped.
    pub(super) fn follow(&self, key: &FunctionKey, progress: Progress) -> Option<oneshot::Sender<()>> {
        match progress {
            Progress::Done => None,
            Progress::Pending(compiling) => Some(self.finish_later(key.clone(), compiling)),
        }
    }

    /// Makes known what comes of a compilation that nobody waits for, once what this gives back is dropped: when it is
    /// committed that a version waits for it, or the one who would have done that is gone.
    fn finish_later(&self, key: FunctionKey, mut compiling: Compiling) -> oneshot::Sender<()> {
        let (committed, commit) = oneshot::channel::<()>();
        let host = self.clone();
        self.parts.tasks.spawn(async move {
            // It is never sent, only dropped.
            let _ = commit.await;
            let outcome = match compiling.end().await {
                Ok(()) => Ok(()),
                // The next process goes on with it.
                Err(CodeError::Closing) => return,
                Err(error) => Err(error.to_string()),
            };
            let mut wait = FINISH_WAIT_MIN;
            while let Err(error) = host.finish(&key, &compiling.code, &outcome).await {
                tracing::error!(function = key.as_str(), %error, "what came of a compilation could not be kept");
                let again = matches!(error, StoreError::Full | StoreError::Busy | StoreError::Conflict);
                let pause = host.parts.stop.run_until_cancelled(tokio::time::sleep(wait));
                if !again || pause.await.is_none() {
                    return;
                }
                wait = (wait * 2).min(FINISH_WAIT_MAX);
            }
        });
        committed
    }

    /// Puts the versions that wait for this code into the state that it is in now.
    async fn finish(
        &self,
        key: &FunctionKey,
        compiled: &Arc<Code>,
        outcome: &Result<(), String>,
    ) -> Result<(), StoreError> {
        // Of code that was refused nothing is kept but the reason.
        let (state, code) = match outcome {
            Ok(()) => (FunctionState::Active, compiled.clone()),
            Err(reason) => {
                let refused = self.parts.artifacts.revive(compiled.record(), Some(reason));
                (FunctionState::Failed { reason: reason.clone() }, refused)
            }
        };
        let waits = |version: &Version| {
            Arc::ptr_eq(&version.facts.code, compiled) && version.facts.state == FunctionState::Pending
        };
        let settled = |version: &Version| {
            let mut facts = version.facts.clone();
            (facts.state, facts.code, facts.revision_id) = (state.clone(), code.clone(), new_revision());
            Version::new(facts, &self.parts.shared)
        };
        let audit = Self::own_audit("CompileCode", key.as_str());
        let finished = self.parts.registry.change(key, audit, |present| {
            let Some(present) = present else { return Ok((Change::Keep, ())) };
            let mut next = Function::clone(present);
            let mut changed = false;
            let versions = std::iter::once(&mut next.latest).chain(next.published.values_mut());
            for version in versions.filter(|version| waits(version)) {
                *version = settled(version);
                changed = true;
            }
            if let Update::InProgress(updated) = &next.update
                && waits(updated)
            {
                (next.latest, next.update) = match outcome {
                    Ok(()) => (settled(updated), Update::Successful),
                    Err(reason) => (next.latest, Update::Failed { reason: reason.clone() }),
                };
                changed = true;
            }
            // The function may have gone, or be another of the same name.
            Ok((if changed { next.into() } else { Change::Keep }, ()))
        });
        finished.await
    }
}
