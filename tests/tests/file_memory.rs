//! What is left of a guest's files in the host's memory. Alone in its process, as it looks at that process's memory.

use samovar::Deployment;
use samovar::Host;
use samovar::function::Isolation;
use samovar_tests::process::resident_bytes;
use samovar_tests::{answer, guest, invoke};

/// Found by running hostile guests again and again: after files of 128 MB were gone, the host kept up to 180 MB for more of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_gone_take_no_memory() {
    let host = Host::builder().instances_max(16).start().await.expect("a host");
    let deployment = Deployment::new("files", guest("files")).memory_mb(256).timeout_seconds(60);
    host.publish(deployment.isolation(Isolation::Fresh)).await.expect("published");
    invoke(&host, "files", r#"{"fill": {"path": "/tmp/a", "megabytes": 1}}"#).await;
    let before = resident_bytes(std::process::id());
    for _ in 0..3 {
        let fills: Vec<_> = (0..4)
            .map(|_| {
                let host = host.clone();
                tokio::spawn(async move {
                    let filled =
                        invoke(&host, "files", r#"{"fill": {"path": "/tmp/a", "megabytes": 60}}"#).await;
                    assert_eq!(answer(&filled)["megabytes"], 60);
                })
            })
            .collect();
        for fill in fills {
            fill.await.expect("it is filled");
        }
    }
    let grown = resident_bytes(std::process::id()).saturating_sub(before);
    assert!(grown < 32 << 20, "the host has grown by {} MiB", grown >> 20);
    host.close().await;
}
