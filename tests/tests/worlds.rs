//! Guests of every world: how each is called, kept and ended.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use samovar::function::{Isolation, World};
use samovar::{CreateFunction, Deployment, FunctionErrorKind, Host, Outcome};
use samovar_tests::{Handler, answer, component_of_world, error_type, function, guest, host_with, invoke};
use serde_json::{Value, json};

/// A WASI command written as text, in the form of the first preview.
fn command(imports: &str, start: &str) -> Vec<u8> {
    let module = format!(
        r#"(module {imports} (memory (export "memory") 2) (data (i32.const 64) "\"ok\"\n")
            (func (export "_start") {start}))"#
    );
    wat::parse_str(module).expect("it is WebAssembly")
}

/// Writes `"ok"` to standard output.
const WRITES_OK: &str = "(i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 5))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))";
const WRITE: &str =
    r#"(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))"#;
const EXIT: &str = r#"(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))"#;

async fn host_of(name: &str, package: Vec<u8>) -> Host {
    let host = Host::temporary().await.expect("a host");
    host.publish(Deployment::new(name, package)).await.expect("it is published");
    host
}

fn get(path: &str, query: &str) -> String {
    json!({
        "version": "2.0", "rawPath": path, "rawQueryString": query, "headers": { "host": "example.com" },
        "requestContext": { "http": { "method": "GET" } },
    })
    .to_string()
}

fn post(path: &str, kind: &str, body: &[u8]) -> String {
    json!({
        "version": "2.0", "rawPath": path, "headers": { "host": "example.com", "content-type": kind },
        "requestContext": { "http": { "method": "POST" } },
        "body": BASE64_STANDARD.encode(body), "isBase64Encoded": true,
    })
    .to_string()
}

fn error(outcome: &Outcome) -> (FunctionErrorKind, &str) {
    let error = outcome.answer.as_ref().expect_err("an error");
    (error.kind, &error.error_message)
}

#[tokio::test]
async fn a_version_remembers_its_world() {
    let host = Host::temporary().await.expect("a host");
    for (name, world) in
        [("hello", World::Event), ("raw", World::Event), ("http", World::Http), ("command", World::Command)]
    {
        let version = host.publish(Deployment::new(name, guest(name))).await.expect("published");
        assert_eq!(version.world, Some(world), "{name}");
    }
    host.close().await;
}

