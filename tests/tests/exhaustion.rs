//! When the system gives no more memory maps, address space or files: requests are refused so that clients try again, what is idle
//! goes first, and the process lives on.

use std::net::TcpStream;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};
use samovar::{Deployment, Host, Invoke, InvokeError};
use samovar_tests::{Api, Server, component_of_world, function, guest, root};
use serde_json::json;

/// A function of eight memories, which sleeps for some seconds: an instance takes some thirty memory maps and does nothing.
fn sleeper_with_many_memories(seconds: u64) -> Vec<u8> {
    let wit = std::fs::read_to_string(root().join("sdk/wit/function.wit")).expect("it is there");
    let wit = format!(
        "{wit}
        world sleeper {{ import wasi:clocks/monotonic-clock@0.2.0; include function; }}
        package wasi:io@0.2.0 {{
            interface poll {{ resource pollable {{ block: func(); }} }}
        }}
        package wasi:clocks@0.2.0 {{
            interface monotonic-clock {{
                use wasi:io/poll@0.2.0.{{pollable}};
                subscribe-duration: func(when: u64) -> pollable;
            }}
        }}"
    );
    let more: String = (1..8)
        .map(|number| format!("(memory $m{number} 3) (data (memory $m{number}) (i32.const 65536) \"data\")"))
        .collect();
    let nanoseconds = seconds * 1_000_000_000;
    let core = format!(
        r#"(module
            (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $subscribe (param i64) (result i32)))
            (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
            (memory (export "memory") 2)
            {more}
            (data (i32.const 16) "\00\00\00\00\40\00\00\00\04\00\00\00")
            (data (i32.const 64) "\22ok\22")
            (func (export "samovar:function/handler@0.1.0#handle")
                (param i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
                (call $block (call $subscribe (i64.const {nanoseconds})))
                i32.const 16)
            (func (export "samovar:function/lifecycle@0.1.0#init") (result i32) i32.const 32)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024))"#
    );
    component_of_world(&wit, "sleeper", &core)
}

fn memory_maps() -> usize {
    std::fs::read_to_string("/proc/self/maps").expect("it is Linux").lines().count()
}

fn memory_maps_max() -> usize {
    let text = std::fs::read_to_string("/proc/sys/vm/max_map_count").expect("it is Linux");
    text.trim().parse().expect("a number")
}

