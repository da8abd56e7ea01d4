//! A guest that logs without end: its log is cut, it goes on, and the host hardly notices. Alone in its process, as it looks at
//! that process's memory.

use std::time::Duration;

use samovar::{Deployment, Host, Invoke, Limits, LogSettings};
use samovar_tests::{component_of_preview1, function};
use tokio::time::Instant;

/// What it writes in one call.
const PIECE_BYTES: u64 = 1 << 20;

/// A function that writes so many MiB to standard error, in lines of 64 bytes, and answers.
fn flooder(mib: u64) -> Vec<u8> {
    component_of_preview1(&format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 40)
            (global $left (mut i32) (i32.const 0))
            (global $heap (mut i32) (i32.const 1310720))
            (data (i32.const 16) "\00\00\00\00\40\00\00\00\04\00\00\00")
            (data (i32.const 48) "\00\00\00\00")
            (data (i32.const 64) "\22ok\22")
            ;; At 80 lies the vector: a piece at 65536.
            (data (i32.const 80) "\00\00\01\00\00\00\10\00")
            (func $fill (local $at i32)
                (memory.fill (i32.const 65536) (i32.const 120) (i32.const {PIECE_BYTES}))
                (loop $more
                    (i32.store8 (i32.add (i32.const 65599) (local.get $at)) (i32.const 10))
                    (local.set $at (i32.add (local.get $at) (i32.const 64)))
                    (br_if $more (i32.lt_u (local.get $at) (i32.const {PIECE_BYTES})))))
            (func (export "samovar:function/handler@0.1.0#handle")
                (param i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
                (call $fill)
                (global.set $left (i32.const {mib}))
                (loop $more
                    (if (call $write (i32.const 2) (i32.const 80) (i32.const 1) (i32.const 88)) (then unreachable))
                    (global.set $left (i32.sub (global.get $left) (i32.const 1)))
                    (br_if $more (global.get $left)))
                i32.const 16)
            (func (export "samovar:function/lifecycle@0.1.0#init") (result i32) i32.const 48)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (global.get $heap))
                (global.set $heap (i32.add (global.get $heap) (i32.and (i32.add (local.get 3) (i32.const 15)) (i32.const -16))))
                (local.get $at)))"#
    ))
}

fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("it is Linux");
    let resident: u64 =
        pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("the second number");
    resident * 4096
}

async fn host(kept: Option<LogSettings>) -> Host {
    let mut limits = Limits::default();
    limits.invocation_log_bytes = 1 << 20;
    let builder = Host::builder().instances_max(8).limits(limits);
    let builder = match kept {
        Some(kept) => builder.logs(kept),
        None => builder,
    };
    builder.start().await.expect("a host")
}

async fn flood(host: &Host, mib: u64) -> samovar::Outcome {
    let deployment = Deployment::new("flooder", flooder(mib)).timeout_seconds(120);
    host.publish(deployment).await.expect("published");
    host.invoke(Invoke::new(function("flooder"), "{}").with_log_tail()).await.expect("it runs")
}

#[tokio::test]
async fn a_gigabyte_of_logs_is_cut_at_the_quota_and_the_function_goes_on() {
    let host = host(Some(LogSettings::default())).await;
    flood(&host, 2).await;
    let (before, started) = (resident_bytes(), Instant::now());
    let outcome = flood(&host, 1024).await;
    let (grown, time) = (resident_bytes().saturating_sub(before), started.elapsed());
    assert_eq!(outcome.body(), "\"ok\"", "{outcome:?}");
    let tail = outcome.log_tail.expect("it was asked for");
    // 64 bytes and 26 more for each line of which a mebibyte has room for 11,650, and the rest of 2^24 was dropped.
    let kept = (1 << 20) / (63 + 26);
    let dropped = (1 << 24) - kept;
    let marker = format!(
        "The log was cut: it reached the limit of 1048576 bytes (invocation_log_bytes), and {dropped} more lines with {} bytes \
         were dropped\nEND RequestId: ",
        dropped * 64
    );
    assert!(tail.contains(&marker), "{tail}");
    assert_eq!(host.dropped_logs().invocations, 2);
    println!("1 GB took {time:?}, and the host has grown by {} KiB", grown >> 10);
    assert!(grown < 64 << 20, "the host has grown by {} MiB", grown >> 20);
    assert!(time < Duration::from_secs(60), "it took {time:?}");
    host.close().await;
}

#[tokio::test]
async fn who_only_listens_hears_of_the_cut_too() {
    let host = host(None).await;
    let mut lines = host.logs();
    let listener = tokio::spawn(async move {
        let mut heard = Vec::new();
        while heard.iter().all(|line: &String| !line.starts_with("REPORT")) {
            // Who falls behind loses the oldest.
            if let Ok(line) = lines.recv().await {
                heard.push(line.text);
            }
        }
        heard
    });
    flood(&host, 3).await;
    let heard = listener.await.expect("it heard the end");
    let end = heard.iter().position(|line| line.starts_with("END")).expect("an end");
    assert!(heard[end - 1].starts_with("The log was cut"), "{:?}", &heard[end - 1..]);
    host.close().await;
}
