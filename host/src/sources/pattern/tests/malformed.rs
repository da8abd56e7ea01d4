//! What is refused, where and why, as a table.

use serde_json::{Value, json};

use super::super::parse::COMBINATIONS_MAX;
use super::super::{PATTERN_CHARS_MAX, Pattern};

/// What is no pattern, where the error says so and a word of why.
const MALFORMED: &[(&str, &str, &str)] = &[
    ("", "the pattern", "cannot be read"),
    ("simple string", "the pattern", "cannot be read"),
    (r#"{"a": [1]"#, "the pattern", "EOF"),
    (r#"{"a": [1]} x"#, "the pattern", "trailing"),
    (r#"{"a": [1e999]}"#, "the pattern", "out of range"),
    (r#"{'a': [1]}"#, "the pattern", "line 1 column 2"),
    ("null", "the pattern", "an object, not null"),
    ("[1]", "the pattern", "an object, not a list"),
    (r#""x""#, "the pattern", "an object, not a string"),
    ("{}", "the pattern", "empty object"),
    (r#"{"a": {}}"#, "a ", "empty object"),
    (r#"{"a": []}"#, "a ", "empty list"),
    (r#"{"eventSource": "aws:sqs"}"#, "eventSource ", "a list or an object, not a string"),
    (r#"{"a": 1}"#, "a ", "not a number"),
    (r#"{"a": {"b": null}}"#, "a.b ", "not null"),
    (r#"{"a": {"b c": true}}"#, r#"a["b c"] "#, "not a boolean"),
    (r#"{"a": [1], "a": [2]}"#, "the pattern", "twice"),
    (r#"{"b": {"a": [1], "a": [2]}}"#, "the pattern", r#""a" stands twice"#),
    (r#"{"a": [{"prefix": "x", "prefix": "y"}]}"#, "the pattern", "twice"),
    (r#"{"a": {"prefix": "x"}}"#, "a.prefix ", r#"[{"prefix": ...}]"#),
    (r#"{"a": [[1]]}"#, "a[0] ", "not a list"),
    (r#"{"a": [{}]}"#, "a[0] ", "one operator, not 0"),
    (r#"{"a": [1, {"prefix": "x", "suffix": "y"}]}"#, "a[1] ", "one operator, not 2"),
    (r#"{"a": [{"EXISTS": true}]}"#, "a[0] ", r#""EXISTS""#),
    (r#"{"a": [{"regex": "x"}]}"#, "a[0] ", "the known ones are anything-but, cidr"),
    (r#"{"a": [{"b": [1]}]}"#, "a[0] ", r#""b""#),
    (r#"{"a": [{"$or": [{"b": [1]}, {"c": [1]}]}]}"#, "a[0] ", r#""$or""#),
    (r#"{"a": [{"exactly": 1}]}"#, "a[0].exactly ", "a string, not a number"),
    (r#"{"a": [{"exists": "true"}]}"#, "a[0].exists ", "true or false"),
    (r#"{"a": [{"exists": null}]}"#, "a[0].exists ", "true or false"),
    (r#"{"a": [{"prefix": 1}]}"#, "a[0].prefix ", "a string"),
    (r#"{"a": [{"prefix": ["x"]}]}"#, "a[0].prefix ", "not a list"),
    (r#"{"a": [{"prefix": {}}]}"#, "a[0].prefix ", "one operator"),
    (r#"{"a": [{"prefix": {"wildcard": "x"}}]}"#, "a[0].prefix ", "equals-ignore-case"),
    (r#"{"a": [{"prefix": {"equals-ignore-case": ["x"]}}]}"#, "a[0].prefix.equals-ignore-case ", "a string"),
    (r#"{"a": [{"prefix": {"equals-ignore-case": "x", "y": 1}}]}"#, "a[0].prefix ", "not 2"),
    (r#"{"a": [{"suffix": null}]}"#, "a[0].suffix ", "not null"),
    (r#"{"a": [{"suffix": {"equals-ignore-case": 1}}]}"#, "a[0].suffix.equals-ignore-case ", "not a number"),
    (r#"{"a": [{"equals-ignore-case": ["x"]}]}"#, "a[0].equals-ignore-case ", "not a list"),
    (r#"{"a": [{"equals-ignore-case": {"prefix": "x"}}]}"#, "a[0].equals-ignore-case ", "not an object"),
    (r#"{"a": [{"wildcard": 1}]}"#, "a[0].wildcard ", "not a number"),
    (r#"{"a": [{"wildcard": ["x*"]}]}"#, "a[0].wildcard ", "not a list"),
    (r#"{"a": [{"wildcard": "x**y"}]}"#, "a[0].wildcard ", "two stars"),
    (r#"{"a": [{"wildcard": "x\\y"}]}"#, "a[0].wildcard ", "escape"),
    (r#"{"a": [{"wildcard": "x*\\"}]}"#, "a[0].wildcard ", "escape"),
    (r#"{"a": [{"anything-but": null}]}"#, "a[0].anything-but ", "not null"),
    (r#"{"a": [{"anything-but": true}]}"#, "a[0].anything-but ", "not a boolean"),
    (r#"{"a": [{"anything-but": []}]}"#, "a[0].anything-but ", "empty list"),
    (r#"{"a": [{"anything-but": [true]}]}"#, "a[0].anything-but ", "others among them"),
    (r#"{"a": [{"anything-but": ["x", 1]}]}"#, "a[0].anything-but ", "others among them"),
    (r#"{"a": [{"anything-but": [1, "x"]}]}"#, "a[0].anything-but ", "others among them"),
    (r#"{"a": [{"anything-but": ["x", null]}]}"#, "a[0].anything-but ", "others among them"),
    (r#"{"a": [{"anything-but": {}}]}"#, "a[0].anything-but ", "one operator"),
    (r#"{"a": [{"anything-but": {"cidr": "10.0.0.0/8"}}]}"#, "a[0].anything-but ", r#""cidr""#),
    (r#"{"a": [{"anything-but": {"prefix": ""}}]}"#, "a[0].anything-but.prefix ", "empty"),
    (r#"{"a": [{"anything-but": {"prefix": []}}]}"#, "a[0].anything-but.prefix ", "empty list"),
    (r#"{"a": [{"anything-but": {"prefix": ["x", 1]}}]}"#, "a[0].anything-but.prefix[1] ", "not a number"),
    (
        r#"{"a": [{"anything-but": {"prefix": {"equals-ignore-case": "x"}}}]}"#,
        "a[0].anything-but.prefix ",
        "string",
    ),
    (r#"{"a": [{"anything-but": {"suffix": ["x", ""]}}]}"#, "a[0].anything-but.suffix[1] ", "empty"),
    (r#"{"a": [{"anything-but": {"suffix": 1}}]}"#, "a[0].anything-but.suffix ", "not a number"),
    (r#"{"a": [{"anything-but": {"equals-ignore-case": [1]}}]}"#, "equals-ignore-case[0] ", "a string"),
    (
        r#"{"a": [{"anything-but": {"wildcard": ["a", "**"]}}]}"#,
        "a[0].anything-but.wildcard[1] ",
        "two stars",
    ),
    (r#"{"a": [{"numeric": 10}]}"#, "a[0].numeric ", "not a number"),
    (r#"{"a": [{"numeric": []}]}"#, "a[0].numeric ", "a comparison and a number"),
    (r#"{"a": [{"numeric": [">"]}]}"#, "a[0].numeric ", "a comparison and a number"),
    (r#"{"a": [{"numeric": [">", 0, "<"]}]}"#, "a[0].numeric ", "two of each"),
    (r#"{"a": [{"numeric": [">", 0, "<", 5, 6]}]}"#, "a[0].numeric ", "two of each"),
    (r#"{"a": [{"numeric": [">", "0"]}]}"#, "a[0].numeric ", "with a number, not a string"),
    (r#"{"a": [{"numeric": ["!=", 0]}]}"#, "a[0].numeric ", r#"not "!=""#),
    (r#"{"a": [{"numeric": [0, ">"]}]}"#, "a[0].numeric ", "with a number"),
    (r#"{"a": [{"numeric": [">", 0, ">", 5]}]}"#, "a[0].numeric ", r#""<" or "<=""#),
    (r#"{"a": [{"numeric": ["<", 5, ">", 0]}]}"#, "a[0].numeric ", r#"">" or ">=""#),
    (r#"{"a": [{"numeric": ["=", 5, "<", 6]}]}"#, "a[0].numeric ", r#"">" or ">=""#),
    (r#"{"a": [{"numeric": [">", 5, "<", 1]}]}"#, "a[0].numeric ", "smaller number first"),
    (r#"{"a": [{"numeric": [">=", 5, "<=", 5]}]}"#, "a[0].numeric ", "smaller number first"),
    (r#"{"a": [{"numeric": ["<", 5000000001]}]}"#, "a[0].numeric ", "from -5000000000 to 5000000000"),
    (r#"{"a": [{"numeric": [">", -5.1e9, "<", 0]}]}"#, "a[0].numeric ", "from -5000000000"),
    (r#"{"a": [{"cidr": "bad"}]}"#, "a[0].cidr ", "a slash"),
    (r#"{"a": [{"cidr": "10.0.0.0"}]}"#, "a[0].cidr ", "a slash"),
    (r#"{"a": [{"cidr": "10.0.0.0/33"}]}"#, "a[0].cidr ", "number of bits"),
    (r#"{"a": [{"cidr": "10.0.0/8"}]}"#, "a[0].cidr ", "an address"),
    (r#"{"a": [{"cidr": "xx::/64"}]}"#, "a[0].cidr ", "an address"),
    (r#"{"a": [{"cidr": "10.0.0.1/32"}]}"#, "a[0].cidr ", r#"write ["10.0.0.1"]"#),
    (r#"{"a": [{"cidr": "::1/128"}]}"#, "a[0].cidr ", r#"write ["::1"]"#),
    (r#"{"a": [{"cidr": ["10.0.0.0/8"]}]}"#, "a[0].cidr ", "a string"),
    (r#"{"$or": {"a": [1]}}"#, "$or ", "a list of objects"),
    (r#"{"$or": []}"#, "$or ", "at least 2"),
    (r#"{"$or": [{"a": [1]}]}"#, "$or ", "at least 2 objects, not 1"),
    (r#"{"$or": ["a", "b"]}"#, "$or[0] ", "an object, not a string"),
    (r#"{"d": {"$or": [{"a": [1]}, [{"b": [1]}]]}}"#, "d.$or[1] ", "an object, not a list"),
    (r#"{"$or": [{"a": [1]}, {}]}"#, "$or[1] ", "empty object"),
    (r#"{"$or": [{"a": [1]}, {"b": []}]}"#, "$or[1].b ", "empty list"),
    (r#"{"$or": [{"a": [1]}, {"prefix": "x"}]}"#, "$or[1].prefix ", "the name of an operator"),
    (r#"{"$or": [{"a": [1]}, {"b": {"numeric": [1]}}]}"#, "$or[1].b.numeric ", "the name of an operator"),
    (r#"{"$or": [{"a": [1]}, {"regex": ["x"]}]}"#, "$or[1].regex ", "the name of an operator"),
    (r#"{"a": [1], "$or": [{"b": [1]}, {"a": [2]}]}"#, "$or[1] ", "rules for a, "),
    (r#"{"d": {"a": [1]}, "$or": [{"b": [1]}, {"d": {"a": [2]}}]}"#, "$or[1] ", "rules for d.a, "),
    (
        r#"{"d": {"$or": [{"a": [1]}, {"b": [1]}]}, "$or": [{"d": {"b": [2]}}, {"c": [1]}]}"#,
        "$or[0] ",
        "d.b, ",
    ),
    (
        r#"{"a": [1], "$or": [{"b": [1], "$or": [{"a": [2]}, {"c": [2]}]}, {"d": [1]}]}"#,
        "$or[0] ",
        "rules for a, ",
    ),
];

#[test]
fn what_is_no_pattern_is_refused_with_place_and_reason() {
    for &(pattern, place, word) in MALFORMED {
        let error = Pattern::parse(pattern).expect_err(pattern).to_string();
        assert!(error.contains(word), "{pattern}: {error:?} does not say {word:?}");
        let placed = error.starts_with(place) || (!place.starts_with("the") && error.contains(place));
        assert!(placed, "{pattern}: {error:?} does not say where: {place:?}");
    }
}

#[test]
fn a_pattern_has_a_bounded_length_in_characters() {
    let pattern = |filling: &str| Pattern::parse(&format!(r#"{{"a": ["{filling}"]}}"#));
    let room = PATTERN_CHARS_MAX - r#"{"a": [""]}"#.len();
    pattern(&"ч".repeat(room)).expect("as long as may be");
    let error = pattern(&"x".repeat(room + 1)).expect_err("too long").to_string();
    assert_eq!(error, "the pattern must have at most 4096 characters, not 4097");
}

#[test]
fn alternatives_multiply_up_to_a_bound() {
    let either = |name: char, count: u64| {
        let alternatives: Vec<_> =
            (0..count).map(|number| json!({ format!("{name}{number}"): [1] })).collect();
        json!({ "$or": alternatives })
    };
    let pattern =
        |a, b, c| json!({ "a": either('a', a), "b": either('b', b), "c": either('c', c) }).to_string();
    assert_eq!(COMBINATIONS_MAX, 1_000);
    Pattern::parse(&pattern(10, 10, 10)).expect("as many as may be");
    let error = Pattern::parse(&pattern(10, 10, 11)).expect_err("too many").to_string();
    assert!(error.contains("1000 combinations"), "{error}");
}

#[test]
fn nesting_is_bounded_where_it_costs_and_free_where_it_does_not() {
    let nested = |depth: usize| format!("{}[1]{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    Pattern::parse(&nested(100)).expect("deep");
    let error = Pattern::parse(&nested(200)).expect_err("too deep").to_string();
    assert!(error.contains("recursion limit"), "{error}");

    let mut event = json!(1);
    for _ in 0..5_000 {
        event = Value::Array(vec![event]);
    }
    let mut event = Value::Object([("a".to_owned(), event)].into_iter().collect());
    assert!(Pattern::parse(r#"{"a": [1]}"#).expect("a pattern").matches(&event));
    assert!(Pattern::parse(r#"{"a": {"b": [{"exists": false}]}}"#).expect("a pattern").matches(&event));
    // Taken apart by hand: a `Value` is dropped by recursion.
    let mut rest = event["a"].take();
    while let Value::Array(mut inner) = rest {
        rest = inner.pop().unwrap_or_default();
    }
}
