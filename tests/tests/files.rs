//! Files of guests: kept while an instance is warm, counted like its memory, and never the host's.

use samovar::function::Isolation;
use samovar::{Deployment, Host};
use samovar_tests::{answer, error_type, function, guest, host_with, invoke, publish};
use serde_json::{Value, json};

async fn tell(host: &Host, task: Value) -> Value {
    answer(&invoke(host, "files:1", &task.to_string()).await)
}

async fn files(deployment: impl FnOnce(Deployment) -> Deployment) -> Host {
    host_with("files", |it| deployment(it.timeout_seconds(60))).await
}

#[tokio::test]
async fn files_are_kept_while_warm_and_gone_with_the_instance() {
    let host = files(|it| it).await;
    let write = json!({ "write": { "path": "/tmp/cache", "text": "tea" } });
    assert_eq!(tell(&host, write.clone()).await, json!({ "written": 3 }));
    assert_eq!(tell(&host, json!({ "read": "/tmp/cache" })).await, json!({ "text": "tea" }));
    host.close().await;

    let host = files(|it| it.isolation(Isolation::Fresh)).await;
    assert_eq!(tell(&host, write).await, json!({ "written": 3 }));
    assert_eq!(tell(&host, json!({ "read": "/tmp/cache" })).await, json!({ "error": "NotFound" }));
    host.close().await;
}

