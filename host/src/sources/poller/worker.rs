//! The worker of a mapping: it has as many pollers as are needed, and none where none are wanted.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use super::{Poller, PollerParts, Shared, Status};
use crate::sources::mapping::Mapping;

/// Who works for a mapping, until it is dropped; what it has begun then it ends.
#[derive(Debug)]
pub(crate) struct Worker {
    wanted: watch::Sender<Wanted>,
    /// The last of what was wanted that it has come to.
    settled: watch::Receiver<u64>,
    status: Arc<Status>,
}

/// What a worker is to do.
#[derive(Debug, Clone)]
struct Wanted {
    /// The how-manieth that was wanted, from 1 on.
    number: u64,
    /// To poll for that mapping, or for none.
    mapping: Option<Arc<Mapping>>,
}

/// A worker at work.
struct Work {
    parts: Arc<PollerParts>,
    status: Arc<Status>,
    /// What its pollers share, if it polls.
    shared: Option<Arc<Shared>>,
    /// What was wanted last.
    number: u64,
    /// Those who poll, and those who end what they began when something else was wanted.
    pollers: JoinSet<()>,
    /// What was wanted when each of them began.
    begun: HashMap<Id, u64>,
}

impl Worker {
    /// Sets a worker to work. It polls for that mapping, if any.
    pub(crate) fn start(parts: &Arc<PollerParts>, mapping: Option<Arc<Mapping>>) -> Self {
        let status = Arc::new(Status::default());
        let (wanted, wanted_receiver) = watch::channel(Wanted { number: 1, mapping });
        let (settled_sender, settled) = watch::channel(0);
        let work = Work {
            parts: parts.clone(),
            status: status.clone(),
            shared: None,
            number: 0,
            pollers: JoinSet::new(),
            begun: HashMap::new(),
        };
        parts.tasks.spawn(work.run(wanted_receiver, settled_sender));
        Self { wanted, settled, status }
    }

    /// Lets it poll for the mapping as it is now, or not at all. What it has begun it ends as it was.
    pub(crate) fn want(&self, mapping: Option<Arc<Mapping>>) {
        self.wanted.send_modify(|wanted| {
            wanted.number += 1;
            wanted.mapping = mapping;
        });
    }

    /// Whether it has come to what was wanted last: it polls for the mapping as it is, or, if it is to poll for none, all that was begun
    /// has ended.
    pub(crate) fn is_settled(&self) -> bool {
        *self.settled.borrow() == self.wanted.borrow().number
    }

    /// Waits until it has come to what was wanted last.
    pub(crate) async fn settled(&self) {
        let mut settled = self.settled.clone();
        while !self.is_settled() {
            if settled.changed().await.is_err() {
                return;
            }
        }
    }

    pub(crate) fn status(&self) -> &Arc<Status> {
        &self.status
    }
}

impl Work {
    async fn run(mut self, mut wanted: watch::Receiver<Wanted>, settled: watch::Sender<u64>) {
        let stop = self.parts.stop.clone();
        let mut is_over = false;
        loop {
            let next = wanted.borrow_and_update().clone();
            if next.number != self.number {
                self.turn_to(next);
            }
            if is_over {
                self.stop();
            }
            self.fill_up();
            self.status.set_pollers(self.pollers.len());
            let is_resting = self.pollers.is_empty();
            if self.shared.is_some() || is_resting {
                settled.send_replace(self.number);
            }
            if is_over && is_resting {
                return;
            }
            let grown = async {
                match &self.shared {
                    Some(shared) => shared.grown.notified().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = wanted.changed(), if !is_over => is_over = changed.is_err(),
                () = stop.cancelled(), if !is_over => is_over = true,
                () = grown => {}
                Some(ended) = self.pollers.join_next_with_id() => {
                    let id = match &ended {
                        Ok((id, ())) => *id,
                        Err(error) => error.id(),
                    };
                    self.begun.remove(&id);
                    if let (Err(error), Some(shared)) = (ended, &self.shared) {
                        tracing::error!(mapping = shared.mapping.uuid, "a poller has ended badly: {error}");
                        shared.back_off.failed(Instant::now());
                    }
                }
            }
        }
    }

    fn turn_to(&mut self, wanted: Wanted) {
        self.stop();
        self.number = wanted.number;
        let Some(mapping) = wanted.mapping else { return };
        match Shared::new(self.parts.clone(), mapping.clone(), self.status.clone()) {
            Ok(shared) => self.shared = Some(shared),
            Err(error) => {
                tracing::error!(mapping = mapping.uuid, "nothing is polled: {error}");
                self.status.came(format!("PROBLEM: {error}"));
            }
        }
    }

    /// Lets nobody begin anything more.
    fn stop(&mut self) {
        if let Some(shared) = self.shared.take() {
            shared.stop.cancel();
        }
    }

    /// Sets as many pollers to work as are wanted. Those of before count where only so many batches may run.
    fn fill_up(&mut self) {
        let Some(shared) = &self.shared else { return };
        let wanted = shared.scale().wanted();
        let mut own = self.begun.values().filter(|number| **number == self.number).count();
        let limit = shared.mapping.settings.maximum_concurrency.map_or(usize::MAX, |limit| limit as usize);
        while own < wanted && self.pollers.len() < limit {
            let poller = Poller { shared: shared.clone() };
            let handle = self.pollers.spawn(poller.poll());
            self.begun.insert(handle.id(), self.number);
            own += 1;
        }
    }
}
