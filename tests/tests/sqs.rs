//! The queues that are built in, for the clients that people have of SQS.

use std::process::Command;

use samovar_tests::{Server, python, root};

#[test]
fn boto3_uses_the_queues_as_it_uses_sqs() {
    let server = Server::start();
    let mut python = Command::new(python());
    python.args(["-B".as_ref(), root().join("tests/clients/sqs.py").as_os_str()]).arg(server.endpoint());
    python.arg(root().join("docs/differences.md"));
    let output = python.env_remove("AWS_PROFILE").output().expect("python runs");
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("SQS: all as on AWS"), "{told}\n{errors}");
}
