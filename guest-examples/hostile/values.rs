//! Guests whose values are not what they say: answers, and what they hand to host functions.

use super::loops::RANDOM;
use super::{End, Hostile, soon};
use crate::Handler;

/// `$from_list` takes a list of names and values.
const FIELDS: &str = r#"
    (import "wasi:http/types@0.2.0" "[static]fields.from-list" (func $from_list (param i32 i32 i32)))"#;

pub(super) fn guests() -> Vec<Hostile> {
    let mut all = answers();
    all.extend(errors());
    all.extend(arguments());
    all
}

fn answers() -> Vec<Hostile> {
    let handles = |name, handle| soon(name, End::Exited, Handler { handle, ..Handler::USUAL });
    vec![
        handles("value: a result outside the memory", "i32.const -16"),
        handles("value: a result that is not aligned", "i32.const 17"),
        handles(
            "value: neither an answer nor an error",
            "(i32.store (i32.const 16) (i32.const 7)) i32.const 16",
        ),
        handles(
            "value: an answer that reaches beyond the memory",
            "(i32.store (i32.const 24) (i32.const 0x7fffffff)) i32.const 16",
        ),
        handles(
            "value: an answer whose end overflows",
            "(i32.store (i32.const 20) (i32.const -8)) (i32.store (i32.const 24) (i32.const -1)) i32.const 16",
        ),
        soon(
            "value: memory for the event outside the memory",
            End::Exited,
            Handler { realloc: "i32.const -8", ..Handler::USUAL },
        ),
    ]
}

fn errors() -> Vec<Hostile> {
    // Makes the result an error whose type is the bytes at 100.
    let error_of_type = |bytes: &str, length: u32| {
        let handle = format!(
            "(i32.store8 (i32.const 16) (i32.const 1)) {bytes}
            (i32.store (i32.const 20) (i32.const 100)) (i32.store (i32.const 24) (i32.const {length}))
            (i32.store (i32.const 28) (i32.const 0)) (i32.store (i32.const 32) (i32.const 0))
            (i32.store (i32.const 36) (i32.const 64)) (i32.store (i32.const 40) (i32.const 0)) i32.const 16"
        );
        Handler { handle: handle.leak(), ..Handler::USUAL }
    };
    let with_trace = |name, end, memory, entries: u32| {
        let handle = format!(
            "(i32.store8 (i32.const 16) (i32.const 1))
            (i32.store (i32.const 24) (i32.const 0)) (i32.store (i32.const 32) (i32.const 0))
            (i32.store (i32.const 36) (i32.const 65536)) (i32.store (i32.const 40) (i32.const {entries})) i32.const 16"
        );
        soon(name, end, Handler { memory, handle: handle.leak(), ..Handler::USUAL })
    };
    let surrogate = error_of_type("(i32.store16 (i32.const 100) (i32.const 0xd800))", 1);
    vec![
        soon(
            "value: a text that is no UTF-8",
            End::Exited,
            error_of_type("(i32.store8 (i32.const 100) (i32.const 0xff))", 1),
        ),
        soon(
            "value: a surrogate in UTF-8",
            End::Exited,
            error_of_type("(i32.store (i32.const 100) (i32.const 0x80a0ed))", 3),
        ),
        Hostile {
            component: surrogate.build_utf16(),
            ..soon("value: half a surrogate pair in UTF-16", End::Exited, surrogate)
        },
        with_trace("value: a hundred million texts beyond the memory", End::Exited, "2", 100_000_000),
        with_trace("value: ten million texts within the memory", End::TooLarge, "1300", 10_000_000),
    ]
}

fn arguments() -> Vec<Hostile> {
    let calls = |name, imports, memory, handle| {
        soon(name, End::Exited, Handler { imports, memory, handle, ..Handler::USUAL })
    };
    vec![
        calls(
            "argument: a list of five million headers",
            FIELDS,
            "1300",
            "(call $from_list (i32.const 65536) (i32.const 5000000) (i32.const 512)) i32.const 16",
        ),
        calls(
            "argument: a list whose end overflows",
            FIELDS,
            "2",
            "(call $from_list (i32.const 65536) (i32.const 0x10000001) (i32.const 512)) i32.const 16",
        ),
        calls(
            "argument: a list that is not aligned",
            FIELDS,
            "2",
            "(call $from_list (i32.const 65537) (i32.const 1) (i32.const 512)) i32.const 16",
        ),
        calls(
            "argument: a name that is no UTF-8",
            FIELDS,
            "2",
            "(i32.store (i32.const 65536) (i32.const 100)) (i32.store (i32.const 65540) (i32.const 4))
            (i32.store (i32.const 100) (i32.const -1))
            (call $from_list (i32.const 65536) (i32.const 1) (i32.const 512)) i32.const 16",
        ),
        calls(
            "argument: as many random bytes as there are numbers",
            RANDOM,
            "2",
            "(call $random (i64.const -1) (i32.const 512)) i32.const 16",
        ),
        calls(
            "argument: a place for the result outside the memory",
            RANDOM,
            "2",
            "(call $random (i64.const 10) (i32.const -4)) i32.const 16",
        ),
    ]
}
