//! Which operation of the model a request asks for.

use std::borrow::Cow;

use axum::http::Method;
use percent_encoding::percent_decode_str;

use super::{Model, Operation};

/// A part of an operation's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(&'static str),
    /// Any text, which is this member of the request.
    Label(&'static str),
}

/// An operation, and the members that the path of the request holds, still encoded.
#[derive(Debug)]
pub(in crate::http) struct Route<'a> {
    pub(super) model: &'static Model,
    pub(in crate::http) operation: &'static Operation,
    pub(in crate::http) labels: Vec<(&'static str, &'a str)>,
}

/// The pairs of a query, decoded, in their order. Of a key that comes twice the first value counts, unless a list is meant.
#[derive(Debug)]
pub(in crate::http) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// A part of a URL that is not UTF-8 once it is decoded.
#[derive(Debug)]
pub(in crate::http) struct NotText<'a>(pub(in crate::http) &'a str);

impl Segment {
    pub(super) fn of(text: &'static str) -> Self {
        match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(label) => Self::Label(label),
            None => Self::Literal(text),
        }
    }
}

impl Model {
    /// The operation that is meant, if there is one.
    pub(in crate::http) fn route<'a>(
        &'static self,
        method: &Method,
        path: &'a str,
        query: &Query<'_>,
    ) -> Option<Route<'a>> {
        let segments: Vec<&str> = segments(path).collect();
        let candidates = || self.operations.iter().filter(|operation| operation.method == method.as_str());
        let routed = |operation: &'static Operation| {
            let labels = labels(operation, &segments)?;
            Some(Route { model: self, operation, labels })
        };
        // A path with a pair of the query is another operation than the path alone.
        let asks_for = |operation: &&'static Operation| {
            operation.query.is_some_and(|(key, value)| query.first(key) == Some(value))
        };
        let exact = candidates().filter(asks_for).find_map(routed);
        exact.or_else(|| candidates().filter(|operation| operation.query.is_none()).find_map(routed))
    }
}

/// The parts of a path. Some SDKs end a path with a slash, so empty parts count for nothing.
pub(in crate::http) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

fn labels<'a>(operation: &Operation, segments: &[&'a str]) -> Option<Vec<(&'static str, &'a str)>> {
    if operation.path.len() != segments.len() {
        return None;
    }
    let mut labels = Vec::new();
    for (expected, &segment) in operation.path.iter().zip(segments) {
        match *expected {
            Segment::Literal(literal) if literal == segment => {}
            Segment::Literal(_) => return None,
            Segment::Label(label) => labels.push((label, segment)),
        }
    }
    Some(labels)
}

impl<'a> Query<'a> {
    /// Reads the query of a URL: `+` and `%20` are spaces.
    pub(in crate::http) fn parse(query: Option<&'a str>) -> Result<Self, NotText<'a>> {
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let decoded = pairs.map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((form_decoded(key)?, form_decoded(value)?))
        });
        Ok(Self(decoded.collect::<Result<_, _>>()?))
    }

    /// The first value of that key.
    pub(in crate::http) fn first(&self, key: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(name, _)| name == key);
        pair.map(|(_, value)| value.as_ref())
    }

    /// All values of that key.
    pub(super) fn all<'b>(&'b self, key: &'b str) -> impl Iterator<Item = &'b str> {
        self.0.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_ref())
    }
}

/// A text of a URL's path, in which a `+` is a `+`.
pub(in crate::http) fn decoded(text: &str) -> Result<Cow<'_, str>, NotText<'_>> {
    percent_decode_str(text).decode_utf8().map_err(|_| NotText(text))
}

fn form_decoded(text: &str) -> Result<Cow<'_, str>, NotText<'_>> {
    match text.contains('+') {
        false => decoded(text),
        true => {
            let spaced = text.replace('+', " ");
            let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| NotText(text))?;
            Ok(Cow::Owned(decoded.into_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(
        method: &str,
        target: &'static str,
    ) -> Option<(&'static str, Vec<(&'static str, &'static str)>)> {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let query = Query::parse(query).expect("text");
        let method = method.parse().expect("a method");
        let route = Model::lambda().route(&method, path, &query)?;
        Some((route.operation.name, route.labels))
    }

    #[test]
    fn every_operation_of_the_model_is_found_by_its_own_method_and_path() {
        for operation in Model::lambda().operations() {
            let path: Vec<&str> = operation
                .path
                .iter()
                .map(|segment| match *segment {
                    Segment::Literal(text) | Segment::Label(text) => text as &str,
                })
                .collect();
            let path = format!("/{}/", path.join("/"));
            let pair = operation.query.map(|(key, value)| format!("Other=1&{key}={value}"));
            let query = Query::parse(pair.as_deref()).expect("text");
            let method = operation.method.parse().expect("a method");
            let route = Model::lambda().route(&method, &path, &query).expect("a route");
            assert_eq!(route.operation.name, operation.name, "{path}");
        }
    }

    #[test]
    fn a_route_holds_the_members_of_the_path_as_they_came() {
        let alias = routed("PUT", "/2015-03-31/functions/f%3A1/aliases/live");
        assert_eq!(alias, Some(("UpdateAlias", vec![("FunctionName", "f%3A1"), ("Name", "live")])));
        let tags = routed("GET", "/2017-03-31/tags/arn%3Aaws%3Alambda%2Fx");
        assert_eq!(tags, Some(("ListTags", vec![("Resource", "arn%3Aaws%3Alambda%2Fx")])));
        assert_eq!(routed("POST", "/2015-03-31/functions/"), Some(("CreateFunction", vec![])));
    }

    #[test]
    fn a_pair_of_the_query_makes_another_operation() {
        let name = |target| routed("GET", target).map(|(name, _)| name);
        let path = "/2019-09-30/functions/f/provisioned-concurrency";
        assert_eq!(name(path), Some("GetProvisionedConcurrencyConfig"));
        assert_eq!(
            name("/2019-09-30/functions/f/provisioned-concurrency?List=ALL"),
            Some("ListProvisionedConcurrencyConfigs")
        );
        assert_eq!(name("/2018-10-31/layers?find=LayerVersion&Arn=x"), Some("GetLayerVersionByArn"));
        assert_eq!(name("/2018-10-31/layers"), Some("ListLayers"));
    }

    #[test]
    fn what_no_model_has_is_no_operation() {
        for (method, path) in [
            ("PATCH", "/2015-03-31/functions/f"),
            ("GET", "/2015-03-31/functions/f/invocations"),
            ("POST", "/2015-03-31/functions/f/invocations/x"),
            ("GET", "/2015-03-31"),
            ("GET", "/"),
        ] {
            assert_eq!(routed(method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn a_query_is_decoded_once() {
        let query = Query::parse(Some("a=1+2&b=%2B&a=3&tag%4Beys=%25&flag&&=x")).expect("text");
        assert_eq!((query.first("a"), query.first("b")), (Some("1 2"), Some("+")));
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1 2", "3"]);
        assert_eq!((query.first("tagKeys"), query.first("flag")), (Some("%"), Some("")));
        assert_eq!(query.first("c"), None);
        assert!(Query::parse(Some("a=%FF")).is_err());
    }
}
