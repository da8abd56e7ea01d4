//! Samovar inside another process.

use std::process::Command;

use samovar::{Deployment, Host, StartError};
use samovar_tests::{answer, component_of_world, guest_path, invoke, root};

#[test]
fn the_embedding_example_runs_cold_and_warm() {
    let example = root().join("target/release/examples/embed");
    let output = Command::new(example).arg(guest_path("hello")).output().expect("cargo test has built it");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = stdout.lines().collect();
    assert!(lines[0].starts_with(r#"{"message":"Hello, Ada!"} (cold, "#), "{stdout}");
    assert!(lines[1].starts_with(r#"{"message":"Hello, Ada!"} (warm, "#), "{stdout}");
}

/// A function that answers with what the host function `ticks` gives it: one digit.
fn asking_for_ticks() -> Vec<u8> {
    let wit = std::fs::read_to_string(root().join("sdk/wit/function.wit")).expect("the WIT is there");
    let wit = format!(
        "{wit}\ninterface clock {{ ticks: func() -> u32; }}\nworld asking {{ import clock; include function; }}"
    );
    let core = r#"(module
        (import "samovar:function/clock@0.1.0" "ticks" (func $ticks (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 16) "\00\00\00\00\40\00\00\00\01\00\00\00")
        (func (export "samovar:function/handler@0.1.0#handle")
            (param i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
            (i32.store8 (i32.const 64) (i32.add (i32.const 48) (call $ticks)))
            i32.const 16)
        (func (export "samovar:function/lifecycle@0.1.0#init") (result i32) i32.const 32)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024))"#;
    component_of_world(&wit, "asking", core)
}

#[tokio::test]
async fn an_embedders_own_host_functions_are_there_for_guests() {
    let builder = Host::builder().instances_max(16).link(|linker| {
        let mut clock = linker.instance("samovar:function/clock@0.1.0")?;
        clock.func_wrap("ticks", |store, ()| {
            assert_eq!(store.data().function_name(), "asking");
            assert!(store.data().request_id().is_some(), "a request is being handled");
            Ok((7_u32,))
        })
    });
    let host = builder.start().await.expect("a host");
    host.publish(Deployment::new("asking", asking_for_ticks())).await.expect("it is published");
    assert_eq!(answer(&invoke(&host, "asking:1", "{}").await), 7);
    host.close().await;
}

#[tokio::test]
async fn host_functions_that_cannot_be_linked_stop_the_start() {
    let twice = Host::builder().instances_max(16).link(|linker| {
        linker.root().func_wrap("f", |_, ()| Ok(()))?;
        linker.root().func_wrap("f", |_, ()| Ok(()))
    });
    let error = twice.start().await.expect_err("refused");
    assert!(matches!(error, StartError::Engine(_)) && error.to_string().contains("linked"), "{error}");
}

#[tokio::test]
async fn publishing_again_makes_the_next_version_and_unchanged_the_same() {
    let host = Host::temporary().await.expect("a host");
    let deployment = || Deployment::new("hello", samovar_tests::guest("hello"));
    let number = async |deployment| host.publish(deployment).await.expect("published").number.to_string();
    assert_eq!(number(deployment()).await, "1");
    assert_eq!(number(deployment()).await, "1");
    assert_eq!(number(deployment().memory_mb(256)).await, "2");
    assert_eq!(number(Deployment::new("hello", samovar_tests::guest("echo"))).await, "3");
    host.close().await;
}

#[tokio::test]
async fn many_who_publish_the_same_code_at_a_time_share_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = Host::builder().data_dir(folder.path()).instances_max(16).start().await.expect("a host");
    let all = (0..16).map(|number| {
        let host = host.clone();
        tokio::spawn(async move {
            let name = format!("hello-{number}");
            host.publish(Deployment::new(name, samovar_tests::guest("hello")))
                .await
                .expect("published")
                .code_sha256
        })
    });
    let mut digests = Vec::new();
    for one in all.collect::<Vec<_>>() {
        digests.push(one.await.expect("it does not panic"));
    }
    assert!(digests.iter().all(|digest| *digest == digests[0]));
    assert_eq!(samovar_tests::code_files(folder.path()), (1, 1), "one for all of them");
    host.close().await;
}
