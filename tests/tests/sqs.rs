//! The queues that are built in, for the clients that people have of SQS.

use std::path::Path;
use std::process::Command;

use samovar_tests::{Server, python, root};

/// Plays a script of `tests/clients` on a server of its own.
fn play(script: &str, arguments: &[&Path]) {
    let server = Server::start();
    let mut python = Command::new(python());
    python
        .args(["-B".as_ref(), root().join("tests/clients").join(script).as_os_str()])
        .arg(server.endpoint());
    let output = python.args(arguments).env_remove("AWS_PROFILE").output().expect("python runs");
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("SQS: all as on AWS"), "{told}\n{errors}");
}

#[test]
fn boto3_uses_the_queues_as_it_uses_sqs() {
    play("sqs.py", &[&root().join("docs/differences.md")]);
}

#[test]
fn what_is_received_too_often_goes_to_a_dead_letter_queue() {
    play("sqs_redrive.py", &[]);
}

#[test]
fn a_fifo_queue_keeps_the_order_of_its_groups() {
    play("sqs_fifo.py", &[]);
}
