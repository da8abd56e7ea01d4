//! Every example guest does what its `events.json` says, on a real host.

use std::collections::BTreeMap;
use std::path::Path;

use samovar::{Deployment, Host, Invoke, Outcome};
use samovar_tests::{fetched, function, guest_path, root};
use serde_json::Value;

#[tokio::test]
async fn every_example_does_what_its_events_say() {
    let mut cases_run = 0;
    for entry in std::fs::read_dir(root().join("guest-examples")).expect("the folder is there") {
        let folder = entry.expect("it can be read").path();
        let events = folder.join("events.json");
        if events.exists() {
            cases_run += run_cases(&folder, &events).await;
        }
    }
    assert!(cases_run >= 25, "only {cases_run} cases were found");
}

async fn run_cases(folder: &Path, events: &Path) -> usize {
    let name = folder.file_name().and_then(|name| name.to_str()).expect("a name");
    let cases: Vec<Value> =
        serde_json::from_slice(&std::fs::read(events).expect("it can be read")).expect("a list of cases");
    let Some(code) = fetched(Path::new(&guest_path(name))) else {
        return 0;
    };
    let host = Host::temporary().await.expect("a host");
    let mut settings = Value::Null;
    host.publish(Deployment::new(name, code.clone())).await.expect("it is published");
    for case in &cases {
        // A change of settings is a new $LATEST with new instances; the same settings keep the instance warm.
        if case["settings"] != settings {
            settings = case["settings"].clone();
            host.publish(configured(Deployment::new(name, code.clone()), &settings))
                .await
                .expect("it is published");
        }
        let event = serde_json::to_vec(&case["event"]).expect("JSON");
        let mut request = Invoke::new(function(name), event);
        request.log_tail = true;
        let outcome = host.invoke(request).await.expect("it runs");
        check(&format!("{name}: {}", case["name"]), case, &outcome);
    }
    host.close().await;
    cases.len()
}

fn configured(mut deployment: Deployment, settings: &Value) -> Deployment {
    if let Some(megabytes) = settings["memoryMb"].as_u64() {
        deployment = deployment.memory_mb(megabytes as u32);
    }
    if let Some(seconds) = settings["timeoutSeconds"].as_u64() {
        deployment = deployment.timeout_seconds(seconds as u32);
    }
    let environment: BTreeMap<String, String> =
        serde_json::from_value(settings["environment"].clone()).unwrap_or_default();
    environment.into_iter().fold(deployment, |deployment, (key, value)| deployment.env(key, value))
}

fn check(case: &str, expected: &Value, outcome: &Outcome) {
    let body: Value = serde_json::from_slice(&outcome.body()).unwrap_or_else(|_| panic!("{case}: not JSON"));
    let failed = outcome.answer.is_err();
    if let Some(error) = expected.get("error") {
        assert!(failed, "{case}: answered {body}");
        assert_eq!(body["errorType"], error["errorType"], "{case}: {body}");
        if let Some(message) = error.get("errorMessage") {
            assert_eq!(&body["errorMessage"], message, "{case}");
        }
        if let Some(part) = error["errorMessageIncludes"].as_str() {
            assert!(body["errorMessage"].as_str().is_some_and(|text| text.contains(part)), "{case}: {body}");
        }
    } else {
        assert!(!failed, "{case}: failed with {body}");
        match (expected.get("answer"), expected.get("answerIncludes")) {
            (Some(answer), _) => assert_eq!(&body, answer, "{case}"),
            (_, Some(part)) => assert!(includes(&body, part), "{case}: {body} does not include {part}"),
            _ => panic!("{case} expects nothing"),
        }
    }
    let tail = outcome.log_tail.as_deref().unwrap_or_default();
    for line in expected["log"].as_array().into_iter().flatten() {
        assert!(tail.contains(line.as_str().expect("a text")), "{case}: no {line} in the log:\n{tail}");
    }
}

fn includes(whole: &Value, part: &Value) -> bool {
    match part.as_object() {
        Some(part) => {
            part.iter().all(|(key, part)| whole.get(key).is_some_and(|whole| includes(whole, part)))
        }
        None => whole == part,
    }
}
