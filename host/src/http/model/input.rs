//! The input of an operation: its members, gathered from the path, the query and the body of a request, and checked.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::Operation;
use super::read;
use super::route::{NotText, Query, Route, decoded};
use super::shape::{Kind, Member, Place};
use super::violation::{At, Violations};

/// What an operation is given. Every member is there under its own name, wherever the request had it, and is as the model
/// wants it.
#[derive(Debug)]
pub(in crate::http) struct Input {
    pub(in crate::http) members: Map<String, Value>,
    /// The package that the request holds, decoded. The member that it is is `true`.
    pub(in crate::http) package: Option<Bytes>,
}

/// Why a request is no input of its operation.
#[derive(Debug)]
pub(in crate::http) enum InputError {
    /// A part of the URL is not UTF-8.
    NotText(String),
    /// The body is no JSON, or JSON of other types.
    Json(serde_json::Error),
    /// A text of the query is not what its member should be.
    Mistyped(String),
    /// Values are outside what the model allows: the text of a ValidationException.
    Invalid(String),
}

impl Operation {
    /// Whether anything of its requests is in their body.
    pub(in crate::http) fn has_body(&self) -> bool {
        self.members().iter().any(|member| member.place == Place::Body)
    }

    fn members(&self) -> &[Member] {
        self.input.as_deref().unwrap_or_default()
    }
}

impl Input {
    /// Reads and checks all members of a request. An empty body has no members.
    pub(in crate::http) fn read(
        route: &Route<'_>,
        query: &Query<'_>,
        body: &[u8],
    ) -> Result<Self, InputError> {
        let (model, expected) = (route.model, route.operation.members());
        let read::Body { mut members, package } = match body.is_empty() || !route.operation.has_body() {
            true => read::Body { members: Map::new(), package: None },
            false => read::body(model, expected, body).map_err(InputError::Json)?,
        };
        for member in expected {
            let given = match member.place {
                Place::Body => None,
                Place::Path => label(route, member)?,
                Place::Query => from_query(query, member, &model.shape(member.shape).kind)?,
            };
            if let Some(given) = given {
                members.insert(member.name.to_owned(), given);
            }
        }
        let mut violations = Violations::default();
        model.check_members(expected, &members, &At::Request, &mut violations);
        match violations.into_text() {
            None => Ok(Self { members, package }),
            Some(text) => Err(InputError::Invalid(text)),
        }
    }
}

fn label(route: &Route<'_>, member: &Member) -> Result<Option<Value>, InputError> {
    let Some((_, text)) = route.labels.iter().find(|(label, _)| *label == member.wire) else {
        return Ok(None);
    };
    Ok(Some(decoded(text)?.into()))
}

fn from_query(query: &Query<'_>, member: &Member, kind: &Kind) -> Result<Option<Value>, InputError> {
    if let Kind::List { .. } = kind {
        let items: Vec<Value> = query.all(member.wire).map(Value::from).collect();
        return Ok((!items.is_empty()).then_some(Value::Array(items)));
    }
    let Some(text) = query.first(member.wire) else { return Ok(None) };
    let value = match kind {
        Kind::Integer => text.parse().ok().map(|number: i64| number.into()),
        Kind::Boolean => text.parse().ok().map(|given: bool| given.into()),
        _ => Some(text.into()),
    };
    value.map(Some).ok_or_else(|| {
        let at = At::Member(&At::Request, member.name);
        InputError::Mistyped(format!("'{at}': STRING_VALUE can not be converted to {}", kind.name()))
    })
}

