//! What a host finds of the process before it.

use std::sync::Arc;

use super::{Host, StartError};
use crate::artifact::Code;
use crate::function::{FunctionKey, FunctionState};
use crate::registry::VersionRecord;
use crate::store::StoreError;
use crate::version::{Version, VersionFacts};

impl Host {
    /// Takes over the functions that the store has. Their code is loaded when it is first needed; what was not compiled yet
    /// is compiled now.
    pub(super) async fn recover(&self) -> Result<(), StartError> {
        let host = self.clone();
        let recovered = tokio::task::spawn_blocking(move || host.load());
        let pending = match recovered.await {
            Ok(loaded) => loaded?,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        for (key, code) in pending {
            self.compile_again(key, code);
        }
        Ok(())
    }

    /// The functions whose code is not compiled yet.
    fn load(&self) -> Result<Vec<(FunctionKey, Arc<Code>)>, StartError> {
        let mut pending = Vec::<(FunctionKey, Arc<Code>)>::new();
        self.parts.registry.load(|key, number, record| {
            let VersionRecord { configuration, code, state, last_modified, revision_id } = record;
            let refused = match &state {
                FunctionState::Failed { reason } => Some(reason.as_str()),
                FunctionState::Pending | FunctionState::Active => None,
            };
            let code = self.parts.artifacts.revive(code, refused);
            let waits =
                |(waiting, other): &(FunctionKey, Arc<Code>)| waiting == key && Arc::ptr_eq(other, &code);
            if state == FunctionState::Pending
                && !pending.iter().rev().take_while(|(at, _)| at == key).any(waits)
            {
                pending.push((key.clone(), code.clone()));
            }
            let configuration = Arc::new(configuration);
            let facts = VersionFacts {
                key: key.clone(),
                number,
                configuration,
                code,
                state,
                last_modified,
                revision_id,
            };
            Version::new(facts, &self.parts.shared)
        })?;
        let swept = self.parts.artifacts.sweep();
        let removed = swept.map_err(|reason| StartError::DataDir {
            folder: self.parts.data_dir.path().to_owned(),
            reason,
        })?;
        if removed > 0 {
            tracing::info!(removed, "packages that no function refers to were removed");
        }
        Ok(pending)
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
