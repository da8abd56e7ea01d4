//! The operations on functions, versions, aliases and tags as they are on the wire: what lists, deletes and answers have.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use samovar::http::{HttpSettings, serve};
use samovar::{AuditLine, Host};
use samovar_tests::{Response, Server, guest, publish, raw_request};
use serde_json::{Value, json};

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function";

struct Client(Server);

impl Client {
    fn start() -> Self {
        Self(Server::start())
    }

    fn ask(&self, line: &str, body: &Value) -> Response {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        raw_request(self.0.address(), &format!("{line} HTTP/1.1\nHost: localhost"), body.as_bytes())
    }

    fn get(&self, path: &str) -> Value {
        let response = self.ask(&format!("GET /{path}"), &Value::Null);
        assert_eq!(response.status, 200, "{path}: {response:?}");
        response.json()
    }

    fn delete(&self, path: &str) -> u16 {
        let response = self.ask(&format!("DELETE /{path}"), &Value::Null);
        assert!(response.status != 204 || response.body.is_empty(), "{response:?}");
        response.status
    }

    fn create(&self, name: &str, tags: Value) {
        let body = json!({
            "FunctionName": name,
            "Role": "arn:aws:iam::000000000000:role/any",
            "Runtime": "provided.al2023",
            "Handler": "bootstrap",
            "Publish": true,
            "Tags": tags,
            "Code": { "ZipFile": BASE64_STANDARD.encode(guest("echo")) },
        });
        let response = self.ask("POST /2015-03-31/functions", &body);
        assert_eq!(response.status, 201, "{response:?}");
    }

    fn create_alias(&self, function: &str, name: &str) {
        let body = json!({ "Name": name, "FunctionVersion": "1" });
        let response = self.ask(&format!("POST /2015-03-31/functions/{function}/aliases"), &body);
        assert_eq!(response.status, 201, "{response:?}");
    }
}

/// The texts of one member of a list.
fn column<'a>(list: &'a Value, member: &str) -> Vec<&'a str> {
    let items = list.as_array().expect("a list");
    items.iter().map(|item| item[member].as_str().expect("a text")).collect()
}

#[test]
fn functions_are_listed_page_by_page_without_their_states() {
    let client = Client::start();
    for name in ["c", "a", "b"] {
        client.create(name, json!({}));
    }
    let first = client.get("2015-03-31/functions?MaxItems=2");
    assert_eq!(column(&first["Functions"], "FunctionName"), ["a", "b"]);
    assert_eq!(column(&first["Functions"], "FunctionArn")[0], format!("{ARN}:a"));
    for absent in ["State", "LastUpdateStatus"] {
        assert_eq!(first["Functions"][0][absent], Value::Null, "{absent}");
    }
    let marker = first["NextMarker"].as_str().expect("a marker");
    let second = client.get(&format!("2015-03-31/functions?MaxItems=2&Marker={marker}"));
    assert_eq!(column(&second["Functions"], "FunctionName"), ["c"]);
    assert_eq!(second.get("NextMarker"), None, "an absent marker ends the list");
    let all = client.get("2015-03-31/functions?FunctionVersion=ALL");
    assert_eq!(column(&all["Functions"], "Version"), ["$LATEST", "1"].repeat(3));
    assert_eq!(column(&all["Functions"], "FunctionArn")[0], format!("{ARN}:a:$LATEST"));
    for (query, error) in [
        ("MaxItems=0", "ValidationException"),
        ("MaxItems=10001", "ValidationException"),
        ("FunctionVersion=SOME", "ValidationException"),
        ("Marker=made-up", "InvalidParameterValueException"),
    ] {
        let response = client.ask(&format!("GET /2015-03-31/functions?{query}"), &Value::Null);
        assert_eq!((response.status, response.header("x-amzn-errortype")), (400, error), "{query}");
    }
}

