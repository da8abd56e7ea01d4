//! Compilation apart from the serving process, and what it leaves on disk.

use std::path::{Path, PathBuf};
use std::task::{Context, Waker};
use std::time::Duration;

use samovar::function::{AliasName, AliasRouting};
use samovar::{
    CodeError, CompileLimits, Compiler, CreateAlias, CreateFunction, CreateFunctionError, Deployment, Host,
    PublishVersion, UpdateFunctionCode,
};
use samovar_tests::{
    Server, answer, code_files, function, guest, invoke, published, raw_request, samovar_binary,
};
use serde_json::{Value, json};

fn limits(memory_bytes: u64, cpu: Duration, time: Duration) -> CompileLimits {
    let mut limits = CompileLimits::default();
    (limits.memory_bytes, limits.cpu, limits.time) = (memory_bytes, cpu, time);
    limits
}

async fn host_in(folder: &Path, compiler: Compiler, limits: CompileLimits) -> Host {
    let builder = Host::builder().data_dir(folder).instances_max(8);
    builder.compiler(compiler).compile_limits(limits).start().await.expect("a host")
}

fn worker() -> Compiler {
    Compiler::Worker(samovar_binary())
}

/// A command of many functions, each of many statements, about ten bytes of WebAssembly each.
fn large_command(functions: usize, statements: usize) -> Vec<u8> {
    fn leb(mut value: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    }
    let section = |id: u8, content: Vec<u8>| [vec![id], leb(content.len()), content].concat();
    // Three locals of 64 bits: the first becomes the first times the second plus the third.
    let statement: &[u8] = &[0x20, 0, 0x20, 1, 0x7e, 0x20, 2, 0x7c, 0x21, 0];
    let body = [&[1, 3, 0x7e][..], &statement.repeat(statements), &[0x0b]].concat();
    let body = [leb(body.len()), body].concat();
    [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, vec![1, 0x60, 0, 0]),
        section(3, [leb(functions), vec![0; functions]].concat()),
        section(5, vec![1, 0, 1]),
        section(7, b"\x02\x06_start\x00\x00\x06memory\x02\x00".to_vec()),
        section(10, [leb(functions), body.repeat(functions)].concat()),
    ]
    .concat()
}

fn refused(result: Result<samovar::FunctionVersion, CreateFunctionError>) -> CodeError {
    match result.expect_err("it is refused") {
        CreateFunctionError::Code(error) => error,
        other => panic!("refused for another reason: {other}"),
    }
}

async fn create(
    host: &Host,
    name: &str,
    package: Vec<u8>,
) -> Result<samovar::FunctionVersion, CreateFunctionError> {
    host.create_function(CreateFunction::new(function(name), package)).await
}

fn compiled_file(folder: &Path) -> PathBuf {
    let mut files = std::fs::read_dir(folder.join("samovar-code/compiled")).expect("the folder");
    let file = files.next().expect("one file").expect("an entry").path();
    assert!(files.next().is_none(), "one only");
    file
}

