//! The samples of one metric, as they are added.

use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric};

use super::definition::{MetricDefinition, MetricKind};
use crate::DurationHistogram;

/// The samples of one metric.
pub(super) struct Samples {
    kind: MetricKind,
    labels: &'static [&'static str],
    metrics: Vec<Metric>,
}

impl Samples {
    pub(super) fn new(definition: &MetricDefinition) -> Self {
        Self { kind: definition.kind, labels: definition.labels, metrics: Vec::new() }
    }

    pub(super) fn into_metrics(self) -> Vec<Metric> {
        self.metrics
    }

    /// Adds a whole number.
    pub(super) fn count(&mut self, labels: &[&str], count: u64) {
        self.add(labels, count as f64);
    }

    /// Adds a number.
    pub(super) fn add(&mut self, labels: &[&str], value: f64) {
        let mut metric = self.metric(labels);
        match self.kind {
            MetricKind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
            MetricKind::Gauge | MetricKind::Histogram => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
        }
        self.metrics.push(metric);
    }

    /// Adds durations.
    pub(super) fn durations(&mut self, labels: &[&str], durations: &DurationHistogram) {
        let buckets = durations.buckets.iter().map(|(bound, count)| {
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(bound.as_secs_f64());
            bucket.set_cumulative_count(*count);
            bucket
        });
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(durations.count);
        histogram.set_sample_sum(durations.sum.as_secs_f64());
        let mut metric = self.metric(labels);
        metric.set_histogram(histogram);
        self.metrics.push(metric);
    }

    fn metric(&self, values: &[&str]) -> Metric {
        debug_assert_eq!(self.labels.len(), values.len(), "each label has a value");
        let pair = |(name, value): (&&str, &&str)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        };
        Metric::from_label(self.labels.iter().zip(values).map(pair).collect())
    }
}
