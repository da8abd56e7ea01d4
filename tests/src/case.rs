//! One case of an `events.json`: an event, and what comes of it.

use std::collections::BTreeMap;

use samovar::{Deployment, Outcome};
use serde_json::Value;

/// One case. What it may say is in CONTRIBUTING.md.
#[derive(Debug)]
pub struct Case(Value);

impl Case {
    /// The cases of a list.
    pub fn list(cases: &Value) -> Vec<Self> {
        cases.as_array().expect("a list of cases").iter().cloned().map(Self).collect()
    }

    /// The event: JSON, or a text that goes to the function as it is.
    pub fn event(&self) -> Vec<u8> {
        match self.0["eventText"].as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => serde_json::to_vec(&self.0["event"]).expect("JSON"),
        }
    }

    /// What the function's configuration has to be.
    pub fn settings(&self) -> &Value {
        &self.0["settings"]
    }

    /// A deployment with that configuration.
    pub fn configure(&self, mut deployment: Deployment) -> Deployment {
        let settings = self.settings();
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

    /// Compares what came of the event with what should.
    pub fn check(&self, function: &str, outcome: &Outcome) {
        let expected = &self.0;
        let case = format!("{function}: {}", expected["name"]);
        let body: Value =
            serde_json::from_slice(&outcome.body()).unwrap_or_else(|_| panic!("{case}: not JSON"));
        if let Some(error) = expected.get("error") {
            assert!(outcome.answer.is_err(), "{case}: answered {body}");
            check_error(&case, error, &body);
        } else {
            assert!(outcome.answer.is_ok(), "{case}: failed with {body}");
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
}

fn check_error(case: &str, expected: &Value, body: &Value) {
    assert_eq!(body["errorType"], expected["errorType"], "{case}: {body}");
    if let Some(message) = expected.get("errorMessage") {
        assert_eq!(&body["errorMessage"], message, "{case}");
    }
    if let Some(part) = expected["errorMessageIncludes"].as_str() {
        assert!(body["errorMessage"].as_str().is_some_and(|text| text.contains(part)), "{case}: {body}");
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
