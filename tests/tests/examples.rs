//! Every example guest does what its `events.json` says, on a real host.

use std::path::Path;

use samovar::{Deployment, Host, Invoke};
use samovar_tests::{Case, fetched, function, guest_path, root};
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
    let cases: Value = serde_json::from_slice(&std::fs::read(events).expect("it can be read")).expect("JSON");
    let cases = Case::list(&cases);
    let Some(code) = fetched(Path::new(&guest_path(name))) else {
        return 0;
    };
    let host = Host::temporary().await.expect("a host");
    let mut settings = &Value::Null;
    host.publish(Deployment::new(name, code.clone())).await.expect("it is published");
    for case in &cases {
        // A change of settings is a new $LATEST with new instances; the same settings keep the instance warm.
        if case.settings() != settings {
            settings = case.settings();
            host.publish(case.configure(Deployment::new(name, code.clone()))).await.expect("it is published");
        }
        let mut request = Invoke::new(function(name), case.event());
        request.log_tail = true;
        let outcome = host.invoke(request).await.expect("it runs");
        case.check(name, &outcome);
    }
    host.close().await;
    cases.len()
}