#[tokio::test]
async fn our_own_world_comes_first_where_a_component_is_of_several() {
    // Every guest of the SDK is a program too and exports `wasi:cli/run`.
    let host = host_with("hello", |it| it).await;
    assert_eq!(answer(&invoke(&host, "hello", r#"{"name":"Ada"}"#).await)["message"], "Hello, Ada!");
    host.close().await;
}

#[tokio::test]
async fn a_start_function_without_any_import_is_a_command() {
    let host = host_of("silent", command("", "")).await;
    assert_eq!(answer(&invoke(&host, "silent", "{}").await), Value::Null);
    host.close().await;
}

#[tokio::test]
async fn an_exit_with_0_is_a_success_and_with_another_code_an_error() {
    let host = host_of(
        "zero",
        command(&format!("{WRITE}{EXIT}"), &format!("{WRITES_OK} (call $exit (i32.const 0))")),
    )
    .await;
    assert_eq!(answer(&invoke(&host, "zero", "{}").await), "ok");
    let three = command(&format!("{WRITE}{EXIT}"), &format!("{WRITES_OK} (call $exit (i32.const 3))"));
    host.publish(Deployment::new("three", three)).await.expect("published");
    let failed = invoke(&host, "three", "{}").await;
    assert_eq!(error_type(&failed), "Runtime.ExitError");
    assert!(error(&failed).1.contains("exit status 1"), "{failed:?}");
    host.close().await;
}

#[tokio::test]
async fn what_a_failing_command_printed_is_in_its_log() {
    let host = host_of("fails", command(WRITE, &format!("{WRITES_OK} unreachable"))).await;
    let request = samovar::Invoke::new(function("fails"), "{}").with_log_tail();
    let failed = host.invoke(request).await.expect("it runs");
    assert_eq!(error_type(&failed), "Runtime.ExitError");
    assert!(failed.log_tail.as_ref().expect("a tail").contains("\"ok\"\n"), "{failed:?}");
    host.close().await;
}

#[tokio::test]
async fn a_command_that_prints_without_end_is_cut_off_at_the_size_of_an_answer() {
    let host = Host::temporary().await.expect("a host");
    let floods = command(
        WRITE,
        &format!(
            "(local $n i32) (loop $l {WRITES_OK} (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $l (i32.lt_u (local.get $n) (i32.const 1400000))))"
        ),
    );
    host.publish(Deployment::new("floods", floods).timeout_seconds(60)).await.expect("published");
    assert_eq!(error(&invoke(&host, "floods", "{}").await).0, FunctionErrorKind::AnswerTooLarge);
    host.close().await;
}

#[tokio::test]
async fn a_command_that_loops_is_ended_at_its_time_limit() {
    let host = Host::temporary().await.expect("a host");
    let loops = Deployment::new("loops", command("", "(loop $l (br $l))")).timeout_seconds(1);
    host.publish(loops).await.expect("published");
    let outcome = invoke(&host, "loops", "{}").await;
    assert_eq!(error_type(&outcome), "Sandbox.Timedout");
    assert!(outcome.report.duration < Duration::from_millis(1500), "{outcome:?}");
    host.close().await;
}

#[tokio::test]
async fn commands_run_fresh_whatever_is_asked_for() {
    let host = host_with("command", |it| it.isolation(Isolation::Reuse)).await;
    for name in ["Ada", "Eve"] {
        let event = json!({ "name": name }).to_string();
        assert_eq!(answer(&invoke(&host, "command", &event).await)["message"], format!("Hello, {name}!"));
        assert_eq!(host.idle_instances(&function("command")), 0);
    }
    host.close().await;
}

#[tokio::test]
async fn http_guests_run_fresh_unless_they_are_declared_reusable() {
    for (isolation, idle) in [(Isolation::Usual, 0), (Isolation::Fresh, 0), (Isolation::Reuse, 1)] {
        let host = host_with("http", |it| it.isolation(isolation)).await;
        for _ in 0..3 {
            let outcome = invoke(&host, "http", &get("/lines", "count=2")).await;
            assert_eq!(answer(&outcome)["body"], "line 1\nline 2\n");
            assert_eq!(host.idle_instances(&function("http")), idle, "{isolation:?}");
        }
        host.close().await;
    }
}

#[tokio::test]
async fn a_large_body_goes_in_and_out_whole() {
    let host = host_with("http", |it| it.timeout_seconds(60)).await;
    let body: Vec<u8> = (0..3_000_000_u32).map(|number| ((number * 31) >> 3) as u8).collect();
    let outcome = invoke(&host, "http", &post("/echo", "application/octet-stream", &body)).await;
    let answer = answer(&outcome);
    assert_eq!((&answer["statusCode"], &answer["isBase64Encoded"]), (&json!(200), &json!(true)));
    assert_eq!(BASE64_STANDARD.decode(answer["body"].as_str().expect("text")).expect("base64"), body);
    host.close().await;
}

#[tokio::test]
async fn a_response_larger_than_an_answer_is_refused() {
    let host = host_with("http", |it| it.timeout_seconds(60)).await;
    let outcome = invoke(&host, "http", &get("/lines", "count=1000000")).await;
    assert_eq!(error(&outcome).0, FunctionErrorKind::AnswerTooLarge);
    host.close().await;
}

#[tokio::test]
async fn an_event_that_stands_for_no_request_is_refused_with_what_it_should_be() {
    let host = host_with("http", |it| it).await;
    for event in ["{}", "null", "[1]", r#"{"version":"1.0","httpMethod":"GET","path":"/"}"#] {
        let outcome = invoke(&host, "http", event).await;
        let (kind, message) = error(&outcome);
        assert_eq!(kind, FunctionErrorKind::BadEvent, "{event}");
        assert!(message.contains("payload format 2.0"), "{message}");
    }
    host.close().await;
}

/// A component for HTTP that does what its text says with the request and the place for the response.
fn http_component(handle: &str) -> Vec<u8> {
    let wit = "package wasi:http@0.2.0;
        interface types { resource incoming-request; resource response-outparam; }
        interface incoming-handler {
            use types.{incoming-request, response-outparam};
            handle: func(request: incoming-request, response-out: response-outparam);
        }
        world proxy { export incoming-handler; }";
    let core = format!(
        r#"(module
            (import "wasi:http/types@0.2.0" "[resource-drop]response-outparam" (func $drop (param i32)))
            (func (export "wasi:http/incoming-handler@0.2.0#handle") (param i32 i32) {handle}))"#
    );
    component_of_world(wit, "proxy", &core)
}

#[tokio::test]
async fn a_guest_that_sets_no_response_has_given_no_answer() {
    let host = host_of("mute", http_component("(call $drop (local.get 1))")).await;
    let outcome = invoke(&host, "mute", &get("/", "")).await;
    assert_eq!(error(&outcome), (FunctionErrorKind::BadAnswer, "the guest ended without setting a response"));
    host.publish(Deployment::new("traps", http_component("unreachable"))).await.expect("published");
    assert_eq!(error_type(&invoke(&host, "traps", &get("/", "")).await), "Runtime.ExitError");
    let loops = Deployment::new("loops", http_component("(loop $l (br $l))")).timeout_seconds(1);
    host.publish(loops).await.expect("published");
    assert_eq!(error_type(&invoke(&host, "loops", &get("/", "")).await), "Sandbox.Timedout");
    host.close().await;
}

#[tokio::test]
async fn a_guest_that_keeps_the_place_for_its_response_does_not_hang() {
    let host = Host::temporary().await.expect("a host");
    let keeps = Deployment::new("keeps", http_component("")).isolation(Isolation::Reuse).timeout_seconds(2);
    host.publish(keeps).await.expect("published");
    let outcome = invoke(&host, "keeps", &get("/", "")).await;
    assert_eq!(error(&outcome).0, FunctionErrorKind::BadAnswer, "{outcome:?}");
    host.close().await;
}

#[tokio::test]
async fn a_request_with_more_headers_than_there_may_be_is_refused() {
    let host = host_with("http", |it| it).await;
    let many: serde_json::Map<String, Value> = (0..30_000).map(|n| (format!("a{n}"), json!(""))).collect();
    let large = json!({ "cookie": "x".repeat(100_000) });
    for headers in [Value::Object(many), large] {
        let event = json!({
            "version": "2.0", "rawPath": "/", "headers": headers, "requestContext": { "http": { "method": "GET" } },
        });
        let outcome = invoke(&host, "http", &event.to_string()).await;
        let (kind, message) = error(&outcome);
        assert_eq!(kind, FunctionErrorKind::BadEvent, "{message}");
        assert!(message.contains("at most 65536 are allowed"), "{message}");
    }
    host.close().await;
}

#[tokio::test]
async fn a_component_for_http_with_another_handler_is_refused_when_it_is_uploaded() {
    let host = Host::temporary().await.expect("a host");
    let wit = "package wasi:http@0.2.0; interface incoming-handler { handle: func(); } world proxy { export incoming-handler; }";
    let core = r#"(module (func (export "wasi:http/incoming-handler@0.2.0#handle")))"#;
    let refused =
        host.create_function(CreateFunction::new(function("wrong"), component_of_world(wit, "proxy", core)));
    let message = refused.await.expect_err("refused").to_string();
    assert!(message.contains("wasi:http/incoming-handler@0.2.0 has another type"), "{message}");
    host.close().await;
}

#[tokio::test]
async fn a_core_module_that_describes_our_world_is_made_a_component() {
    let host = host_with("raw", |it| it).await;
    assert!(guest("raw").starts_with(b"\0asm\x01\0\0\0"), "it is a core module");
    let outcome = invoke(&host, "raw", r#"{"a":1}"#).await;
    assert!(outcome.answer.is_ok(), "{outcome:?}");
    assert_eq!(host.idle_instances(&function("raw")), 1, "and kept like any function of our world");
    host.close().await;
}

#[tokio::test]
async fn arguments_come_from_a_variable() {
    let host = Host::temporary().await.expect("a host");
    let sized = command(
        r#"(import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))"#,
        "(drop (call $sizes (i32.const 16) (i32.const 20)))
         (i32.store8 (i32.const 64) (i32.add (i32.const 48) (i32.load (i32.const 16))))
         (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 1))
         (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))",
    );
    for (arguments, count) in [("", 1), ("one two", 3), (r#"["one with spaces", "", "three"]"#, 4)] {
        let counts = Deployment::new("counts", sized.clone()).env("SAMOVAR_ARGS", arguments);
        host.publish(counts).await.expect("published");
        assert_eq!(answer(&invoke(&host, "counts", "{}").await), count, "{arguments}");
    }
    host.close().await;
}

#[tokio::test]
async fn a_handler_of_another_type_than_its_world_has_is_refused_when_it_is_uploaded() {
    let host = Host::temporary().await.expect("a host");
    let wit = "package wasi:cli@0.2.0; interface run { run: func() -> u32; } world command { export run; }";
    let wrong = component_of_world(
        wit,
        "command",
        r#"(module (func (export "wasi:cli/run@0.2.0#run") (result i32) i32.const 0))"#,
    );
    let refused = host.create_function(CreateFunction::new(function("wrong"), wrong)).await;
    let message = refused.expect_err("refused").to_string();
    assert!(message.contains("wasi:cli/run@0.2.0 has another type"), "{message}");
    host.close().await;
}

#[tokio::test]
async fn the_world_of_wasi_may_be_of_any_patch_version() {
    let host = Host::temporary().await.expect("a host");
    for patch in ["0.2.0", "0.2.3", "0.2.6", "0.2.9"] {
        let wit = format!(
            "package wasi:cli@{patch}; interface run {{ run: func() -> result; }} world command {{ export run; }}"
        );
        let core = format!(r#"(module (func (export "wasi:cli/run@{patch}#run") (result i32) i32.const 0))"#);
        let name = format!("run-{}", patch.replace('.', "-"));
        host.publish(Deployment::new(&name, component_of_world(&wit, "command", &core)))
            .await
            .expect("published");
        assert_eq!(answer(&invoke(&host, &name, "{}").await), Value::Null, "{patch}");
    }
    let plain = host.publish(Deployment::new("plain", Handler::default().build())).await.expect("published");
    assert_eq!(plain.world, Some(World::Event));
    host.close().await;
}
