//! What a host finds of the process before it.

use std::sync::Arc;

use super::{Host, StartError};
use crate::artifact::{Code, Swept};
use crate::function::{FunctionKey, FunctionState};
use crate::registry::VersionRecord;
use crate::sources::mappings::FoundMappings;
use crate::store::StoreError;
use crate::version::{Version, VersionFacts};

/// Functions whose code is not compiled yet, each with what is to be compiled.
type Uncompiled = Vec<(FunctionKey, Arc<Code>)>;

impl Host {
    /// Takes over the functions that the store has, and gives back the event source mappings. Their code is loaded when it is first needed; what was not compiled yet
    /// is compiled now.
    pub(super) async fn recover(&self) -> Result<FoundMappings, StartError> {
        let host = self.clone();
        let recovered = tokio::task::spawn_blocking(move || host.load());
        let (pending, mappings) = match recovered.await {
            Ok(loaded) => loaded?,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        for (key, code) in pending {
            self.compile_again(key, code);
        }
        Ok(mappings)
    }

    /// The functions whose code is not compiled yet, and the mappings.
    fn load(&self) -> Result<(Uncompiled, FoundMappings), StartError> {
        let mut mappings = FoundMappings::default();
        let mut pending = Uncompiled::new();
        self.parts.registry.load(
            |key, number, record| {
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
            },
            |scope| mappings.take(scope),
        )?;
        let swept = self.parts.artifacts.sweep();
        let Swept { unreferenced, missing } = swept.map_err(|reason| StartError::DataDir {
            folder: self.parts.data_dir.path().to_owned(),
            reason,
        })?;
        if unreferenced > 0 {
            tracing::warn!(unreferenced, "packages that no function refers to were put aside for a week");
        }
        for digest in missing {
            tracing::error!(%digest, "a package is missing: its functions run as long as their compiled code is kept");
        }
        Ok((pending, mappings))
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::store::{Commit, Record, SqliteStore, Store as _, Write};
    use crate::{CreateFunction, FunctionVersion};

    /// A core module with a memory and an empty `_start`: a command.
    const COMMAND: &[u8] = b"\0asm\x01\0\0\0\
        \x01\x04\x01\x60\0\0\x03\x02\x01\0\x05\x03\x01\0\x01\
        \x07\x13\x02\x06memory\x02\0\x06_start\0\0\
        \x0a\x04\x01\x02\0\x0b";

    async fn host(folder: &std::path::Path) -> Result<Host, StartError> {
        Host::builder().data_dir(folder).instances_max(16).start().await
    }

    async fn create(host: &Host, name: &str) -> FunctionVersion {
        let create =
            CreateFunction::new(name.parse::<crate::function::FunctionRef>().expect("a name"), COMMAND);
        host.create_function(create).await.expect("made")
    }

    #[tokio::test]
    async fn a_start_that_is_refused_takes_no_package_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = host(folder.path()).await.expect("a host");
        let made = create(&first, "f").await;
        first.close().await;
        drop(first);

        // As a later version of Samovar might write it.
        let store = SqliteStore::open(folder.path()).expect("the store");
        let mut generation = None;
        store.load(&mut |scope| generation = Some(scope.generation)).expect("it is whole");
        let mystery = Record { name: "mystery".to_owned(), document: "{}".to_owned() };
        let commit = Commit {
            scope: "us-east-1:f".to_owned(),
            expected: generation,
            writes: vec![Write::Put(mystery)],
            audit: Host::own_audit("Test", ""),
        };
        store.commit(commit).await.expect("committed");
        drop(store);

        let refused = host(folder.path()).await.expect_err("refused").to_string();
        assert!(refused.contains("us-east-1:f") && refused.contains("mystery"), "{refused}");
        let package = format!("samovar-code/packages/{}.package", made.code_sha256);
        assert_eq!(std::fs::read(folder.path().join(package)).expect("it is there"), COMMAND);
    }
}