#[tokio::test]
async fn a_worker_compiles_what_runs_and_refuses_what_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host_in(folder.path(), worker(), CompileLimits::default()).await;
    create(&host, "hello", guest("hello")).await.expect("made");
    assert_eq!(answer(&invoke(&host, "hello", r#"{"name":"Ada"}"#).await)["message"], "Hello, Ada!");
    let error = refused(create(&host, "bad", guest("hello")[..50_000].to_vec()).await);
    assert!(matches!(error, CodeError::Program(_)), "{error:?}");
    assert_eq!(code_files(folder.path()), (1, 1));
    host.close().await;
}

/// Artifacts are machine code: what is not exactly what was compiled must not run.
#[tokio::test]
async fn a_flipped_bit_in_compiled_code_is_noticed_and_the_code_compiled_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let package = guest("raw");
    let host = host_in(folder.path(), Compiler::InProcess, CompileLimits::default()).await;
    create(&host, "raw", package.clone()).await.expect("made");
    let file = compiled_file(folder.path());
    let pristine = std::fs::read(&file).expect("it can be read");
    let expected = answer(&invoke(&host, "raw", r#"{"a":1}"#).await);
    host.close().await;
    drop(host);

    let flip = |case: usize| {
        let mut bytes = pristine.clone();
        // Spread over the whole file, its last bits among them: a prime as a stride.
        let bit = (bytes.len() * 8 - 1) - (case * 1_000_003) % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&file, bytes).expect("it can be written");
        bit
    };
    for case in 0..200 {
        // Before a host takes the function over, or between its being made of what is there and its first event.
        let early = case % 2 == 0;
        let mut bit = if early { flip(case) } else { 0 };
        let host = host_in(folder.path(), Compiler::InProcess, CompileLimits::default()).await;
        if !early {
            host.delete_function(&function("raw")).await.expect("deleted");
            create(&host, "raw", package.clone()).await.expect("made");
            bit = flip(case);
        }
        assert_eq!(answer(&invoke(&host, "raw", r#"{"a":1}"#).await), expected, "bit {bit}");
        assert!(std::fs::read(&file).expect("it is there") == pristine, "bit {bit} was noticed and repaired");
        host.close().await;
    }
}

#[tokio::test]
async fn code_whose_package_is_damaged_too_is_not_run_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host_in(folder.path(), Compiler::InProcess, CompileLimits::default()).await;
    create(&host, "raw", guest("raw")).await.expect("made");
    let package = std::fs::read_dir(folder.path().join("samovar-code/packages")).expect("the folder");
    let package = package.map(|entry| entry.expect("an entry").path()).next().expect("a package");
    for file in [compiled_file(folder.path()), package] {
        let mut bytes = std::fs::read(&file).expect("it can be read");
        bytes[1000] ^= 1;
        std::fs::write(&file, bytes).expect("it can be written");
    }
    let error = host.invoke(samovar::Invoke::new(function("raw"), "{}")).await.expect_err("not run");
    let message = error.to_string();
    assert!(message.contains("could not be loaded") && message.contains("SHA-256"), "{message}");
    host.close().await;
}

#[tokio::test]
async fn what_was_compiled_before_a_restart_is_not_compiled_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host_in(folder.path(), worker(), CompileLimits::default()).await;
    create(&host, "hello", guest("hello")).await.expect("made");
    host.close().await;
    drop(host);
    let nobody = Compiler::Worker("/nonexistent/compiler".into());
    let host = host_in(folder.path(), nobody, CompileLimits::default()).await;
    invoke(&host, "hello", "{}").await.answer.expect("it runs without a compiler");
    create(&host, "hello-again", guest("hello")).await.expect("made without a compiler");
    let error = refused(create(&host, "echo", guest("echo")).await);
    assert!(
        matches!(&error, CodeError::Worker { reason } if reason.contains("/nonexistent/compiler")),
        "{error}"
    );
    host.close().await;
}

/// Who changed a function held its claim on the account's concurrency until the code was compiled or loaded, also of one that
/// was removed meanwhile.
#[tokio::test]
async fn a_removed_function_gives_its_concurrency_back_although_code_is_still_prepared_for_it() {
    async fn is_given_back<T: std::fmt::Debug>(host: &Host, change: impl Future<Output = T>) {
        let unreserved = || host.account_usage(host.region()).unreserved_concurrency;
        let before = unreserved();
        host.reserve_concurrency(&function("hello"), 20).await.expect("it is reserved");
        assert_eq!(unreserved(), before - 20);
        let mut change = std::pin::pin!(change);
        let polled = change.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending(), "{polled:?}");
        host.delete_function(&function("hello")).await.expect("it is removed");
        assert_eq!(unreserved(), before);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let start = || host_in(folder.path(), Compiler::InProcess, CompileLimits::default());
    let create_hello = || async {
        let host = start().await;
        create(&host, "hello", guest("hello")).await.expect("it is created");
        host.publish_version(&PublishVersion::new(function("hello"))).await.expect("it is published");
        host.close().await;
        drop(host);
        // Its code is on the disk and not in memory.
        start().await
    };
    let host = create_hello().await;
    let update = UpdateFunctionCode::new(function("hello"), guest("echo"));
    is_given_back(&host, host.update_function_code(update)).await;
    host.close().await;
    drop(host);
    let host = create_hello().await;
    let alias = AliasName::parse("live").expect("a name");
    let alias = CreateAlias::new(function("hello"), alias, AliasRouting::to(published(1)));
    is_given_back(&host, host.create_alias(&alias)).await;
    host.close().await;
}

#[tokio::test]
async fn an_executable_that_is_no_worker_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host_in(folder.path(), Compiler::Worker("/bin/false".into()), CompileLimits::default()).await;
    let error = refused(create(&host, "hello", guest("hello")).await);
    assert!(matches!(&error, CodeError::Worker { reason } if reason.contains("/bin/false")), "{error}");
    assert_eq!(code_files(folder.path()), (0, 0));
    host.close().await;
}

#[tokio::test]
async fn a_component_that_takes_too_long_to_compile_is_refused_at_the_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    let slow = large_command(4000, 500);
    let cpu = limits(3 << 30, Duration::from_secs(1), Duration::from_secs(60));
    let host = host_in(folder.path(), worker(), cpu).await;
    let error = refused(create(&host, "slow", slow.clone()).await);
    assert!(
        matches!(error, CodeError::CompileTime { limit } if limit == Duration::from_secs(1)),
        "{error:?}"
    );
    host.close().await;
    drop(host);
    let wall = limits(3 << 30, Duration::from_secs(60), Duration::from_millis(500));
    let host = host_in(folder.path(), worker(), wall).await;
    let error = refused(create(&host, "slow", slow).await);
    assert!(matches!(error, CodeError::CompileTime { .. }), "{error:?}");
    assert_eq!(code_files(folder.path()), (0, 0));
    host.close().await;
}

#[tokio::test]
async fn a_component_that_takes_too_much_memory_to_compile_is_refused_at_the_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    let memory = limits(256 << 20, Duration::from_secs(60), Duration::from_secs(120));
    let host = host_in(folder.path(), worker(), memory).await;
    let error = refused(create(&host, "large", large_command(4000, 500)).await);
    assert!(
        matches!(error, CodeError::CompileMemory { limit_bytes } if limit_bytes == 256 << 20),
        "{error:?}"
    );
    create(&host, "hello", guest("hello")).await.expect("ordinary code is compiled within it");
    host.close().await;
}

