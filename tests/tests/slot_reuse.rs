//! Slots of the engine's pool are used again and again: what one user of a slot has written, the next never sees.
//!
//! Every user fills all that it can have with a secret: its memory, what it grew, its table, its global, its stack, its `/tmp`
//! and its environment. The next one, of another function, first looks through all of it. Of the stack there is nothing to
//! look at: WebAssembly cannot read a local before it was set or zeroed. `cargo xtask test --slot-reuses 1000000` makes a long
//! run of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use samovar::function::Isolation;
use samovar::{Deployment, Host, Invoke};
use samovar_tests::{answer, component, function, guest, invoke};
use serde_json::{Value, json};
use tokio::time::Instant;

const REUSES: u64 = 10_000;
/// How many instances there can be: the fewer, the sooner a slot is used again.
const INSTANCES: u32 = 3;
/// How many invocations run at a time.
const LANES: u64 = 2;
/// How many functions there are of each shape. With more functions than slots, a slot's next user is seldom its last.
const SALTS: u32 = 8;
/// One of so many users has a large memory.
const LARGE_EVERY: u64 = 500;
/// One of so many users has files, and one an environment.
const FILES_EVERY: u64 = 200;

/// What a user's memory looks like.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// The pages it has from the start.
    pages: u32,
    /// The pages it grows to.
    grown: u32,
    /// How many pages from the second on its module gives a content, which the engine maps instead of writing it; none at all
    /// if the module has no data, so that nothing is mapped.
    image: Option<u32>,
}

/// A slot keeps 128 KiB resident, two pages: there are shapes below, at and above it, with an image and without.
const SHAPES: [Shape; 6] = [
    Shape { pages: 1, grown: 2, image: Some(0) },
    Shape { pages: 1, grown: 3, image: None },
    Shape { pages: 2, grown: 2, image: Some(0) },
    Shape { pages: 2, grown: 4, image: None },
    Shape { pages: 4, grown: 5, image: Some(2) },
    Shape { pages: 5, grown: 6, image: None },
];
const LARGE_SHAPES: [Shape; 3] = [
    Shape { pages: 1, grown: 160, image: Some(0) },
    Shape { pages: 64, grown: 65, image: None },
    Shape { pages: 40, grown: 400, image: Some(30) },
];

/// What a user leaves its secret in, as bits.
mod planted {
    pub(crate) const MEMORY: u32 = 1;
    pub(crate) const GROWN: u32 = 2;
    pub(crate) const TABLE: u32 = 4;
    pub(crate) const GLOBAL: u32 = 8;
    pub(crate) const ALL: u32 = 15;
}

/// How a user looks for what it has not written, and what it leaves on its stack.
const SEARCH: &str = r#"
        ;; Whether all bytes there, of which there are a multiple of 64, are those of the vector.
        (func $holds (param $from i32) (param $to i32) (param $what v128) (result i32) (local $seen v128)
            (block $end
                (loop $next
                    (br_if $end (i32.ge_u (local.get $from) (local.get $to)))
                    (local.set $seen (v128.or (local.get $seen) (v128.or
                        (v128.or (v128.xor (local.get $what) (v128.load (local.get $from)))
                            (v128.xor (local.get $what) (v128.load offset=16 (local.get $from))))
                        (v128.or (v128.xor (local.get $what) (v128.load offset=32 (local.get $from)))
                            (v128.xor (local.get $what) (v128.load offset=48 (local.get $from)))))))
                    (local.set $from (i32.add (local.get $from) (i32.const 64)))
                    (br $next)))
            (i32.eqz (v128.any_true (local.get $seen))))
        (func $zero (param $from i32) (param $to i32) (result i32)
            (call $holds (local.get $from) (local.get $to) (v128.const i64x2 0 0)))
        (func $table_is_empty (result i32) (local $at i32)
            (loop $next
                (if (i32.eqz (ref.is_null (table.get $table (local.get $at)))) (then (return (i32.const 0))))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br_if $next (i32.lt_u (local.get $at) (table.size $table))))
            (i32.const 1))
        ;; Goes down the stack with secrets that it wants again on the way up.
        (func $descend (param $depth i32) (param $secret i64) (result i64) (local $lower i64)
            (if (i32.eqz (local.get $depth)) (then (return (local.get $secret))))
            (local.set $lower (call $descend (i32.sub (local.get $depth) (i32.const 1))
                (i64.rotl (local.get $secret) (i64.const 8))))
            (i64.xor (local.get $lower) (local.get $secret)))"#;

