//! The clients people have, unchanged, against a running host.

use std::path::PathBuf;
use std::process::Command;

use samovar_tests::{Server, guest_path, python, root};
use serde_json::{Value, json};

#[test]
fn boto3_creates_publishes_aliases_and_invokes() {
    let server = Server::start();
    let output = Command::new(python())
        .arg(root().join("tests/clients/first_light.py"))
        .args([server.endpoint(), &guest_path("echo"), &guest_path("counter")])
        .env_remove("AWS_PROFILE")
        .output()
        .expect("python runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("boto3: all as on AWS"));
}

#[test]
fn the_aws_command_line_creates_publishes_aliases_and_invokes() {
    let server = Server::start();
    let folder = tempfile::tempdir().expect("a folder");
    let aws = |arguments: &[&str]| -> Value {
        let output = Command::new(aws_command())
            .args(["lambda", "--endpoint-url", server.endpoint(), "--output", "json"])
            .args(arguments)
            .env("AWS_ACCESS_KEY_ID", "dummy")
            .env("AWS_SECRET_ACCESS_KEY", "dummy")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("HOME", folder.path())
            .current_dir(folder.path())
            .output()
            .expect("aws runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "aws {arguments:?}: {stderr}");
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    };
    // The command line insists on a zip.
    let zip = folder.path().join("echo.zip");
    zip_file(&guest_path("echo"), &zip);
    let package = format!("fileb://{}", zip.display());
    let role = "arn:aws:iam::000000000000:role/any";
    let create =
        ["create-function", "--function-name", "echo", "--runtime", "provided.al2023", "--role", role];
    let created = aws(&[&create[..], &["--handler", "bootstrap", "--zip-file", &package]].concat());
    assert_eq!(created["FunctionArn"], "arn:aws:lambda:us-east-1:000000000000:function:echo");
    aws(&["wait", "function-active-v2", "--function-name", "echo"]);
    assert_eq!(aws(&["publish-version", "--function-name", "echo"])["Version"], "1");
    let alias = ["create-alias", "--function-name", "echo", "--name", "live", "--function-version", "1"];
    assert_eq!(aws(&alias)["AliasArn"], "arn:aws:lambda:us-east-1:000000000000:function:echo:live");
    let invoke = ["invoke", "--function-name", "echo:live", "--payload", r#"{"tea":"чай"}"#];
    let more = ["--log-type", "Tail", "answer.json"];
    let invoked = aws(&[&invoke[..], &more].concat());
    assert_eq!((&invoked["StatusCode"], &invoked["ExecutedVersion"]), (&json!(200), &json!("1")));
    let answer = std::fs::read(folder.path().join("answer.json")).expect("aws wrote the answer");
    assert_eq!(serde_json::from_slice::<Value>(&answer).expect("JSON"), json!({"tea": "чай"}));
}

fn zip_file(from: &str, to: &std::path::Path) {
    let zipping = "import sys, zipfile; zipfile.ZipFile(sys.argv[2], 'w', zipfile.ZIP_DEFLATED).write(sys.argv[1], 'echo.wasm')";
    let status = Command::new(python()).args(["-c", zipping, from]).arg(to).status().expect("python runs");
    assert!(status.success());
}

fn aws_command() -> PathBuf {
    python().with_file_name("aws")
}
