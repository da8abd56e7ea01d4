//! Guests that end before they should.

use super::loops::RANDOM;
use super::{End, Hostile, soon};
use crate::Handler;

const EXIT: &str = r#"(import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))"#;

pub(super) fn guests() -> Vec<Hostile> {
    let traps = |name, handler| soon(name, End::Exited, handler);
    vec![
        traps("trap: in the handler", Handler { handle: "unreachable", ..Handler::USUAL }),
        traps(
            "trap: reads beyond its memory",
            Handler { handle: "(i32.load (i32.const -4))", ..Handler::USUAL },
        ),
        traps(
            "trap: divides by zero",
            Handler { handle: "(i32.div_u (i32.const 1) (i32.const 0))", ..Handler::USUAL },
        ),
        traps(
            "trap: calls what its table has not",
            Handler {
                more: "(type $none (func)) (table $t 1 funcref)",
                handle: "(call_indirect $t (type $none) (i32.const 0)) i32.const 16",
                ..Handler::USUAL
            },
        ),
        traps("trap: in realloc", Handler { realloc: "unreachable", ..Handler::USUAL }),
        traps("trap: after the answer", Handler { post_return: "unreachable", ..Handler::USUAL }),
        traps("trap: in init", Handler { init: "unreachable", ..Handler::USUAL }),
        traps(
            "trap: in the start function",
            Handler { more: "(func $trap unreachable) (start $trap)", ..Handler::USUAL },
        ),
        traps(
            "trap: in the middle of a host function",
            Handler {
                imports: RANDOM,
                more: "(global $called (mut i32) (i32.const 0))",
                handle: "(global.set $called (i32.const 1)) (call $random (i64.const 100) (i32.const 512)) i32.const 16",
                realloc: "(if (global.get $called) (then unreachable)) i32.const 1024",
                ..Handler::USUAL
            },
        ),
        traps(
            "trap: a host function called within another",
            Handler {
                imports: RANDOM,
                more: "(global $called (mut i32) (i32.const 0))",
                handle: "(global.set $called (i32.const 1)) (call $random (i64.const 100) (i32.const 512)) i32.const 16",
                realloc: "(if (global.get $called) (then (call $random (i64.const 1) (i32.const 600)))) i32.const 1024",
                ..Handler::USUAL
            },
        ),
        traps(
            "exit: well",
            Handler { imports: EXIT, handle: "(call $exit (i32.const 0)) unreachable", ..Handler::USUAL },
        ),
        traps(
            "exit: badly",
            Handler { imports: EXIT, handle: "(call $exit (i32.const 1)) unreachable", ..Handler::USUAL },
        ),
        traps(
            "exit: with a code that is none",
            Handler { imports: EXIT, handle: "(call $exit (i32.const 77)) unreachable", ..Handler::USUAL },
        ),
        traps(
            "exit: in init",
            Handler { imports: EXIT, init: "(call $exit (i32.const 0)) unreachable", ..Handler::USUAL },
        ),
        traps(
            "exit: after the answer",
            Handler { imports: EXIT, post_return: "(call $exit (i32.const 0))", ..Handler::USUAL },
        ),
    ]
}
