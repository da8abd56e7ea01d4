//! Built for the machine it is written on, a function answers one event from standard input.

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn hello(event: &str) -> Output {
    let mut function = Command::new(env!("CARGO_BIN_EXE_hello"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the function starts");
    let mut stdin = function.stdin.take().expect("it is piped");
    stdin.write_all(event.as_bytes()).expect("the function reads");
    drop(stdin);
    function.wait_with_output().expect("the function ends")
}

#[test]
fn the_answer_is_printed() {
    let output = hello(r#"{"name": "Ada"}"#);
    assert!(output.status.success());
    assert_eq!(output.stdout, b"{\"message\":\"Hello, Ada!\"}\n");
}

#[test]
fn an_error_is_printed_as_json_and_ends_the_process_with_status_1() {
    let output = hello(r#"{"name": 7}"#);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(output.stderr.starts_with(br#"{"errorType":"Runtime.UnmarshalError","#), "{output:?}");
}
