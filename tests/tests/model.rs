//! The facts of Lambda's API that the server is driven by, held against AWS's own model and against what clients see.

use std::process::Command;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use samovar_tests::{Response, Server, guest, python, raw_request, root};
use serde_json::{Value, json};

#[test]
fn the_table_is_what_its_script_makes_of_awss_model() {
    let script = root().join("tests/clients/model_table.py");
    for service in ["lambda", "scheduler"] {
        let output = Command::new(python()).arg(&script).arg(service).output().expect("python runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let table = format!("host/src/http/model/{service}.txt");
        let is_same = output.stdout == std::fs::read(root().join(&table)).expect("it is there");
        assert!(is_same, "python tests/clients/model_table.py {service} > {table}");
    }
}

fn ask(server: &Server, line: &str, body: &Value) -> Response {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    raw_request(server.address(), &format!("{line} HTTP/1.1\nHost: localhost"), body.as_bytes())
}

fn new_function(name: &str, more: Value) -> Value {
    let mut body = json!({
        "FunctionName": name,
        "Role": "arn:aws:iam::000000000000:role/any",
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Code": { "ZipFile": BASE64_STANDARD.encode(guest("echo")) },
    });
    let more = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(more);
    body
}

fn create(server: &Server, name: &str, more: Value) -> Response {
    ask(server, "POST /2015-03-31/functions", &new_function(name, more))
}

fn refused(response: &Response, status: u16, error_type: &str, part: &str) {
    let seen = (response.status, response.header("x-amzn-errortype"));
    assert_eq!(seen, (status, error_type), "{response:?}");
    let body = response.json();
    let message = body["message"].as_str().or(body["Message"].as_str()).expect("a message");
    assert!(message.contains(part), "{message}");
}

#[test]
fn an_operation_that_is_not_there_says_its_name_and_what_is_nowhere_says_that() {
    let server = Server::start();
    let ask = |line: &str| ask(&server, line, &Value::Null);
    for (line, operation) in [
        ("POST /2021-10-31/functions/f/url", "CreateFunctionUrlConfig"),
        ("GET /2018-10-31/layers?find=LayerVersion&Arn=a", "GetLayerVersionByArn"),
        ("GET /2018-10-31/layers", "ListLayers"),
        ("PUT /2025-11-30/functions/f/function-scaling-config", "PutFunctionScalingConfig"),
    ] {
        let response = ask(line);
        refused(
            &response,
            501,
            "ServiceException",
            &format!("{operation} is not implemented by Samovar yet"),
        );
        assert_eq!(response.json()["Type"], "Service");
        assert!(!response.header("x-amzn-requestid").is_empty());
    }
    for line in ["PATCH /2015-03-31/functions/f", "GET /2015-03-31/nothing", "GET /2099-01-01/functions"] {
        refused(&ask(line), 404, "UnknownOperationException", "There is nothing at");
    }
}

#[test]
fn all_that_is_wrong_with_a_request_is_in_one_error() {
    let server = Server::start();
    let wrong = json!({ "Role": "me", "MemorySize": 100, "Tags": { "a\u{1}": "b" } });
    let response = create(&server, "a.b", wrong);
    let pattern = r"'role' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+; Value '100' at 'memorySize'";
    refused(
        &response,
        400,
        "ValidationException",
        "4 validation errors detected: Value 'a.b' at 'functionName'",
    );
    refused(&response, 400, "ValidationException", pattern);
    let mistyped = create(&server, "f", json!({ "Timeout": "3" }));
    refused(
        &mistyped,
        400,
        "SerializationException",
        "'timeout': STRING_VALUE can not be converted to an Integer",
    );
    let request = "POST /2015-03-31/functions HTTP/1.1\nHost: localhost";
    let no_json = raw_request(server.address(), request, b"{");
    refused(&no_json, 400, "InvalidRequestContentException", "Could not parse request body into json: ");
}

#[test]
fn what_lambda_itself_refuses_is_no_validation_exception() {
    let server = Server::start();
    for (name, more, part) in [
        ("f".repeat(65), json!({}), "Member must have length less than or equal to 64"),
        ("f".repeat(300), json!({}), "Member must have length less than or equal to 64"),
        ("f".to_owned(), json!({ "Runtime": "python3.13" }), "Value python3.13 at 'runtime' failed"),
        ("f".to_owned(), json!({ "Handler": null }), "Runtime and Handler are mandatory parameters"),
        (
            "f".to_owned(),
            json!({ "LoggingConfig": { "SystemLogLevel": "WARN" } }),
            "LogLevel is not supported",
        ),
        ("f".to_owned(), json!({ "VpcConfig": { "SubnetIds": ["subnet-1"] } }), "must coexist"),
        ("f".to_owned(), json!({ "Tags": { "aws:x": "y" } }), "aws:"),
    ] {
        refused(&create(&server, &name, more), 400, "InvalidParameterValueException", part);
    }
}

#[test]
fn any_runtime_is_taken_where_that_is_set() {
    let server = Server::start_with(&["--any-runtime"]);
    let created = create(&server, "f", json!({ "Runtime": "python3.13" }));
    assert_eq!((created.status, &created.json()["Runtime"]), (201, &json!("python3.13")));
    let unknown = create(&server, "g", json!({ "Runtime": "cobol" }));
    refused(&unknown, 400, "InvalidParameterValueException", "'runtime'");
}

#[test]
fn what_is_kept_for_clients_is_answered_as_it_was_given() {
    let server = Server::start();
    let plain = create(&server, "plain", json!({})).json();
    for absent in ["VpcConfig", "KMSKeyArn", "RuntimeConfig", "Environment"] {
        assert_eq!(plain[absent], Value::Null, "{absent}");
    }
    let expected = json!({ "LogFormat": "Text", "LogGroup": "/aws/lambda/plain" });
    assert_eq!(plain["LoggingConfig"], expected);
    assert_eq!(
        (&plain["Architectures"], &plain["TracingConfig"]["Mode"]),
        (&json!(["x86_64"]), &json!("PassThrough"))
    );

    let key = "arn:aws:kms:us-east-1:000000000000:key/k";
    let wasm = json!({ "RuntimeArn": "arn:aws:lambda:us-east-1:000000000000:runtime/wasm", "RuntimeAlias": "wasip2" });
    let more = json!({
        "Architectures": ["arm64"],
        "TracingConfig": { "Mode": "Active" },
        "VpcConfig": { "SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"] },
        "KMSKeyArn": key,
        "Runtime": "custom",
        "RuntimeConfig": wasm,
        "LoggingConfig": { "LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "LogGroup": "/own" },
    });
    assert_eq!(create(&server, "full", more).status, 201);
    let full = ask(&server, "GET /2015-03-31/functions/full/configuration", &Value::Null).json();
    assert_eq!(
        (&full["Architectures"], &full["TracingConfig"]["Mode"]),
        (&json!(["arm64"]), &json!("Active"))
    );
    let vpc = json!({ "SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"], "VpcId": "", "Ipv6AllowedForDualStack": false });
    assert_eq!((&full["VpcConfig"], &full["KMSKeyArn"], &full["RuntimeConfig"]), (&vpc, &json!(key), &wasm));
    let logging = json!({
        "LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "INFO", "LogGroup": "/own",
    });
    assert_eq!(full["LoggingConfig"], logging);

    let change = json!({
        "LoggingConfig": { "LogFormat": "Text" }, "VpcConfig": { "SubnetIds": [], "SecurityGroupIds": [] },
        "KMSKeyArn": "", "Runtime": "provided",
    });
    let changed = ask(&server, "PUT /2015-03-31/functions/full/configuration", &change).json();
    assert_eq!(changed["LoggingConfig"], json!({ "LogFormat": "Text", "LogGroup": "/own" }));
    assert_eq!(
        (&changed["VpcConfig"]["SubnetIds"], &changed["VpcConfig"]["VpcId"]),
        (&json!([]), &json!(""))
    );
    assert_eq!((&changed["KMSKeyArn"], &changed["RuntimeConfig"]), (&Value::Null, &Value::Null));
    let level = json!({ "LoggingConfig": { "SystemLogLevel": "WARN" } });
    let refusal = ask(&server, "PUT /2015-03-31/functions/full/configuration", &level);
    refused(&refusal, 400, "InvalidParameterValueException", "LogLevel is not supported");
    let kept = ask(&server, "GET /2015-03-31/functions/full/configuration", &Value::Null).json();
    assert_eq!(kept["RevisionId"], changed["RevisionId"], "a refused change changes nothing");
}