impl From<NotText<'_>> for InputError {
    fn from(NotText(text): NotText<'_>) -> Self {
        Self::NotText(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Model;
    use super::*;

    fn input(method: &str, target: &'static str, body: Value) -> Result<Input, InputError> {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let query = Query::parse(query)?;
        let method = method.parse().expect("a method");
        let route = Model::lambda().route(&method, path, &query).expect("a route");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Input::read(&route, &query, body.as_bytes())
    }

    fn invalid(method: &str, target: &'static str, body: Value) -> String {
        match input(method, target, body) {
            Err(InputError::Invalid(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    const ROLE: &str = "arn:aws:iam::000000000000:role/any";

    #[test]
    fn members_come_from_the_path_the_query_and_the_body() {
        let target = "/2015-03-31/functions/f%3Alive/policy?Qualifier=live";
        let body = json!({ "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*" });
        let input = input("POST", target, body).expect("an input");
        let expected = json!({
            "FunctionName": "f:live", "Qualifier": "live", "StatementId": "s", "Action": "lambda:InvokeFunction",
            "Principal": "*",
        });
        assert_eq!(Value::Object(input.members), expected);
    }

    #[test]
    fn a_list_of_the_query_has_every_value_and_a_number_is_one() {
        let arn = "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af";
        let target: &'static str = format!("{arn}?tagKeys=a+b&tagKeys=c%2Fd").leak();
        let untag = input("DELETE", target, Value::Null).expect("an input");
        assert_eq!(untag.members["TagKeys"], json!(["a b", "c/d"]));
        assert_eq!(untag.members["Resource"], "arn:aws:lambda:us-east-1:000000000000:function:f");
        let list =
            input("GET", "/2015-03-31/functions?MaxItems=7&MaxItems=8", Value::Null).expect("an input");
        assert_eq!(list.members["MaxItems"], 7);
        let bad = input("GET", "/2015-03-31/functions?MaxItems=many", Value::Null);
        assert!(matches!(bad, Err(InputError::Mistyped(_))), "{bad:?}");
        let none = invalid("DELETE", arn, Value::Null);
        assert!(
            none.ends_with("Value null at 'tagKeys' failed to satisfy constraint: Member must not be null")
        );
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let body = json!({ "FunctionName": "a b", "Timeout": 901, "LoggingConfig": { "LogFormat": "XML" } });
        let text = invalid("POST", "/2015-03-31/functions", body);
        let mut parts = text.split("; ");
        let first = parts.next().expect("a part");
        let beginning = "5 validation errors detected: Value 'a b' at 'functionName' failed to satisfy constraint: Member \
                         must satisfy regular expression pattern: (arn:";
        assert!(first.starts_with(beginning), "{first}");
        let rest: Vec<&str> = parts.collect();
        let expected = [
            "Value null at 'role' failed to satisfy constraint: Member must not be null",
            "Value null at 'code' failed to satisfy constraint: Member must not be null",
            "Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900",
            "Value 'XML' at 'loggingConfig.logFormat' failed to satisfy constraint: Member must satisfy enum value set: \
             [JSON, Text]",
        ];
        assert_eq!(rest, expected);
    }

    #[test]
    fn what_is_in_lists_and_maps_is_told_of_the_whole() {
        let target = "/2015-03-31/functions/f/configuration";
        let text = invalid("PUT", target, json!({ "Environment": { "Variables": { "1": "secret" } } }));
        let expected = "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys \
                        must satisfy constraint: [Member must satisfy regular expression pattern: \
                        [a-zA-Z]([a-zA-Z0-9_])+, Member must not be null]";
        assert_eq!(text, expected);
        let body = json!({ "FunctionName": "f", "Role": ROLE, "Code": {}, "Architectures": ["ARM64"] });
        let text = invalid("POST", "/2015-03-31/functions", body);
        let expected = "1 validation error detected: Value '[ARM64]' at 'architectures' failed to satisfy constraint: Member \
                        must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be \
                        null]";
        assert_eq!(text, expected);
        let routing = json!({ "RoutingConfig": { "AdditionalVersionWeights": { "2": 1.5 } } });
        let text = invalid("PUT", "/2015-03-31/functions/f/aliases/live", routing);
        let expected = "1 validation error detected: Value '{2=1.5}' at 'routingConfig.additionalVersionWeights' failed to \
                        satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal \
                        to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]";
        assert_eq!(text, expected);
        let text = invalid("PUT", target, json!({ "FileSystemConfigs": [{ "Arn": "x" }] }));
        assert!(text.contains("Value null at 'fileSystemConfigs.1.member.localMountPath'"), "{text}");
    }

    #[test]
    fn names_of_functions_have_their_own_rule_for_length() {
        let body = json!({ "FunctionName": "f".repeat(200), "Role": ROLE, "Code": {}, "Runtime": "any" });
        assert!(input("POST", "/2015-03-31/functions", body).is_ok(), "it is refused where it is parsed");
    }
}
