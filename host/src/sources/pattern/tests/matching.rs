//! What matches and what does not, as tables, and in which time.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::Pattern;

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
