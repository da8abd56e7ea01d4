//! Reserved and provisioned concurrency, with real guests.

use std::time::Duration;

use samovar::function::PermitWait;
use samovar::{
    Deployment, Host, Invoke, InvokeError, Outcome, ProvisionedStatus, ThrottleReason, Throttled, UpdateAlias,
};
use samovar_tests::{Handler, answer, error_type, function, guest, invoke, publish, published};
use serde_json::json;

/// Invokes a function so many times at once.
async fn burst(host: &Host, name: &str, event: &str, count: usize) -> Vec<Result<Outcome, InvokeError>> {
    let calls: Vec<_> = (0..count)
        .map(|_| {
            let (host, request) = (host.clone(), Invoke::new(function(name), event.to_owned()));
            tokio::spawn(async move { host.invoke(request).await })
        })
        .collect();
    let mut outcomes = Vec::new();
    for call in calls {
        outcomes.push(call.await.expect("no panic"));
    }
    outcomes
}

fn throttled(outcome: &Result<Outcome, InvokeError>) -> Option<&Throttled> {
    match outcome {
        Err(InvokeError::Throttled(throttled)) => Some(throttled),
        _ => None,
    }
}

async fn host() -> Host {
    Host::builder().instances_max(256).start().await.expect("a host")
}