/// What a user exports beside its memory: `$look` comes before `$plant`.
const EXPORTS: &str = r#"
        (func (export "samovar:function/handler@0.1.0#handle")
            (param i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (local $found i32)
            (local.set $found (call $look))
            (call $plant)
            (i32.store (i32.const 16) (i32.const 0))
            (i32.store (i32.const 20) (i32.const 64))
            (i32.store (i32.const 64) (i32.const 0x226b6f22))
            (i32.store (i32.const 24) (i32.const 4))
            (if (local.get $found) (then
                (i32.store8 (i32.const 65) (local.get $found))
                (i32.store8 (i32.const 66) (i32.const 34))
                (i32.store (i32.const 24) (i32.const 3))))
            (i32.const 16))
        (func (export "samovar:function/lifecycle@0.1.0#init") (result i32)
            (i32.store (i32.const 48) (i32.const 0)) (i32.const 48))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))"#;

/// A user: answers `"ok"`, or a letter for where it found what it had not written. Then it leaves its secret.
///
/// The first page has the records of its answer below 128, and the event and its context from 1024 on.
fn user(shape: Shape, planted: u32, salt: u32) -> Vec<u8> {
    let Shape { pages, grown, image } = shape;
    let image_pages = image.unwrap_or_default();
    let (image_end, size) = ((1 + image_pages) * 65536, pages * 65536);
    let data = match image {
        None => String::new(),
        Some(_) => format!(
            r#"(data (i32.const 16) "\00\00\00\00\40\00\00\00\04\00\00\00") (data (i32.const 65536) "{}")"#,
            "\\11".repeat(image_pages as usize * 65536)
        ),
    };
    let rest_of_page = 65536.min(size);
    component(&format!(
        r#"(module
        (memory (export "memory") {pages})
        {data}
        (table $table 64 2048 funcref)
        (global $secret (mut i64) (i64.const 0))
        (func $salt (export "salt") (result i32) (i32.const {salt}))
        (elem declare func $salt)
        {SEARCH}
        (func $look (result i32)
            (if (i32.eqz (call $zero (i32.const 128) (i32.const 1024))) (then (return (i32.const 109))))
            (if (i32.eqz (call $zero (i32.const 1536) (i32.const {rest_of_page}))) (then (return (i32.const 109))))
            (if (i32.eqz (call $holds (i32.const 65536) (i32.const {image_end}) (v128.const i64x2 0x1111111111111111 0x1111111111111111)))
                (then (return (i32.const 105))))
            (if (i32.eqz (call $zero (i32.const {image_end}) (i32.mul (memory.size) (i32.const 65536))))
                (then (return (i32.const 109))))
            (drop (memory.grow (i32.const {more})))
            (if (i32.eqz (call $zero (i32.const {after}) (i32.mul (memory.size) (i32.const 65536))))
                (then (return (i32.const 103))))
            (if (i32.eqz (call $table_is_empty)) (then (return (i32.const 116))))
            (drop (table.grow $table (ref.null func) (i32.const 1024)))
            (if (i32.eqz (call $table_is_empty)) (then (return (i32.const 117))))
            (if (i64.ne (global.get $secret) (i64.const 0)) (then (return (i32.const 115))))
            (i32.const 0))
        (func $plant
            (if (i32.and (i32.const {planted}) (i32.const {MEMORY})) (then
                (memory.fill (i32.const 128) (i32.const 0xa5) (i32.const 896))
                (memory.fill (i32.const 1536) (i32.const 0xa5) (i32.const {own}))))
            (if (i32.and (i32.const {planted}) (i32.const {GROWN})) (then
                (memory.fill (i32.const {after}) (i32.const 0xa5)
                    (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const {after})))))
            (if (i32.and (i32.const {planted}) (i32.const {TABLE})) (then
                (table.fill $table (i32.const 0) (ref.func $salt) (table.size $table))))
            (if (i32.and (i32.const {planted}) (i32.const {GLOBAL})) (then
                (global.set $secret (call $descend (i32.const 4000) (i64.const 0x5ec2e75ec2e75ec3))))))
        {EXPORTS})"#,
        more = grown - pages,
        after = size.max(image_end),
        own = size - 1536,
        MEMORY = planted::MEMORY,
        GROWN = planted::GROWN,
        TABLE = planted::TABLE,
        GLOBAL = planted::GLOBAL,
    ))
}

