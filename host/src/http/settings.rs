//! What the HTTP API can be told before it starts.

use std::time::Duration;

use crate::Limits;

/// The least that a set of headers must be allowed, in bytes.
const HEADERS_BYTES_MIN: usize = 8 << 10;
/// The most that it may be: every connection may take twice as much.
const HEADERS_BYTES_BOUND: usize = 1 << 20;
/// What the headers of an invocation take beside the client context.
const OTHER_HEADERS_BYTES: usize = 4 << 10;

/// What no time here is longer than, so that points in time can be reckoned.
const TIME_BOUND: Duration = Duration::from_secs(24 * 60 * 60);

/// How the HTTP API behaves. Everything has a default.
///
/// What a client gets that exceeds a limit is in `docs/limits.md`. A time that is longer than a day is taken as a day.
#[derive(Debug, Clone)]
#[must_use]
pub struct HttpSettings {
    pub(super) allowed_hosts: Vec<String>,
    pub(super) connections_max: usize,
    pub(super) connections_per_address_max: Option<usize>,
    pub(super) connections_waiting_max: usize,
    pub(super) connection_wait_max: Duration,
    pub(super) headers_bytes_max: usize,
    pub(super) headers_time_max: Duration,
    pub(super) request_bytes_max: usize,
    pub(super) bodies_bytes_max: usize,
    pub(super) body_time_max: Duration,
    pub(super) body_pause_max: Duration,
    pub(super) body_grace: Duration,
    pub(super) body_bytes_per_second_min: u32,
    pub(super) answer_pause_max: Duration,
    pub(super) drain_time_max: Duration,
    pub(super) unready_time: Duration,
    pub(super) compile_wait_max: Duration,
    pub(super) any_runtime: bool,
}

