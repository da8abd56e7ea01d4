//! Guests that call the host and leave it with what they began: timers, files, requests.

use super::{End, Hostile, computes, soon, waits};
use crate::Handler;

/// `$timer` makes a pollable of nanoseconds; `$block` waits for one, `$poll` for one of a list.
pub(super) const TIMERS: &str = r#"
    (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $timer (param i64) (result i32)))
    (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:io/poll@0.2.0" "[resource-drop]pollable" (func $drop_pollable (param i32)))
    (import "wasi:io/poll@0.2.0" "poll" (func $poll (param i32 i32 i32)))"#;

const FILES: &str = r#"
    (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $directories (param i32)))
    (import "wasi:filesystem/types@0.2.0" "[method]descriptor.open-at"
        (func $open_at (param i32 i32 i32 i32 i32 i32 i32)))
    (import "wasi:filesystem/types@0.2.0" "[method]descriptor.write" (func $write (param i32 i32 i32 i64 i32)))
    (import "wasi:filesystem/types@0.2.0" "[resource-drop]descriptor" (func $drop_descriptor (param i32)))"#;

/// Memory is handed out one piece after the other, so that lists do not lie upon each other. `$tmp` is a descriptor of
/// `/tmp`, the second folder; `$open` makes a file of the name at 100 and leaves what came of it at 512.
const FILES_MORE: &str = r#"
    (global $free (mut i32) (i32.const 4096))
    (func $tmp (result i32)
        (call $directories (i32.const 512))
        (i32.load offset=12 (i32.load (i32.const 512))))
    (func $open (param $tmp i32) (param $length i32)
        (call $open_at (local.get $tmp) (i32.const 1) (i32.const 100) (local.get $length) (i32.const 1) (i32.const 3)
            (i32.const 512)))"#;
const FILES_REALLOC: &str =
    "(global.set $free (i32.add (i32.and (global.get $free) (i32.const -16)) (i32.const 16)))
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (local.get 3)))";