/// Were this not so, the other test could find nothing: a warm instance is a slot that is not cleared.
#[tokio::test]
async fn a_secret_that_is_left_in_a_slot_is_found_wherever_it_is() {
    let host = Host::builder().instances_max(INSTANCES).start().await.expect("a host");
    let cases = [
        (planted::MEMORY, "m"),
        (planted::GROWN, "m"),
        (planted::TABLE, "t"),
        (planted::GLOBAL, "s"),
        (planted::ALL, "m"),
        (0, "ok"),
    ];
    for shape in SHAPES.iter().chain(&LARGE_SHAPES).filter(|shape| shape.grown > shape.pages) {
        for (planted, found) in cases {
            let deployment = Deployment::new("warm", user(*shape, planted, 0)).timeout_seconds(60);
            let version = host.publish(deployment).await.expect("published").number;
            let warm = format!("warm:{version}");
            assert_eq!(answer(&invoke(&host, &warm, "{}").await), "ok", "{shape:?}");
            let second = answer(&invoke(&host, &warm, "{}").await);
            assert_eq!(second, found, "{shape:?}, planted {planted}");
        }
    }
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_slots_former_user_is_ever_seen() {
    let reuses = std::env::var("SAMOVAR_SLOT_REUSES").map_or(REUSES, |text| text.parse().expect("a number"));
    let host = Host::builder().instances_max(INSTANCES).start().await.expect("a host");
    for (kind, shapes) in [("small", &SHAPES[..]), ("large", &LARGE_SHAPES[..])] {
        for (number, shape) in (0..).zip(shapes) {
            for salt in 0..SALTS {
                let name = format!("{kind}-{number}-{salt}");
                let fresh =
                    Deployment::new(&name, user(*shape, planted::ALL, salt)).isolation(Isolation::Fresh);
                host.publish(fresh.timeout_seconds(60)).await.expect("it is published");
            }
        }
    }
    for salt in 0..SALTS {
        for kind in ["files", "environment"] {
            let fresh = Deployment::new(format!("{kind}-{salt}"), guest(kind)).isolation(Isolation::Fresh);
            host.publish(fresh.env("SECRET", format!("of {salt}"))).await.expect("it is published");
        }
    }
    let started = Instant::now();
    let next = std::sync::Arc::new(AtomicU64::new(0));
    let lanes: Vec<_> =
        (0..LANES).map(|lane| tokio::spawn(use_slots(host.clone(), next.clone(), reuses, lane))).collect();
    for lane in lanes {
        lane.await.expect("nothing was seen");
    }
    let took = started.elapsed();
    println!(
        "{reuses} reuses of slots in {took:.1?}, {:.0} a second: nothing was seen",
        reuses as f64 / took.as_secs_f64()
    );
    host.close().await;
}

async fn use_slots(host: Host, next: std::sync::Arc<AtomicU64>, end: u64, lane: u64) {
    let mut random = fastrand::Rng::with_seed(lane);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= end {
            return;
        }
        let salt = random.u32(0..SALTS);
        match number % FILES_EVERY {
            1 => use_files(&host, salt).await,
            2 => use_environment(&host, salt).await,
            _ => {
                let large = number.is_multiple_of(LARGE_EVERY);
                let (kind, shapes) =
                    if large { ("large", LARGE_SHAPES.len()) } else { ("small", SHAPES.len()) };
                let name = format!("{kind}-{}-{salt}", random.usize(0..shapes));
                assert_eq!(
                    call(&host, &name, "{}").await,
                    "ok",
                    "{name} saw what it had not written, as user {number}"
                );
            }
        }
    }
}

async fn use_files(host: &Host, salt: u32) {
    let name = format!("files-{salt}");
    // A listing and a secret are two events, which come to two instances; both find nothing in `/tmp`.
    assert_eq!(call(host, &name, r#"{"list":"/tmp"}"#).await, json!({ "names": [] }));
    let secret = json!({ "write": { "path": "/tmp/secret", "text": "a secret ".repeat(1000) } });
    assert_eq!(call(host, &name, &secret.to_string()).await, json!({ "written": 9000 }));
    assert_eq!(call(host, &name, r#"{"read":"/tmp/secret"}"#).await, json!({ "error": "NotFound" }));
}

async fn use_environment(host: &Host, salt: u32) {
    let seen = call(host, &format!("environment-{salt}"), "{}").await;
    assert_eq!(seen["SECRET"], format!("of {salt}"), "{seen}");
}

async fn call(host: &Host, name: &str, event: &str) -> Value {
    let request = Invoke::new(function(&format!("{name}:1")), event.to_owned());
    // So many slots as there are may be in the middle of being given back.
    let outcome = tokio::time::timeout(Duration::from_secs(60), host.invoke(request)).await.expect("in time");
    answer(&outcome.expect("it runs"))
}
