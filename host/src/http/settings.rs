//! What the HTTP API can be told before it starts.

use std::time::Duration;

/// How the HTTP API behaves. Everything has a default.
#[derive(Debug, Clone)]
#[must_use]
pub struct HttpSettings {
    pub(super) allowed_hosts: Vec<String>,
    pub(super) connections_max: usize,
    pub(super) drain_time_max: Duration,
    pub(super) unready_time: Duration,
    pub(super) compile_wait_max: Duration,
    pub(super) any_runtime: bool,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            allowed_hosts: Vec::new(),
            connections_max: 4096,
            drain_time_max: Duration::from_secs(30),
            unready_time: Duration::ZERO,
            compile_wait_max: Duration::from_secs(10),
            any_runtime: false,
        }
    }
}

impl HttpSettings {
    /// Answers requests for this host name or address too, on any port, and those that pages of it send. By default
    /// only this machine's own: `localhost`, `*.localhost`, `127.0.0.0/8` and `[::1]`.
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.allowed_hosts.push(host.into());
        self
    }

    /// How many connections are served at a time; further ones wait to be accepted. Default: 4,096.
    pub fn connections_max(self, connections: usize) -> Self {
        Self { connections_max: connections, ..self }
    }

    /// How long CreateFunction and UpdateFunctionCode wait for the code to be compiled before they answer that the function
    /// is `Pending` or the update `InProgress`. Code that is refused within that time gets an error for an answer; later the
    /// state of the function or of its last update is `Failed`. Default: 10 seconds.
    pub fn compile_wait_max(self, time: Duration) -> Self {
        Self { compile_wait_max: time, ..self }
    }

    /// How long running requests may take once the server is told to stop. Default: 30 seconds.
    pub fn drain_time_max(self, time: Duration) -> Self {
        Self { drain_time_max: time, ..self }
    }

    /// How long the server goes on as before once it is told to stop, while `/readyz` says already that it is closing: as long as
    /// whoever spreads requests over several servers takes to notice. Default: not at all.
    pub fn unready_time(self, time: Duration) -> Self {
        Self { unready_time: time, ..self }
    }

    /// Whether functions may name any runtime that Lambda ever had, so that existing templates can be deployed. It has no effect
    /// on what they are: WebAssembly. By default only `provided.al2023`, `provided.al2`, `provided` and `custom` are taken.
    pub fn any_runtime(self, any: bool) -> Self {
        Self { any_runtime: any, ..self }
    }
}
