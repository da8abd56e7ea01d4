//! Guests that want more memory than there is, and those that move as much as they have at once.

use super::{Cost, End, Hostile, computes, soon};
use crate::Handler;

pub(super) fn guests() -> Vec<Hostile> {
    let mut all = memories();
    all.extend(tables());
    all.extend(stacks());
    all.extend(bulk());
    all
}

fn memories() -> Vec<Hostile> {
    let grows = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 64)) (i32.const -1)))) unreachable";
    let fills = "(local $old i32)
        (loop $more
            (local.set $old (memory.grow (i32.const 16)))
            (if (i32.ne (local.get $old) (i32.const -1)) (then
                (memory.fill (i32.mul (local.get $old) (i32.const 65536)) (i32.const 165) (i32.const 1048576))
                (br $more))))
        unreachable";
    vec![
        soon(
            "memory: 256 MiB from the start",
            End::OutOfMemory,
            Handler { memory: "4096", ..Handler::USUAL },
        ),
        soon("memory: grown until refused", End::OutOfMemory, Handler { handle: grows, ..Handler::USUAL }),
        soon(
            "memory: grown and filled until refused",
            End::OutOfMemory,
            Handler { handle: fills, ..Handler::USUAL },
        ),
        soon(
            "memory: eight of them grown until refused",
            End::OutOfMemory,
            Handler {
                more: "(memory $a 1) (memory $b 1) (memory $c 1) (memory $d 1) (memory $e 1) (memory $f 1) (memory $g 1)",
                handle: "(loop $more
                    (drop (memory.grow $a (i32.const 16))) (drop (memory.grow $b (i32.const 16)))
                    (drop (memory.grow $c (i32.const 16))) (drop (memory.grow $d (i32.const 16)))
                    (drop (memory.grow $e (i32.const 16))) (drop (memory.grow $f (i32.const 16)))
                    (memory.fill $g (i32.const 0) (i32.const 165) (i32.const 65536))
                    (br_if $more (i32.ne (memory.grow $g (i32.const 16)) (i32.const -1)))) unreachable",
                ..Handler::USUAL
            },
        ),
        soon(
            "memory: nine of them",
            End::Refused,
            Handler {
                more: "(memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1)",
                ..Handler::USUAL
            },
        ),
        soon("memory: of 64 bits", End::Refused, Handler { more: "(memory $wide i64 1)", ..Handler::USUAL }),
        computes(
            "memory: growth that is refused, for ever",
            Handler {
                handle: "(loop $more (drop (memory.grow (i32.const 65535))) (br $more)) unreachable",
                ..Handler::USUAL
            },
        ),
    ]
}

fn tables() -> Vec<Hostile> {
    let declared: String = (0..30).map(|table| format!("(table $t{table} 1 funcref)")).collect();
    let grown: String = (0..30)
        .map(|table| {
            format!("(loop $more (br_if $more (i32.ne (i32.const -1) (table.grow $t{table} (ref.null func) (i32.const 1000)))))")
        })
        .collect();
    vec![
        soon(
            "table: no room left for it",
            End::OutOfMemory,
            Handler {
                memory: "2047",
                more: "(table $t 1 funcref)",
                handle: "(table.grow $t (ref.null func) (i32.const 40000)) drop unreachable",
                ..Handler::USUAL
            },
        ),
        soon(
            "table: thirty of them grown until refused",
            End::OutOfMemory,
            Handler { more: declared.leak(), handle: (grown + "unreachable").leak(), ..Handler::USUAL },
        ),
        computes(
            "table: filled again and again",
            Handler {
                more: "(table $t 50000 funcref)",
                handle: "(loop $again (table.fill $t (i32.const 0) (ref.null func) (i32.const 50000)) (br $again)) unreachable",
                ..Handler::USUAL
            },
        ),
    ]
}

fn stacks() -> Vec<Hostile> {
    // A frame of 64 KiB: eight thousand numbers that are all wanted again after the call.
    let numbers = 8000;
    let locals = "i64 ".repeat(numbers);
    let set: String =
        (0..numbers).map(|at| format!("(local.set {at} (i64.load (i32.const {})))", at * 8)).collect();
    let sum = "(i64.xor ".repeat(numbers - 1)
        + "(local.get 0)"
        + &(1..numbers).map(|at| format!("(local.get {at}))")).collect::<String>();
    let huge = format!("(func $huge (result i64) (local {locals}) {set} (drop (call $huge)) {sum})");
    vec![
        soon(
            "stack: recursion without end",
            End::Exited,
            Handler {
                more: "(func $deep (call $deep))",
                handle: "(call $deep) i32.const 16",
                ..Handler::USUAL
            },
        ),
        soon(
            "stack: frames of 64 KiB",
            End::Exited,
            Handler { more: huge.leak(), handle: "(drop (call $huge)) i32.const 16", ..Handler::USUAL },
        ),
        soon(
            "stack: recursion in init",
            End::Exited,
            Handler {
                more: "(func $deep (call $deep))",
                init: "(call $deep) i32.const 48",
                ..Handler::USUAL
            },
        ),
    ]
}

/// What one instruction does the engine cannot interrupt: it looks at the epoch before it, not within.
fn bulk() -> Vec<Hostile> {
    let at_once = |name, memory, memory_mb, handle| Hostile {
        cost: Cost::Everything,
        memory_mb,
        ..computes(name, Handler { memory, handle, ..Handler::USUAL })
    };
    vec![
        at_once(
            "bulk: 2 GiB filled at once, again and again",
            "32769",
            2200,
            "(loop $again (memory.fill (i32.const 65536) (i32.const 165) (i32.const 0x80000000)) (br $again)) unreachable",
        ),
        at_once(
            "bulk: 1 GiB copied at once, again and again",
            "32769",
            2200,
            "(loop $again
                (memory.copy (i32.const 65536) (i32.const 0x40010000) (i32.const 0x40000000)) (br $again)) unreachable",
        ),
        at_once(
            "bulk: 120 MiB filled at once, again and again",
            "1921",
            128,
            "(loop $again (memory.fill (i32.const 65536) (i32.const 165) (i32.const 0x7800000)) (br $again)) unreachable",
        ),
    ]
}