#[test]
fn what_clients_ask_of_every_function_has_an_answer() {
    let server = Server::start();
    assert_eq!(create(&server, "f", json!({})).status, 201);
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:f";
    for (path, expected) in [
        ("2020-06-30/functions/f/code-signing-config", json!({})),
        ("2024-08-31/functions/f/recursion-config", json!({ "RecursiveLoop": "Terminate" })),
        (
            "2021-07-20/functions/f/runtime-management-config",
            json!({ "UpdateRuntimeOn": "Auto", "FunctionArn": arn }),
        ),
    ] {
        let response = ask(&server, &format!("GET /{path}"), &Value::Null);
        assert_eq!((response.status, response.json()), (200, expected), "{path}");
        let nobody = ask(&server, &format!("GET /{}", path.replace("/f/", "/nobody/")), &Value::Null);
        refused(&nobody, 404, "ResourceNotFoundException", "function:nobody");
    }
}

#[test]
fn names_in_paths_and_queries_are_read_as_clients_write_them() {
    let server = Server::start();
    assert_eq!(create(&server, "f", json!({ "Publish": true })).status, 201);
    let get = |path: &str| ask(&server, &format!("GET /2015-03-31/functions/{path}"), &Value::Null);
    let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af";
    for path in
        ["f", "f/", "f:1?Qualifier=1", &format!("{arn}%3A1"), "f?Qualifier=1&Qualifier=9", "f?Qualifier=%31"]
    {
        assert_eq!(get(path).status, 200, "{path}");
    }
    let differ = "The derived qualifier from the function name does not match the specified qualifier.";
    refused(&get("f:1?Qualifier=2"), 400, "InvalidParameterValueException", differ);
    refused(&get("f?Qualifier=a+b"), 400, "ValidationException", "Value 'a b' at 'qualifier'");
    refused(&get("f%2Fg"), 400, "ValidationException", "Value 'f/g' at 'functionName'");
    refused(&get("%FF"), 400, "ValidationException", "is not UTF-8 once it is decoded");
    refused(&get(&arn.replace("us-east-1", "eu-west-1")), 404, "ResourceNotFoundException", "not reachable");
}

