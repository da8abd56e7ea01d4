//! The clients people have, unchanged, against a running host.

use std::path::{Path, PathBuf};
use std::process::Command;

use samovar_tests::{Server, guest_path, guests, node_modules, python, root};
use serde_json::{Value, json};

/// boto3: each of the scenarios in `tests/clients/conformance/scenarios`, which hold every raw answer against botocore's model.
mod boto3 {
    use super::*;

    macro_rules! scenarios {
        ($($name:ident),* $(,)?) => {
            const SCENARIOS: &[&str] = &[$(stringify!($name)),*];

            $(#[test]
            fn $name() {
                play(stringify!($name));
            })*
        };
    }

    scenarios![
        aliases,
        asynchronous,
        concurrency,
        event_invoke,
        event_source_mappings,
        functions,
        invoke,
        lists,
        names,
        policies,
        refused,
        settings,
        states,
        tags,
        throttled,
        versions
    ];

    fn play(scenario: &str) {
        let server = match scenario {
            // What is compiled at once is never seen Pending.
            "states" => Server::start_with(&["--compile-wait-seconds", "0"]),
            // What is too much at a time, and not in a second.
            "throttled" => Server::start_with(&["--concurrency", "1", "--requests-per-unit", "0"]),
            _ => Server::start(),
        };
        let guests = guests();
        let told = conformance(&["conformance", scenario, server.endpoint(), &guests.to_string_lossy()]);
        assert!(told.contains("as on Lambda"), "{told}");
    }

    /// Runs a Python module in `tests/clients`, and gives back what it printed.
    fn conformance(module: &[&str]) -> String {
        let mut python = Command::new(python());
        python.args(["-B", "-m"]).args(module).current_dir(root().join("tests/clients"));
        printed(python.env_remove("AWS_PROFILE"))
    }

    #[test]
    fn every_scenario_is_played() {
        let there = conformance(&["conformance", "list"]);
        assert_eq!(there.lines().collect::<Vec<_>>(), SCENARIOS);
    }

    #[test]
    fn the_checks_find_what_is_wrong_with_an_answer() {
        conformance(&["unittest", "conformance.self_test"]);
    }
}

#[test]
fn the_javascript_sdk_deploys_publishes_and_moves_an_alias() {
    let server = Server::start();
    let mut node = Command::new("node");
    node.arg(root().join("tests/clients/javascript/deploy.js"));
    node.arg(server.endpoint()).arg(guests()).env("NODE_PATH", node_modules());
    let told = printed(node.env_remove("AWS_PROFILE"));
    assert!(told.contains("JavaScript: all as on AWS"), "{told}");
}