/// Waits until the provisioned concurrency of a version or alias is no longer in progress.
async fn provisioned(host: &Host, name: &str) -> (u32, ProvisionedStatus) {
    for _ in 0..6000 {
        let info = host.provisioned_concurrency(&function(name)).expect("it is there");
        if info.status != ProvisionedStatus::InProgress {
            return (info.allocated, info.status);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it stays in progress");
}

/// Of what is reserved as much runs and no more, and nobody else has less for it.
#[tokio::test(flavor = "multi_thread")]
async fn five_are_reserved_and_fifty_come() {
    let host = host().await;
    publish(&host, "sleeper", |deployment| deployment.timeout_seconds(60)).await;
    publish(&host, "echo", |deployment| deployment).await;
    host.reserve_concurrency(&function("sleeper"), 5).await.expect("reserved");
    let others = tokio::spawn({
        let host = host.clone();
        async move { burst(&host, "echo:1", "1", 100).await }
    });
    let outcomes = burst(&host, "sleeper:1", r#"{"ms":2000}"#, 50).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 5);
    let refused: Vec<_> = outcomes.iter().filter_map(throttled).collect();
    assert_eq!(refused.len(), 45);
    for refused in refused {
        assert_eq!((refused.reason, refused.limit), (ThrottleReason::ReservedConcurrency, 5));
    }
    assert!(others.await.expect("no panic").iter().all(Result::is_ok));
    assert_eq!(host.running(), 0);
    host.close().await;
}

/// The first ten at once find an instance each; the eleventh makes its own.
#[tokio::test(flavor = "multi_thread")]
async fn ten_are_provisioned_and_eleven_come() {
    let host = host().await;
    publish(&host, "sleeper", |deployment| deployment.timeout_seconds(60)).await;
    host.alias("sleeper", "live", published(1)).await.expect("an alias");
    host.provision_concurrency(&function("sleeper:live"), 10).await.expect("provisioned");
    assert_eq!(provisioned(&host, "sleeper:live").await, (10, ProvisionedStatus::Ready));
    for _ in 0..2 {
        let outcomes = burst(&host, "sleeper:live", r#"{"ms":1500}"#, 10).await;
        for outcome in outcomes {
            assert_eq!(outcome.expect("it runs").report.init_duration, None);
        }
    }
    let outcomes = burst(&host, "sleeper:live", r#"{"ms":1500}"#, 11).await;
    let inits = outcomes.iter().flatten().filter(|outcome| outcome.report.init_duration.is_some());
    assert_eq!((outcomes.iter().flatten().count(), inits.count()), (11, 1));
    assert_eq!(host.idle_instances(&function("sleeper:1")), 1, "the one that was made");
    host.close().await;
}

#[tokio::test]
async fn a_provisioned_instance_knows_what_it_is_and_another_comes_in_the_place_of_one_that_is_lost() {
    let host = host().await;
    publish(&host, "environment", |deployment| deployment).await;
    let initialization = async |name: &str| {
        let outcome = invoke(&host, name, "{}").await;
        answer(&outcome)["AWS_LAMBDA_INITIALIZATION_TYPE"].clone()
    };
    assert_eq!(initialization("environment:1").await, json!("on-demand"));
    host.provision_concurrency(&function("environment:1"), 1).await.expect("provisioned");
    assert_eq!(provisioned(&host, "environment:1").await, (1, ProvisionedStatus::Ready));
    assert_eq!(initialization("environment:1").await, json!("provisioned-concurrency"));
    assert_eq!(initialization("environment").await, json!("on-demand"), "$LATEST has none");

    let trap = Handler { handle: "unreachable", ..Handler::default() };
    host.publish(Deployment::new("trap", trap.build())).await.expect("it is published");
    host.provision_concurrency(&function("trap:1"), 2).await.expect("provisioned");
    assert_eq!(provisioned(&host, "trap:1").await, (2, ProvisionedStatus::Ready));
    for _ in 0..20 {
        assert_eq!(error_type(&invoke(&host, "trap:1", "{}").await), "Runtime.ExitError");
    }
    until(async || host.provisioned_concurrency(&function("trap:1")).expect("it is there").allocated == 2)
        .await;
    host.unprovision_concurrency(&function("trap:1")).await.expect("taken away");
    assert!(host.provisioned_concurrency(&function("trap:1")).is_err());
    assert!(invoke(&host, "trap:1", "{}").await.report.init_duration.is_some());
    host.close().await;
}

/// All requests find the instances of where the alias leads: it never leads where they are not.
#[tokio::test(flavor = "multi_thread")]
async fn provisioned_instances_move_with_their_alias() {
    let host = host().await;
    for seconds in [59, 60] {
        publish(&host, "init", |deployment| deployment.timeout_seconds(seconds)).await;
    }
    host.alias("init", "live", published(1)).await.expect("an alias");
    host.provision_concurrency(&function("init:live"), 3).await.expect("provisioned");
    assert_eq!(provisioned(&host, "init:live").await, (3, ProvisionedStatus::Ready));
    let callers = tokio::spawn({
        let host = host.clone();
        async move {
            let mut versions = Vec::new();
            while versions.last() != Some(&published(2)) {
                let outcome = invoke(&host, "init:live", r#"{"n":1}"#).await;
                assert_eq!(outcome.report.init_duration, None, "nobody waits for an init");
                versions.push(outcome.executed_version);
            }
            versions.len()
        }
    });
    let live = "live".parse().expect("a name");
    let mut update = UpdateAlias::new(function("init"), live);
    update.version = Some(published(2));
    host.update_alias(&update).await.expect("it moves");
    assert_eq!(provisioned(&host, "init:live").await, (3, ProvisionedStatus::Ready));
    assert!(callers.await.expect("no init was waited for") > 1);
    let used = host.account_usage(host.region());
    assert_eq!(used.unreserved_concurrency, used.concurrency_max - 3);
    host.close().await;
}

#[tokio::test]
async fn what_was_reserved_and_provisioned_is_there_after_a_new_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let start =
        async || Host::builder().instances_max(64).data_dir(folder.path()).start().await.expect("a host");
    let host = start().await;
    publish(&host, "echo", |deployment| deployment).await;
    publish(&host, "counter", |deployment| deployment).await;
    host.reserve_concurrency(&function("echo"), 7).await.expect("reserved");
    host.reserve_concurrency(&function("counter"), 0).await.expect("reserved");
    host.alias("echo", "live", published(1)).await.expect("an alias");
    host.provision_concurrency(&function("echo:live"), 2).await.expect("provisioned");
    host.close().await;
    drop(host);

    let host = start().await;
    assert_eq!(host.reserved_concurrency(&function("echo")), Ok(Some(7)));
    assert_eq!(provisioned(&host, "echo:live").await, (2, ProvisionedStatus::Ready));
    assert_eq!(invoke(&host, "echo:live", "1").await.report.init_duration, None);
    let refused = host.invoke(Invoke::new(function("counter"), "{}")).await;
    assert_eq!(throttled(&refused).map(|refused| refused.reason), Some(ThrottleReason::ReservedConcurrency));
    assert_eq!(host.account_usage(host.region()).unreserved_concurrency, 993);
    host.delete_function(&function("echo")).await.expect("deleted");
    host.release_reserved_concurrency(&function("counter")).await.expect("released");
    assert_eq!(host.account_usage(host.region()).unreserved_concurrency, 1000);
    assert_eq!(answer(&invoke(&host, "counter", "{}").await)["count"], 1);
    host.close().await;
}

/// However an invocation ends, the next one has its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_permit_comes_back_however_an_invocation_ends() {
    let host = host().await;
    let trap = Handler { handle: "unreachable", ..Handler::default() };
    let endless = Handler { handle: "(loop $again (br $again)) unreachable", ..Handler::default() };
    let init_trap = Handler { init: "unreachable", ..Handler::default() };
    let guests = [
        ("fails", guest("fails"), r#"{"id":7}"#),
        ("trap", trap.build(), "{}"),
        ("endless", endless.build(), "{}"),
        ("init-trap", init_trap.build(), "{}"),
        ("panics", guest("panics"), "{}"),
    ];
    for (name, wasm, event) in guests {
        host.publish(Deployment::new(name, wasm).timeout_seconds(1)).await.expect("it is published");
        host.reserve_concurrency(&function(name), 1).await.expect("reserved");
        for _ in 0..2 {
            let outcome = invoke(&host, name, event).await;
            assert!(outcome.answer.is_err(), "{name}: {outcome:?}");
        }
        assert_eq!(host.running(), 0, "{name}");
    }
    publish(&host, "sleeper", |deployment| deployment.timeout_seconds(60)).await;
    host.reserve_concurrency(&function("sleeper"), 1).await.expect("reserved");
    for _ in 0..3 {
        let nap = host.invoke(Invoke::new(function("sleeper"), r#"{"ms":60000}"#));
        let cancelled = tokio::time::timeout(Duration::from_millis(50), nap).await;
        assert!(cancelled.is_err(), "{cancelled:?}");
    }
    until(async || host.running() == 0).await;
    invoke(&host, "sleeper", r#"{"ms":1}"#).await;
    host.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_may_let_requests_wait_for_their_turn() {
    let host = host().await;
    let wait = PermitWait::from_milliseconds(30_000).expect("a time");
    publish(&host, "sleeper", |deployment| deployment.permit_wait(wait)).await;
    host.reserve_concurrency(&function("sleeper"), 2).await.expect("reserved");
    let outcomes = burst(&host, "sleeper:1", r#"{"ms":20}"#, 40).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert!(host.idle_instances(&function("sleeper:1")) <= 2, "never more than two ran");
    host.close().await;
}

/// Waits until something is so, for a minute at most.
async fn until(mut so: impl AsyncFnMut() -> bool) {
    for _ in 0..6000 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come so");
}

/// A reservation for what is busy takes nothing from others that it does not reserve.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_function_takes_its_places_along_when_they_are_reserved() {
    let host = Host::builder().instances_max(64).concurrency_max(10).unreserved_concurrency_min(0);
    let host = host.start().await.expect("a host");
    publish(&host, "sleeper", |deployment| deployment.timeout_seconds(60)).await;
    publish(&host, "echo", |deployment| deployment).await;
    let busy = tokio::spawn({
        let host = host.clone();
        async move { burst(&host, "sleeper:1", r#"{"ms":3000}"#, 5).await }
    });
    until(async || host.running() == 5).await;
    host.reserve_concurrency(&function("sleeper"), 5).await.expect("reserved");
    let others = burst(&host, "echo:1", "1", 5).await;
    assert!(others.iter().all(Result::is_ok), "{others:?}");
    let refused = host.invoke(Invoke::new(function("sleeper:1"), r#"{"ms":1}"#)).await;
    assert_eq!(throttled(&refused).map(|refused| refused.running), Some(5));
    assert!(busy.await.expect("no panic").iter().all(Result::is_ok));
    assert_eq!(host.running(), 0);
    host.close().await;
}

/// Reserved and provisioned are the same two: whoever waits gets one of the instances when it comes free.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_gets_a_provisioned_instance_too() {
    let host = host().await;
    let wait = PermitWait::from_milliseconds(30_000).expect("a time");
    publish(&host, "sleeper", |deployment| deployment.permit_wait(wait)).await;
    host.reserve_concurrency(&function("sleeper"), 2).await.expect("reserved");
    host.provision_concurrency(&function("sleeper:1"), 2).await.expect("provisioned");
    assert_eq!(provisioned(&host, "sleeper:1").await, (2, ProvisionedStatus::Ready));
    for outcome in burst(&host, "sleeper:1", r#"{"ms":30}"#, 20).await {
        assert_eq!(outcome.expect("it waits for its turn").report.init_duration, None);
    }
    host.close().await;
}

/// What failed is no longer told when less is asked for, which is there.
#[tokio::test]
async fn a_new_demand_is_judged_by_what_comes_of_it() {
    let host = Host::builder().instances_max(4).start().await.expect("a host");
    publish(&host, "echo", |deployment| deployment).await;
    host.provision_concurrency(&function("echo:1"), 10).await.expect("asked for");
    let (up, status) = provisioned(&host, "echo:1").await;
    assert!(up <= 4 && matches!(status, ProvisionedStatus::Failed { .. }), "{up} {status:?}");
    host.provision_concurrency(&function("echo:1"), 2).await.expect("asked for");
    assert_eq!(provisioned(&host, "echo:1").await, (2, ProvisionedStatus::Ready));
    host.close().await;
}
