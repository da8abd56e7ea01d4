//! WebAssembly changed at random, through upload, compilation and invocation: whatever it is, the server goes on.
//!
//! `cargo xtask test --mutations 1000000` makes a long run of it, which compiles in the server's own process: nothing then
//! stands between the server and what a mutant does to the compiler. For tests by hand, `SAMOVAR_MUTATIONS` says how many,
//! `SAMOVAR_MUTATION_SEED` makes it another run, `SAMOVAR_MUTATION_CHANGES` changes mutants in more places than four, and with `SAMOVAR_MUTATION_FIRST` it begins with that mutant, so that one
//! which failed can be repeated alone.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use samovar_tests::mutation::mutant;
use samovar_tests::{Api, Handler, Reply, Server, guest};

const MUTATIONS: u64 = 2_000;
const SEED: u64 = 48;
/// In how many places a mutant is changed at most: by few, so that a quarter of them still compiles.
const CHANGES_MAX: u64 = 4;
/// One of so many mutants is made of a real function, which takes the compiler a hundred times as long.
const LARGE_EVERY: u64 = 200;
/// Makes the seeds of neighbouring mutants differ in all their bits.
const GOLDEN_RATIO: u64 = 0x9e37_79b9_7f4a_7c15;

/// All mutants of a run.
struct Run {
    seed: u64,
    small: Vec<Vec<u8>>,
    large: Vec<Vec<u8>>,
    changes_max: usize,
    next: AtomicU64,
    end: u64,
    outcomes: Mutex<BTreeMap<String, u64>>,
}

/// The mutant that a thread is at; says so if the thread panics.
struct Current<'a> {
    run: &'a Run,
    number: u64,
    wasm: Vec<u8>,
}

#[test]
fn the_server_survives_mutants_of_all_kinds() {
    let first = variable("SAMOVAR_MUTATION_FIRST", 0);
    let count = variable("SAMOVAR_MUTATIONS", MUTATIONS);
    let run = Run {
        seed: variable("SAMOVAR_MUTATION_SEED", SEED),
        small: small_bases(),
        large: vec![guest("echo"), guest("counter")],
        changes_max: variable("SAMOVAR_MUTATION_CHANGES", CHANGES_MAX).max(1) as usize,
        next: AtomicU64::new(first),
        end: first + count,
        outcomes: Mutex::default(),
    };
    println!("seed {}, mutants {first} to {}", run.seed, run.end);
    let mut options = vec!["--quiet"];
    if std::env::var_os("SAMOVAR_MUTATIONS_IN_PROCESS").is_some() {
        options.push("--compile-in-process");
    }
    let server = Server::start_with(&options);
    let start = SystemTime::now();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (run, api) = (&run, Api::of(&server));
            scope.spawn(move || run.work(&api, &format!("mutant-{thread}")));
        }
    });
    let outcomes = run.outcomes.into_inner().expect("no thread panicked");
    println!("{count} mutants in {:?}:", start.elapsed().unwrap_or_default());
    for (outcome, count) in &outcomes {
        println!("{count:>8} {outcome}");
    }
    assert_eq!(outcomes.values().sum::<u64>(), count);
    let api = Api::of(&server);
    assert!(api.is_well(), "process {} still answers", server.id());
    assert_eq!(api.create("good", &Handler::default().build()).status, 201);
    assert_eq!(api.invoke("good", "{}").body, "ok", "a good one runs after all that");
}

impl Run {
    /// Sends one mutant after the other as the code of one function.
    fn work(&self, api: &Api, function: &str) {
        assert_eq!(api.create(function, &Handler::default().build()).status, 201);
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.end {
                return;
            }
            let bases = if number.is_multiple_of(LARGE_EVERY) { &self.large } else { &self.small };
            let wasm = mutant(bases, self.changes_max, (self.seed ^ number).wrapping_mul(GOLDEN_RATIO));
            let current = Current { run: self, number, wasm };
            let outcome = outcome(api, function, &current.wasm);
            *self.outcomes.lock().expect("no thread panicked").entry(outcome).or_default() += 1;
        }
    }
}

impl Drop for Current<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let path = std::env::temp_dir().join(format!("samovar-mutant-{}.wasm", self.number));
            let written = std::fs::write(&path, &self.wasm);
            eprintln!(
                "mutant {}, in {} ({written:?}); SAMOVAR_MUTATION_SEED={} SAMOVAR_MUTATION_FIRST={} SAMOVAR_MUTATIONS=1",
                self.number,
                path.display(),
                self.run.seed,
                self.number
            );
        }
    }
}

/// What came of a mutant. Nothing that is in a package may be the server's own fault.
fn outcome(api: &Api, function: &str, wasm: &[u8]) -> String {
    let update = api.update_code(function, wasm);
    if update.status != 200 {
        assert!((400..500).contains(&update.status), "it is refused: {update:?}");
        assert!(
            !update.error_type.is_empty() && !update.message().contains('\n'),
            "with one line: {update:?}"
        );
        return format!("refused: {}", kind_of_refusal(&update));
    }
    let answer = api.invoke(function, "{}");
    assert_eq!(answer.status, 200, "what was taken runs: {answer:?}");
    match answer.is_function_error {
        false => "answered".to_owned(),
        true => format!("failed: {}", answer.body["errorType"].as_str().expect("an error has a type")),
    }
}

/// The message without what differs from one mutant to the next.
fn kind_of_refusal(reply: &Reply) -> String {
    reply.message().split([':', ';', '(']).take(2).collect::<Vec<_>>().join(":").chars().take(90).collect()
}

/// Components and modules of a few hundred bytes, each with other things in them.
fn small_bases() -> Vec<Vec<u8>> {
    let handlers = [
        Handler::default(),
        Handler {
            post_return: "nop",
            realloc: "(drop (memory.grow (i32.const 1))) i32.const 1024",
            ..Handler::default()
        },
        Handler {
            more: r#"(table $t 4 8 funcref) (elem (i32.const 0) $a $b) (type $f (func (param i32) (result i32)))
                     (func $a (type $f) (i32.add (local.get 0) (i32.const 1)))
                     (func $b (type $f) (if (result i32) (local.get 0) (then (i32.const 16)) (else (i32.const 48))))
                     (global $g (mut i64) (i64.const 7)) (func $start (global.set $g (i64.const 9))) (start $start)"#,
            handle: "(drop (call_indirect (type $f) (i32.const 1) (i32.const 0))) (call_indirect (type $f) (i32.const 1) (i32.const 1))",
            ..Handler::default()
        },
        Handler {
            more: "(global $n (mut i32) (i32.const 0))",
            handle: r#"(local.set 0 (i32.const 1000))
                       (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
                       (drop (f64.div (f64.const 1) (f64.convert_i32_s (local.get 0))))
                       (memory.fill (i32.const 4096) (i32.const 7) (i32.const 64))
                       (v128.store (i32.const 4096) (i8x16.splat (i32.const 3))) i32.const 16"#,
            ..Handler::default()
        },
    ];
    let commands = [
        r#"(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
           (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const 0)))"#,
        r#"(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
           (memory (export "memory") 1) (data (i32.const 0) "\10\00\00\00\02\00\00\00") (data (i32.const 16) "{}")
           (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"#,
    ];
    let commands = commands.map(|text| wat::parse_str(format!("(module {text})")).expect("a module"));
    handlers.iter().map(Handler::build).chain(commands).collect()
}

fn variable(name: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(name) else { return default };
    text.parse().unwrap_or_else(|error| panic!("{name}: {error}"))
}
