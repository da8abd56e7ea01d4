//! What a metric is: its name, its kind, its labels and what it means.

use std::fmt;

use prometheus::proto::{MetricFamily, MetricType};

use super::Scrape;
use super::samples::Samples;

/// What a metric is.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct MetricDefinition {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: MetricKind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it means, in a sentence or two.
    pub help: &'static str,
    /// Adds what there is of it.
    pub(super) samples: fn(&Scrape, &mut Samples),
}

/// The kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// It only rises, until the host is started anew or what it is of is deleted.
    Counter,
    /// It rises and falls.
    Gauge,
    /// It counts durations by how long they were.
    Histogram,
}

impl MetricKind {
    /// Its name, as Prometheus writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl fmt::Debug for MetricDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricDefinition").field("name", &self.name).finish_non_exhaustive()
    }
}

impl MetricDefinition {
    /// All samples there are; none, if there are none.
    pub(super) fn family(&self, scrape: &Scrape) -> Option<MetricFamily> {
        let mut samples = Samples::new(self);
        (self.samples)(scrape, &mut samples);
        let metrics = samples.into_metrics();
        if metrics.is_empty() {
            return None;
        }
        let mut family = MetricFamily::default();
        family.set_name(self.name.to_owned());
        family.set_help(self.help.to_owned());
        family.set_field_type(match self.kind {
            MetricKind::Counter => MetricType::COUNTER,
            MetricKind::Gauge => MetricType::GAUGE,
            MetricKind::Histogram => MetricType::HISTOGRAM,
        });
        family.set_metric(metrics);
        Some(family)
    }
}
