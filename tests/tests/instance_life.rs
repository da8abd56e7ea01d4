//! How long an instance lives: all the reasons for its end in one table.

use std::time::Duration;

use samovar::function::Isolation;
use samovar::{Deployment, Host, HostBuilder};
use samovar_tests::{Api, Handler, Server, function, guest, invoke};

/// Counts its events in a global: answers its count to `{}`, reports an error for `"e"` and traps at anything longer.
const COUNTER: Handler = Handler {
    more: "(global $count (mut i32) (i32.const 0))",
    handle: r#"(global.set $count (i32.add (global.get $count) (i32.const 1)))
               (if (i32.gt_u (local.get 1) (i32.const 3)) (then unreachable))
               (i32.store8 (i32.const 16) (i32.eq (local.get 1) (i32.const 3)))
               (i32.store8 (i32.const 64) (i32.add (i32.const 48) (global.get $count)))
               (i32.store (i32.const 24) (i32.eq (local.get 1) (i32.const 2)))
               (i32.store (i32.const 28) (i32.const 0)) (i32.store (i32.const 32) (i32.const 0))
               (i32.store (i32.const 36) (i32.const 8)) (i32.store (i32.const 40) (i32.const 0))
               i32.const 16"#,
    ..Handler::USUAL
};

/// One way to live.
struct Life {
    name: &'static str,
    host: fn(HostBuilder) -> HostBuilder,
    isolation: Isolation,
    /// A letter for each event: `c` is counted, `e` is an error that the function reports, `t` traps, and at `w` nothing is
    /// sent until no instance is idle.
    events: &'static str,
    /// What comes of each: the count of the instance that handled it, `e` or `t`.
    outcomes: &'static str,
}

const USUAL: Life = Life {
    name: "without a limit",
    host: |it| it,
    isolation: Isolation::Usual,
    events: "cccccc",
    outcomes: "123456",
};

const LIVES: &[Life] = &[
    USUAL,
    Life { name: "an error that is reported ends no instance", events: "ccecc", outcomes: "12e45", ..USUAL },
    Life { name: "a trap does", events: "cctctc", outcomes: "12t1t1", ..USUAL },
    Life {
        name: "so many events, and no more",
        host: |it| it.instance_invocations_max(3),
        events: "ccccccc",
        outcomes: "1231231",
        ..USUAL
    },
    Life {
        name: "events that failed are counted too",
        host: |it| it.instance_invocations_max(3),
        events: "ceccce",
        outcomes: "1e312e",
        ..USUAL
    },
    Life {
        name: "a trap comes before the limit",
        host: |it| it.instance_invocations_max(3),
        events: "ctcccc",
        outcomes: "1t1231",
        ..USUAL
    },
    Life {
        name: "one event each",
        host: |it| it.instance_invocations_max(1),
        events: "ccc",
        outcomes: "111",
        ..USUAL
    },
    Life {
        name: "fresh for every event",
        isolation: Isolation::Fresh,
        events: "ccc",
        outcomes: "111",
        ..USUAL
    },
    Life {
        name: "idle for too long",
        host: |it| it.idle_time_max(Duration::from_millis(20)),
        events: "cwcwc",
        outcomes: "111",
        ..USUAL
    },
    Life {
        name: "no memory to be idle in",
        host: |it| it.idle_memory_bytes_max(64 << 10),
        events: "ccc",
        outcomes: "111",
        ..USUAL
    },
];

#[tokio::test]
async fn an_instance_lives_as_long_as_the_table_says() {
    for life in LIVES {
        let host = (life.host)(Host::builder().instances_max(16)).start().await.expect("a host");
        let deployment = Deployment::new("counter", COUNTER.build()).isolation(life.isolation);
        host.publish(deployment).await.expect("it is published");
        let mut outcomes = String::new();
        for event in life.events.chars() {
            match event {
                'c' => outcomes += &outcome(&host, "{}").await,
                'e' => outcomes += &outcome(&host, r#""e""#).await,
                't' => outcomes += &outcome(&host, r#""trap""#).await,
                _ => until_none_is_idle(&host).await,
            }
        }
        assert_eq!(outcomes, life.outcomes, "{}", life.name);
        host.close().await;
    }
}

async fn outcome(host: &Host, event: &str) -> String {
    match &invoke(host, "counter:1", event).await.answer {
        Ok(count) => String::from_utf8_lossy(count).into_owned(),
        Err(error) if error.error_type == "Runtime.ExitError" => "t".to_owned(),
        Err(_reported) => "e".to_owned(),
    }
}

async fn until_none_is_idle(host: &Host) {
    let gone = async {
        while host.idle_instances(&function("counter:1")) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("it goes");
}

#[test]
fn a_server_is_told_how_many_events_an_instance_handles() {
    let server = Server::start_with(&["--quiet", "--instance-invocations", "2"]);
    let api = Api::of(&server);
    assert_eq!(api.create("counter", &guest("counter")).status, 201);
    let counts: Vec<_> =
        (0..5).map(|_| api.invoke("counter", "{}").body["count"].as_u64().expect("a count")).collect();
    assert_eq!(counts, [1, 2, 1, 2, 1]);
}
