//! Backups are made while a server is changed, and answer as it did.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use samovar_tests::{Api, Handler, Server, samovar};
use serde_json::{Value, json};

const FUNCTIONS: usize = 40;

/// What the API says of all functions, with their aliases; the names of members are the API's own.
fn seen(api: &Api) -> BTreeMap<String, Value> {
    let listed = api.call("GET", "/2015-03-31/functions?FunctionVersion=ALL", None);
    let mut seen = BTreeMap::new();
    let mut page = listed.body;
    loop {
        for version in page["Functions"].as_array().expect("a list") {
            let arn = version["FunctionArn"].as_str().expect("an ARN").to_owned();
            seen.insert(arn, version.clone());
        }
        let Some(marker) = page["NextMarker"].as_str() else { break };
        let marker = marker.replace('+', "%2B").replace('=', "%3D").replace('/', "%2F");
        let path = format!("/2015-03-31/functions?FunctionVersion=ALL&Marker={marker}");
        page = api.call("GET", &path, None).body;
    }
    let names: Vec<String> = seen
        .values()
        .filter(|version| version["Version"] == "$LATEST")
        .map(|version| version["FunctionName"].as_str().expect("a name").to_owned())
        .collect();
    for name in names {
        let aliases = api.call("GET", &format!("/2015-03-31/functions/{name}/aliases"), None).body;
        seen.insert(format!("aliases of {name}"), aliases);
    }
    seen
}

fn backup(server: &Server, to: &std::path::Path) -> Command {
    let mut command = samovar();
    command.arg("backup").arg(to).arg("--data-dir").arg(server.data_dir());
    command
}

fn package(number: usize) -> Vec<u8> {
    let more: &'static str = Box::leak(format!("(global i32 (i32.const {number}))").into_boxed_str());
    Handler { more, ..Handler::default() }.build()
}

#[test]
fn a_backup_answers_as_the_server_did() {
    let server = Server::start_with(&["--quiet"]);
    let api = Api::of(&server);
    for number in 0..FUNCTIONS {
        let name = format!("kept-{number}");
        assert_eq!(api.create(&name, &package(number)).status, 201);
        let published = api.call("POST", &format!("/2015-03-31/functions/{name}/versions"), Some(&json!({})));
        assert_eq!(published.status, 201);
        let alias = json!({ "Name": "live", "FunctionVersion": "1" });
        assert_eq!(
            api.call("POST", &format!("/2015-03-31/functions/{name}/aliases"), Some(&alias)).status,
            201
        );
    }
    let kept = |seen: BTreeMap<String, Value>| -> BTreeMap<String, Value> {
        seen.into_iter().filter(|(name, _)| name.contains("kept-")).collect()
    };
    let before = kept(seen(&api));
    assert_eq!(before.len(), 3 * FUNCTIONS);

    let done = AtomicBool::new(false);
    let parent = tempfile::tempdir().expect("a folder");
    let copies: Vec<_> = std::thread::scope(|scope| {
        // Others come and go, with packages of their own, and are changed.
        for thread in 0..2 {
            let (server, done) = (&server, &done);
            scope.spawn(move || {
                let api = Api::of(server);
                for round in 0.. {
                    if done.load(Ordering::Relaxed) {
                        return;
                    }
                    let name = format!("passing-{thread}-{}", round % 5);
                    let path = format!("/2015-03-31/functions/{name}");
                    assert_eq!(api.create(&name, &package(1000 * thread + round % 50)).status, 201);
                    assert_eq!(api.call("POST", &format!("{path}/versions"), Some(&json!({}))).status, 201);
                    assert_eq!(api.invoke(&name, "{}").status, 200);
                    assert_eq!(api.call("DELETE", &path, None).status, 204);
                }
            });
        }
        let copies = (0..3).map(|number| {
            let to = parent.path().join(format!("copy-{number}"));
            let output = backup(&server, &to).output().expect("it runs");
            let (stdout, stderr) =
                (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{stdout}{stderr}");
            to
        });
        let copies = copies.collect();
        done.store(true, Ordering::Relaxed);
        copies
    });
    drop(server);
    for copy in copies {
        let restored = Server::start_on(&copy, &["--quiet"]);
        let api = Api::of(&restored);
        let all = seen(&api);
        for version in all.values().filter(|version| version["FunctionName"].is_string()) {
            let (name, number) = (&version["FunctionName"], &version["Version"]);
            let reference =
                format!("{}:{}", name.as_str().expect("a name"), number.as_str().expect("a number"));
            let answer = api.invoke(&reference.replace('$', "%24"), "{}");
            assert_eq!((answer.status, answer.body), (200, json!("ok")), "{reference}");
        }
        assert_eq!(kept(all), before);
        assert_eq!(restored.terminate(), Some(0));
    }
}

#[test]
fn a_backup_never_overwrites_what_is_there() {
    let server = Server::start_with(&["--quiet"]);
    let parent = tempfile::tempdir().expect("a folder");
    let taken = parent.path().join("taken");
    std::fs::create_dir(&taken).expect("made");
    std::fs::write(taken.join("notes.txt"), "years of work").expect("written");
    let output = backup(&server, &taken).output().expect("it runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && stderr.contains("is not empty"), "{stderr}");
    assert_eq!(std::fs::read_dir(&taken).expect("a folder").count(), 1);
}

#[test]
fn a_package_that_is_damaged_is_named_and_all_else_is_copied() {
    let server = Server::start_with(&["--quiet"]);
    let api = Api::of(&server);
    let parent = tempfile::tempdir().expect("a folder");
    assert_eq!(api.create("damaged", &package(0)).status, 201);
    let packages = server.data_dir().join("samovar-code/packages");
    let damaged =
        std::fs::read_dir(&packages).expect("a folder").next().expect("a package").expect("an entry");
    assert_eq!(api.create("whole", &package(1)).status, 201);
    std::fs::write(damaged.path(), "something else").expect("written");
    let to = parent.path().join("copy");
    let output = backup(&server, &to).output().expect("it runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && stderr.contains("its SHA-256 is not what it was"), "{stderr}");
    let copy = Server::start_on(&to, &["--quiet"]);
    assert_eq!(Api::of(&copy).invoke("whole", "{}").body, json!("ok"));
    // Who uploads it again has it again.
    assert_eq!(api.update_code("damaged", &package(0)).status, 200);
    let output = backup(&server, &parent.path().join("again")).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
