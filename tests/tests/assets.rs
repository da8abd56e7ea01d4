//! Packages that are zips: the files beside the component, and the handler that says which component is meant.

use samovar::{CreateFunction, Deployment, Host, UpdateFunctionCode, UpdateFunctionError};
use samovar_tests::zip::{Entry, Zip};
use samovar_tests::{answer, function, guest, invoke};
use serde_json::{Value, json};

async fn tell(host: &Host, task: Value) -> Value {
    answer(&invoke(host, "files", &task.to_string()).await)
}

fn with_assets() -> Vec<u8> {
    Zip::of([
        Entry::folder("data/"),
        Entry::deflated("data/teas.txt", b"green\nblack\n"),
        Entry::stored("motto.txt", b"tea first"),
        Entry::deflated("bin/files.wasm", &guest("files")),
    ])
    .build()
}

#[tokio::test]
async fn a_function_finds_the_files_of_its_package_and_cannot_change_them() {
    let host = Host::temporary().await.expect("a host");
    host.create_function(CreateFunction::new(function("files"), with_assets())).await.expect("made");
    for path in ["/var/task/motto.txt", "motto.txt", "./motto.txt", "data/../motto.txt"] {
        assert_eq!(tell(&host, json!({ "read": path })).await, json!({ "text": "tea first" }), "{path}");
    }
    assert_eq!(tell(&host, json!({ "read": "data/teas.txt" })).await, json!({ "text": "green\nblack\n" }));
    let names = tell(&host, json!({ "list": "/var/task" })).await;
    assert_eq!(names, json!({ "names": ["data", "motto.txt"] }), "and not the component itself");
    let write = json!({ "write": { "path": "/var/task/motto.txt", "text": "coffee" } });
    assert_eq!(tell(&host, write).await, json!({ "error": "ReadOnlyFilesystem" }));
    host.close().await;
}

#[tokio::test]
async fn the_files_of_a_package_go_with_its_code() {
    let host = Host::temporary().await.expect("a host");
    host.publish(Deployment::new("files", with_assets())).await.expect("published");
    host.publish(Deployment::new("files", guest("files"))).await.expect("published");
    assert_eq!(tell(&host, json!({ "read": "motto.txt" })).await, json!({ "error": "NotFound" }));
    let old = host.invoke(samovar::Invoke::new(function("files:1"), r#"{"read":"motto.txt"}"#)).await;
    assert_eq!(answer(&old.expect("it runs")), json!({ "text": "tea first" }));
    host.close().await;
}

fn several() -> Vec<u8> {
    Zip::of([
        Entry::deflated("hello.wasm", &guest("hello")),
        Entry::deflated("lib/echo.wasm", &guest("echo")),
    ])
    .build()
}

#[tokio::test]
async fn the_handler_names_the_component_if_there_are_several() {
    let host = Host::temporary().await.expect("a host");
    let event = r#"{"name":"Ada"}"#;
    let greeting = json!({ "message": "Hello, Ada!" });
    for (handler, expected) in [
        ("hello", &greeting),
        ("hello.wasm", &greeting),
        ("lib/echo", &json!({ "name": "Ada" })),
        ("lib/echo.wasm", &json!({ "name": "Ada" })),
    ] {
        host.publish(Deployment::new("several", several()).handler(handler)).await.expect(handler);
        assert_eq!(&answer(&invoke(&host, "several", event).await), expected, "{handler}");
    }
    let refused = host.publish(Deployment::new("several", several()).handler("bootstrap")).await;
    let message = refused.expect_err("refused").to_string();
    assert!(message.contains("hello.wasm") && message.contains("lib/echo.wasm"), "{message}");
    host.close().await;
}

#[tokio::test]
async fn another_handler_is_another_component_of_the_same_package() {
    let host = Host::temporary().await.expect("a host");
    let mut create = CreateFunction::new(function("several"), several());
    "hello".clone_into(&mut create.configuration.handler);
    host.create_function(create).await.expect("made");
    let event = r#"{"name":"Ada"}"#;
    assert_eq!(answer(&invoke(&host, "several", event).await)["message"], "Hello, Ada!");
    let name = function("several");
    let changed = host
        .update_function_configuration(&name, None, |it| {
            "lib/echo".clone_into(&mut it.handler);
            Ok::<_, UpdateFunctionError>(())
        })
        .await
        .expect("changed");
    assert_eq!(answer(&invoke(&host, "several", event).await), json!({ "name": "Ada" }));
    let refused = host
        .update_function_configuration(&name, None, |it| {
            "nobody".clone_into(&mut it.handler);
            Ok::<_, UpdateFunctionError>(())
        })
        .await;
    assert!(matches!(refused, Err(UpdateFunctionError::Code(_))), "{refused:?}");
    let present = host.function(&name).expect("it is there");
    assert_eq!(
        (present.configuration.handler, present.revision_id),
        ("lib/echo".to_owned(), changed.revision_id)
    );
    // The handler that counts for new code is the one that the function has.
    host.update_function_code(UpdateFunctionCode::new(name, several())).await.expect("updated");
    assert_eq!(answer(&invoke(&host, "several", event).await), json!({ "name": "Ada" }));
    host.close().await;
}