#[test]
fn versions_and_aliases_are_listed_page_by_page() {
    let client = Client::start();
    client.create("f", json!({}));
    for name in ["live", "beta"] {
        client.create_alias("f", name);
    }
    let versions = client.get("2015-03-31/functions/f/versions");
    assert_eq!(
        column(&versions["Versions"], "FunctionArn"),
        [format!("{ARN}:f:$LATEST"), format!("{ARN}:f:1")]
    );
    let first = client.get("2015-03-31/functions/f/versions?MaxItems=1");
    let marker = first["NextMarker"].as_str().expect("a marker");
    let second = client.get(&format!("2015-03-31/functions/f/versions?Marker={marker}"));
    assert_eq!(column(&second["Versions"], "Version"), ["1"]);

    let aliases = client.get("2015-03-31/functions/f/aliases");
    assert_eq!(column(&aliases["Aliases"], "Name"), ["beta", "live"]);
    let first = client.get("2015-03-31/functions/f/aliases?MaxItems=1");
    let marker = first["NextMarker"].as_str().expect("a marker");
    let second = client.get(&format!("2015-03-31/functions/f/aliases?MaxItems=1&Marker={marker}"));
    assert_eq!((column(&second["Aliases"], "Name"), second.get("NextMarker")), (vec!["live"], None));
    let of_latest = client.get("2015-03-31/functions/f/aliases?FunctionVersion=%24LATEST");
    assert_eq!(of_latest["Aliases"], json!([]));
}

#[test]
fn what_is_deleted_is_gone_and_what_is_in_use_stays() {
    let client = Client::start();
    client.create("f", json!({}));
    client.create_alias("f", "live");
    let delete = |path: &str| client.delete(&format!("2015-03-31/functions/{path}"));
    assert_eq!(delete("f?Qualifier=1"), 409, "an alias leads to it");
    assert_eq!(delete("f?Qualifier=%24LATEST"), 400);
    assert_eq!((delete("f/aliases/live"), delete("f/aliases/live")), (204, 204), "also when it is gone");
    assert_eq!(delete("f:1"), 204);
    assert_eq!(column(&client.get("2015-03-31/functions/f/versions")["Versions"], "Version"), ["$LATEST"]);
    assert_eq!((delete("f"), delete("f")), (204, 404));
}

#[test]
fn tags_are_set_at_the_beginning_and_later_by_arn() {
    let client = Client::start();
    client.create("f", json!({ "team": "чай", "stage": "test" }));
    assert_eq!(client.get("2015-03-31/functions/f")["Tags"], json!({ "team": "чай", "stage": "test" }));
    let path = format!("2017-03-31/tags/{}", format!("{ARN}:f").replace(':', "%3A"));
    let more = json!({ "Tags": { "stage": "live", "a b": "c/d" } });
    assert_eq!(client.ask(&format!("POST /{path}"), &more).status, 204);
    let all = json!({ "team": "чай", "stage": "live", "a b": "c/d" });
    assert_eq!(client.get(&path)["Tags"], all);
    assert_eq!(client.get(&format!("2017-03-31/tags/{ARN}:f"))["Tags"], all, "colons need no encoding");
    assert_eq!(client.delete(&format!("{path}?tagKeys=a+b&tagKeys=team&tagKeys=none")), 204);
    assert_eq!(client.get(&path)["Tags"], json!({ "stage": "live" }));
    assert_eq!(client.delete(&path), 400, "no key was named");
    assert_eq!(client.delete(&format!("{path}%3A1?tagKeys=stage")), 400, "versions have no tags");
    assert_eq!(client.delete(&format!("{path}?tagKeys=stage")), 204);
    assert_eq!(client.get("2015-03-31/functions/f").get("Tags"), None);
    let mapping = format!("{}:event-source-mapping:{}", ARN.rsplit_once(':').expect("an ARN").0, uuid());
    let other = client.ask(&format!("GET /2017-03-31/tags/{mapping}"), &Value::Null);
    assert_eq!((other.status, other.header("x-amzn-errortype")), (404, "ResourceNotFoundException"));
}

fn uuid() -> &'static str {
    "14e0db71-5d35-4eb5-b481-8945cf9d10c2"
}

