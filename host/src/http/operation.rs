//! Which operation a request asks for, by its method and path.

use axum::http::Method;

/// An operation, with the still encoded segments of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation<'a> {
    CreateFunction,
    GetFunction {
        function: &'a str,
    },
    GetFunctionConfiguration {
        function: &'a str,
    },
    UpdateFunctionCode {
        function: &'a str,
    },
    UpdateFunctionConfiguration {
        function: &'a str,
    },
    PublishVersion {
        function: &'a str,
    },
    CreateAlias {
        function: &'a str,
    },
    GetAlias {
        function: &'a str,
        alias: &'a str,
    },
    UpdateAlias {
        function: &'a str,
        alias: &'a str,
    },
    Invoke {
        function: &'a str,
    },
    /// Lambda has it, or may; Samovar does not, yet.
    NotImplemented,
    /// Where [`super::code`] serves packages.
    Code {
        region: &'a str,
        function: &'a str,
        version: &'a str,
    },
    Health,
    /// Nothing is there.
    Unknown,
}

impl<'a> Operation<'a> {
    pub(super) fn of(method: &Method, path: &'a str) -> Self {
        // Some SDKs end a path with a slash, so empty segments count for nothing.
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        let mut next = || segments.next().unwrap_or("");
        match (method.as_str(), [next(), next(), next(), next(), next(), next()]) {
            ("POST", ["2015-03-31", "functions", function, "invocations", "", ""]) => {
                Self::Invoke { function }
            }
            ("POST", ["2015-03-31", "functions", "", ..]) => Self::CreateFunction,
            ("GET", ["2015-03-31", "functions", function, "", ..]) if !function.is_empty() => {
                Self::GetFunction { function }
            }
            ("GET", ["2015-03-31", "functions", function, "configuration", "", ""]) => {
                Self::GetFunctionConfiguration { function }
            }
            ("PUT", ["2015-03-31", "functions", function, "code", "", ""]) => {
                Self::UpdateFunctionCode { function }
            }
            ("PUT", ["2015-03-31", "functions", function, "configuration", "", ""]) => {
                Self::UpdateFunctionConfiguration { function }
            }
            ("POST", ["2015-03-31", "functions", function, "versions", "", ""]) => {
                Self::PublishVersion { function }
            }
            ("POST", ["2015-03-31", "functions", function, "aliases", "", ""]) => {
                Self::CreateAlias { function }
            }
            ("GET", ["2015-03-31", "functions", function, "aliases", alias, ""]) if !alias.is_empty() => {
                Self::GetAlias { function, alias }
            }
            ("PUT", ["2015-03-31", "functions", function, "aliases", alias, ""]) if !alias.is_empty() => {
                Self::UpdateAlias { function, alias }
            }
            ("GET", ["code", region, function, version, "", ""]) if !version.is_empty() => {
                Self::Code { region, function, version }
            }
            ("GET" | "HEAD", ["healthz", "", ..]) => Self::Health,
            (_, [first, ..]) if is_date(first) => Self::NotImplemented,
            _ => Self::Unknown,
        }
    }
}

/// Whether a path begins as those of Lambda's API do: with the date of an API version.
fn is_date(segment: &str) -> bool {
    let form =
        |(at, byte): (usize, u8)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() };
    segment.len() == 10 && segment.bytes().enumerate().all(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &str, path: &'static str) -> Operation<'static> {
        Operation::of(&method.parse().expect("a method"), path)
    }

    #[test]
    fn operations_are_told_apart_by_method_and_path() {
        let function = "f";
        assert_eq!(of("POST", "/2015-03-31/functions/f/invocations"), Operation::Invoke { function });
        assert_eq!(of("POST", "/2015-03-31/functions"), Operation::CreateFunction);
        assert_eq!(of("POST", "/2015-03-31/functions/"), Operation::CreateFunction);
        assert_eq!(of("GET", "/2015-03-31/functions/f"), Operation::GetFunction { function });
        assert_eq!(of("PUT", "/2015-03-31/functions/f/code"), Operation::UpdateFunctionCode { function });
        assert_eq!(
            of("PUT", "/2015-03-31/functions/f/aliases/live"),
            Operation::UpdateAlias { function, alias: "live" }
        );
        assert_eq!(of("GET", "/healthz"), Operation::Health);
    }

    #[test]
    fn what_lambda_has_and_we_have_not_is_told_from_what_nobody_has() {
        for (method, path) in [
            ("GET", "/2015-03-31/functions"),
            ("DELETE", "/2015-03-31/functions/f"),
            ("GET", "/2015-03-31/functions/f/aliases"),
            ("GET", "/2016-08-19/account-settings"),
            ("POST", "/2021-11-15/functions/f/response-streaming-invocations"),
            ("POST", "/2015-03-31/functions/f/invocations/x/y/z"),
        ] {
            assert_eq!(of(method, path), Operation::NotImplemented, "{method} {path}");
        }
        for path in ["/", "/favicon.ico", "/2015-03/functions", "/healthz/deep", "/code/a/b"] {
            assert_eq!(of("GET", path), Operation::Unknown, "{path}");
        }
    }
}