/// Settings that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpSettingsError {
    /// A number must not be nought.
    #[error("{name} must be at least 1")]
    Nought {
        /// The setting.
        name: &'static str,
    },
    /// Headers cannot be bounded so.
    #[error(
        "headers_bytes_max cannot be {given}: it must be from {HEADERS_BYTES_MIN} to {HEADERS_BYTES_BOUND}"
    )]
    HeadersBytes {
        /// What was asked for.
        given: usize,
    },
    /// The headers of an invocation would not be taken, though its client context may be so large.
    #[error("headers_bytes_max must be at least {needed} for a client context of {client_context} bytes")]
    ClientContext {
        /// The bytes a client context may have.
        client_context: usize,
        /// The least that will do.
        needed: usize,
    },
    /// No request could bring a package that is as large as a package may be.
    #[error(
        "request_bytes_max must be at least {needed} for packages of {package} bytes, which come in base64"
    )]
    Package {
        /// The bytes a package may have.
        package: usize,
        /// The least that will do.
        needed: usize,
    },
    /// No body that is as large as a body may be would find room.
    #[error("bodies_bytes_max must be at least {needed}, the largest body that is taken")]
    Bodies {
        /// The least that will do.
        needed: usize,
    },
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            allowed_hosts: Vec::new(),
            connections_max: 4096,
            connections_per_address_max: None,
            connections_waiting_max: 1024,
            connection_wait_max: Duration::from_secs(10),
            headers_bytes_max: 64 << 10,
            headers_time_max: Duration::from_secs(120),
            request_bytes_max: 70_167_211,
            bodies_bytes_max: 1 << 30,
            body_time_max: Duration::from_secs(300),
            body_pause_max: Duration::from_secs(20),
            body_grace: Duration::from_secs(10),
            body_bytes_per_second_min: 1024,
            answer_pause_max: Duration::from_secs(60),
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

    /// How many connections are served at a time. Further ones wait for
    /// [a while](Self::connection_wait_max); when [too many](Self::connections_waiting_max) wait, they are answered at once that
    /// there is no room. Default: 4,096.
    pub fn connections_max(self, connections: usize) -> Self {
        Self { connections_max: connections, ..self }
    }

    /// How many connections one address may have, those that wait among them; of IPv6, one network of 64 bits, because
    /// that is what one client is given. Default: half of [`connections_max`](Self::connections_max), so that no client alone takes
    /// all, and no limit for loopback addresses: there clients share one address, whether they are programs of this machine
    /// or come through its proxy. A number that is set counts for those as well.
    pub fn connections_per_address_max(self, connections: usize) -> Self {
        Self { connections_per_address_max: Some(connections), ..self }
    }

    /// How many connections may wait to be served. Default: 1,024.
    pub fn connections_waiting_max(self, connections: usize) -> Self {
        Self { connections_waiting_max: connections, ..self }
    }

    /// How long a connection waits to be served. Default: 10 seconds.
    pub fn connection_wait_max(self, time: Duration) -> Self {
        Self { connection_wait_max: time.min(TIME_BOUND), ..self }
    }

    /// How many bytes the line and the headers of a request may have; what was read by then may be twice as much. Default:
    /// 64 KiB; from 8 KiB to 1 MiB. A request may have 100 headers.
    pub fn headers_bytes_max(self, bytes: usize) -> Self {
        Self { headers_bytes_max: bytes, ..self }
    }

    /// How long a client may take from connecting, or from the last answer, to the end of the next request's headers:
    /// so long, an idle connection is kept. Default: 120 seconds.
    pub fn headers_time_max(self, time: Duration) -> Self {
        Self { headers_time_max: time.min(TIME_BOUND), ..self }
    }

    /// How many bytes the body of any request but Invoke may have. Default: 70,167,211, as on Lambda: room for a package of
    /// 50 MiB in base64, and 256 KiB.
    pub fn request_bytes_max(self, bytes: usize) -> Self {
        Self { request_bytes_max: bytes, ..self }
    }

    /// How many bytes all bodies may have together that are held at a time; those of up to 64 KiB do not count, because
    /// connections are limited. Default: 1 GiB.
    pub fn bodies_bytes_max(self, bytes: usize) -> Self {
        Self { bodies_bytes_max: bytes, ..self }
    }

    /// How long a body may take to come in. Default: 300 seconds.
    pub fn body_time_max(self, time: Duration) -> Self {
        Self { body_time_max: time.min(TIME_BOUND), ..self }
    }

    /// How long a client may send nothing in the middle of a body. Default: 20 seconds.
    pub fn body_pause_max(self, time: Duration) -> Self {
        Self { body_pause_max: time.min(TIME_BOUND), ..self }
    }

    /// How fast a body must come in, in bytes per second on average, apart from the time that [all](Self::body_grace) may take.
    /// Default: 1,024, a quarter of what the slowest mobile networks manage; nought sets no such limit.
    pub fn body_bytes_per_second_min(self, bytes: u32) -> Self {
        Self { body_bytes_per_second_min: bytes, ..self }
    }

    /// How long a body may take however small it is. Default: 10 seconds.
    pub fn body_grace(self, time: Duration) -> Self {
        Self { body_grace: time.min(TIME_BOUND), ..self }
    }

    /// How long a client may take nothing of an answer that it has not read to its end; then its connection ends. What the
    /// system has taken to send counts as taken. Default: 60 seconds.
    pub fn answer_pause_max(self, time: Duration) -> Self {
        Self { answer_pause_max: time.min(TIME_BOUND), ..self }
    }

    /// How long CreateFunction and UpdateFunctionCode wait for the code to be compiled before they answer that the function
    /// is `Pending` or the update `InProgress`. Code that is refused within that time gets an error for an answer; later the
    /// state of the function or of its last update is `Failed`. Default: 10 seconds.
    pub fn compile_wait_max(self, time: Duration) -> Self {
        Self { compile_wait_max: time.min(TIME_BOUND), ..self }
    }

    /// How long running requests may take once the server is told to stop. Default: 30 seconds.
    pub fn drain_time_max(self, time: Duration) -> Self {
        Self { drain_time_max: time.min(TIME_BOUND), ..self }
    }

    /// How long the server goes on as before once it is told to stop, while `/readyz` says already that it is closing: as long as
    /// whoever spreads requests over several servers takes to notice. Default: not at all.
    pub fn unready_time(self, time: Duration) -> Self {
        Self { unready_time: time.min(TIME_BOUND), ..self }
    }

    /// Whether functions may name any runtime that Lambda ever had, so that existing templates can be deployed. It has no effect
    /// on what they are: WebAssembly. By default only `provided.al2023`, `provided.al2`, `provided` and `custom` are taken.
    pub fn any_runtime(self, any: bool) -> Self {
        Self { any_runtime: any, ..self }
    }

    /// Checks that these settings can be kept over a host with those limits. [`serve`](super::serve) does so first; whoever makes
    /// a [`router`](super::router) may want to.
    ///
    /// # Errors
    /// When one of them cannot.
    pub fn check(&self, limits: &Limits) -> Result<(), HttpSettingsError> {
        let counts = [
            ("connections_max", self.connections_max),
            ("connections_per_address_max", self.connections_per_address_max.unwrap_or(1)),
            ("headers_time_max", self.headers_time_max.as_millis() as usize),
            ("body_time_max", self.body_time_max.as_millis() as usize),
            ("body_pause_max", self.body_pause_max.as_millis() as usize),
            ("answer_pause_max", self.answer_pause_max.as_millis() as usize),
        ];
        if let Some((name, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return Err(HttpSettingsError::Nought { name });
        }
        let given = self.headers_bytes_max;
        if !(HEADERS_BYTES_MIN..=HEADERS_BYTES_BOUND).contains(&given) {
            return Err(HttpSettingsError::HeadersBytes { given });
        }
        let client_context = limits.client_context_bytes;
        let needed = client_context + OTHER_HEADERS_BYTES;
        if given < needed {
            return Err(HttpSettingsError::ClientContext { client_context, needed });
        }
        let package = limits.package_bytes;
        let needed = package.div_ceil(3) * 4;
        if self.request_bytes_max < needed {
            return Err(HttpSettingsError::Package { package, needed });
        }
        let payload = limits.payload_bytes.max(limits.async_payload_bytes);
        let needed = self.request_bytes_max.max(payload);
        if self.bodies_bytes_max < needed {
            return Err(HttpSettingsError::Bodies { needed });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        let limits = Limits::default();
        let refused = |settings: HttpSettings| settings.check(&limits).expect_err("refused").to_string();
        assert_eq!(HttpSettings::default().check(&limits), Ok(()));
        assert_eq!(refused(HttpSettings::default().connections_max(0)), "connections_max must be at least 1");
        let text = refused(HttpSettings::default().headers_bytes_max(100));
        assert_eq!(text, "headers_bytes_max cannot be 100: it must be from 8192 to 1048576");
        let text = refused(HttpSettings::default().request_bytes_max(1 << 20));
        assert!(text.contains("at least 69905068 for packages of 52428800 bytes"), "{text}");
        let text = refused(HttpSettings::default().bodies_bytes_max(1 << 20));
        assert_eq!(text, "bodies_bytes_max must be at least 70167211, the largest body that is taken");
        let limits = Limits { client_context_bytes: 20 << 10, ..Limits::default() };
        let text = HttpSettings::default().headers_bytes_max(16 << 10).check(&limits).expect_err("refused");
        assert!(text.to_string().contains("for a client context of 20480 bytes"), "{text}");
    }
}
