//! What is not a function is refused when it is uploaded, with what it is and what it should be.

use samovar::{CreateFunction, CreateFunctionError, Host};
use samovar_tests::{code_files, component_of_world, function, guest};

async fn refusal(package: Vec<u8>) -> String {
    let host = Host::temporary().await.expect("a host");
    let refused = host.create_function(CreateFunction::new(function("bad"), package)).await;
    let error = refused.expect_err("it is refused");
    assert!(matches!(error, CreateFunctionError::Code(_)), "{error:?}");
    assert!(host.function(&function("bad")).is_err(), "nothing is left of it");
    host.close().await;
    error.to_string()
}

#[tokio::test]
async fn every_refusal_says_what_it_is_and_what_it_should_be() {
    let core_module = wat::parse_str("(module)").expect("a module");
    let foreign = component_of_world(
        "package acme:clock@1.0.0; interface ticks { ticks: func() -> u64; } world clock { export ticks; }",
        "clock",
        r#"(module (func (export "acme:clock/ticks@1.0.0#ticks") (result i64) i64.const 1))"#,
    );
    let cases: Vec<(Vec<u8>, &[&str])> = vec![
        (Vec::new(), &["it is empty", "wasm32-wasip2"]),
        (b"fn main() {}".to_vec(), &["not WebAssembly", "wasm32-wasip2"]),
        (b"PK\x03\x04".to_vec(), &["the zip cannot be read"]),
        (
            std::fs::read(std::env::current_exe().expect("a path")).expect("this test")[..1000].to_vec(),
            &["an ELF header"],
        ),
        (core_module, &["a core WebAssembly module that cannot be run", "samovar-sdk"]),
        (foreign, &["samovar:function/handler@0.1.0", "it exports acme:clock/ticks@1.0.0"]),
        (guest("echo")[..1000].to_vec(), &["could not be compiled"]),
        (with_import(), &["imports", "samovar:function/extra@0.1.0"]),
        (of_another_type(), &["another type", "samovar:function/handler@0.1.0"]),
    ];
    for (package, parts) in cases {
        let message = refusal(package).await;
        for part in parts {
            assert!(message.contains(part), "no {part:?} in: {message}");
        }
        assert!(message.lines().count() == 1, "one line: {message}");
    }
}

#[tokio::test]
async fn a_package_over_the_limit_is_refused_by_its_size() {
    let message = refusal(vec![0; 52_428_801]).await;
    assert!(message.contains("52428801 bytes") && message.contains("52428800 bytes"), "{message}");
}

#[tokio::test]
async fn a_refused_package_leaves_no_file_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let builder = Host::builder().data_dir(folder.path()).instances_max(16);
    let host = builder.start().await.expect("a host");
    for package in [b"not wasm".to_vec(), guest("echo")[..1000].to_vec()] {
        let refused = host.create_function(CreateFunction::new(function("bad"), package)).await;
        assert!(refused.is_err());
    }
    assert_eq!(code_files(folder.path()), (0, 0));
    host.close().await;
}

#[tokio::test]
async fn a_replaced_package_goes_with_the_last_version_that_had_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = Host::builder().data_dir(folder.path()).instances_max(16).start().await.expect("a host");
    for name in ["hello", "echo", "counter", "hello"] {
        let update = samovar::UpdateFunctionCode::new(function("f"), guest(name));
        if host.update_function_code(update).await.is_err() {
            host.create_function(CreateFunction::new(function("f"), guest(name))).await.expect("made");
        }
        assert_eq!(code_files(folder.path()).0, 1);
    }
    host.close().await;
}

#[tokio::test]
async fn what_else_lies_in_a_data_folder_stays_there() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("code")).expect("made");
    let precious = [folder.path().join("code/thesis.txt"), folder.path().join("notes.txt")];
    for file in &precious {
        std::fs::write(file, "years of work").expect("written");
    }
    let code = folder.path().join("samovar-code");
    for name in ["first", "second"] {
        let host = Host::builder().data_dir(folder.path()).instances_max(16).start().await.expect("a host");
        host.create_function(CreateFunction::new(function(name), guest("hello"))).await.expect("made");
        assert_eq!(code_files(folder.path()), (1, 1), "left-overs are gone");
        host.close().await;
        drop(host);
        // As after a crash: a file of an earlier process.
        std::fs::write(code.join("packages/0-0.package"), "left over").expect("written");
        std::fs::write(code.join("compiled/partial-0"), "left over").expect("written");
    }
    assert!(precious.iter().all(|file| file.exists()));
}

#[tokio::test]
async fn a_data_folder_that_others_can_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).expect("changed");
    let refused =
        Host::builder().data_dir(folder.path()).instances_max(16).start().await.expect_err("refused");
    assert!(refused.to_string().contains("others may write to it"), "{refused}");
}

#[tokio::test]
async fn a_data_folder_is_used_by_one_host_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = || Host::builder().data_dir(folder.path()).instances_max(16).start();
    let host = start().await.expect("a host");
    let error = start().await.expect_err("refused").to_string();
    assert!(error.contains("another process uses this folder"), "{error}");
    host.close().await;
    drop(host);
    start().await.expect("free again").close().await;
}

/// Our world, and an import that no host has.
fn with_import() -> Vec<u8> {
    let wit = std::fs::read_to_string(samovar_tests::root().join("sdk/wit/function.wit")).expect("the WIT");
    let wit = format!(
        "{wit}\ninterface extra {{ ticks: func() -> u64; }}\nworld needy {{ import extra; include function; }}"
    );
    let core = r#"(module
        (import "samovar:function/extra@0.1.0" "ticks" (func (result i64)))
        (memory (export "memory") 1)
        (func (export "samovar:function/handler@0.1.0#handle")
            (param i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable)
        (func (export "samovar:function/lifecycle@0.1.0#init") (result i32) unreachable)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable))"#;
    component_of_world(&wit, "needy", core)
}

/// Exports a handler that takes nothing.
fn of_another_type() -> Vec<u8> {
    component_of_world(
        "package samovar:function@0.1.0; interface handler { handle: func(); } world other { export handler; }",
        "other",
        r#"(module (func (export "samovar:function/handler@0.1.0#handle")))"#,
    )
}
