//! The URLs of queues that took messages.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sqs::QueueArn;

/// How many are remembered.
const URLS_MAX: usize = 1000;

/// Where queues are, of those that took a message there.
#[derive(Debug, Default)]
pub(super) struct QueueUrls(Mutex<HashMap<QueueArn, String>>);

impl QueueUrls {
    pub(super) fn get(&self, queue: &QueueArn) -> Option<String> {
        self.lock().get(queue).cloned()
    }

    pub(super) fn insert(&self, queue: &QueueArn, url: String) {
        let mut urls = self.lock();
        if urls.len() >= URLS_MAX && !urls.contains_key(queue) {
            // Hardly anybody has so many; asking again for all of them is cheaper than to count who was asked for when.
            urls.clear();
        }
        urls.insert(queue.clone(), url);
    }

    /// Forgets one that leads nowhere any more: a queue that is made anew may get another.
    pub(super) fn remove(&self, queue: &QueueArn) {
        self.lock().remove(queue);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<QueueArn, String>> {
        // Each change is whole, whoever has panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_remembered_than_may_be() {
        let arn = |number: usize| -> QueueArn {
            format!("arn:aws:sqs:eu-west-1:000000000000:q{number}").parse().expect("an ARN")
        };
        let urls = QueueUrls::default();
        let count = || urls.lock().len();
        for number in 0..URLS_MAX {
            urls.insert(&arn(number), "url".to_owned());
        }
        urls.insert(&arn(7), "another".to_owned());
        assert_eq!((count(), urls.get(&arn(7)).as_deref()), (URLS_MAX, Some("another")));
        urls.insert(&arn(URLS_MAX), "url".to_owned());
        assert_eq!((count(), urls.get(&arn(7))), (1, None));
        urls.remove(&arn(URLS_MAX));
        assert_eq!(urls.get(&arn(URLS_MAX)), None);
    }
}
