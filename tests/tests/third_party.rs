//! WebAssembly that nobody here wrote: real programs run unchanged, and what cannot run is refused with the reason.
//! `tests/third_party.json` says what each is, how it is called and what comes of it.

use std::io::{Cursor, Write};

use samovar::{Deployment, Host, Invoke};
use samovar_tests::{Case, fetched, function, root, third_party_path};
use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The programs of the list that are run, or those that are refused; as many as are there.
fn programs(refused: bool) -> Vec<(Value, Vec<u8>)> {
    let list = std::fs::read(root().join("tests/third_party.json")).expect("the list is there");
    let list: Vec<Value> = serde_json::from_slice(&list).expect("a list of programs");
    let programs: Vec<Value> =
        list.into_iter().filter(|program| program["refusal"].is_object() == refused).collect();
    assert!(programs.len() >= 4, "only {} programs are listed", programs.len());
    let fetch = |program: Value| {
        let name = program["name"].as_str().expect("a name");
        fetched(&third_party_path(name)).map(|code| (program, code))
    };
    programs.into_iter().filter_map(fetch).collect()
}

#[tokio::test]
async fn programs_of_others_run_unchanged() {
    for (program, code) in programs(false) {
        let name = program["name"].as_str().expect("a name");
        let package = package(code, &program["assets"]);
        let host = Host::temporary().await.expect("a host");
        for case in Case::list(&program["cases"]) {
            host.publish(case.configure(Deployment::new(name, package.clone())))
                .await
                .unwrap_or_else(|error| panic!("{name} is not published: {error}"));
            let mut request = Invoke::new(function(name), case.event());
            request.log_tail = true;
            let outcome = host.invoke(request).await.expect("it runs");
            case.check(name, &outcome);
        }
        host.close().await;
    }
}

#[tokio::test]
async fn what_cannot_run_is_refused_with_the_reason() {
    let host = Host::temporary().await.expect("a host");
    for (program, code) in programs(true) {
        let name = program["name"].as_str().expect("a name");
        let error = host.publish(Deployment::new(name, code)).await.expect_err(name).to_string();
        for part in program["refusal"]["includes"].as_array().expect("a list") {
            assert!(error.contains(part.as_str().expect("a text")), "{name}: no {part} in {error:?}");
        }
    }
    host.close().await;
}

/// The program as it is, or in a zip with what it reads. Nothing is compressed, which tests of zips are for.
fn package(code: Vec<u8>, assets: &Value) -> Vec<u8> {
    let Some(assets) = assets.as_object() else {
        return code;
    };
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut add = |name: &str, bytes: &[u8]| {
        zip.start_file(name, stored).expect("it has room");
        zip.write_all(bytes).expect("it has room");
    };
    add("program.wasm", &code);
    for (name, text) in assets {
        add(name, text.as_str().expect("a text").as_bytes());
    }
    zip.finish().expect("it has room").into_inner()
}