/// What README shows, line by line.
#[test]
fn the_aws_command_line_deploys_publishes_and_moves_an_alias() {
    let aws = Aws::start();
    aws.zip("hello", "hello.zip");
    aws.zip("echo", "echo.zip");
    let created = aws.json(
        "create-function --function-name greet --runtime provided.al2023 --handler bootstrap \
         --role arn:aws:iam::000000000000:role/any --zip-file fileb://hello.zip",
    );
    assert_eq!(created["FunctionArn"], "arn:aws:lambda:us-east-1:000000000000:function:greet");
    aws.run("wait function-active-v2 --function-name greet");
    assert_eq!(aws.json("publish-version --function-name greet")["Version"], "1");
    let alias = aws.json("create-alias --function-name greet --name live --function-version 1");
    assert_eq!(alias["AliasArn"], "arn:aws:lambda:us-east-1:000000000000:function:greet:live");
    let greeting = json!({ "message": "Hello, Ada!" });
    assert_eq!(aws.invoke(r#"{"name":"Ada"}"#), (json!("1"), greeting.clone()));

    aws.json("update-function-code --function-name greet --zip-file fileb://echo.zip");
    aws.run("wait function-updated-v2 --function-name greet");
    assert_eq!(aws.json("publish-version --function-name greet")["Version"], "2");
    // A canary that takes every call, so that one call shows it.
    let weights = "--routing-config AdditionalVersionWeights={2=1}";
    let canary = aws.json(&format!("update-alias --function-name greet --name live {weights}"));
    let routing = json!({ "AdditionalVersionWeights": { "2": 1.0 } });
    assert_eq!((&canary["FunctionVersion"], &canary["RoutingConfig"]), (&json!("1"), &routing));
    assert_eq!(aws.invoke(r#"{"tea":"чай"}"#), (json!("2"), json!({ "tea": "чай" })));

    let none = "--routing-config AdditionalVersionWeights={}";
    for (version, answer) in [("2", json!({ "name": "Ada" })), ("1", greeting)] {
        let to = format!("--function-version {version} {none}");
        let moved = aws.json(&format!("update-alias --function-name greet --name live {to}"));
        assert_eq!((&moved["FunctionVersion"], &moved["RoutingConfig"]), (&json!(version), &Value::Null));
        assert_eq!(aws.invoke(r#"{"name":"Ada"}"#), (json!(version), answer));
    }
    aws.lists_and_deletes();
}

/// A person with the `aws` command line, a server and a folder.
struct Aws {
    server: Server,
    folder: tempfile::TempDir,
}

impl Aws {
    fn start() -> Self {
        Self { server: Server::start(), folder: tempfile::tempdir().expect("a folder") }
    }

    /// The command as a person types it: words without quotes.
    fn run(&self, line: &str) -> String {
        self.run_words(&line.split_whitespace().collect::<Vec<_>>())
    }

    fn run_words(&self, words: &[&str]) -> String {
        printed(&mut self.command(words))
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut aws = Command::new(aws_command());
        aws.arg("lambda").args(words).args(["--output", "json"]);
        aws.env("AWS_ENDPOINT_URL_LAMBDA", self.server.endpoint()).env("AWS_DEFAULT_REGION", "us-east-1");
        aws.env("AWS_ACCESS_KEY_ID", "dummy").env("AWS_SECRET_ACCESS_KEY", "dummy").env_remove("AWS_PROFILE");
        aws.env("HOME", self.folder.path()).current_dir(self.folder.path());
        aws
    }

    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.run(line)).expect("aws prints JSON")
    }

    /// Invokes the alias; gives back the version that ran and its answer.
    fn invoke(&self, payload: &str) -> (Value, Value) {
        let words = ["invoke", "--function-name", "greet:live", "--payload", payload, "answer.json"];
        let told: Value = serde_json::from_str(&self.run_words(&words)).expect("aws prints JSON");
        assert_eq!((&told["StatusCode"], &told["FunctionError"]), (&json!(200), &Value::Null));
        let answer = std::fs::read(self.folder.path().join("answer.json")).expect("aws wrote the answer");
        (told["ExecutedVersion"].clone(), serde_json::from_slice(&answer).expect("JSON"))
    }

    fn lists_and_deletes(&self) {
        let versions =
            self.json("list-versions-by-function --function-name greet --query Versions[].Version");
        assert_eq!(versions, json!(["$LATEST", "1", "2"]));
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:greet";
        self.run(&format!("tag-resource --resource {arn} --tags team=tea"));
        assert_eq!(self.json(&format!("list-tags --resource {arn}")), json!({ "Tags": { "team": "tea" } }));
        self.run("delete-function --function-name greet");
        let gone = self.command(&["get-function", "--function-name", "greet"]).output().expect("aws runs");
        let told = String::from_utf8_lossy(&gone.stderr);
        assert!(!gone.status.success() && told.contains("(ResourceNotFoundException)"), "{told}");
    }

    /// Zips a guest, on which the command line insists.
    fn zip(&self, guest: &str, to: &str) {
        let zipping = "import sys, zipfile; zipfile.ZipFile(sys.argv[2], 'w', zipfile.ZIP_DEFLATED).write(sys.argv[1], 'f.wasm')";
        let mut python = Command::new(python());
        python.args(["-c", zipping, &guest_path(guest)]).arg(Path::new(self.folder.path()).join(to));
        printed(&mut python);
    }
}

fn aws_command() -> PathBuf {
    python().with_file_name("aws")
}

/// What a program printed that succeeds.
fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}\n{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    stdout
}