#[test]
fn arns_of_a_region_that_is_not_one_of_awss_are_taken_where_they_are_given() {
    let server = Server::start_with(&["--region", "local"]);
    let made = create(&server, "f", json!({}));
    assert_eq!(made.status, 201, "{made:?}");
    let arn = made.json()["FunctionArn"].as_str().expect("an ARN").to_owned();
    assert_eq!(arn, "arn:aws:lambda:local:000000000000:function:f");
    let ask = |line: &str, body: &Value| ask(&server, line, body).status;
    assert_eq!(ask(&format!("GET /2015-03-31/functions/{arn}"), &Value::Null), 200);
    assert_eq!(ask(&format!("POST /2015-03-31/functions/{arn}/invocations"), &json!({})), 200);
    assert_eq!(ask(&format!("POST /2017-03-31/tags/{arn}"), &json!({ "Tags": { "a": "b" } })), 204);
    assert_eq!(ask(&format!("GET /2017-03-31/tags/{arn}"), &Value::Null), 200);
}

#[test]
fn what_is_well_formed_but_names_nothing_here_is_not_malformed() {
    let server = Server::start();
    assert_eq!(create(&server, "f", json!({})).status, 201);
    let permission = json!({ "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*" });
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:f";
    for unknown in ["valid-with-$-but-doesnotexist", "99999999999999999999999"] {
        let message = format!("Function not found: {arn}:{unknown}");
        let line = format!("POST /2015-03-31/functions/f/policy?Qualifier={unknown}");
        refused(&ask(&server, &line, &permission), 404, "ResourceNotFoundException", &message);
    }
    let line = "POST /2015-03-31/functions/f:99999999999999999999999/invocations";
    refused(&ask(&server, line, &json!({})), 404, "ResourceNotFoundException", "Function not found: ");
    let wrong = ask(&server, "GET /2015-03-31/functions/f?Qualifier=no!", &Value::Null);
    refused(&wrong, 400, "ValidationException", "'qualifier'");

    let foreign = arn.replace("000000000000", "123456789012");
    refused(&create(&server, &foreign, json!({})), 403, "AccessDeniedException", &foreign);
    for line in [
        format!("GET /2015-03-31/functions/{foreign}"),
        format!("POST /2015-03-31/functions/{foreign}/invocations"),
        format!("GET /2017-03-31/tags/{foreign}"),
    ] {
        refused(&ask(&server, &line, &Value::Null), 403, "AccessDeniedException", &foreign);
    }
    let long = format!("{arn}{}", "f".repeat(100));
    let limit =
        "'functionName' failed to satisfy constraint: Member must have length less than or equal to 140";
    refused(&create(&server, &long, json!({})), 400, "ValidationException", limit);
}
