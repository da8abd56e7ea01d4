//! What is counted of requests and connections.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;

use crate::metrics::Gauge;

/// The classes of answers.
pub(super) const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Why connections are not served, as the metric has it.
pub(super) const REFUSALS: [&str; 4] = ["address", "full", "waited", "closing"];

/// Why a connection is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum ConnectionRefusal {
    /// Its address has as many as it may have.
    Address,
    /// All are taken, and none more may wait.
    Full,
    /// It has waited for a place for as long as it may.
    Waited,
    /// It waited for a place when the server ended.
    Closing,
}

/// The counters of one server.
#[derive(Debug, Default)]
pub(in crate::http) struct HttpCounters {
    /// Connections that are open.
    pub(in crate::http) connections: Gauge,
    accepted: AtomicU64,
    refused: [AtomicU64; REFUSALS.len()],
    answered: [AtomicU64; STATUS_CLASSES.len()],
}

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct HttpMetrics {
    pub(super) connections: u64,
    pub(super) accepted: u64,
    /// By reason.
    pub(super) refused: [u64; REFUSALS.len()],
    /// By class of status.
    pub(super) answered: [u64; STATUS_CLASSES.len()],
}

impl HttpCounters {
    /// Counts a connection that was taken.
    pub(in crate::http) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection that was not served.
    pub(in crate::http) fn refused(&self, why: ConnectionRefusal) {
        self.refused[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an answer.
    pub(in crate::http) fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, STATUS_CLASSES.len());
        self.answered[class - 1].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> HttpMetrics {
        HttpMetrics {
            connections: self.connections.count(),
            accepted: self.accepted.load(Ordering::Relaxed),
            refused: std::array::from_fn(|why| self.refused[why].load(Ordering::Relaxed)),
            answered: std::array::from_fn(|class| self.answered[class].load(Ordering::Relaxed)),
        }
    }
}
