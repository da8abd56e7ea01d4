//! What becomes of events that are queued: kept per version and alias, and across restarts.

use samovar::function::{
    DeadLetterTarget, Destination, DestinationsChange, EventInvokeChange, EventInvokeConfig, VersionNumber,
};
use samovar::{Deployment, EventInvokeError, Host, InvokeAsyncError, InvokeError, Limits};
use samovar_tests::{Handler, function, published};

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function";

fn queue() -> Destination {
    "arn:aws:sqs:us-east-1:000000000000:failed".parse().expect("a destination")
}

fn retries(attempts: u8) -> EventInvokeChange {
    EventInvokeChange { maximum_retry_attempts: Some(attempts), ..EventInvokeChange::default() }
}

fn on_failure(destination: Option<Destination>) -> EventInvokeChange {
    let destinations = DestinationsChange { on_failure: Some(destination), on_success: None };
    EventInvokeChange { destinations: Some(destinations), ..EventInvokeChange::default() }
}

async fn with_function(host: Host) -> Host {
    let target: DeadLetterTarget = "arn:aws:sqs:us-east-1:000000000000:dead".parse().expect("a target");
    let deployment = Deployment::new("f", Handler::default().build()).dead_letter(target);
    let version = host.publish(deployment).await.expect("it is published");
    assert_eq!(version.number, VersionNumber::Published(1));
    host.alias("f", "live", published(1)).await.expect("an alias");
    host
}

fn config(host: &Host, name: &str) -> Option<EventInvokeConfig> {
    host.event_invoke_config(&function(name)).ok().map(|info| info.config)
}

#[tokio::test]
async fn what_was_said_of_events_is_there_after_a_new_start_and_goes_with_what_it_is_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = async || Host::builder().instances_max(16).data_dir(folder.path()).start().await;
    let host = with_function(start().await.expect("a host")).await;
    for (name, change) in [("f", retries(0)), ("f:1", retries(1)), ("f:live", on_failure(Some(queue())))] {
        host.put_event_invoke_config(&function(name), change).await.expect("said");
    }
    host.close().await;
    drop(host);

    let host = start().await.expect("a host");
    let listed = host.list_event_invoke_configs(&function("f")).expect("a list");
    let arns: Vec<&str> = listed.iter().map(|info| info.arn.as_str()).collect();
    assert_eq!(arns, [format!("{ARN}:f:$LATEST"), format!("{ARN}:f:1"), format!("{ARN}:f:live")]);
    assert_eq!(config(&host, "f:$LATEST").map(|config| config.retry_attempts()), Some(0));
    assert_eq!(config(&host, "f:live").and_then(|config| config.on_failure), Some(queue()));
    assert!(listed.iter().all(|info| info.config.last_modified_ms > 0));
    let latest = host.function(&function("f")).expect("a function");
    let target = latest.configuration.dead_letter.expect("a target");
    assert_eq!(target.queue().name(), "dead");

    host.delete_alias(&function("f"), &"live".parse().expect("a name")).await.expect("deleted");
    host.delete_function(&function("f:1")).await.expect("deleted");
    let listed = host.list_event_invoke_configs(&function("f")).expect("a list");
    assert_eq!(listed.len(), 1, "{listed:?}");
    host.alias("f", "live", VersionNumber::Latest).await.expect("an alias");
    assert_eq!(config(&host, "f:live"), None, "another alias of that name has none");
    host.close().await;
}

#[tokio::test]
async fn a_change_needs_something_to_change_and_puts_nothing_in_that_cannot_be() {
    let host = with_function(Host::temporary().await.expect("a host")).await;
    host.publish(Deployment::new("other", Handler::default().build())).await.expect("it is published");
    let put = async |name: &str, change| host.put_event_invoke_config(&function(name), change).await;
    let to = |name: &str| on_failure(Some(format!("{ARN}:{name}").parse().expect("a destination")));

    assert_eq!(put("f", EventInvokeChange::default()).await, Err(EventInvokeError::Nothing));
    assert!(matches!(put("f", retries(3)).await, Err(EventInvokeError::Range(_))));
    assert_eq!(put("f", to("f:live")).await, Err(EventInvokeError::Itself));
    for nobody in ["nobody", "other:9", "other:live"] {
        let error = put("f", to(nobody)).await.expect_err("refused");
        assert_eq!(error, EventInvokeError::NoDestination { arn: format!("{ARN}:{nobody}") });
    }
    for name in ["nobody", "f:9", "f:none"] {
        assert_eq!(put(name, retries(1)).await, Err(EventInvokeError::NotFound), "{name}");
    }
    let update = host.update_event_invoke_config(&function("f"), retries(1)).await;
    assert_eq!(update, Err(EventInvokeError::NotConfigured { arn: format!("{ARN}:f:$LATEST") }));
    assert_eq!(config(&host, "f"), None);

    put("f", to("other:1")).await.expect("said");
    let updated = host.update_event_invoke_config(&function("f"), retries(1)).await.expect("changed");
    assert_eq!(updated.config.maximum_retry_attempts, Some(1));
    assert_eq!(updated.config.on_failure.as_ref().map(Destination::arn), Some(&*format!("{ARN}:other:1")));
    let replaced = put("f", on_failure(None)).await.expect("said");
    assert_eq!((replaced.config.maximum_retry_attempts, replaced.config.on_failure), (None, None));
    host.delete_event_invoke_config(&function("f")).await.expect("forgotten");
    let again = host.delete_event_invoke_config(&function("f")).await;
    assert!(matches!(again, Err(EventInvokeError::NotConfigured { .. })), "{again:?}");
    host.close().await;
}

#[tokio::test]
async fn an_event_that_cannot_be_queued_is_refused_before_anything_is_kept() {
    let mut limits = Limits::default();
    limits.async_payload_bytes = 10;
    let host = Host::builder().instances_max(16).limits(limits).start().await.expect("a host");
    let host = with_function(host).await;
    let invoke = async |name: &str, event: &str| {
        host.invoke_async(samovar::Invoke::new(function(name), event.to_owned())).await
    };
    for nobody in ["nobody", "f:9", "f:none"] {
        assert!(matches!(invoke(nobody, "{}").await, Err(InvokeAsyncError::NotFound(_))), "{nobody}");
    }
    let too_large = invoke("f", "\"123456789\"").await.expect_err("refused");
    assert_eq!(too_large, InvokeAsyncError::PayloadTooLarge { bytes: 11, limit: 10 });
    let no_json = invoke("f", "{").await.expect_err("refused");
    assert!(matches!(no_json, InvokeAsyncError::Request(InvokeError::PayloadNotJson { .. })), "{no_json:?}");
    host.close().await;
    assert!(matches!(invoke("f", "{}").await, Err(InvokeAsyncError::Closing)));
}
