//! How a package becomes code that can be run, while others can see that it is not yet.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::Host;
use crate::artifact::{Code, CodeError, Upload};
use crate::function::FunctionKey;
use crate::registry::Function;

/// A compilation that goes on whether or not anybody waits for it.
pub(super) struct Compilation(JoinHandle<Option<Result<(), CodeError>>>);

impl Compilation {
    /// Waits for the end.
    pub(super) async fn end(self) -> Result<(), CodeError> {
        ended(self.0.await)
    }

    /// Waits for the end for so long; none if it goes on.
    pub(super) async fn end_within(mut self, time: Option<Duration>) -> Option<Result<(), CodeError>> {
        match time {
            None => Some(self.end().await),
            Some(time) => tokio::time::timeout(time, &mut self.0).await.ok().map(ended),
        }
    }
}

fn ended(joined: Result<Option<Result<(), CodeError>>, tokio::task::JoinError>) -> Result<(), CodeError> {
    match joined {
        Ok(done) => done.unwrap_or(Err(CodeError::Closing)),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => Err(CodeError::Closing),
        },
    }
}

impl Host {
    /// Takes a package in as code that can be run.
    pub(super) async fn compiled(&self, package: Bytes, handler: &str) -> Result<Arc<Code>, CodeError> {
        let artifacts = &self.parts().artifacts;
        let upload = artifacts.admit(package)?;
        let code = artifacts.take_in(&upload, handler).await;
        Compilation(self.on_own_task(code.clone().compile(upload))).end().await?;
        Ok(code)
    }

    /// Compiles the code of a function that is there already, and is pending until then. If the code is refused, the
    /// function goes, unless somebody was told that it exists.
    pub(super) fn compile_pending(&self, key: FunctionKey, code: Arc<Code>, upload: Upload) -> Compilation {
        let host = self.clone();
        Compilation(self.on_own_task(async move {
            let compiled = code.clone().compile(upload).await;
            if compiled.is_err() {
                let unheard_of = |function: &Function| {
                    !function.announced && Arc::ptr_eq(&function.latest.facts.code, &code)
                };
                host.parts().registry.remove_if(&key, unheard_of);
            }
            compiled
        }))
    }
}
