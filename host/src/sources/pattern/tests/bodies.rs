//! What becomes of the bodies of messages, as a table.

use serde_json::{Value, json};

use super::super::{FILTERS_MAX, Filters, FiltersError};

/// Patterns, the body of a record, and whether the record passes. The record has `"x": "y"` as one of its attributes.
const BODIES: &[(&[&str], &str, bool)] = &[
    // No filters.
    (&[], "anything", true),
    (&[], r#"{"a": 1}"#, true),
    // Plain string, plain string.
    (&[r#"{"body": ["hello"]}"#], "hello", true),
    (&[r#"{"body": ["hello"]}"#], "hello ", false),
    (&[r#"{"body": [{"prefix": "Result: "}]}"#], "Result: 7", true),
    (&[r#"{"body": [{"prefix": "Result: "}]}"#], "result: 7", false),
    (&[r#"{"body": [{"anything-but": "hello"}]}"#], "bye", true),
    (&[r#"{"body": [{"anything-but": "hello"}]}"#], "hello", false),
    (&[r#"{"body": [{"exists": true}]}"#], "", true),
    (&[r#"{"body": [{"exists": false}]}"#], "", false),
    (&[r#"{"body": [{"cidr": "10.0.0.0/8"}]}"#], "10.1.2.3", true),
    // What looks like JSON is plain still.
    (&[r#"{"body": ["42"]}"#], "42", true),
    (&[r#"{"body": [42]}"#], "42", false),
    (&[r#"{"body": [{"numeric": [">", 1]}]}"#], "42", false),
    (&[r#"{"body": ["true"]}"#], "true", true),
    (&[r#"{"body": ["null"]}"#], "null", true),
    (&[r#"{"body": [null]}"#], "null", false),
    (&[r#"{"body": ["\"a\""]}"#], r#""a""#, true),
    (&[r#"{"body": [{"prefix": "{"}]}"#], r#"{"a": "#, true),
    (&[r#"{"body": [{"prefix": "["}]}"#], "[INFO] started", true),
    // Plain string, JSON.
    (&[r#"{"body": {"a": [1]}}"#], "hello", false),
    (&[r#"{"body": {"a": [1]}}"#], "", false),
    (&[r#"{"body": {"a": [{"exists": false}]}}"#], "hello", false),
    (&[r#"{"body": {"a": [1]}}"#], r#"{"a": 1"#, false),
    (&[r#"{"body": {"a": [1]}}"#], "1", false),
    // JSON, plain string.
    (&[r#"{"body": [{"prefix": "{"}]}"#], r#"{"a": 1}"#, false),
    (&[r#"{"body": ["{\"a\": 1}"]}"#], r#"{"a": 1}"#, false),
    (&[r#"{"body": [{"exists": true}]}"#], r#"{"a": 1}"#, false),
    (&[r#"{"body": [{"exists": false}]}"#], r#"{"a": 1}"#, false),
    (&[r#"{"body": ["a"]}"#], r#"["a"]"#, false),
    // JSON, JSON.
    (&[r#"{"body": {"RequestCode": ["BBBB"]}}"#], r#"{"RecordNumber": 1234, "RequestCode": "BBBB"}"#, true),
    (&[r#"{"body": {"RequestCode": ["BBBB"]}}"#], r#"{"RecordNumber": 1234, "RequestCode": "AAAA"}"#, false),
    (&[r#"{"body": {"n": [{"numeric": [">", 9999]}]}}"#], " \t\r\n{\"n\": 10000} \n", true),
    (&[r#"{"body": {"a": [{"exists": false}]}}"#], "{}", true),
    (&[r#"{"body": {"a": [{"exists": false}]}}"#], "[]", true),
    (&[r#"{"body": {"a": {"b": ["c"]}}}"#], r#"{"a": [{"b": "d"}, {"b": "c"}]}"#, true),
    (&[r#"{"body": {"a": [1]}}"#], r#"[{"a": 0}, {"a": 1}]"#, true),
    (&[r#"{"body": {"a": {"b": [1]}}}"#], r#"{"a": "{\"b\": 1}"}"#, false),
    // No pattern for the body.
    (&[r#"{"attributes": {"x": ["y"]}}"#], "hello", true),
    (&[r#"{"attributes": {"x": ["y"]}}"#], r#"{"a": 1}"#, true),
    (&[r#"{"attributes": {"x": ["z"]}}"#], "hello", false),
    (&[r#"{"messageAttributes": {"kind": {"stringValue": ["tea"]}}}"#], "hello", true),
    (&[r#"{"messageAttributes": {"kind": {"stringValue": ["coffee"]}}}"#], "hello", false),
    (&[r#"{"messageAttributes": {"other": {"stringValue": [{"exists": false}]}}}"#], "hello", true),
    (&[r#"{"eventSource": ["aws:sqs"]}"#], "hello", true),
    // The body and other fields.
    (&[r#"{"body": {"a": [1]}, "attributes": {"x": ["y"]}}"#], r#"{"a": 1}"#, true),
    (&[r#"{"body": {"a": [1]}, "attributes": {"x": ["z"]}}"#], r#"{"a": 1}"#, false),
    (&[r#"{"body": {"a": [1]}, "attributes": {"x": ["y"]}}"#], "hello", false),
    (&[r#"{"$or": [{"body": {"a": [1]}}, {"attributes": {"x": ["y"]}}]}"#], "hello", true),
    (&[r#"{"$or": [{"body": {"a": [1]}}, {"body": ["hello"]}]}"#], "hello", true),
    (&[r#"{"$or": [{"body": {"a": [1]}}, {"body": ["hello"]}]}"#], r#"{"a": 1}"#, true),
    (&[r#"{"$or": [{"body": {"a": [1]}}, {"body": ["hello"]}]}"#], r#"{"a": 2}"#, false),
    (&[r#"{"body": {"$or": [{"a": [1]}, {"b": [1]}]}}"#], r#"{"b": 1}"#, true),
    // Only the body of the record is special.
    (&[r#"{"attributes": {"body": {"a": [1]}}}"#], r#"{"a": 1}"#, false),
    (&[r#"{"body": {"body": {"a": [1]}}}"#], r#"{"body": {"a": 1}}"#, true),
    (&[r#"{"body": {"body": ["{}"]}}"#], r#"{"body": "{}"}"#, true),
    // Several filters: any.
    (&[r#"{"body": {"a": [1]}}"#, r#"{"body": ["hello"]}"#], "hello", true),
    (&[r#"{"body": {"a": [1]}}"#, r#"{"body": ["hello"]}"#], r#"{"a": 1}"#, true),
    (&[r#"{"body": {"a": [1]}}"#, r#"{"body": ["hello"]}"#], "bye", false),
    (&[r#"{"body": {"a": [1]}}"#, r#"{"attributes": {"x": ["z"]}}"#], r#"{"a": 2}"#, false),
];

fn record(body: &str) -> Value {
    json!({
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "body": body,
        "attributes": { "ApproximateReceiveCount": "1", "x": "y" },
        "messageAttributes": { "kind": { "stringValue": "tea", "stringListValues": [], "dataType": "String" } },
        "eventSource": "aws:sqs",
    })
}

#[test]
fn bodies_are_filtered_by_what_they_are() {
    for &(patterns, body, expected) in BODIES {
        let filters = Filters::parse(patterns.iter().copied()).expect("patterns");
        assert_eq!(filters.pass(&record(body)), expected, "{patterns:?} and {body:?}");
    }
}

#[test]
fn a_body_may_be_missing_or_parsed_already() {
    let passes = |pattern, record: Value| Filters::parse([pattern]).expect("a pattern").pass(&record);
    assert!(passes(r#"{"body": {"a": [1]}}"#, json!({ "body": { "a": 1 } })));
    assert!(!passes(r#"{"body": [{"exists": true}]}"#, json!({ "body": { "a": 1 } })));
    assert!(passes(r#"{"body": [7]}"#, json!({ "body": 7 })));
    assert!(passes(r#"{"body": [{"exists": false}]}"#, json!({})));
    assert!(passes(r#"{"body": {"a": [{"exists": false}]}}"#, json!({})));
    assert!(!passes(r#"{"body": [{"exists": true}]}"#, json!({})));
}

#[test]
fn there_are_so_many_filters_at_most_and_an_error_tells_which() {
    let filter = r#"{"body": {"a": [1]}}"#;
    assert!(Filters::parse([filter; FILTERS_MAX]).is_ok());
    let error = Filters::parse([filter; FILTERS_MAX + 1]).expect_err("too many");
    assert_eq!(
        (error.to_string().as_str(), error),
        ("there must be at most 5 filters", FiltersError::TooMany)
    );
    let error = Filters::parse([filter, r#"{"body": "hello"}"#]).expect_err("no list").to_string();
    assert_eq!(error, "filter 2: body must be a list or an object, not a string");
    assert!(Filters::default().pass(&Value::Null));
}