const REQUESTS: &str = r#"
    (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
    (import "wasi:http/types@0.2.0" "[constructor]outgoing-request" (func $request (param i32) (result i32)))
    (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-authority"
        (func $authority (param i32 i32 i32 i32) (result i32)))
    (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-scheme"
        (func $scheme (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-path-with-query"
        (func $path (param i32 i32 i32 i32) (result i32)))
    (import "wasi:http/outgoing-handler@0.2.0" "handle" (func $handle (param i32 i32 i32 i32)))"#;

pub(super) fn guests(silent_port: u16) -> Vec<Hostile> {
    let mut all = timers();
    all.extend(files());
    all.extend(file_arguments());
    all.extend(requests(silent_port));
    all
}

fn timers() -> Vec<Hostile> {
    let handles = |handle| Handler { imports: TIMERS, handle, ..Handler::USUAL };
    // Five hundred timers of an hour, and three times as many places.
    let list = "(local $at i32) (local $timer i32)
        (loop $next
            (if (i32.lt_u (local.get $at) (i32.const 2000)) (then
                (local.set $timer (call $timer (i64.const 3600000000000)))))
            (i32.store (i32.add (i32.const 65536) (local.get $at)) (local.get $timer))
            (local.set $at (i32.add (local.get $at) (i32.const 4)))
            (br_if $next (i32.lt_u (local.get $at) (i32.const 6000))))
        (call $poll (i32.const 65536) (i32.const 1500) (i32.const 512)) unreachable";
    vec![
        waits("timer: sleeps for ever", handles("(call $block (call $timer (i64.const -1))) unreachable")),
        waits("timer: a list of five hundred", handles(list)),
        waits("timer: a list of nine thousand times the same", handles(timer_list(9_000))),
        soon(
            "timer: a list of half a million",
            End::Exited,
            Handler { memory: "700", ..handles(timer_list(500_000)) },
        ),
        soon(
            "timer: a list of ten million",
            End::Exited,
            Handler { memory: "700", ..handles(timer_list(10_000_000)) },
        ),
        soon(
            "timer: made and kept without end",
            End::Exited,
            handles("(loop $more (drop (call $timer (i64.const -1))) (br $more)) unreachable"),
        ),
        computes(
            "timer: made and dropped without end",
            handles("(loop $more (call $drop_pollable (call $timer (i64.const -1))) (br $more)) unreachable"),
        ),
        computes(
            "timer: sleeps of no time without end",
            handles(
                "(local $timer i32)
                (loop $more
                    (local.set $timer (call $timer (i64.const 0)))
                    (call $block (local.get $timer))
                    (call $drop_pollable (local.get $timer))
                    (br $more)) unreachable",
            ),
        ),
        soon(
            "timer: a handle that is none",
            End::Exited,
            handles("(call $block (i32.const 12345)) unreachable"),
        ),
    ]
}

/// Waits for a list of so many times the same timer, which is never over.
fn timer_list(length: u32) -> &'static str {
    let text = format!(
        "(local $at i32) (local $timer i32)
        (local.set $timer (call $timer (i64.const 3600000000000)))
        (loop $next
            (i32.store (i32.add (i32.const 65536) (local.get $at)) (local.get $timer))
            (local.set $at (i32.add (local.get $at) (i32.const 4)))
            (br_if $next (i32.lt_u (local.get $at) (i32.const {}))))
        (call $poll (i32.const 65536) (i32.const {length}) (i32.const 512)) unreachable",
        4 * length
    );
    text.leak()
}

fn handles_files(handle: &'static str) -> Handler {
    Handler {
        imports: FILES,
        memory: "40",
        more: FILES_MORE,
        realloc: FILES_REALLOC,
        handle,
        ..Handler::USUAL
    }
}

/// The same, with a name at 100.
fn handles_named_file(handle: &'static str) -> Handler {
    Handler {
        more: (FILES_MORE.to_owned() + r#"(data (i32.const 100) "a")"#).leak(),
        ..handles_files(handle)
    }
}

fn files() -> Vec<Hostile> {
    // A number as five letters, each for sixteen of them.
    let name = "(i32.store (i32.const 100) (i32.add (i32.const 0x61616161)
            (i32.or (i32.and (local.get $n) (i32.const 15))
            (i32.or (i32.and (i32.shl (local.get $n) (i32.const 4)) (i32.const 0xf00))
            (i32.or (i32.and (i32.shl (local.get $n) (i32.const 8)) (i32.const 0xf0000))
            (i32.and (i32.shl (local.get $n) (i32.const 12)) (i32.const 0xf000000)))))))
        (i32.store8 (i32.const 104) (i32.add (i32.const 97) (i32.shr_u (local.get $n) (i32.const 16))))";
    // When all are there, or there is no room for more, it goes on asking.
    let million = format!(
        "(local $tmp i32) (local $n i32)
        (local.set $tmp (call $tmp))
        (loop $more
            {name}
            (call $open (local.get $tmp) (i32.const 5))
            (if (i32.eqz (i32.load8_u (i32.const 512))) (then
                (call $drop_descriptor (i32.load (i32.const 516)))
                (local.set $n (i32.rem_u (i32.add (local.get $n) (i32.const 1)) (i32.const 1000000)))))
            (br $more))
        unreachable"
    );
    let full = "(local $file i32) (local $at i64)
        (call $open (call $tmp) (i32.const 1))
        (local.set $file (i32.load (i32.const 516)))
        (loop $more
            (call $write (local.get $file) (i32.const 65536) (i32.const 1048576) (local.get $at) (i32.const 512))
            (if (i32.eqz (i32.load8_u (i32.const 512))) (then
                (local.set $at (i64.add (local.get $at) (i64.const 1048576)))))
            (br $more))
        unreachable";
    vec![
        Hostile {
            timeout_seconds: 3,
            ..computes("file: /tmp filled and asked for more", handles_named_file(full))
        },
        Hostile {
            timeout_seconds: 3,
            ..computes("file: a million small ones", handles_files(million.leak()))
        },
        soon(
            "file: opened and kept without end",
            End::Exited,
            handles_named_file(
                "(local $tmp i32) (local.set $tmp (call $tmp))
                (loop $more (call $open (local.get $tmp) (i32.const 1)) (br $more)) unreachable",
            ),
        ),
        computes(
            "file: opened and dropped without end",
            handles_named_file(
                "(local $tmp i32) (local.set $tmp (call $tmp))
                (loop $more
                    (call $open (local.get $tmp) (i32.const 1))
                    (call $drop_descriptor (i32.load (i32.const 516)))
                    (br $more)) unreachable",
            ),
        ),
    ]
}

fn file_arguments() -> Vec<Hostile> {
    vec![
        soon(
            "file: a name that is no UTF-8",
            End::Exited,
            handles_files("(i32.store (i32.const 100) (i32.const -1)) (call $open (call $tmp) (i32.const 4)) i32.const 16"),
        ),
        soon(
            "file: a name of 4 GiB",
            End::Exited,
            handles_files("(call $open (call $tmp) (i32.const -1)) i32.const 16"),
        ),
        soon(
            "file: a write of 2 GiB that is not there",
            End::Exited,
            handles_named_file("(call $open (call $tmp) (i32.const 1))
                (call $write (i32.load (i32.const 516)) (i32.const 65536) (i32.const 0x7fffffff) (i64.const 0) (i32.const 512))
                i32.const 16"),
        ),
    ]
}

fn requests(silent_port: u16) -> Vec<Hostile> {
    let authority = format!("127.0.0.1:{silent_port}");
    let more = format!(
        r#"(data (i32.const 100) "{authority}") (data (i32.const 99) "/")
        (func $new (param $bytes i32) (result i32) (local $request i32)
            (local.set $request (call $request (call $fields)))
            (drop (call $scheme (local.get $request) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)))
            (drop (call $authority (local.get $request) (i32.const 1) (i32.const 100) (local.get $bytes)))
            (drop (call $path (local.get $request) (i32.const 1) (i32.const 99) (i32.const 1)))
            (local.get $request))
        (func $send (param $bytes i32)
            (call $handle (call $new (local.get $bytes)) (i32.const 0) (i32.const 0) (i32.const 512)))"#
    );
    let more: &'static str = more.leak();
    let bytes = authority.len();
    let handles =
        |handle: String| Handler { imports: REQUESTS, more, handle: handle.leak(), ..Handler::USUAL };
    let and_sleeps = format!(
        "(local $n i32)
        (loop $more
            (call $send (i32.const {bytes}))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $more (i32.lt_u (local.get $n) (i32.const 100))))
        (call $block (call $timer (i64.const -1))) unreachable"
    );
    vec![
        soon(
            "request: sent and kept without end, to who never answers",
            End::Exited,
            handles(format!("(loop $more (call $send (i32.const {bytes})) (br $more)) unreachable")),
        ),
        waits(
            "request: a hundred that nobody answers",
            Handler { imports: (REQUESTS.to_owned() + TIMERS).leak(), ..handles(and_sleeps) },
        ),
        soon(
            "request: to where it may not, without end",
            End::Exited,
            handles("(loop $more (call $send (i32.const 9)) (br $more)) unreachable".to_owned()),
        ),
        soon(
            "request: made without end, and never sent",
            End::Exited,
            handles(format!("(loop $more (drop (call $new (i32.const {bytes}))) (br $more)) unreachable")),
        ),
    ]
}
