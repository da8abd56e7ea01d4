//! What those who poll queues are given of the host: who runs functions on their batches, and says when there is room.

use std::pin::Pin;
use std::time::Duration;

use super::Host;
use super::events::Runner;
use crate::function::{FunctionKey, FunctionState, Qualifier, RecursiveLoop};
use crate::sources::Functions;

/// How long it is waited at once for room in a function, which may have become another meanwhile.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(20);
/// How soon it is looked again for a function that is not there or not compiled, or has no concurrency at all, or for which too many wait.
const LOOK_SOON_AFTER: Duration = Duration::from_secs(1);

impl Functions for Runner {
    fn room<'a>(
        &'a self,
        function: &'a FunctionKey,
        qualifier: Option<&'a Qualifier>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            loop {
                let began = tokio::time::Instant::now();
                let gate = {
                    let Some(parts) = self.0.upgrade() else { return std::future::pending().await };
                    let version = parts.registry.resolve(function, qualifier);
                    // What is not compiled yet cannot run either.
                    let version = version.filter(|version| version.facts.state == FunctionState::Active);
                    version.map(|version| (version.gate.clone(), version.provisioned().is_some()))
                };
                let has_room = match gate {
                    Some((gate, has_provisioned)) => {
                        gate.has_room_within(LOOK_AGAIN_AFTER, has_provisioned).await
                    }
                    None => false,
                };
                if has_room {
                    return;
                }
                tokio::time::sleep_until(began + LOOK_SOON_AFTER).await;
            }
        })
    }

    fn recursive_loop(&self, function: &FunctionKey) -> RecursiveLoop {
        let function = self.0.upgrade().and_then(|parts| parts.registry.function(function));
        function.map_or_else(RecursiveLoop::default, |function| function.recursive_loop)
    }
}

impl Host {
    /// The event source mappings.
    pub(super) fn mappings(&self) -> &std::sync::Arc<crate::sources::mappings::Mappings> {
        self.parts.mappings.get().expect("a host that is handed out has started its mappings")
    }
}
