//! The limits of a server, as options of `samovar serve`.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;

use crate::Limits;
use crate::http::HttpSettings;

/// What requests, functions and connections may have at most; the defaults are Lambda's, where Lambda has the limit.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits (docs/limits.md says what comes of each excess)")]
pub(super) struct LimitOptions {
    /// How many bytes an invocation's payload may have
    #[arg(long, value_name = "N", default_value_t = 6_291_456)]
    payload_bytes: usize,
    /// How many bytes the payload of an event that is queued may have
    #[arg(long, value_name = "N", default_value_t = 1_048_576)]
    async_payload_bytes: usize,
    /// How many bytes an invocation's answer may have
    #[arg(long, value_name = "N", default_value_t = 6_291_556)]
    answer_bytes: usize,
    /// How many bytes one invocation may log before its log is cut
    #[arg(long, value_name = "N", default_value_t = 4 << 20)]
    invocation_log_bytes: u64,
    /// How many bytes a function's environment may have
    #[arg(long, value_name = "N", default_value_t = 4096)]
    environment_bytes: usize,
    /// How many bytes an uploaded package may have
    #[arg(long, value_name = "N", default_value_t = 52_428_800)]
    package_bytes: usize,
    /// How many bytes all files of an uploaded zip may have
    #[arg(long, value_name = "N", default_value_t = 262_144_000)]
    unzipped_bytes: u64,
    /// How many bytes an invocation's client context may have
    #[arg(long, value_name = "N", default_value_t = 3583)]
    client_context_bytes: usize,
    /// How many files, streams, headers and the like an instance may hold at a time
    #[arg(long, value_name = "N", default_value_t = 1024)]
    resources: usize,
    /// How many bytes the body of a request other than an invocation may have
    #[arg(long, value_name = "N", default_value_t = 70_167_211)]
    request_bytes: usize,
    /// How many bytes the line and headers of a request may have
    #[arg(long, value_name = "N", default_value_t = 65_536)]
    headers_bytes: usize,
    /// How long a client may take to send a request's headers, and an idle connection is kept
    #[arg(long, value_name = "S", default_value_t = 120.0, value_parser = seconds)]
    headers_seconds: f64,
    /// How long a body may take to come in
    #[arg(long, value_name = "S", default_value_t = 300.0, value_parser = seconds)]
    body_seconds: f64,
    /// How long a client may send nothing in the middle of a body
    #[arg(long, value_name = "S", default_value_t = 20.0, value_parser = seconds)]
    body_pause_seconds: f64,
    /// How long a body may take however small it is
    #[arg(long, value_name = "S", default_value_t = 10.0, value_parser = seconds)]
    body_grace_seconds: f64,
    /// How fast a body must come in on average beyond that time; 0 sets no such limit
    #[arg(long, value_name = "N", default_value_t = 1024)]
    body_bytes_per_second: u32,
    /// How long a client may take nothing of an answer that it has not read to its end
    #[arg(long, value_name = "S", default_value_t = 60.0, value_parser = seconds)]
    answer_pause_seconds: f64,
    /// How many bytes all bodies may have together that are held at a time
    #[arg(long, value_name = "N", default_value_t = 1 << 30)]
    bodies_bytes: usize,
    /// How many connections are served at a time
    #[arg(long, value_name = "N", default_value = "4096")]
    connections: NonZeroUsize,
    /// How many connections one address may have [default: half of all, and as many as there are for this machine's own]
    #[arg(long, value_name = "N")]
    connections_per_address: Option<NonZeroUsize>,
    /// How many connections may wait to be served
    #[arg(long, value_name = "N", default_value_t = 1024)]
    connections_waiting: usize,
    /// How long a connection waits to be served
    #[arg(long, value_name = "S", default_value_t = 10.0, value_parser = seconds)]
    connection_wait_seconds: f64,
}

impl LimitOptions {
    /// The host's limits.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            payload_bytes: self.payload_bytes,
            async_payload_bytes: self.async_payload_bytes,
            answer_bytes: self.answer_bytes,
            invocation_log_bytes: self.invocation_log_bytes,
            environment_bytes: self.environment_bytes,
            package_bytes: self.package_bytes,
            unzipped_bytes: self.unzipped_bytes,
            client_context_bytes: self.client_context_bytes,
            resources: self.resources,
        }
    }

    /// Those of the HTTP API.
    pub(super) fn http(&self) -> HttpSettings {
        let settings = HttpSettings::default()
            .request_bytes_max(self.request_bytes)
            .headers_bytes_max(self.headers_bytes)
            .headers_time_max(Duration::from_secs_f64(self.headers_seconds))
            .body_time_max(Duration::from_secs_f64(self.body_seconds))
            .body_pause_max(Duration::from_secs_f64(self.body_pause_seconds))
            .body_grace(Duration::from_secs_f64(self.body_grace_seconds))
            .body_bytes_per_second_min(self.body_bytes_per_second)
            .answer_pause_max(Duration::from_secs_f64(self.answer_pause_seconds))
            .bodies_bytes_max(self.bodies_bytes)
            .connections_max(self.connections.get())
            .connections_waiting_max(self.connections_waiting)
            .connection_wait_max(Duration::from_secs_f64(self.connection_wait_seconds));
        match self.connections_per_address {
            Some(connections) => settings.connections_per_address_max(connections.get()),
            None => settings,
        }
    }

    /// How many connections there may be at a time, those that wait among them.
    pub(super) fn connections(&self) -> usize {
        self.connections.get().saturating_add(self.connections_waiting)
    }
}

/// A time from a millisecond to a day.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    let range = 0.001..=86_400.0;
    let given = text.parse().ok().filter(|seconds| range.contains(seconds));
    given.ok_or_else(|| "must be a number of seconds from 0.001 to 86400".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        limits: LimitOptions,
    }

    #[test]
    fn the_defaults_of_the_options_are_those_of_the_library() {
        let line = Line::parse_from(["serve"]).limits;
        assert_eq!(line.limits(), Limits::default());
        assert_eq!(format!("{:?}", line.http()), format!("{:?}", HttpSettings::default()));
    }

    #[test]
    fn a_time_is_a_number_of_seconds() {
        assert_eq!(seconds("0.5"), Ok(0.5));
        for bad in ["0", "-1", "NaN", "inf", "a", "86401"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