#[test]
fn settings_of_functions_and_of_the_account_are_kept_and_counted() {
    let client = Client::start();
    client.create("f", json!({}));
    let path = "2024-08-31/functions/f/recursion-config";
    assert_eq!(client.get(path), json!({ "RecursiveLoop": "Terminate" }));
    let put = client.ask(&format!("PUT /{path}"), &json!({ "RecursiveLoop": "Allow" }));
    assert_eq!((put.status, put.json()), (200, json!({ "RecursiveLoop": "Allow" })));
    assert_eq!(client.get(path), json!({ "RecursiveLoop": "Allow" }));
    let bad = client.ask(&format!("PUT /{path}"), &json!({ "RecursiveLoop": "Sometimes" }));
    assert!(
        String::from_utf8_lossy(&bad.body).contains("Member must satisfy enum value set: [Allow, Terminate]")
    );

    let settings = client.get("2016-08-19/account-settings");
    assert_eq!(settings["AccountUsage"]["FunctionCount"], 1);
    assert_eq!(settings["AccountUsage"]["TotalCodeSize"], 2 * guest("echo").len());
    assert_eq!(settings["AccountLimit"]["CodeSizeZipped"], 52_428_800);
    assert_eq!(settings["AccountLimit"]["ConcurrentExecutions"], 1000);
}

/// The newest line of the record of changes, once it is of that request: refusals are noted in the background.
async fn noted(host: &Host, request_id: &str) -> AuditLine {
    let noted = async {
        loop {
            let lines = host.audit_log(1).await.expect("it can be read");
            match lines.into_iter().next() {
                Some(line) if line.caller.request_id == request_id => return line,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), noted).await.expect("it is noted within a minute")
}

#[tokio::test]
async fn what_is_changed_or_refused_is_noted_with_who_asked() {
    let host = Host::temporary().await.expect("a host");
    publish(&host, "echo", |deployment| deployment).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, host.clone(), HttpSettings::default(), async {
        // A sender that was dropped stops it too.
        let _ = stopped.await;
    }));
    let ask = async |line: &str, body: &str| {
        let signature = "Credential=AKIDEXAMPLE/20261121/us-east-1/lambda/aws4_request, Signature=00";
        let head = format!("{line} HTTP/1.1\nHost: localhost\nAuthorization: AWS4-HMAC-SHA256 {signature}");
        let (address, body) = (address.clone(), body.to_owned());
        let asked = tokio::task::spawn_blocking(move || raw_request(&address, &head, body.as_bytes()));
        asked.await.expect("an answer")
    };
    let tags = format!("POST /2017-03-31/tags/{ARN}:echo");
    let put = "PUT /2024-08-31/functions/echo/recursion-config";
    let rollback = "POST /samovar/functions/echo/aliases/none/rollback";
    let update = "PUT /2015-03-31/functions/echo/aliases/live";
    let code = "PUT /2015-03-31/functions/echo/code";
    let too_large = " ".repeat(70_167_212);
    let events = "PUT /2019-09-25/functions/echo/event-invoke-config";
    for (line, body, action, result, about) in [
        (tags.as_str(), r#"{"Tags":{"a":"b"}}"#, "TagResource", "Success", "echo"),
        ("DELETE /2015-03-31/functions/nobody", "", "DeleteFunction", "ResourceNotFoundException", "nobody"),
        (rollback, "", "UpdateAlias", "ResourceNotFoundException", "echo:none"),
        (update, r#"{"FunctionVersion":"x"}"#, "UpdateAlias", "ValidationException", "echo:live"),
        (
            put,
            r#"{"RecursiveLoop":"Sometimes"}"#,
            "PutFunctionRecursionConfig",
            "ValidationException",
            "echo",
        ),
        (events, r#"{"MaximumRetryAttempts":1}"#, "PutFunctionEventInvokeConfig", "Success", "echo"),
        (events, "{}", "PutFunctionEventInvokeConfig", "InvalidParameterValueException", "echo"),
        (code, &too_large, "UpdateFunctionCode", "RequestEntityTooLargeException", "echo"),
        (update, "{", "UpdateAlias", "InvalidRequestContentException", "echo:live"),
    ] {
        let response = ask(line, body).await;
        let noted = noted(&host, response.header("x-amzn-requestid")).await;
        assert_eq!(noted.action, action);
        assert_eq!(
            (noted.result.as_str(), noted.resource),
            (result, format!("{ARN}:{about}")),
            "{response:?}"
        );
        let caller = noted.caller;
        assert_eq!((caller.principal.as_str(), caller.source_address.as_str()), ("AKIDEXAMPLE", "127.0.0.1"));
    }
    drop(stop);
    server.await.expect("it ends").expect("it served");
    host.close().await;
}