#[tokio::test]
async fn instances_of_one_version_have_each_their_own() {
    let host = files(|it| it).await;
    let write = json!({ "write": { "path": "/tmp/cache", "text": "tea" } });
    assert_eq!(tell(&host, write).await, json!({ "written": 3 }));
    let request = samovar::Invoke::new(function("files:1"), r#"{"list": "/tmp"}"#).with_cold_start();
    let other = host.invoke(request).await.expect("it runs");
    assert_eq!(answer(&other), json!({ "names": [] }));
    host.close().await;
}

#[tokio::test]
async fn nothing_of_the_hosts_disk_is_there() {
    let host = files(|it| it).await;
    for path in ["/etc/passwd", "/proc/self/environ", "/tmp/../etc/passwd", "../etc/passwd", "/var", ".."] {
        for task in ["read", "list", "look"] {
            let answer = tell(&host, json!({ task: path })).await;
            let error = answer["error"].as_str().unwrap_or_default();
            assert!(["NotFound", "PermissionDenied"].contains(&error), "{task} {path}: {answer}");
        }
    }
    // C libraries take the root and nothing at all for the working folder.
    for path in ["/", ""] {
        assert_eq!(tell(&host, json!({ "list": path })).await, json!({ "names": [] }));
    }
    for (to, expected) in [("/etc/passwd", "PermissionDenied"), ("/", "PermissionDenied")] {
        let link = json!({ "link": { "to": to, "path": "/tmp/link" } });
        assert_eq!(tell(&host, link).await, json!({ "error": expected }), "no link leads to {to}");
    }
    for (number, to) in ["../etc/passwd", "..", "../../../../etc", "."].iter().enumerate() {
        let path = format!("/tmp/link{number}");
        assert_eq!(tell(&host, json!({ "link": { "to": to, "path": path } })).await, json!({}));
    }
    for path in ["link0", "link1/etc/passwd", "link2/passwd", "link3/../etc/passwd", "link3/link3/link0"] {
        let answer = tell(&host, json!({ "read": format!("/tmp/{path}") })).await;
        assert_eq!(answer, json!({ "error": "PermissionDenied" }), "{path}");
    }
    host.close().await;
}

#[tokio::test]
async fn the_package_is_read_only_by_every_way_to_it() {
    let host = files(|it| it).await;
    for path in ["/var/task/new", "new", "./new", "/var/task/../task/new"] {
        let answer = tell(&host, json!({ "write": { "path": path, "text": "tea" } })).await;
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(["ReadOnlyFilesystem", "PermissionDenied"].contains(&error), "{path}: {answer}");
    }
    let made = tell(&host, json!({ "makeFolder": "/var/task/folder" })).await;
    assert_eq!(made, json!({ "error": "ReadOnlyFilesystem" }));
    tell(&host, json!({ "write": { "path": "/tmp/file", "text": "tea" } })).await;
    let moved = tell(&host, json!({ "rename": { "from": "/tmp/file", "to": "/var/task/file" } })).await;
    assert_eq!(moved, json!({ "error": "CrossesDevices" }));
    assert_eq!(tell(&host, json!({ "list": "." })).await, json!({ "names": [] }));
    host.close().await;
}

#[tokio::test]
async fn folders_and_names_are_made_moved_and_removed() {
    let host = files(|it| it).await;
    for task in [
        json!({ "makeFolder": "/tmp/a/b/c" }),
        json!({ "makeFolder": "/tmp/a/b" }),
        json!({ "rename": { "from": "/tmp/a/b", "to": "/tmp/d" } }),
        json!({ "link": { "to": "d", "path": "/tmp/to-d" } }),
    ] {
        assert_eq!(tell(&host, task.clone()).await, json!({}), "{task}");
    }
    for (name, text) in [("/tmp/d/old", "old"), ("/tmp/to-d/new", "newer")] {
        tell(&host, json!({ "write": { "path": name, "text": text } })).await;
    }
    assert_eq!(tell(&host, json!({ "list": "/tmp/d" })).await, json!({ "names": ["c", "new", "old"] }));
    let over = json!({ "rename": { "from": "/tmp/d/old", "to": "/tmp/d/new" } });
    assert_eq!(tell(&host, over).await, json!({}), "a file is renamed over another");
    assert_eq!(tell(&host, json!({ "read": "/tmp/to-d/new" })).await, json!({ "text": "old" }));
    let looked = tell(&host, json!({ "look": "/tmp/to-d" })).await;
    assert_eq!(looked, json!({ "link": true, "folder": true, "bytes": 0 }));
    let within = json!({ "rename": { "from": "/tmp/d", "to": "/tmp/d/c/d" } });
    assert_eq!(tell(&host, within).await, json!({ "error": "InvalidInput" }));
    for path in ["/tmp/to-d", "/tmp/d", "/tmp/a"] {
        assert_eq!(tell(&host, json!({ "remove": path })).await, json!({}), "{path} and all below it");
    }
    assert_eq!(tell(&host, json!({ "list": "/tmp" })).await, json!({ "names": [] }));
    host.close().await;
}

fn megabytes(answer: &Value) -> u64 {
    answer["megabytes"].as_u64().expect("a number")
}

#[tokio::test]
async fn files_have_no_more_room_than_the_ephemeral_storage() {
    let host = files(|it| it.memory_mb(1536)).await;
    let fill = |path: &str| json!({ "fill": { "path": path, "megabytes": 1000 } });
    let filled = megabytes(&tell(&host, fill("/tmp/one")).await);
    // Blocks are counted with what it takes to find them, so that it is a little less.
    assert!((490..512).contains(&filled), "{filled} MB");
    assert_eq!(megabytes(&tell(&host, fill("/tmp/two")).await), 0, "there is no room for more");
    for removed in ["/tmp/two", "/tmp/one"] {
        assert_eq!(tell(&host, json!({ "remove": removed })).await, json!({}));
    }
    assert_eq!(megabytes(&tell(&host, fill("/tmp/two")).await), filled, "and all of it came back");
    host.close().await;

    let host = files(|it| it.memory_mb(1536).ephemeral_storage_mb(700)).await;
    let filled = megabytes(&tell(&host, fill("/tmp/one")).await);
    assert!((670..700).contains(&filled), "{filled} MB");
    host.close().await;
}

#[tokio::test]
async fn files_and_memory_share_the_functions_memory() {
    let host = files(|it| it.memory_mb(256)).await;
    let outcome = invoke(&host, "files:1", r#"{"fill": {"path": "/tmp/one", "megabytes": 1000}}"#).await;
    let filled = megabytes(&answer(&outcome));
    assert!((230..256).contains(&filled), "{filled} MB");
    let used = outcome.report.max_memory_used_bytes;
    assert!(used <= 256 << 20 && used > filled << 20, "{used} bytes reported for {filled} MB");
    assert!(host.idle_memory_bytes() > filled << 20, "what it keeps while idle is told to the budget");

    tell(&host, json!({ "remove": "/tmp/one" })).await;
    assert!(host.idle_memory_bytes() < 32 << 20, "and so is what it gave back");
    let outcome = invoke(&host, "files:1", r#"{"list": "/tmp"}"#).await;
    assert_eq!(outcome.report.max_memory_used_bytes, used, "the report tells the most there was");
    host.close().await;
}

#[tokio::test]
async fn memory_is_refused_where_files_hold_the_rest() {
    let host = files(|it| it.memory_mb(128)).await;
    tell(&host, json!({ "fill": { "path": "/tmp/one", "megabytes": 100 } })).await;
    // Reading it takes as much memory as it holds, which is no longer there.
    let outcome = invoke(&host, "files:1", r#"{"read": "/tmp/one"}"#).await;
    let refused = outcome.answer.as_ref().map_or_else(
        |_| error_type(&outcome) == "Runtime.OutOfMemory",
        |_| answer(&outcome) == json!({ "error": "OutOfMemory" }),
    );
    assert!(refused, "{outcome:?}");
    host.close().await;
}

#[tokio::test]
async fn a_million_empty_files_are_bounded_too() {
    let host = files(|it| it).await;
    let outcome = invoke(&host, "files:1", r#"{"empty": {"folder": "/tmp", "files": 1000000}}"#).await;
    let made = answer(&outcome)["files"].as_u64().expect("a number");
    assert!((100_000..250_000).contains(&made), "{made} files in 128 MB");
    assert!(outcome.report.max_memory_used_bytes <= 128 << 20);
    host.close().await;
}

#[tokio::test]
async fn a_file_without_a_name_is_there_until_it_is_closed() {
    let host = files(|it| it.memory_mb(256)).await;
    let scratch = json!({ "scratch": { "path": "/tmp/scratch", "megabytes": 200 } });
    for _ in 0..3 {
        let answer = tell(&host, scratch.clone()).await;
        assert_eq!(answer, json!({ "megabytes": 200, "read": 200, "named": false }));
    }
    assert_eq!(tell(&host, json!({ "list": "/tmp" })).await, json!({ "names": [] }));
    host.close().await;
}

#[tokio::test]
async fn a_full_disk_is_an_answer_and_no_end() {
    let host = files(|it| it.memory_mb(1024)).await;
    tell(&host, json!({ "fill": { "path": "/tmp/one", "megabytes": 1000 } })).await;
    let more = tell(&host, json!({ "append": { "path": "/tmp/one", "text": "x".repeat(1 << 20) } })).await;
    assert!(more["error"].is_string(), "{more}");
    tell(&host, json!({ "empty": { "folder": "/tmp", "files": 10_000 } })).await;
    let folder = tell(&host, json!({ "makeFolder": "/tmp/folder" })).await;
    assert_eq!(folder, json!({ "error": "StorageFull" }));
    let file = tell(&host, json!({ "write": { "path": "/tmp/file", "text": "tea" } })).await;
    assert_eq!(file, json!({ "error": "StorageFull" }));
    assert_eq!(tell(&host, json!({ "remove": "/tmp/one" })).await, json!({}));
    let file = tell(&host, json!({ "write": { "path": "/tmp/file", "text": "tea" } })).await;
    assert_eq!(file, json!({ "written": 3 }));
    host.close().await;
}

#[tokio::test]
async fn storage_out_of_its_range_is_refused() {
    let host = Host::temporary().await.expect("a host");
    for megabytes in [0, 511, 10_241] {
        let deployment = Deployment::new("files", guest("files")).ephemeral_storage_mb(megabytes);
        let refused = host.publish(deployment).await.expect_err("refused").to_string();
        assert!(refused.contains("512 to 10240"), "{refused}");
    }
    publish(&host, "files", |it| it.ephemeral_storage_mb(10_240)).await;
    host.close().await;
}
