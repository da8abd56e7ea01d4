//! What a request is for, by its method and path: Invoke, another operation of Lambda, or what is Samovar's own.

use axum::http::Method;

use super::model::segments;

/// What a request is for, with the still encoded segments of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target<'a> {
    Invoke {
        function: &'a str,
    },
    InvokeAsync {
        function: &'a str,
    },
    /// An operation that the model of the API knows, or nothing.
    Operation,
    /// Where [`super::code`] serves packages.
    Code {
        region: &'a str,
        function: &'a str,
        version: &'a str,
    },
    /// Where an alias has led.
    AliasHistory {
        function: &'a str,
        alias: &'a str,
    },
    /// An alias to be led back.
    AliasRollback {
        function: &'a str,
        alias: &'a str,
    },
    /// What has become of an event.
    Event {
        id: &'a str,
    },
    DeadLetters,
    /// Queues that messages wait for.
    DeliveryBacklogs,
    DeadLetter {
        id: &'a str,
    },
    RedriveDeadLetter {
        id: &'a str,
    },
    PurgeDeadLetter {
        id: &'a str,
    },
    RedriveDeadLetters,
    PurgeDeadLetters,
    Health,
    /// Whether the host takes invocations.
    Readiness,
    Metrics,
}

impl<'a> Target<'a> {
    /// What invokes is told from all others before anybody looks at the model.
    pub(super) fn of(method: &Method, path: &'a str) -> Self {
        let mut segments = segments(path);
        let mut next = || segments.next().unwrap_or("");
        match (method.as_str(), [next(), next(), next(), next(), next()]) {
            ("POST", ["2015-03-31", "functions", function, "invocations", ""]) => Self::Invoke { function },
            ("POST", ["2014-11-13", "functions", function, "invoke-async", ""]) => {
                Self::InvokeAsync { function }
            }
            ("GET", ["code", region, function, version, ""]) if !version.is_empty() => {
                Self::Code { region, function, version }
            }
            (method, ["samovar", "functions", function, "aliases", alias]) => {
                match (method, next(), next()) {
                    ("GET", "history", "") => Self::AliasHistory { function, alias },
                    ("POST", "rollback", "") => Self::AliasRollback { function, alias },
                    _ => Self::Operation,
                }
            }
            ("GET", ["samovar", "delivery-backlogs", "", ..]) => Self::DeliveryBacklogs,
            ("GET", ["samovar", "events", id, "", ""]) if !id.is_empty() => Self::Event { id },
            (method, ["samovar", "dead-letters", id, what, ""]) => match (method, id, what) {
                ("GET", "", "") => Self::DeadLetters,
                ("POST", "redrive", "") => Self::RedriveDeadLetters,
                ("POST", "purge", "") => Self::PurgeDeadLetters,
                ("GET", id, "") => Self::DeadLetter { id },
                ("DELETE", id, "") if !id.is_empty() => Self::PurgeDeadLetter { id },
                ("POST", id, "redrive") => Self::RedriveDeadLetter { id },
                _ => Self::Operation,
            },
            ("GET" | "HEAD", ["healthz", "", ..]) => Self::Health,
            ("GET" | "HEAD", ["readyz", "", ..]) => Self::Readiness,
            ("GET", ["metrics", "", ..]) => Self::Metrics,
            _ => Self::Operation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &str, path: &'static str) -> Target<'static> {
        Target::of(&method.parse().expect("a method"), path)
    }

    #[test]
    fn invoke_is_told_from_all_others() {
        let function = "f";
        for path in ["/2015-03-31/functions/f/invocations", "//2015-03-31/functions/f/invocations/"] {
            assert_eq!(of("POST", path), Target::Invoke { function }, "{path}");
        }
        let path = "/2014-11-13/functions/f/invoke-async/";
        assert_eq!(
            (of("POST", path), of("PUT", path)),
            (Target::InvokeAsync { function }, Target::Operation)
        );
        assert_eq!(of("GET", "/2015-03-31/functions/f/invocations"), Target::Operation);
        assert_eq!(of("POST", "/2015-03-31/functions/f/invocations/x"), Target::Operation);
        assert_eq!(of("POST", "/2015-03-31/functions"), Target::Operation);
    }

    #[test]
    fn what_is_our_own_has_paths_that_lambda_has_not() {
        let package = Target::Code { region: "r", function: "f", version: "1" };
        assert_eq!(of("GET", "/code/r/f/1"), package);
        assert_eq!(of("HEAD", "/healthz"), Target::Health);
        assert_eq!(of("GET", "/readyz"), Target::Readiness);
        assert_eq!(of("GET", "/metrics"), Target::Metrics);
        let (function, alias) = ("f%3Ax", "live");
        let alias_path = "/samovar/functions/f%3Ax/aliases/live";
        let own = |method, rest: &str| of(method, format!("{alias_path}{rest}").leak());
        assert_eq!(own("GET", "/history"), Target::AliasHistory { function, alias });
        assert_eq!(own("POST", "/rollback"), Target::AliasRollback { function, alias });
        for (method, rest) in [("POST", "/history"), ("GET", "/rollback"), ("GET", ""), ("GET", "/history/x")]
        {
            assert_eq!(own(method, rest), Target::Operation, "{method} {rest}");
        }
        let id = "6b0e4d1c";
        assert_eq!(of("GET", "/samovar/events/6b0e4d1c"), Target::Event { id });
        assert_eq!(of("GET", "/samovar/delivery-backlogs"), Target::DeliveryBacklogs);
        for (method, path, target) in [
            ("GET", "", Target::DeadLetters),
            ("POST", "/redrive", Target::RedriveDeadLetters),
            ("POST", "/purge", Target::PurgeDeadLetters),
            ("GET", "/6b0e4d1c", Target::DeadLetter { id }),
            ("DELETE", "/6b0e4d1c", Target::PurgeDeadLetter { id }),
            ("POST", "/6b0e4d1c/redrive", Target::RedriveDeadLetter { id }),
            ("DELETE", "", Target::Operation),
            ("POST", "/6b0e4d1c", Target::Operation),
            ("POST", "/6b0e4d1c/purge", Target::Operation),
            ("GET", "/6b0e4d1c/redrive", Target::Operation),
        ] {
            let path = format!("/samovar/dead-letters{path}");
            assert_eq!(of(method, path.leak()), target, "{method}");
        }
        for path in
            ["/samovar/events", "/samovar/events/a/b", "/", "/healthz/deep", "/code/a/b", "/code/a/b/c/d"]
        {
            assert_eq!(of("GET", path), Target::Operation, "{path}");
        }
    }
}
