//! How much there is in the queues that are built in.

use std::time::Duration;

use super::super::Host;
use super::OTHER;
use crate::sqs::{QueueArn, QueueFigures};

/// How much there is in one queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueMetrics {
    /// The queue's region.
    pub region: String,
    /// The queue's name.
    pub name: String,
    /// How many messages can be received.
    pub visible: usize,
    /// How many were received, and are kept from others.
    pub in_flight: usize,
    /// How many were sent with a delay that is not over.
    pub delayed: usize,
    /// How old the oldest message is; none, if there are no messages.
    pub oldest_age: Option<Duration>,
}

impl Host {
    pub(super) fn queue_metrics(&self) -> Vec<QueueMetrics> {
        bounded(self.parts.queues.figures(), self.parts.metrics_resources_max)
    }
}

/// So many queues by themselves, and all others as one.
fn bounded(queues: Vec<(QueueArn, QueueFigures)>, queues_max: usize) -> Vec<QueueMetrics> {
    let mut all: Vec<QueueMetrics> = queues
        .into_iter()
        .map(|(arn, figures)| QueueMetrics {
            region: arn.region().to_string(),
            name: arn.name().to_owned(),
            visible: figures.visible,
            in_flight: figures.in_flight,
            delayed: figures.delayed,
            oldest_age: figures.oldest_age_ms.map(Duration::from_millis),
        })
        .collect();
    all.sort_by(|one, another| (&one.region, &one.name).cmp(&(&another.region, &another.name)));
    let others = all.split_off(queues_max.min(all.len()));
    let together = |sum: QueueMetrics, queue: QueueMetrics| QueueMetrics {
        visible: sum.visible + queue.visible,
        in_flight: sum.in_flight + queue.in_flight,
        delayed: sum.delayed + queue.delayed,
        oldest_age: sum.oldest_age.max(queue.oldest_age),
        ..sum
    };
    if let Some(other) = others.into_iter().reduce(together) {
        all.push(QueueMetrics { region: OTHER.to_owned(), name: OTHER.to_owned(), ..other });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_beyond_the_bound_are_one_as_old_as_the_oldest_of_them() {
        let queue = |name: &str, visible, oldest_age_ms| {
            let arn = QueueArn::parse(&format!("arn:aws:sqs:us-east-1:000000000000:{name}"));
            let figures = QueueFigures { visible, in_flight: 1, delayed: 2, oldest_age_ms };
            (arn.expect("an ARN"), figures)
        };
        let queues = vec![queue("c", 3, Some(7_000)), queue("a", 1, None), queue("b", 2, None)];
        let names = |shown: &[QueueMetrics]| -> Vec<(String, usize)> {
            shown.iter().map(|queue| (queue.name.clone(), queue.visible)).collect()
        };
        let shown = bounded(queues.clone(), 1);
        assert_eq!(names(&shown), [("a".to_owned(), 1), ("other".to_owned(), 5)]);
        assert_eq!((shown[1].in_flight, shown[1].delayed), (2, 4));
        assert_eq!(shown[1].oldest_age, Some(Duration::from_secs(7)));
        assert_eq!(bounded(queues, 3).len(), 3, "none is left for another");
    }
}
