//! What matches and what does not, what is refused and why, and what becomes of the bodies of messages, as tables.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::parse::COMBINATIONS_MAX;
use super::{FILTERS_MAX, Filters, FiltersError, PATTERN_CHARS_MAX, Pattern};

/// A pattern, an event, and whether they match.
type Case = (&'static str, &'static str, bool);

const VALUES: &[Case] = &[
    // Strings, character by character.
    (r#"{"a": ["x"]}"#, r#"{"a": "x"}"#, true),
    (r#"{"a": ["x"]}"#, r#"{"a": "X"}"#, false),
    (r#"{"a": ["x"]}"#, r#"{"a": "x "}"#, false),
    (r#"{"a": ["x", "y"]}"#, r#"{"a": "y"}"#, true),
    (r#"{"a": ["x", "y"]}"#, r#"{"a": "z"}"#, false),
    (r#"{"a": [""]}"#, r#"{"a": ""}"#, true),
    (r#"{"a": [""]}"#, r#"{"a": null}"#, false),
    (r#"{"a": [""]}"#, r#"{}"#, false),
    (r#"{"a": ["чай 🚀 "]}"#, r#"{"a": "чай 🚀 "}"#, true),
    (r#"{"a": ["\u00e9"]}"#, r#"{"a": "e\u0301"}"#, false),
    (r#"{"a": ["*"]}"#, r#"{"a": "x"}"#, false),
    (r#"{"a": ["*"]}"#, r#"{"a": "*"}"#, true),
    (r#"{"a": ["1"]}"#, r#"{"a": 1}"#, false),
    (r#"{"a": ["true"]}"#, r#"{"a": true}"#, false),
    (r#"{"a": ["::1"]}"#, r#"{"a": "0:0:0:0:0:0:0:1"}"#, false),
    (r#"{"a": [{"exactly": "x"}]}"#, r#"{"a": "x"}"#, true),
    (r#"{"a": [{"exactly": "x"}]}"#, r#"{"a": "xx"}"#, false),
    // Numbers, by their value.
    (r#"{"a": [300]}"#, r#"{"a": 300}"#, true),
    (r#"{"a": [300]}"#, r#"{"a": 300.0}"#, true),
    (r#"{"a": [300]}"#, r#"{"a": 3.0e2}"#, true),
    (r#"{"a": [3.0e2]}"#, r#"{"a": 300}"#, true),
    (r#"{"a": [300.0]}"#, r#"{"a": 3E2}"#, true),
    (r#"{"a": [300]}"#, r#"{"a": 301}"#, false),
    (r#"{"a": [300]}"#, r#"{"a": "300"}"#, false),
    (r#"{"a": [0]}"#, r#"{"a": -0.0}"#, true),
    (r#"{"a": [-1]}"#, r#"{"a": 1}"#, false),
    (r#"{"a": [0.1]}"#, r#"{"a": 1e-1}"#, true),
    (r#"{"a": [123456789012]}"#, r#"{"a": 123456789012}"#, true),
    (r#"{"a": [9007199254740993]}"#, r#"{"a": 9007199254740993}"#, true),
    (r#"{"a": [9007199254740993]}"#, r#"{"a": 9007199254740992}"#, false),
    (r#"{"a": [9007199254740993]}"#, r#"{"a": 9007199254740992.0}"#, false),
    (r#"{"a": [18446744073709551615]}"#, r#"{"a": 18446744073709551615}"#, true),
    (r#"{"a": [18446744073709551615]}"#, r#"{"a": 18446744073709551614}"#, false),
    (r#"{"a": [1e300]}"#, r#"{"a": 1e300}"#, true),
    (r#"{"a": [1e300]}"#, r#"{"a": 2e300}"#, false),
    // `true`, `false` and `null`.
    (r#"{"a": [true]}"#, r#"{"a": true}"#, true),
    (r#"{"a": [true]}"#, r#"{"a": false}"#, false),
    (r#"{"a": [false]}"#, r#"{"a": false}"#, true),
    (r#"{"a": [false]}"#, r#"{"a": 0}"#, false),
    (r#"{"a": [null]}"#, r#"{"a": null}"#, true),
    (r#"{"a": [null]}"#, r#"{"a": "null"}"#, false),
    (r#"{"a": [null]}"#, r#"{}"#, false),
    (r#"{"a": [null]}"#, r#"{"a": []}"#, false),
    (r#"{"a": [null, 1, "x", true]}"#, r#"{"a": "x"}"#, true),
    (r#"{"a": [null, 1, "x", true]}"#, r#"{"a": 2}"#, false),
];

const SHAPES: &[Case] = &[
    // Objects: all fields must match, others do not matter.
    (r#"{"a": [1], "b": [2]}"#, r#"{"a": 1, "b": 2, "c": 3}"#, true),
    (r#"{"a": [1], "b": [2]}"#, r#"{"a": 1, "b": 3}"#, false),
    (r#"{"a": [1], "b": [2]}"#, r#"{"a": 1}"#, false),
    (r#"{"a": {"b": {"c": [1]}}}"#, r#"{"a": {"b": {"c": 1}}}"#, true),
    (r#"{"a": {"b": {"c": [1]}}}"#, r#"{"a": {"b": 1}}"#, false),
    (r#"{"a": {"b": {"c": [1]}}}"#, r#"{"a": {"c": 1}}"#, false),
    (r#"{"a": {"b": [1]}}"#, r#"{"a": "{\"b\": 1}"}"#, false),
    (r#"{"a": [1]}"#, r#"{"a": {"b": 1}}"#, false),
    (r#"{"a": [1]}"#, r#"{"A": 1}"#, false),
    (r#"{"": [1]}"#, r#"{"": 1}"#, true),
    // A dot is a character.
    (r#"{"a.b": [1]}"#, r#"{"a.b": 1}"#, true),
    (r#"{"a.b": [1]}"#, r#"{"a": {"b": 1}}"#, false),
    (r#"{"a": {"b": [1]}}"#, r#"{"a.b": 1}"#, false),
    // Lists: any element.
    (r#"{"a": ["x"]}"#, r#"{"a": ["w", "x"]}"#, true),
    (r#"{"a": ["x", "y"]}"#, r#"{"a": ["y", "z"]}"#, true),
    (r#"{"a": ["x"]}"#, r#"{"a": ["w", "y"]}"#, false),
    (r#"{"a": ["x"]}"#, r#"{"a": []}"#, false),
    (r#"{"a": [2]}"#, r#"{"a": [[1, [2]], 3]}"#, true),
    (r#"{"a": ["x"]}"#, r#"{"a": ["w", {"x": "x"}, ["x"]]}"#, true),
    (r#"{"a": [{"prefix": "x"}]}"#, r#"{"a": ["wx", "xw"]}"#, true),
    (r#"{"a": [{"numeric": [">", 5]}]}"#, r#"{"a": [1, "7", 6]}"#, true),
    // Lists of objects: one element must have it all.
    (r#"{"a": {"b": [1]}}"#, r#"{"a": [{"b": 0}, {"b": 1}]}"#, true),
    (r#"{"a": {"b": [1]}}"#, r#"{"a": [{"b": 0}, {"c": 1}]}"#, false),
    (r#"{"a": {"b": [1], "c": [2]}}"#, r#"{"a": [{"b": 1, "c": 2}]}"#, true),
    (r#"{"a": {"b": [1], "c": [2]}}"#, r#"{"a": [{"b": 1, "c": 3}, {"b": 0, "c": 2}]}"#, false),
    (r#"{"a": {"b": [1], "c": [2]}}"#, r#"{"a": [[{"b": 1}], [{"b": 1, "c": 2}]]}"#, true),
    (r#"{"a": {"b": [1]}}"#, r#"{"a": [1, "b", {"b": [0, 1]}]}"#, true),
    (r#"{"a": {"b": {"c": [1]}, "d": [2]}}"#, r#"{"a": [{"b": [{"c": 1}], "d": 3}, {"d": 2}]}"#, false),
    (r#"{"a": {"b": {"c": [1]}, "d": [2]}}"#, r#"{"a": [{"d": 2}, {"b": [{}, {"c": 1}], "d": [2]}]}"#, true),
    (r#"{"a": {"b": [1]}, "c": {"d": [2]}}"#, r#"{"a": [{}, {"b": 1}], "c": [{"d": 2}, {}]}"#, true),
    // What is no object matches nothing.
    (r#"{"a": [{"exists": false}]}"#, r#"[]"#, false),
    (r#"{"a": [1]}"#, r#"[{"a": 1}]"#, false),
    (r#"{"a": [{"exists": false}]}"#, r#"null"#, false),
];

const TEXTS: &[Case] = &[
    (r#"{"a": [{"prefix": "us-"}]}"#, r#"{"a": "us-east-1"}"#, true),
    (r#"{"a": [{"prefix": "us-"}]}"#, r#"{"a": "us-"}"#, true),
    (r#"{"a": [{"prefix": "us-"}]}"#, r#"{"a": "us"}"#, false),
    (r#"{"a": [{"prefix": "us-"}]}"#, r#"{"a": "US-east-1"}"#, false),
    (r#"{"a": [{"prefix": "us-"}]}"#, r#"{"a": "aus-"}"#, false),
    (r#"{"a": [{"prefix": "1"}]}"#, r#"{"a": 12}"#, false),
    (r#"{"a": [{"prefix": ""}]}"#, r#"{"a": "x"}"#, true),
    (r#"{"a": [{"prefix": ""}]}"#, r#"{"a": ""}"#, true),
    (r#"{"a": [{"prefix": ""}]}"#, r#"{"a": null}"#, false),
    (r#"{"a": [{"prefix": {"equals-ignore-case": "EventB"}}]}"#, r#"{"a": "eVENTbridge"}"#, true),
    (r#"{"a": [{"prefix": {"equals-ignore-case": "EventB"}}]}"#, r#"{"a": "event"}"#, false),
    (r#"{"a": [{"prefix": {"equals-ignore-case": "ЧАЙ"}}]}"#, r#"{"a": "чайник"}"#, true),
    (r#"{"a": [{"suffix": ".png"}]}"#, r#"{"a": "i.png"}"#, true),
    (r#"{"a": [{"suffix": ".png"}]}"#, r#"{"a": ".png"}"#, true),
    (r#"{"a": [{"suffix": ".png"}]}"#, r#"{"a": "i.PNG"}"#, false),
    (r#"{"a": [{"suffix": ".png"}]}"#, r#"{"a": "i.png "}"#, false),
    (r#"{"a": [{"suffix": ""}]}"#, r#"{"a": "x"}"#, true),
    (r#"{"a": [{"suffix": {"equals-ignore-case": ".png"}}]}"#, r#"{"a": "i.PnG"}"#, true),
    (r#"{"a": [{"suffix": {"equals-ignore-case": ".png"}}]}"#, r#"{"a": "i.jpg"}"#, false),
    (r#"{"a": [{"suffix": {"equals-ignore-case": ".png"}}]}"#, r#"{"a": "png"}"#, false),
    (r#"{"a": [{"equals-ignore-case": "alice"}]}"#, r#"{"a": "ALICE"}"#, true),
    (r#"{"a": [{"equals-ignore-case": "Alice"}]}"#, r#"{"a": "alice!"}"#, false),
    (r#"{"a": [{"equals-ignore-case": "Alice"}]}"#, r#"{"a": "alic"}"#, false),
    (r#"{"a": [{"equals-ignore-case": ""}]}"#, r#"{"a": ""}"#, true),
    (r#"{"a": [{"equals-ignore-case": ""}]}"#, r#"{"a": "x"}"#, false),
    (r#"{"a": [{"equals-ignore-case": "ΣΑΣ"}]}"#, r#"{"a": "σας"}"#, true),
    (r#"{"a": [{"equals-ignore-case": "ß"}]}"#, r#"{"a": "ß"}"#, true),
    (r#"{"a": [{"equals-ignore-case": "ß"}]}"#, r#"{"a": "SS"}"#, false),
    (r#"{"a": [{"equals-ignore-case": "ß"}]}"#, r#"{"a": "s"}"#, false),
    (r#"{"a": [{"wildcard": "*.png"}]}"#, r#"{"a": "i.png"}"#, true),
    (r#"{"a": [{"wildcard": "*.png"}]}"#, r#"{"a": ".png"}"#, true),
    (r#"{"a": [{"wildcard": "*.png"}]}"#, r#"{"a": "i.pngx"}"#, false),
    (r#"{"a": [{"wildcard": "dir/*/f*.png"}]}"#, r#"{"a": "dir/a/b/f1.png"}"#, true),
    (r#"{"a": [{"wildcard": "dir/*/f*.png"}]}"#, r#"{"a": "dir/f1.png"}"#, false),
    (r#"{"a": [{"wildcard": "*"}]}"#, r#"{"a": ""}"#, true),
    (r#"{"a": [{"wildcard": "*"}]}"#, r#"{"a": 1}"#, false),
    (r#"{"a": [{"wildcard": ""}]}"#, r#"{"a": ""}"#, true),
    (r#"{"a": [{"wildcard": ""}]}"#, r#"{"a": "x"}"#, false),
    (r#"{"a": [{"wildcard": "abc"}]}"#, r#"{"a": "abc"}"#, true),
    (r#"{"a": [{"wildcard": "abc"}]}"#, r#"{"a": "abcd"}"#, false),
    (r#"{"a": [{"wildcard": "ab*ba"}]}"#, r#"{"a": "aba"}"#, false),
    (r#"{"a": [{"wildcard": "ab*ba"}]}"#, r#"{"a": "abba"}"#, true),
    (r#"{"a": [{"wildcard": "*a*b*"}]}"#, r#"{"a": "xbxaxbx"}"#, true),
    (r#"{"a": [{"wildcard": "*a*b*"}]}"#, r#"{"a": "xbxax"}"#, false),
    (r#"{"a": [{"wildcard": "*ab*ab*"}]}"#, r#"{"a": "aab"}"#, false),
    (r#"{"a": [{"wildcard": "1\\*2"}]}"#, r#"{"a": "1*2"}"#, true),
    (r#"{"a": [{"wildcard": "1\\*2"}]}"#, r#"{"a": "1x2"}"#, false),
    (r#"{"a": [{"wildcard": "C:\\\\*"}]}"#, r#"{"a": "C:\\dir"}"#, true),
    (r#"{"a": [{"wildcard": "C:\\\\*"}]}"#, r#"{"a": "C:/dir"}"#, false),
    (r#"{"a": [{"wildcard": "*\\**"}]}"#, r#"{"a": "x*y"}"#, true),
    (r#"{"a": [{"wildcard": "*\\**"}]}"#, r#"{"a": "xy"}"#, false),
    (r#"{"a": [{"wildcard": "*:*:*:*:*:event-bus/*"}]}"#, r#"{"a": "arn:aws:events:r:1:event-bus/b"}"#, true),
    (r#"{"a": [{"wildcard": "ч*й"}]}"#, r#"{"a": "чай"}"#, true),
    (r#"{"a": [{"wildcard": "A*"}]}"#, r#"{"a": "ab"}"#, false),
];

const ANYTHING_BUT: &[Case] = &[
    (r#"{"a": [{"anything-but": "x"}]}"#, r#"{"a": "y"}"#, true),
    (r#"{"a": [{"anything-but": "x"}]}"#, r#"{"a": "x"}"#, false),
    (r#"{"a": [{"anything-but": "x"}]}"#, r#"{"a": null}"#, true),
    (r#"{"a": [{"anything-but": "x"}]}"#, r#"{"a": 1}"#, true),
    (r#"{"a": [{"anything-but": "x"}]}"#, r#"{"a": false}"#, true),
    (r#"{"a": [{"anything-but": "x"}]}"#, r#"{}"#, false),
    (r#"{"a": [{"anything-but": "x"}]}"#, r#"{"a": {"b": 1}}"#, false),
    (r#"{"a": [{"anything-but": "x"}]}"#, r#"{"a": []}"#, false),
    (r#"{"a": [{"anything-but": "x"}]}"#, r#"{"a": ["x", "y"]}"#, true),
    (r#"{"a": [{"anything-but": "x"}]}"#, r#"{"a": ["x", "x"]}"#, false),
    (r#"{"a": [{"anything-but": ""}]}"#, r#"{"a": ""}"#, false),
    (r#"{"a": [{"anything-but": ["x", "y"]}]}"#, r#"{"a": "z"}"#, true),
    (r#"{"a": [{"anything-but": ["x", "y"]}]}"#, r#"{"a": "y"}"#, false),
    (r#"{"a": [{"anything-but": 1}]}"#, r#"{"a": 2}"#, true),
    (r#"{"a": [{"anything-but": 1}]}"#, r#"{"a": 1.0}"#, false),
    (r#"{"a": [{"anything-but": 0}]}"#, r#"{"a": 0}"#, false),
    (r#"{"a": [{"anything-but": 1}]}"#, r#"{"a": "1"}"#, true),
    (r#"{"a": [{"anything-but": "1"}]}"#, r#"{"a": 1}"#, true),
    (r#"{"a": [{"anything-but": [100, 200]}]}"#, r#"{"a": 2e2}"#, false),
    (r#"{"a": [{"anything-but": [100, 200]}]}"#, r#"{"a": 300}"#, true),
    (r#"{"a": [{"anything-but": [100, 200]}]}"#, r#"{"a": null}"#, true),
    (r#"{"a": [{"anything-but": {"prefix": "in"}}]}"#, r#"{"a": "init"}"#, false),
    (r#"{"a": [{"anything-but": {"prefix": "in"}}]}"#, r#"{"a": "re-init"}"#, true),
    (r#"{"a": [{"anything-but": {"prefix": "in"}}]}"#, r#"{"a": 12}"#, true),
    (r#"{"a": [{"anything-but": {"prefix": ["in", "re"]}}]}"#, r#"{"a": "re-init"}"#, false),
    (r#"{"a": [{"anything-but": {"prefix": ["in", "re"]}}]}"#, r#"{"a": "x"}"#, true),
    (r#"{"a": [{"anything-but": {"suffix": ".txt"}}]}"#, r#"{"a": "f.txt"}"#, false),
    (r#"{"a": [{"anything-but": {"suffix": ".txt"}}]}"#, r#"{"a": "f.txt.bak"}"#, true),
    (r#"{"a": [{"anything-but": {"suffix": [".txt", ".jpg"]}}]}"#, r#"{"a": "f.jpg"}"#, false),
    (r#"{"a": [{"anything-but": {"equals-ignore-case": "Stop"}}]}"#, r#"{"a": "STOP"}"#, false),
    (r#"{"a": [{"anything-but": {"equals-ignore-case": "Stop"}}]}"#, r#"{"a": "go"}"#, true),
    (r#"{"a": [{"anything-but": {"equals-ignore-case": ["Stop", "go"]}}]}"#, r#"{"a": "GO"}"#, false),
    (r#"{"a": [{"anything-but": {"equals-ignore-case": ["Stop", "go"]}}]}"#, r#"{"a": null}"#, true),
    (r#"{"a": [{"anything-but": {"equals-ignore-case": ["Stop", "go"]}}]}"#, r#"{}"#, false),
    (r#"{"a": [{"anything-but": {"wildcard": "*/lib/*"}}]}"#, r#"{"a": "usr/lib/x"}"#, false),
    (r#"{"a": [{"anything-but": {"wildcard": "*/lib/*"}}]}"#, r#"{"a": "lib/x"}"#, true),
    (r#"{"a": [{"anything-but": {"wildcard": ""}}]}"#, r#"{"a": "lib/x"}"#, true),
    (r#"{"a": [{"anything-but": {"wildcard": ["*/lib/*", "*/bin/*"]}}]}"#, r#"{"a": "usr/bin/x"}"#, false),
    (r#"{"a": [{"anything-but": "x"}, "x"]}"#, r#"{"a": "x"}"#, true),
];

const NUMERIC: &[Case] = &[
    (r#"{"a": [{"numeric": ["=", 3.018e2]}]}"#, r#"{"a": 301.8}"#, true),
    (r#"{"a": [{"numeric": ["=", 100]}]}"#, r#"{"a": 100.0}"#, true),
    (r#"{"a": [{"numeric": ["=", 100]}]}"#, r#"{"a": 100.000001}"#, false),
    (r#"{"a": [{"numeric": [">", 100]}]}"#, r#"{"a": 101.0}"#, true),
    (r#"{"a": [{"numeric": [">", 100]}]}"#, r#"{"a": 100}"#, false),
    (r#"{"a": [{"numeric": [">", 100]}]}"#, r#"{"a": 100.5}"#, true),
    (r#"{"a": [{"numeric": [">", 100]}]}"#, r#"{"a": "300"}"#, false),
    (r#"{"a": [{"numeric": [">", 100]}]}"#, r#"{"a": null}"#, false),
    (r#"{"a": [{"numeric": [">", 100]}]}"#, r#"{"a": 1.0e300}"#, true),
    (r#"{"a": [{"numeric": [">", 100]}]}"#, r#"{"a": 1700000000000}"#, true),
    (r#"{"a": [{"numeric": [">=", 100]}]}"#, r#"{"a": 100}"#, true),
    (r#"{"a": [{"numeric": [">=", 100]}]}"#, r#"{"a": 99.999}"#, false),
    (r#"{"a": [{"numeric": ["<", 10]}]}"#, r#"{"a": 9}"#, true),
    (r#"{"a": [{"numeric": ["<", 10]}]}"#, r#"{"a": 10}"#, false),
    (r#"{"a": [{"numeric": ["<", 10]}]}"#, r#"{"a": -1e300}"#, true),
    (r#"{"a": [{"numeric": ["<=", 10]}]}"#, r#"{"a": 10.0}"#, true),
    (r#"{"a": [{"numeric": ["<=", 10]}]}"#, r#"{"a": 10.1}"#, false),
    (r#"{"a": [{"numeric": [">", 0, "<=", 5]}]}"#, r#"{"a": 5}"#, true),
    (r#"{"a": [{"numeric": [">", 0, "<=", 5]}]}"#, r#"{"a": 0}"#, false),
    (r#"{"a": [{"numeric": [">", 0, "<=", 5]}]}"#, r#"{"a": 0.0001}"#, true),
    (r#"{"a": [{"numeric": [">=", -2.5, "<", 2.5]}]}"#, r#"{"a": -2.5}"#, true),
    (r#"{"a": [{"numeric": [">=", -2.5, "<", 2.5]}]}"#, r#"{"a": 2.5}"#, false),
    (r#"{"a": [{"numeric": [">=", -5e9, "<=", 5000000000]}]}"#, r#"{"a": 5e9}"#, true),
    (r#"{"a": [{"numeric": [">=", -5e9, "<=", 5000000000]}]}"#, r#"{"a": 5000000001}"#, false),
    (r#"{"a": [{"numeric": ["<", 0]}, {"numeric": [">", 9]}, 5]}"#, r#"{"a": 5}"#, true),
    (r#"{"a": [{"numeric": ["<", 0]}, {"numeric": [">", 9]}, 5]}"#, r#"{"a": 6}"#, false),
];

const ADDRESSES: &[Case] = &[
    (r#"{"a": [{"cidr": "10.0.0.0/24"}]}"#, r#"{"a": "10.0.0.0"}"#, true),
    (r#"{"a": [{"cidr": "10.0.0.0/24"}]}"#, r#"{"a": "10.0.0.255"}"#, true),
    (r#"{"a": [{"cidr": "10.0.0.0/24"}]}"#, r#"{"a": "10.0.1.0"}"#, false),
    (r#"{"a": [{"cidr": "10.0.0.0/24"}]}"#, r#"{"a": "10.0.0.256"}"#, false),
    (r#"{"a": [{"cidr": "10.0.0.77/24"}]}"#, r#"{"a": "10.0.0.1"}"#, true),
    (r#"{"a": [{"cidr": "10.0.0.0/24"}]}"#, r#"{"a": "::ffff:a00:1"}"#, true),
    (r#"{"a": [{"cidr": "10.0.0.0/24"}]}"#, r#"{"a": 167772161}"#, false),
    (r#"{"a": [{"cidr": "10.0.0.0/24"}]}"#, r#"{"a": "10.0.0.0/24"}"#, false),
    (r#"{"a": [{"cidr": "0.0.0.0/0"}]}"#, r#"{"a": "8.8.8.8"}"#, true),
    (r#"{"a": [{"cidr": "0.0.0.0/0"}]}"#, r#"{"a": "2001:db8::1"}"#, false),
    (r#"{"a": [{"cidr": "2001:db8:1::/48"}]}"#, r#"{"a": "2001:0db8:0001:0:0:0:0:9"}"#, true),
    (r#"{"a": [{"cidr": "2001:db8:1::/48"}]}"#, r#"{"a": "2001:DB8:1:FFFF::"}"#, true),
    (r#"{"a": [{"cidr": "2001:db8:1::/48"}]}"#, r#"{"a": "2001:db8:2::"}"#, false),
    (r#"{"a": [{"cidr": "2001:db8:1::/48"}]}"#, r#"{"a": "somewhere"}"#, false),
];

const EXISTENCE: &[Case] = &[
    (r#"{"a": [{"exists": true}]}"#, r#"{"a": "x"}"#, true),
    (r#"{"a": [{"exists": true}]}"#, r#"{"a": ""}"#, true),
    (r#"{"a": [{"exists": true}]}"#, r#"{"a": null}"#, true),
    (r#"{"a": [{"exists": true}]}"#, r#"{"a": false}"#, true),
    (r#"{"a": [{"exists": true}]}"#, r#"{"a": [0]}"#, true),
    (r#"{"a": [{"exists": true}]}"#, r#"{"b": 1}"#, false),
    // Only what is neither an object nor a list exists.
    (r#"{"a": [{"exists": true}]}"#, r#"{"a": {"b": 1}}"#, false),
    (r#"{"a": [{"exists": true}]}"#, r#"{"a": []}"#, false),
    (r#"{"a": [{"exists": true}]}"#, r#"{"a": [[], {"b": 1}]}"#, false),
    (r#"{"a": [{"exists": false}]}"#, r#"{}"#, true),
    (r#"{"a": [{"exists": false}]}"#, r#"{"a": null}"#, false),
    (r#"{"a": [{"exists": false}]}"#, r#"{"a": {"b": 1}}"#, true),
    (r#"{"a": [{"exists": false}]}"#, r#"{"a": []}"#, true),
    (r#"{"a": [{"exists": false}]}"#, r#"{"a": [1]}"#, false),
    (r#"{"a": {"b": [{"exists": false}]}}"#, r#"{}"#, true),
    (r#"{"a": {"b": [{"exists": false}]}}"#, r#"{"a": 1}"#, true),
    (r#"{"a": {"b": [{"exists": false}]}}"#, r#"{"a": {"c": 1}}"#, true),
    (r#"{"a": {"b": [{"exists": false}]}}"#, r#"{"a": {"b": 1}}"#, false),
    (r#"{"a": {"b": [{"exists": false}], "c": [1]}}"#, r#"{"a": {"c": 1}}"#, true),
    (r#"{"a": {"b": [{"exists": false}], "c": [1]}}"#, r#"{}"#, false),
    (r#"{"a": [{"exists": false}, "x"]}"#, r#"{}"#, true),
    (r#"{"a": [{"exists": false}, "x"]}"#, r#"{"a": "x"}"#, true),
    (r#"{"a": [{"exists": false}, "x"]}"#, r#"{"a": "y"}"#, false),
    (r#"{"a": {"b": [{"anything-but": ["x"]}, {"exists": false}]}}"#, r#"{"z": {"b": "x"}}"#, true),
    (r#"{"a": [{"exists": true}, {"exists": false}]}"#, r#"{"a": 1}"#, true),
    // In lists: absent from all elements, or from the one that something else selects.
    (r#"{"a": {"b": [{"exists": true}]}}"#, r#"{"a": [{"c": 1}, {"b": 1}]}"#, true),
    (r#"{"a": {"b": [{"exists": false}]}}"#, r#"{"a": [{"b": 1}, {"c": 1}]}"#, false),
    (r#"{"a": {"b": [{"exists": false}]}}"#, r#"{"a": [{"c": 1}, 2, [{}]]}"#, true),
    (r#"{"a": {"b": [{"exists": false}], "c": [1]}}"#, r#"{"a": [{"b": 1, "c": 2}, {"c": 1}]}"#, true),
    (r#"{"a": {"c": [1], "d": [{"exists": false}]}}"#, r#"{"a": [{"c": 1, "d": 1}, {"c": 2}]}"#, false),
    (r#"{"a": {"b": [{"exists": false}, "x"]}}"#, r#"{"a": [{"c": 1}, {"b": "y"}]}"#, false),
    (r#"{"a": {"b": [{"exists": false}, "x"]}}"#, r#"{"a": [{"b": "y"}, {"b": "x"}]}"#, true),
    (
        r#"{"a": {"b": {"c": [{"exists": false}]}, "d": [1]}}"#,
        r#"{"a": [{"b": [{"c": 1}]}, {"d": 1}]}"#,
        true,
    ),
];

const ALTERNATIVES: &[Case] = &[
    (r#"{"$or": [{"a": [1]}, {"b": [2]}]}"#, r#"{"a": 1}"#, true),
    (r#"{"$or": [{"a": [1]}, {"b": [2]}]}"#, r#"{"a": 0, "b": 2}"#, true),
    (r#"{"$or": [{"a": [1]}, {"b": [2]}]}"#, r#"{"a": 0, "b": 3}"#, false),
    (r#"{"$or": [{"a": [1]}, {"b": [2]}, {"a": [3]}]}"#, r#"{"a": 3}"#, true),
    (r#"{"c": [0], "$or": [{"a": [1]}, {"b": [2]}]}"#, r#"{"a": 1, "c": 0}"#, true),
    (r#"{"c": [0], "$or": [{"a": [1]}, {"b": [2]}]}"#, r#"{"a": 1, "c": 1}"#, false),
    (r#"{"c": [0], "$or": [{"a": [1]}, {"b": [2]}]}"#, r#"{"c": 0}"#, false),
    (r#"{"$or": [{"a": [1], "b": [2]}, {"c": [3]}]}"#, r#"{"a": 1, "b": 0}"#, false),
    (r#"{"$or": [{"a": [1], "b": [2]}, {"c": [3]}]}"#, r#"{"a": 1, "b": 2}"#, true),
    (r#"{"d": {"$or": [{"a": [{"numeric": ["<", 5]}]}, {"b": ["x"]}]}}"#, r#"{"d": {"a": 4}}"#, true),
    (r#"{"d": {"$or": [{"a": [{"numeric": ["<", 5]}]}, {"b": ["x"]}]}}"#, r#"{"a": 4}"#, false),
    (r#"{"$or": [{"a": [1], "$or": [{"b": [1]}, {"c": [1]}]}, {"d": [1]}]}"#, r#"{"a": 1, "c": 1}"#, true),
    (r#"{"$or": [{"a": [1], "$or": [{"b": [1]}, {"c": [1]}]}, {"d": [1]}]}"#, r#"{"a": 1, "e": 1}"#, false),
    (r#"{"$or": [{"a": [1], "$or": [{"b": [1]}, {"c": [1]}]}, {"d": [1]}]}"#, r#"{"d": 1}"#, true),
    (
        r#"{"$or": [{"a": [1]}, {"b": [1]}], "e": {"$or": [{"c": [1]}, {"d": [1]}]}}"#,
        r#"{"b": 1, "e": {"c": 1}}"#,
        true,
    ),
    (
        r#"{"$or": [{"a": [1]}, {"b": [1]}], "e": {"$or": [{"c": [1]}, {"d": [1]}]}}"#,
        r#"{"b": 1, "c": 1}"#,
        false,
    ),
    (r#"{"e": {"x": [1]}, "$or": [{"e": {"y": [1]}}, {"a": [1]}]}"#, r#"{"e": {"x": 1, "y": 1}}"#, true),
    (r#"{"e": {"x": [1]}, "$or": [{"e": {"y": [1]}}, {"a": [1]}]}"#, r#"{"e": {"x": 1, "y": 2}}"#, false),
    (r#"{"e": {"x": [1], "$or": [{"y": [1]}, {"z": [1]}]}}"#, r#"{"e": [{"x": 1}, {"z": 1}]}"#, false),
    (r#"{"e": {"x": [1], "$or": [{"y": [1]}, {"z": [1]}]}}"#, r#"{"e": [{"x": 2}, {"x": 1, "z": 1}]}"#, true),
    (r#"{"$or": [{"a": [{"exists": false}]}, {"b": [1]}]}"#, r#"{"c": 1}"#, true),
    (r#"{"$or": [{"a": [{"exists": false}]}, {"b": [1]}]}"#, r#"{"a": 1}"#, false),
    (
        r#"{"e": {"x": [{"exists": false}], "$or": [{"y": [1]}, {"z": [1]}]}}"#,
        r#"{"e": [{"x": 1}, {"y": 1}]}"#,
        true,
    ),
    (r#"{"e": {"$or": [{"y": [1]}, {"z": [1]}]}}"#, r#"{"e": [{"x": 1}, {"z": [0, 1]}]}"#, true),
    // The names of operators are forbidden within `$or` alone.
    (r#"{"prefix": ["x"], "cidr": {"numeric": [1]}}"#, r#"{"prefix": "x", "cidr": {"numeric": 1}}"#, true),
];

#[test]
fn events_match_as_the_language_says() {
    let tables = [VALUES, SHAPES, TEXTS, ANYTHING_BUT, NUMERIC, ADDRESSES, EXISTENCE, ALTERNATIVES];
    for &(pattern, event, expected) in tables.into_iter().flatten() {
        let read = Pattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        let event: Value = serde_json::from_str(event).expect("JSON");
        assert_eq!(read.matches(&event), expected, "{pattern} and {event}");
    }
}

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

/// The most that any of these may take. They take a thousandth of it; and did time grow with the square of the text's length,
/// or with a power for each star, all of it would not do.
const TIME_MAX: Duration = Duration::from_secs(10);

#[test]
fn hostile_wildcards_take_time_as_the_text_is_long() {
    let nearly = format!("{}b", "a".repeat(1_000));
    for (wildcard, expected) in [
        ("*a*a*a*a*b".to_owned(), false),
        ("*a*a*a*a*".to_owned(), true),
        (format!("{}b", "*a".repeat(1_900)), false),
        (format!("*{nearly}*"), false),
        (format!("*{nearly}*{nearly}*"), false),
    ] {
        let pattern = json!({ "a": [{ "wildcard": wildcard }] }).to_string();
        let pattern = Pattern::parse(&pattern).expect("a pattern");
        let (done, matched) = mpsc::channel();
        thread::spawn(move || done.send(pattern.matches(&json!({ "a": "a".repeat(64 * 1_024) }))));
        assert_eq!(matched.recv_timeout(TIME_MAX), Ok(expected), "{wildcard}");
    }
}
