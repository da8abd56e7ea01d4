//! Guests that log or answer more than anybody wants.

use super::{End, Hostile, computes, soon};
use crate::Handler;

/// `$write` takes the stream of `$stdout`, bytes and where to leave what came of it.
const STDOUT: &str = r#"
    (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
    (import "wasi:io/streams@0.2.0" "[method]output-stream.check-write" (func $check (param i32 i32)))
    (import "wasi:io/streams@0.2.0" "[method]output-stream.subscribe" (func $subscribe (param i32) (result i32)))
    (import "wasi:io/streams@0.2.0" "[method]output-stream.write" (func $write (param i32 i32 i32 i32)))"#;

pub(super) fn guests() -> Vec<Hostile> {
    let floods = |name, byte: u8| {
        let handle = format!(
            "(local $out i32)
            (memory.fill (i32.const 65536) (i32.const {byte}) (i32.const 65536))
            (local.set $out (call $stdout))
            (loop $more
                (call $check (local.get $out) (i32.const 512))
                (call $write (local.get $out) (i32.const 65536) (i32.const 65536) (i32.const 512))
                (br $more))
            unreachable"
        );
        computes(name, Handler { imports: STDOUT, handle: handle.leak(), ..Handler::USUAL })
    };
    let answers = |name, end, memory, bytes: u32| {
        let handle = format!("(i32.store (i32.const 24) (i32.const {bytes})) i32.const 16");
        soon(name, end, Handler { memory, handle: handle.leak(), ..Handler::USUAL })
    };
    vec![
        floods("log: empty lines for ever", b'\n'),
        floods("log: one line for ever", b'x'),
        floods("log: bytes that are no text, for ever", 0xff),
        soon(
            "stream: taken and kept without end",
            End::Exited,
            Handler {
                imports: STDOUT,
                handle: "(loop $more (drop (call $stdout)) (br $more)) unreachable",
                ..Handler::USUAL
            },
        ),
        soon(
            "stream: asked without end when it can be written to",
            End::Exited,
            Handler {
                imports: STDOUT,
                handle: "(local $out i32) (local.set $out (call $stdout))
                    (loop $more (drop (call $subscribe (local.get $out))) (br $more)) unreachable",
                ..Handler::USUAL
            },
        ),
        answers("answer: of 7 MB", End::TooLarge, "128", 7_000_000),
        answers("answer: of 100 MB", End::TooLarge, "1600", 100_000_000),
        soon(
            "answer: an error of 7 MB",
            End::Reported,
            Handler {
                memory: "128",
                handle: "(i32.store8 (i32.const 16) (i32.const 1))
                    (i32.store (i32.const 24) (i32.const 0)) (i32.store (i32.const 28) (i32.const 1024))
                    (memory.fill (i32.const 1024) (i32.const 97) (i32.const 7000000))
                    (i32.store (i32.const 32) (i32.const 7000000)) (i32.store (i32.const 40) (i32.const 0)) i32.const 16",
                ..Handler::USUAL
            },
        ),
    ]
}
