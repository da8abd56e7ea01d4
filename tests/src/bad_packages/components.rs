//! Components of other worlds, with needs that nobody meets, or against the rules.

use super::BadPackage;
use crate::{component_of_world, root};

const INVALID: &[&str] = &["could not be compiled"];

pub(super) fn all() -> Vec<BadPackage> {
    [worlds(), imports(), proposals(), malformed()].into_iter().flatten().collect()
}

fn component(name: &str, text: &str, expected: &'static [&'static str]) -> BadPackage {
    let component =
        wat::parse_str(format!("(component {text})")).unwrap_or_else(|error| panic!("{name}: {error}"));
    BadPackage::new(format!("a component: {name}"), component, expected).long()
}

/// Components of other worlds than a function's.
fn worlds() -> Vec<BadPackage> {
    let handle = "samovar:function/handler@0.1.0#handle";
    let cases: [(&str, &str, String, &[&str]); 8] = [
        (
            "another world",
            "package acme:clock@1.0.0; interface ticks { ticks: func() -> u64; } world w { export ticks; }",
            r#"(func (export "acme:clock/ticks@1.0.0#ticks") (result i64) i64.const 1)"#.to_owned(),
            &["samovar:function/handler@0.1.0", "acme:clock/ticks@1.0.0"],
        ),
        (
            "a world of one function",
            "package acme:clock; world w { export handle: func() -> u64; }",
            r#"(func (export "handle") (result i64) i64.const 1)"#.to_owned(),
            &["samovar:function/handler@0.1.0", "it exports handle"],
        ),
        (
            "a world that exports nothing",
            "package acme:clock; world w { }",
            String::new(),
            &["samovar:function/handler@0.1.0", "it exports nothing"],
        ),
        (
            "the handler of another version",
            "package samovar:function@0.2.0; interface handler { handle: func(); } world w { export handler; }",
            r#"(func (export "samovar:function/handler@0.2.0#handle"))"#.to_owned(),
            &["samovar:function/handler@0.1.0", "it exports samovar:function/handler@0.2.0"],
        ),
        (
            "the handler of another package",
            "package acme:function@0.1.0; interface handler { handle: func(); } world w { export handler; }",
            r#"(func (export "acme:function/handler@0.1.0#handle"))"#.to_owned(),
            &["it exports acme:function/handler@0.1.0"],
        ),
        (
            "a handler that takes nothing",
            "package samovar:function@0.1.0; interface handler { handle: func(); } world w { export handler; }",
            format!(r#"(func (export "{handle}"))"#),
            &["another type", "samovar:function/handler@0.1.0"],
        ),
        (
            "a handler that takes a number",
            "package samovar:function@0.1.0; interface handler { handle: func(n: u64) -> u64; } world w { export handler; }",
            format!(r#"(func (export "{handle}") (param i64) (result i64) local.get 0)"#),
            &["another type", "samovar:function/handler@0.1.0"],
        ),
        (
            "a handler without its function",
            "package samovar:function@0.1.0; interface handler { other: func(); } world w { export handler; }",
            r#"(func (export "samovar:function/handler@0.1.0#other"))"#.to_owned(),
            &["samovar:function/handler@0.1.0"],
        ),
    ];
    cases
        .into_iter()
        .map(|(name, wit, core, expected)| {
            let component = component_of_world(wit, "w", &format!("(module {core})"));
            BadPackage::new(format!("a component: {name}"), component, expected).long()
        })
        .collect()
}

/// Functions that need what this host has not.
fn imports() -> Vec<BadPackage> {
    let function = std::fs::read_to_string(root().join("sdk/wit/function.wit")).expect("the WIT is there");
    let cases: [(&str, &str, &str, &str, &[&str]); 3] = [
        (
            "an import of our own package that there is not",
            "interface extra { ticks: func() -> u64; } world w { import extra; include function; }",
            "samovar:function/extra@0.1.0",
            "ticks",
            &["imports", "samovar:function/extra@0.1.0"],
        ),
        (
            "an import of a function",
            "world w { import launch: func() -> u64; include function; }",
            "$root",
            "launch",
            &["imports", "launch"],
        ),
        (
            "an import without a package",
            "world w { import rockets: interface { launch: func() -> u64; } include function; }",
            "rockets",
            "launch",
            &["imports", "rockets"],
        ),
    ];
    let needy = cases.into_iter().map(|(name, wit, module, import, expected)| {
        let core = format!(
            r#"(module
                (import "{module}" "{import}" (func (result i64)))
                (memory (export "memory") 1)
                (func (export "samovar:function/handler@0.1.0#handle")
                    (param i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable)
                (func (export "samovar:function/lifecycle@0.1.0#init") (result i32) unreachable)
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable))"#
        );
        let component = component_of_world(&format!("{function}\n{wit}"), "w", &core);
        BadPackage::new(format!("a component: {name}"), component, expected).long()
    });
    let texts = [
        ("an unknown package", r#"(import "acme:rockets/launch@1.0.0" (instance (export "go" (func))))"#),
        ("a WASI of the future", r#"(import "wasi:telepathy/mind@0.9.0" (instance (export "read" (func))))"#),
        ("a component to link", r#"(import "unlocked-dep=<acme:rockets>" (component))"#),
        ("a module to link", r#"(import "libc" (core module))"#),
    ];
    let refused: &[&str] = &["imports|exports neither|could not be compiled"];
    needy.chain(texts.map(|(name, text)| component(name, text, refused))).collect()
}

/// Proposals that are switched off, in components, where they are found when they are compiled.
fn proposals() -> Vec<BadPackage> {
    // Harmless by themselves, and in a component that is no function.
    const UNUSED: &[&str] = &["could not be compiled|exports neither"];
    let cases: &[(&str, &str, &[&str])] = &[
        ("64-bit memory", "(core module (memory i64 1))", &["could not be compiled", "64"]),
        ("a 64-bit table", "(core module (table i64 1 funcref))", &["could not be compiled", "64"]),
        ("shared memory", "(core module (memory 1 2 shared))", &["could not be compiled", "thread|shared"]),
        (
            "atomic access",
            "(core module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))",
            &["could not be compiled", "thread|atomic"],
        ),
        ("a struct", "(core module (type (struct (field i32))))", &["could not be compiled", "gc"]),
        ("an array", "(core module (type (array i8)))", &["could not be compiled", "gc"]),
        ("an i31", "(core module (func (drop (ref.i31 (i32.const 1)))))", UNUSED),
        ("a typed reference", "(core module (type $t (func)) (func (param (ref $t))))", UNUSED),
        ("a tag", "(core module (tag (param i32)))", &["could not be compiled", "exception"]),
        (
            "a try table",
            "(core module (func (try_table (catch_all 0))))",
            &["could not be compiled", "exception"],
        ),
        ("an old try", "(core module (func try catch_all end))", &["could not be compiled", "exception"]),
        ("pages of one byte", "(core module (memory 1 (pagesize 1)))", &["could not be compiled", "page"]),
        ("a continuation", "(core module (type $f (func)) (type (cont $f)))", INVALID),
        (
            "128-bit arithmetic",
            "(core module (func (param i64 i64 i64 i64) (result i64 i64) local.get 0 local.get 1 local.get 2 local.get 3 i64.add128))",
            &["could not be compiled", "wide"],
        ),
        (
            "an async function",
            r#"(core module $m (func (export "f"))) (core instance $i (instantiate $m)) (func (export "f") async (canon lift (core func $i "f") async))"#,
            INVALID,
        ),
        ("a stream", "(type (stream u8))", INVALID),
        ("a future", "(type (future u8))", INVALID),
        ("an error context", "(core func (canon error-context.drop))", INVALID),
        ("a thread", "(core func (canon thread.index))", INVALID),
        ("a value", r#"(import "v" (value u32))"#, INVALID),
        ("a map", "(type (map string u32))", INVALID),
    ];
    cases.iter().map(|(name, text, expected)| component(name, text, expected)).collect()
}

/// Components that break a rule of validation.
fn malformed() -> Vec<BadPackage> {
    let cases: &[(&str, &str)] = &[
        ("a body of another type", "(core module (func (result i32) i64.const 1))"),
        ("a body without a result", "(core module (func (result i32)))"),
        ("an unknown local", "(core module (func local.get 7 drop))"),
        ("an unknown function", "(core module (func call 7))"),
        ("an unknown type", "(core module (func (type 7)))"),
        ("an unknown memory", "(core module (func (drop (i32.load (i32.const 0)))))"),
        ("an unknown label", "(core module (func br 7))"),
        ("two exports of one name", r#"(core module (func) (export "a" (func 0)) (export "a" (func 0)))"#),
        ("a start function that takes something", "(core module (func $f (param i32)) (start $f))"),
        (
            "an alignment that is too large",
            "(core module (memory 1) (func (drop (i32.load align=8 (i32.const 0)))))",
        ),
        ("a memory of more than 4 GiB", "(core module (memory 65537))"),
        ("a memory whose least is more than its most", "(core module (memory 2 1))"),
        ("a table whose least is more than its most", "(core module (table 2 1 funcref))"),
        ("an unknown instance", "(core instance (instantiate 7))"),
        (
            "an instance without its import",
            r#"(core module $m (import "a" "b" (func))) (core instance (instantiate $m))"#,
        ),
        (
            "an alias of nothing",
            r#"(core module $m) (core instance $i (instantiate $m)) (alias core export $i "f" (core func))"#,
        ),
        (
            "a lift of another type",
            r#"(core module $m (func (export "f") (param i64))) (core instance $i (instantiate $m)) (func (param "a" u32) (canon lift (core func $i "f")))"#,
        ),
        (
            "a string without a memory",
            r#"(core module $m (func (export "f") (result i32) i32.const 0)) (core instance $i (instantiate $m)) (func (result string) (canon lift (core func $i "f")))"#,
        ),
        ("a name that is none", r#"(export "Not A Name" (func 0))"#),
        ("a record without fields", "(type (record))"),
        ("an enum without cases", "(type (enum))"),
        ("a resource of another's", r#"(component (type (resource (rep i32))) (export "r" (type 0)))"#),
    ];
    let texts =
        cases.iter().map(|(name, text)| component(name, text, &["could not be compiled|exports neither"]));
    let sections: [(&str, &[u8]); 8] = [
        ("an unknown section", &[0x7f, 1, 0]),
        ("a section longer than the file", &[1, 0xff, 0xff, 0xff, 0x7f]),
        ("a length that never ends", &[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ("a length with too many bits", &[1, 0x80, 0x80, 0x80, 0x80, 0x70]),
        ("a section without its length", &[1]),
        ("a module that is none", &[1, 8, 0, b'a', b's', b'm', 9, 0, 0, 0]),
        ("a custom section without a name", &[0, 0]),
        ("a custom section whose name is not UTF-8", &[0, 3, 2, 0xff, 0xfe]),
    ];
    let sections = sections.map(|(name, section)| {
        let package = [b"\0asm\x0d\0\x01\0", section].concat();
        BadPackage::new(format!("a component: {name}"), package, INVALID)
    });
    texts.chain(sections).collect()
}
