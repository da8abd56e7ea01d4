//! A host that starts again has the functions it had, quickly and without compiling any.

use std::time::Duration;

use samovar::function::FunctionState;
use samovar::{Compiler, CreateFunction, Host, ListFunctions, PublishVersion, UpdateFunctionCode};
use samovar_tests::{Handler, Server, answer, function, guest, invoke};
use serde_json::json;
use tokio::time::Instant;

const FUNCTIONS: usize = 10_000;
/// How long a host with so many functions may take until it serves.
const START_TIME_MAX: Duration = Duration::from_secs(2);

/// A folder with so many functions, each with a version and an alias, of the same code.
async fn many_functions(folder: &std::path::Path) {
    let host = Host::builder().data_dir(folder).instances_max(16).start().await.expect("a host");
    let package = Handler::default().build();
    let made: Vec<_> = (0..32)
        .map(|task| {
            let (host, package) = (host.clone(), package.clone());
            tokio::spawn(async move {
                for number in (task..FUNCTIONS).step_by(32) {
                    let mut create =
                        CreateFunction::new(function(&format!("function-{number}")), package.clone());
                    create.publish = true;
                    host.create_function(create).await.expect("made");
                }
            })
        })
        .collect();
    for task in made {
        task.await.expect("no panic");
    }
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_functions_are_served_within_two_seconds_of_a_start() {
    let folder = tempfile::tempdir().expect("a folder");
    many_functions(folder.path()).await;
    let mut starts: Vec<Duration> = (0..5)
        .map(|_| {
            let started = Instant::now();
            let server = Server::start_on(folder.path(), &["--quiet"]);
            let api = samovar_tests::Api::of(&server);
            assert_eq!(api.invoke("function-9999:1", "{}").body, json!("ok"));
            let took = started.elapsed();
            server.kill();
            took
        })
        .collect();
    starts.sort();
    println!("from start to the first answer: {starts:?}");
    assert!(starts[2] < START_TIME_MAX, "{starts:?}");

    // Nothing is compiled for it: there is no compiler.
    let nobody = Compiler::Worker("/nonexistent/compiler".into());
    let host = Host::builder().data_dir(folder.path()).compiler(nobody).instances_max(16);
    let host = host.start().await.expect("a host");
    let page = host.list_functions(&ListFunctions::new(host.region().clone(), FUNCTIONS + 1));
    assert_eq!((page.items.len(), page.next), (FUNCTIONS, None));
    assert_eq!(answer(&invoke(&host, "function-0", "{}").await), json!("ok"));
    host.close().await;
}

#[tokio::test]
async fn what_was_not_compiled_when_its_host_ended_is_compiled_by_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = Host::builder().data_dir(folder.path()).instances_max(16).start().await.expect("a host");
    let mut create = CreateFunction::new(function("pending"), guest("echo"));
    create.wait_max = Some(Duration::ZERO);
    let pending = host.create_function(create).await.expect("made");
    assert_eq!(pending.state, FunctionState::Pending);
    host.create_function(CreateFunction::new(function("updated"), guest("hello"))).await.expect("made");
    let mut update = UpdateFunctionCode::new(function("updated"), guest("counter"));
    update.wait_max = Some(Duration::ZERO);
    let updated = host.update_function_code(update).await.expect("taken");
    assert_eq!(updated.last_update, samovar::LastUpdate::InProgress);
    host.close().await;
    drop(host);

    let host = Host::builder().data_dir(folder.path()).instances_max(16).start().await.expect("a host");
    let settled = async {
        loop {
            let pending = host.function(&function("pending")).expect("it is there");
            let updated = host.function(&function("updated")).expect("it is there");
            let done = updated.last_update == samovar::LastUpdate::Successful;
            if pending.state == FunctionState::Active && done {
                return (pending, updated);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let settled = tokio::time::timeout(Duration::from_secs(120), settled).await;
    let (settled, counter) = settled.expect("it is compiled");
    assert_ne!(settled.revision_id, pending.revision_id, "a new state is a new revision");
    assert_eq!(counter.code_sha256, samovar::CodeDigest::of(&guest("counter")));
    assert_eq!(answer(&invoke(&host, "pending", r#"{"a":1}"#).await), json!({"a":1}));
    assert_eq!(answer(&invoke(&host, "updated", "{}").await), json!({"count":1}));
    host.publish_version(&PublishVersion::new(function("pending"))).await.expect("published");
    host.close().await;
}

/// A review found that whoever gave up just while a new function was committed left it pending for ever.
#[tokio::test]
async fn a_function_whose_maker_went_away_is_settled_all_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = Host::builder().data_dir(folder.path()).instances_max(16).start().await.expect("a host");
    for number in 0..60 {
        let more: &'static str = Box::leak(format!("(global i32 (i32.const {number}))").into_boxed_str());
        let package = Handler { more, ..Handler::default() }.build();
        let mut create = CreateFunction::new(function(&format!("f-{number}")), package);
        create.wait_max = Some(Duration::ZERO);
        let patience = Duration::from_micros(200 * number);
        // Whether it was made by then does not matter.
        let _ = tokio::time::timeout(patience, host.create_function(create)).await;
    }
    let settled = async {
        loop {
            let all = host.list_functions(&ListFunctions::new(host.region().clone(), 100)).items;
            if all.iter().all(|version| version.state == FunctionState::Active) {
                return all.len();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let made = tokio::time::timeout(Duration::from_secs(60), settled).await.expect("all are settled");
    println!("{made} of 60 were made");
    host.close().await;
}
