//! What guests can make the host remember for them. Alone in its process, as it looks at that process's memory.

use samovar::{Deployment, Host};
use samovar_tests::process::resident_bytes;
use samovar_tests::{component_of_world, function, invoke, root};

/// A function of ours that makes as many requests as it can and sends none: each with an authority of a megabyte.
///
/// The library behind `wasi:http` bounds neither how long an authority may be nor, by itself, how many requests there are.
fn hoarder() -> Vec<u8> {
    let wit = std::fs::read_to_string(root().join("sdk/wit/function.wit")).expect("it is there");
    let wit = format!(
        "{wit}
        world hoarder {{ import wasi:http/types@0.2.0; include function; }}
        package wasi:http@0.2.0 {{
            interface types {{
                resource fields {{ constructor(); }}
                resource outgoing-request {{
                    constructor(headers: fields);
                    set-authority: func(authority: option<string>) -> result;
                }}
            }}
        }}"
    );
    let core = r#"(module
        (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
        (import "wasi:http/types@0.2.0" "[constructor]outgoing-request" (func $request (param i32) (result i32)))
        (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-authority"
            (func $authority (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 40)
        (global $left (mut i32) (i32.const 1000))
        (data (i32.const 16) "\00\00\00\00\40\00\00\00\04\00\00\00")
        (data (i32.const 64) "\22ok\22")
        (func (export "samovar:function/handler@0.1.0#handle")
            (param i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
            (memory.fill (i32.const 65536) (i32.const 97) (i32.const 1048576))
            (loop $more
                (drop (call $authority (call $request (call $fields))
                    (i32.const 1) (i32.const 65536) (i32.const 1048576)))
                (global.set $left (i32.sub (global.get $left) (i32.const 1)))
                (br_if $more (global.get $left)))
            i32.const 16)
        (func (export "samovar:function/lifecycle@0.1.0#init") (result i32) i32.const 32)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024))"#;
    component_of_world(&wit, "hoarder", core)
}

/// A review found that a guest of 128 MB could have the host keep gigabytes of text for requests that it never sent.
#[tokio::test]
async fn requests_that_are_never_sent_take_little_of_the_hosts_memory() {
    let host = Host::temporary().await.expect("a host");
    host.publish(Deployment::new("hoarder", hoarder()).timeout_seconds(60)).await.expect("published");
    let before = resident_bytes(std::process::id());
    let outcome = invoke(&host, "hoarder", "{}").await;
    // The instance is kept with all that it holds, so what it took is still there.
    let grown = resident_bytes(std::process::id()).saturating_sub(before);
    assert_eq!(host.idle_instances(&function("hoarder")), 1, "{outcome:?}");
    assert!(outcome.answer.is_ok(), "{outcome:?}");
    assert!(grown < 64 << 20, "the host has grown by {} MiB", grown >> 20);
    host.close().await;
}
