//! Core modules for other hosts.

use super::BadPackage;

/// What it is, its text, and what the refusal must say.
type Case = (&'static str, &'static str, &'static [&'static str]);

/// What a refusal says of a module that no toolchain is known by.
const CORE: &[&str] = &["core WebAssembly module"];
const EMSCRIPTEN: &[&str] = &["Emscripten"];
const BINDGEN: &[&str] = &["wasm-bindgen"];
const GO: &[&str] = &["Go module for browsers"];
const ASSEMBLYSCRIPT: &[&str] = &["AssemblyScript"];

pub(super) fn all() -> Vec<BadPackage> {
    TOOLCHAINS.iter().chain(OTHERS).map(|(name, text, expected)| module(name, text, expected)).collect()
}

fn module(name: &str, text: &str, expected: &'static [&'static str]) -> BadPackage {
    let module = wat::parse_str(format!("(module {text})")).unwrap_or_else(|error| panic!("{name}: {error}"));
    BadPackage::new(format!("a module: {name}"), module, expected)
}

/// Modules that only run with the JavaScript that their toolchain made beside them.
const TOOLCHAINS: &[Case] = &[
    (
        "Emscripten's memory functions",
        r#"(import "env" "emscripten_resize_heap" (func (param i32) (result i32)))
           (import "env" "_emscripten_memcpy_js" (func (param i32 i32 i32)))
           (memory (export "memory") 256) (func (export "__wasm_call_ctors"))"#,
        EMSCRIPTEN,
    ),
    (
        "Emscripten's system calls beside those of WASI",
        r#"(import "env" "__syscall_openat" (func (param i32 i32 i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
           (memory (export "memory") 256) (func (export "__wasm_call_ctors"))"#,
        EMSCRIPTEN,
    ),
    (
        "Emscripten's exceptions",
        r#"(import "env" "invoke_vii" (func (param i32 i32 i32)))
           (import "env" "__cxa_throw" (func (param i32 i32 i32)))
           (memory (export "memory") 256) (func (export "emscripten_stack_get_current") (result i32) i32.const 0)"#,
        EMSCRIPTEN,
    ),
    (
        "Emscripten's names made short",
        r#"(import "a" "a" (func (param i32) (result i32))) (import "a" "b" (func (param i32 i32 i32)))
           (import "a" "c" (func)) (memory (export "d") 256) (func (export "e")) (func (export "f"))"#,
        &["Emscripten|JavaScript"],
    ),
    (
        "Emscripten's asm.js",
        r#"(import "asm2wasm" "f64-rem" (func (param f64 f64) (result f64))) (import "env" "memory" (memory 256))
           (import "env" "STACKTOP" (global i32)) (func (export "_main"))"#,
        &["asm2wasm"],
    ),
    (
        "wasm-bindgen before its tool ran",
        r#"(import "__wbindgen_placeholder__" "__wbindgen_describe" (func (param i32)))
           (import "__wbindgen_externref_xform__" "__wbindgen_externref_table_grow" (func (param i32) (result i32)))
           (memory (export "memory") 17)"#,
        BINDGEN,
    ),
    (
        "wasm-bindgen for the web",
        r#"(import "wbg" "__wbg_log_1d3ae0273d8f4f8a" (func (param i32))) (import "wbg" "__wbindgen_throw" (func (param i32 i32)))
           (memory (export "memory") 17) (func (export "__wbindgen_malloc") (param i32 i32) (result i32) i32.const 0)"#,
        BINDGEN,
    ),
    (
        "wasm-bindgen for bundlers",
        r#"(import "./app_bg.js" "__wbindgen_init_externref_table" (func)) (memory (export "memory") 17)
           (func (export "__wbindgen_start"))"#,
        BINDGEN,
    ),
    (
        "Go for browsers",
        r#"(import "gojs" "runtime.wasmExit" (func (param i32))) (import "gojs" "syscall/js.valueGet" (func (param i32)))
           (func (export "run") (param i32 i32)) (func (export "resume")) (func (export "getsp") (result i32) i32.const 0)
           (memory (export "mem") 1)"#,
        GO,
    ),
    (
        "Go before 1.21 for browsers",
        r#"(import "go" "runtime.wasmWrite" (func (param i32))) (func (export "run") (param i32 i32))
           (func (export "resume")) (memory (export "mem") 1)"#,
        GO,
    ),
    (
        "TinyGo for browsers",
        r#"(import "gojs" "runtime.ticks" (func (result f64)))
           (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
           (memory (export "memory") 2) (func (export "_start"))"#,
        GO,
    ),
    (
        "AssemblyScript",
        r#"(import "env" "abort" (func (param i32 i32 i32 i32))) (memory (export "memory") 1)
           (func (export "add") (param i32 i32) (result i32) i32.const 0)"#,
        ASSEMBLYSCRIPT,
    ),
    (
        "AssemblyScript with a console",
        r#"(import "env" "abort" (func (param i32 i32 i32 i32))) (import "env" "console.log" (func (param i32)))
           (import "env" "seed" (func (result f64))) (memory (export "memory") 1) (func (export "__new") (param i32 i32) (result i32) i32.const 0)"#,
        ASSEMBLYSCRIPT,
    ),
];

/// Modules that import what no host here has, or export nothing to call.
const OTHERS: &[Case] = &[
    ("nothing", "", CORE),
    ("a function", r#"(func (export "add") (param i32 i32) (result i32) local.get 0)"#, CORE),
    ("a memory", r#"(memory (export "memory") 1)"#, CORE),
    ("a start function without WASI", "(func $start) (start $start)", CORE),
    ("an unknown import", r#"(import "acme" "turbo" (func)) (func (export "_start"))"#, &["acme"]),
    (
        "WASI preview 0",
        r#"(import "wasi_unstable" "fd_write" (func (param i32 i32 i32 i32) (result i32))) (func (export "_start"))"#,
        &["wasi_unstable"],
    ),
    (
        "WASIX",
        r#"(import "wasix_32v1" "proc_fork" (func (param i32 i32) (result i32))) (func (export "_start"))"#,
        &["wasix_32v1"],
    ),
    (
        "a function WASI has not",
        r#"(import "wasi_snapshot_preview1" "fly" (func)) (memory (export "memory") 1) (func (export "_start"))"#,
        &["fly"],
    ),
    (
        "WASI with another type",
        r#"(import "wasi_snapshot_preview1" "proc_exit" (func (param i64))) (memory (export "memory") 1) (func (export "_start"))"#,
        &["proc_exit"],
    ),
    (
        "a plug-in of a proxy",
        r#"(import "env" "proxy_log" (func (param i32 i32 i32) (result i32))) (memory (export "memory") 1) (func (export "proxy_on_vm_start"))"#,
        &["proxy_log"],
    ),
    (
        "a plug-in of Extism",
        r#"(import "extism:host/env" "input_length" (func (result i64))) (func (export "run") (result i32) i32.const 0)"#,
        &["extism"],
    ),
    ("a memory of the host's", r#"(import "env" "memory" (memory 1)) (func (export "_start"))"#, &["memory"]),
    (
        "a start that takes something",
        r#"(memory (export "memory") 1) (func (export "_start") (param i32))"#,
        &["_start"],
    ),
    ("64-bit memory", r#"(memory (export "memory") i64 1) (func (export "_start"))"#, &["64"]),
    ("shared memory", r#"(memory (export "memory") 1 2 shared) (func (export "_start"))"#, &["thread"]),
    (
        "garbage collection",
        r#"(type (struct (field i32))) (memory (export "memory") 1) (func (export "_start") (drop (struct.new_default 0)))"#,
        &["gc"],
    ),
    (
        "exceptions",
        r#"(tag (param i32)) (memory (export "memory") 1) (func (export "_start") (throw 0 (i32.const 1)))"#,
        &["exception"],
    ),
];