/// The fault catalogue's 10,000 imports and 50 MB of functions.
#[tokio::test]
async fn monstrous_modules_stay_inside_the_limits_of_the_worker() {
    let folder = tempfile::tempdir().expect("a folder");
    let tight = limits(1 << 30, Duration::from_secs(10), Duration::from_secs(30));
    let host = host_in(folder.path(), worker(), tight).await;
    create(&host, "hello", guest("hello")).await.expect("made");
    let imports: String =
        (0..10_000).map(|n| format!("(import \"wasi_snapshot_preview1\" \"f{n}\" (func))")).collect();
    let imports = wat::parse_str(format!(
        "(module {imports} (memory (export \"memory\") 1) (func (export \"_start\")))"
    ))
    .expect("it is WebAssembly");
    let functions = large_command(5000, 1000);
    assert!(functions.len() > 45_000_000 && functions.len() < 52_000_000, "{} bytes", functions.len());
    for (name, package) in [("imports", imports), ("functions", functions)] {
        let started = tokio::time::Instant::now();
        let monster = {
            let host = host.clone();
            tokio::spawn(async move { create(&host, "monster", package).await })
        };
        let mut beside = 0;
        while !monster.is_finished() {
            assert!(invoke(&host, "hello", r#"{"name":"Ada"}"#).await.answer.is_ok());
            beside += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Whether it fits the limits or not, it is an answer.
        let outcome = match monster.await.expect("it does not panic") {
            Ok(_made) => "compiled".to_owned(),
            Err(CreateFunctionError::Code(error)) => error.to_string(),
            Err(error) => panic!("{error}"),
        };
        println!("{name}: {outcome} after {:?}, with {beside} events beside it", started.elapsed());
        assert!(started.elapsed() < tight.time + Duration::from_secs(5), "{name}");
        assert!(beside > 0);
    }
    host.close().await;
}

fn create_request(name: &str, package: &[u8]) -> Vec<u8> {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let body = json!({
        "FunctionName": name, "Role": "arn:aws:iam::000000000000:role/any", "Runtime": "provided.al2023",
        "Handler": "bootstrap", "Code": { "ZipFile": BASE64_STANDARD.encode(package) },
    });
    body.to_string().into_bytes()
}

fn configuration(server: &Server, name: &str) -> (u16, Value) {
    let path = format!("/2015-03-31/functions/{name}/configuration");
    let response = raw_request(server.address(), &format!("GET {path} HTTP/1.1\nHost: localhost"), b"");
    (response.status, response.json())
}

fn post(server: &Server, path: &str, body: &[u8]) -> (u16, Value) {
    let head = format!("POST {path} HTTP/1.1\nHost: localhost\nContent-Type: application/json");
    let response = raw_request(server.address(), &head, body);
    (response.status, response.json())
}

/// A running compile worker of that process, with that many bytes of memory as its limit.
fn worker_of(server: u32, memory_bytes: u64) -> Option<u32> {
    std::fs::read_dir("/proc").expect("it is Linux").filter_map(Result::ok).find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let parent: u32 = stat.rsplit(") ").next()?.split(' ').nth(1)?.parse().ok()?;
        let command = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let arguments: Vec<&str> = command.split('\0').collect();
        let is_it =
            arguments.contains(&"compile-worker") && arguments.contains(&memory_bytes.to_string().as_str());
        (parent == server && is_it).then_some(pid)
    })
}

fn until<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    for _ in 0..6000 {
        if let Some(found) = check() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("within a minute there was no {what}");
}

#[test]
fn a_function_is_pending_while_it_is_compiled_and_everybody_can_see_it() {
    let server = Server::start_with(&["--compile-wait-seconds", "0"]);
    let package = large_command(1500, 500);
    let (status, created) = post(&server, "/2015-03-31/functions", &create_request("slow", &package));
    assert_eq!(status, 201, "{created}");
    let (_, pending) = configuration(&server, "slow");
    for shown in [&created, &pending] {
        assert_eq!((&shown["State"], &shown["StateReasonCode"]), (&json!("Pending"), &json!("Creating")));
    }
    let (status, refused) = post(&server, "/2015-03-31/functions/slow/invocations", b"{}");
    assert_eq!(status, 409, "{refused}");
    assert!(refused["message"].as_str().expect("a message").ends_with("state: Pending"), "{refused}");
    let (status, refused) = post(&server, "/2015-03-31/functions/slow/versions", b"{}");
    assert_eq!(status, 409, "{refused}");
    until("active function", || (configuration(&server, "slow").1["State"] == "Active").then_some(()));
    assert_eq!(post(&server, "/2015-03-31/functions/slow/invocations", b"{}"), (200, Value::Null));
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_worker_goes_when_its_host_is_killed() {
    let server = Server::start();
    let (address, host) = (server.address().to_owned(), server.id());
    let body = create_request("slow", &large_command(4000, 500));
    let upload = std::thread::spawn(move || {
        use std::io::Write as _;
        let mut stream = std::net::TcpStream::connect(address).expect("the server listens");
        let head = format!(
            "POST /2015-03-31/functions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).expect("it is sent");
        stream
    });
    let _open = upload.join().expect("it does not panic");
    let worker = until("worker", || worker_of(host, CompileLimits::default().memory_bytes));
    // Drop kills with SIGKILL: nothing of the host can tell the worker.
    drop(server);
    until("end of the worker", || {
        let stat = std::fs::read_to_string(format!("/proc/{worker}/stat")).unwrap_or_default();
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_closes_ends_its_workers_and_leaves_the_folder_to_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    // No other host of this process has exactly this limit.
    let own = limits((3 << 30) - 4096, Duration::from_secs(60), Duration::from_secs(60));
    let host = host_in(folder.path(), worker(), own).await;
    let create = {
        let host = host.clone();
        tokio::spawn(async move { create(&host, "slow", large_command(4000, 500)).await })
    };
    let worker_id = until("worker", || worker_of(std::process::id(), own.memory_bytes));
    tokio::time::timeout(Duration::from_secs(10), host.close())
        .await
        .expect("it does not wait for the compiler");
    drop(host);
    assert!(matches!(refused(create.await.expect("no panic")), CodeError::Closing));
    until("end of the worker", || {
        let stat = std::fs::read_to_string(format!("/proc/{worker_id}/stat")).unwrap_or_default();
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    });
    let next = host_in(folder.path(), worker(), CompileLimits::default()).await;
    assert_eq!(code_files(folder.path()), (0, 0));
    next.close().await;
}

#[tokio::test]
async fn one_component_in_two_packages_is_compiled_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host_in(folder.path(), Compiler::InProcess, CompileLimits::default()).await;
    host.publish(Deployment::new("plain", guest("hello"))).await.expect("published");
    host.close().await;
    drop(host);
    let nobody = Compiler::Worker("/nonexistent/compiler".into());
    let host = host_in(folder.path(), nobody, CompileLimits::default()).await;
    let zipped = {
        use std::io::Write as _;
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        zip.start_file("hello.wasm", zip::write::SimpleFileOptions::default()).expect("a file");
        zip.write_all(&guest("hello")).expect("its bytes");
        zip.finish().expect("a zip").into_inner()
    };
    host.publish(Deployment::new("zipped", zipped)).await.expect("published");
    assert_eq!(code_files(folder.path()), (2, 1));
    host.close().await;
}

/// A review found that code which fails while the same is uploaded again could lock itself out: it was dropped under the lock
/// that its own end takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_bad_code_uploaded_by_many_at_a_time_is_refused_each_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host_in(folder.path(), Compiler::InProcess, CompileLimits::default()).await;
    let uploads: Vec<_> = (0..8)
        .map(|client| {
            let host = host.clone();
            tokio::spawn(async move {
                for _ in 0..100 {
                    refused(create(&host, &format!("bad-{client}"), b"\0asm\x0d\0\x01\0\xff".to_vec()).await);
                }
            })
        })
        .collect();
    for upload in uploads {
        let uploaded = tokio::time::timeout(Duration::from_secs(60), upload).await;
        uploaded.expect("nothing hangs").expect("nothing panics");
    }
    assert_eq!(code_files(folder.path()), (0, 0));
    host.close().await;
}

#[tokio::test]
async fn code_that_was_let_go_for_want_of_memory_is_loaded_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let builder = Host::builder().data_dir(folder.path()).instances_max(8).loaded_bytes_max(1);
    let host = builder.start().await.expect("a host");
    for name in ["hello", "echo"] {
        create(&host, name, guest(name)).await.expect("made");
    }
    for _ in 0..3 {
        assert!(invoke(&host, "echo", "{}").await.answer.is_ok());
        let cold = samovar::Invoke::new(function("hello"), r#"{"name":"Ada"}"#).with_cold_start();
        assert_eq!(answer(&host.invoke(cold).await.expect("it runs"))["message"], "Hello, Ada!");
    }
    host.close().await;
}

/// What checks a component takes time with the square of its depth: 20,000 levels took 17 seconds.
#[tokio::test]
async fn deeply_nested_components_are_refused_at_once() {
    let mut nested = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..5_000 {
        let mut length = Vec::new();
        let mut rest = nested.len();
        while rest >= 0x80 {
            length.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        length.push(rest as u8);
        nested = [b"\0asm\x0d\0\x01\0\x04".to_vec(), length, nested].concat();
    }
    let folder = tempfile::tempdir().expect("a folder");
    let host = host_in(folder.path(), worker(), CompileLimits::default()).await;
    let started = tokio::time::Instant::now();
    let error = refused(create(&host, "nested", nested).await);
    assert!(error.to_string().contains("nested more than 100 deep"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
    host.close().await;
}
