//! Guests that never end.

use super::{Cost, End, Hostile, computes, soon};
use crate::Handler;

const ENDLESS: &str = "(loop $again (br $again)) unreachable";

pub(super) fn guests() -> Vec<Hostile> {
    let starting = |name, handler| Hostile { cost: Cost::Starting, ..soon(name, End::TimedOut, handler) };
    vec![
        computes("loop: in the handler", Handler { handle: ENDLESS, ..Handler::USUAL }),
        computes("loop: in realloc", Handler { realloc: ENDLESS, ..Handler::USUAL }),
        computes(
            "loop: in realloc, called by a host function",
            Handler {
                imports: RANDOM,
                more: "(global $called (mut i32) (i32.const 0))",
                handle: "(global.set $called (i32.const 1)) (call $random (i64.const 100) (i32.const 512)) i32.const 16",
                realloc: "(if (global.get $called) (then (loop $again (br $again)))) i32.const 1024",
                ..Handler::USUAL
            },
        ),
        computes(
            "loop: after the answer",
            Handler { post_return: "(loop $again (br $again))", ..Handler::USUAL },
        ),
        computes(
            "loop: of calls through a table",
            Handler {
                more: "(type $none (func)) (table $t 1 funcref) (elem (i32.const 0) $nothing) (func $nothing)",
                handle: "(loop $again (call_indirect $t (type $none) (i32.const 0)) (br $again)) unreachable",
                ..Handler::USUAL
            },
        ),
        computes(
            "loop: of host functions",
            Handler {
                imports: RANDOM,
                handle: "(loop $again (call $random (i64.const 1) (i32.const 512)) (br $again)) unreachable",
                ..Handler::USUAL
            },
        ),
        starting("loop: in init", Handler { init: ENDLESS, ..Handler::USUAL }),
        starting(
            "loop: in the start function",
            Handler { more: "(func $spin (loop $again (br $again))) (start $spin)", ..Handler::USUAL },
        ),
        starting(
            "sleep: in init",
            Handler {
                imports: super::calls::TIMERS,
                init: "(call $block (call $timer (i64.const -1))) i32.const 48",
                ..Handler::USUAL
            },
        ),
    ]
}

/// `$random` writes a list of so many random bytes.
pub(super) const RANDOM: &str =
    r#"(import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))"#;