/// Held by every test here: the limit on address space is the process's, and its children begin with it.
static ADDRESS_SPACE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// As soon as a process has taken all the memory maps it may have, the next thread that begins ends it.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_leaves_memory_maps_for_its_threads_however_many_instances_it_is_asked_for() {
    let _alone = ADDRESS_SPACE.lock().await;
    let builder = Host::builder().instances_max(20_000).concurrency_max(10_000).scaling_rate(None);
    let host = builder.idle_memory_bytes_max(u64::MAX >> 1).start().await.expect("a host");
    let (pooled, most) = (memory_maps(), memory_maps_max());
    assert!(most < 200_000, "this test is for a vm.max_map_count about 65530, and it is {most}");
    let deployment = Deployment::new("sleeper", sleeper_with_many_memories(10)).timeout_seconds(120);
    host.publish(deployment).await.expect("published");
    let call = || {
        let host = host.clone();
        tokio::spawn(async move { host.invoke(Invoke::new(function("sleeper"), "{}")).await })
    };
    // More than there can be of eight memories each, of which every one has four maps.
    let calls: Vec<_> = (0..most / 9 / 8 + 100).map(|_| call()).collect();
    let (mut answered, mut refused) = (0, 0);
    for call in calls {
        match call.await.expect("no panic") {
            Ok(outcome) => {
                assert_eq!(outcome.body(), "\"ok\"", "{outcome:?}");
                answered += 1;
            }
            Err(InvokeError::NoInstanceLeft { limit, .. }) => {
                assert!(limit < 20_000, "{limit}");
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    let taken = memory_maps();
    println!(
        "of {most} maps {pooled} and then {taken} were taken; {answered} were answered, {refused} refused"
    );
    assert!(answered > 0 && refused > 0, "{answered} were answered and {refused} refused");
    assert!(taken + 4096 < most, "{taken} maps of {most} are taken");
    // All that were answered are idle and hold all places; others need one now.
    for number in 0..20 {
        let name = format!("other-{number}");
        host.publish(Deployment::new(&name, guest("hello"))).await.expect("published");
        let outcome = host.invoke(Invoke::new(function(&name), r#"{"name":"Ada"}"#)).await.expect("it runs");
        assert!(outcome.answer.is_ok(), "{outcome:?}");
    }
    host.close().await;
}

/// Starts a server that may have so much address space: what this process may have is what its children begin with.
fn server_within(address_space_bytes: u64, arguments: &[&str]) -> Server {
    within(address_space_bytes, || Server::start_with(arguments))
}

/// Does something while this process may have so much address space, which its tests have one at a time.
fn within<T>(address_space_bytes: u64, work: impl FnOnce() -> T) -> T {
    let usual = getrlimit(Resource::As);
    let low = Rlimit { current: Some(address_space_bytes), maximum: usual.maximum };
    setrlimit(Resource::As, low).expect("it may be lowered");
    let done = work();
    setrlimit(Resource::As, usual).expect("it may be raised to what it was");
    done
}

#[test]
fn without_address_space_instances_are_refused_with_503_and_the_server_lives_on() {
    let _alone = ADDRESS_SPACE.blocking_lock();
    let server = server_within(40 << 30, &["--instances=64"]);
    let warning = server.wait_for_log("address space");
    assert!(warning.contains("40960 MiB") && warning.contains("ulimit -v unlimited"), "{warning}");
    let api = Api::of(&server);
    for number in 0..12 {
        let created = api.create(&format!("sleeper-{number}"), &guest("sleeper"));
        assert_eq!(created.status, 201, "{created:?}");
    }
    let path = |number: usize| format!("/2015-03-31/functions/sleeper-{}/invocations", number % 12);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let call = |number| {
            let (server, path) = (&server, path(number));
            move || {
                let reply = Api::of(server).call("POST", &path, Some(&json!({ "ms": 900 })));
                if reply.status == 503 {
                    assert_eq!(reply.error_type, "ServiceException");
                    assert!(reply.message().contains("ulimit -v"), "{reply:?}");
                }
                reply.status
            }
        };
        let calls: Vec<_> = (0..24).map(|number| scope.spawn(call(number))).collect();
        calls.into_iter().map(|call| call.join().expect("it is answered")).collect()
    });
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&200) && statuses.contains(&503), "{statuses:?}");
    // One after another all of them run: what is idle makes room.
    for number in 0..12 {
        let reply = api.call("POST", &path(number), Some(&json!({ "ms": 1 })));
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    assert_eq!(server.terminate(), Some(0));
}

/// The engine's pool wants address space for eight memories at least, so it is not there; what the system gives would do for
/// five instances.
#[test]
fn without_the_engines_pool_there_are_no_more_instances_either() {
    let _alone = ADDRESS_SPACE.blocking_lock();
    let server = server_within(24 << 30, &["--instances=2"]);
    server.wait_for_log("no pool of instances");
    let api = Api::of(&server);
    for name in ["first", "second"] {
        assert_eq!(api.create(name, &guest("sleeper")).status, 201);
    }
    let call = |name: &'static str, milliseconds: u32| {
        let path = format!("/2015-03-31/functions/{name}/invocations");
        Api::of(&server).call("POST", &path, Some(&json!({ "ms": milliseconds })))
    };
    let replies: Vec<_> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..5).map(|_| scope.spawn(|| call("first", 900))).collect();
        calls.into_iter().map(|call| call.join().expect("it is answered")).collect()
    });
    let statuses = |status| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!((statuses(200), statuses(429)), (2, 3), "{replies:?}");
    let refused = replies.iter().find(|reply| reply.status == 429).expect("there are three");
    assert_eq!(refused.error_type, "TooManyRequestsException");
    assert!(refused.message().contains("1 of 2 places"), "{refused:?}");
    // What is idle makes room.
    for name in ["second", "first", "second"] {
        let reply = call(name, 1);
        assert_eq!((reply.status, reply.is_function_error), (200, false), "{name}: {reply:?}");
    }
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn without_files_requests_wait_or_are_refused_with_503_and_the_server_lives_on() {
    let _alone = ADDRESS_SPACE.blocking_lock();
    let server = Server::start_with(&["--quiet"]);
    let api = Api::of(&server);
    assert_eq!(api.create("echo", &guest("echo")).status, 201);
    let invoke = || api.call("POST", "/2015-03-31/functions/echo/invocations", Some(&json!([1]))).status;
    assert_eq!(invoke(), 200);
    let process = Pid::from_raw(server.id() as i32).expect("a process");
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.id())).expect("it is there").count();
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let few = Rlimit { current: Some(open as u64 + 4), maximum };
    let usual = prlimit(Some(process), Resource::Nofile, few).expect("it is our child");
    let waiting: Vec<TcpStream> =
        (0..20).map(|_| TcpStream::connect(server.address()).expect("the system takes it")).collect();
    server.wait_for_log("cannot take a connection");
    // Over the connection that is there already.
    assert_eq!(invoke(), 200, "what needs no file goes on");
    let refused = api.create("hello", &guest("hello"));
    assert_eq!((refused.status, refused.error_type.as_str()), (503, "ServiceException"), "{refused:?}");
    drop(waiting);
    prlimit(Some(process), Resource::Nofile, usual).expect("it is our child");
    let created = api.create("hello", &guest("hello"));
    assert_eq!(created.status, 201, "{created:?}");
    let other = Api::of(&server);
    assert_eq!(other.call("GET", "/2015-03-31/functions/hello", None).status, 200, "a new connection");
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_server_that_cannot_hold_one_instance_says_so_and_does_not_start() {
    let _alone = ADDRESS_SPACE.blocking_lock();
    let mut serve = samovar_tests::samovar();
    let folder = tempfile::tempdir().expect("a folder");
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.path());
    let output = within(6 << 30, || serve.output()).expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{error}");
    assert!(error.contains("6144 MiB of address space, and one instance alone needs 8194 MiB"), "{error}");
    assert!(error.contains("ulimit -v unlimited"), "{error}");
}

#[test]
fn more_memory_maps_than_there_are_is_a_warning_with_the_command_that_allows_them() {
    let _alone = ADDRESS_SPACE.blocking_lock();
    let server = Server::start_with(&["--instances=10000"]);
    let warning = server.wait_for_log("memory maps");
    assert!(warning.contains("10000 instances may need 118672"), "{warning}");
    assert!(warning.contains("there will be 4095 instances at most"), "{warning}");
    assert!(warning.contains("sysctl -w vm.max_map_count=131072"), "{warning}");
    assert_eq!(server.terminate(), Some(0));
}
