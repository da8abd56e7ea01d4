//! Schedules, for the clients that people have of EventBridge Scheduler, and fired once for each time that they are due.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use samovar_tests::{
    Api, Scrape, Server, Sink, WallClock, guest, python, queue_arn, record_of, root, samovar,
};
use serde_json::{Value, json};
use tokio::time::Instant;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:echo";
/// An event that says which due time it is for.
const INPUT: &str = r#"{"arn": "<aws.scheduler.schedule-arn>", "time": "<aws.scheduler.scheduled-time>"}"#;
/// How long anything may take that takes seconds.
const PATIENCE: Duration = Duration::from_secs(90);
const HOUR: i64 = 3600;

fn schedule(expression: &str) -> Value {
    json!({
        "ScheduleExpression": expression,
        "FlexibleTimeWindow": { "Mode": "OFF" },
        "Target": { "Arn": FUNCTION, "RoleArn": "arn:aws:iam::000000000000:role/any", "Input": INPUT },
    })
}

fn create(api: &Api, name: &str, schedule: &Value) {
    let reply = api.call("POST", &format!("/schedules/{name}"), Some(schedule));
    assert_eq!(reply.status, 200, "{reply:?}");
}

/// Makes the function that schedules invoke. The queue `fired` is told how its events end: one that runs whenever the host dies ends
/// as a crash of the host.
fn create_function(api: &Api) {
    assert_eq!(api.create("echo", &guest("echo")).status, 201);
    let fired = json!({ "Destination": queue_arn("fired") });
    let destinations = json!({ "OnSuccess": fired, "OnFailure": fired });
    api.put_event_config("echo", &json!({ "DestinationConfig": destinations }));
}

/// The due times that were fired, by the requests that ran: each of them is one firing, however often it is told of.
fn fired(sink: &Sink) -> BTreeMap<String, (String, String)> {
    let messages = sink.recorder().messages();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let firing = |record: Value| {
        let event = &record["requestPayload"];
        (text(&record["requestContext"]["requestId"]), (text(&event["arn"]), text(&event["time"])))
    };
    messages
        .iter()
        .filter(|message| message.queue() == "fired")
        .map(|message| firing(record_of(message)))
        .collect()
}

/// Checks that each due time was fired once, and gives back how many of each schedule there are.
fn check_once(sink: &Sink) -> BTreeMap<String, usize> {
    let (mut seen, mut counts) = (BTreeMap::new(), BTreeMap::new());
    for (request_id, (arn, time)) in fired(sink) {
        *counts.entry(arn.clone()).or_default() += 1;
        let before = seen.insert((arn.clone(), time.clone()), request_id.clone());
        assert_eq!(before, None, "{arn} was fired twice for {time}, as {request_id} too");
    }
    counts
}

fn wait(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What a program says that must succeed.
fn said(command: &mut Command) -> String {
    let output = command.env_remove("AWS_PROFILE").output().expect("it runs");
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}\n{errors}");
    told.into_owned()
}

#[test]
fn boto3_uses_schedules_as_it_uses_eventbridge_scheduler() {
    let server = Server::start();
    let script = root().join("tests/clients/schedules.py");
    let mut python = Command::new(python());
    let told = said(python.arg("-B").arg(script).args([server.endpoint(), FUNCTION]));
    assert!(told.contains("EventBridge Scheduler: all as on AWS"), "{told}");
    assert_eq!(Scrape::of(&server).count("samovar_schedules", &[]), 0);
}

#[test]
fn the_aws_command_line_creates_a_schedule_that_is_fired() {
    let sink = Sink::start();
    let folder = tempfile::tempdir().expect("a folder");
    let server = sink.serve(folder.path(), &[]);
    let api = Api::of(&server);
    create_function(&api);
    let aws = |arguments: &[&str]| {
        let mut aws = Command::new(python().with_file_name("aws"));
        aws.args(["--endpoint-url", server.endpoint(), "--region", "us-east-1", "scheduler"]).args(arguments);
        aws.envs([("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "any"), ("AWS_PAGER", "")]);
        said(&mut aws)
    };
    let target = json!({ "Arn": FUNCTION, "RoleArn": "arn:aws:iam::000000000000:role/any", "Input": INPUT });
    let described = ["--name", "tea", "--schedule-expression", "rate(1 minute)"];
    let window = ["--flexible-time-window", "Mode=OFF", "--target", &target.to_string()];
    let made = aws(&[&["create-schedule"][..], &described, &window].concat());
    assert!(made.contains("schedule/default/tea"), "{made}");
    wait("it is fired at once", || fired(&sink).len() == 1);
    let told: Value = serde_json::from_str(&aws(&["get-schedule", "--name", "tea"])).expect("JSON");
    assert_eq!((&told["State"], &told["Target"]["Input"]), (&json!("ENABLED"), &json!(INPUT)));
    aws(&[&["update-schedule", "--state", "DISABLED"][..], &described, &window].concat());
    let list = aws(&["list-schedules", "--query", "Schedules[].[Name,State]", "--output", "text"]);
    assert_eq!(list.trim(), "tea\tDISABLED");
    aws(&["delete-schedule", "--name", "tea"]);
    assert_eq!(aws(&["list-schedules", "--query", "length(Schedules)"]).trim(), "0");
    let scrape = Scrape::of(&server);
    assert_eq!(scrape.count("samovar_schedule_firings_total", &[]), 1);
    assert_eq!(scrape.count("samovar_schedule_firings_dropped_total", &[]), 0);
    assert_eq!(check_once(&sink).len(), 1);
}

#[test]
fn samovar_schedule_works_with_the_schedules_of_a_server() {
    let server = Server::start();
    let api = Api::of(&server);
    assert_eq!(api.create("echo", &guest("echo")).status, 201);
    let run = |arguments: &[&str]| {
        let mut command = samovar();
        said(command.arg("schedule").args(arguments).args(["--endpoint", server.endpoint()]))
    };
    let options =
        ["--input", "{\"a\":1}", "--window-minutes", "5", "--start", "2100-01-01T00:00:00Z", "--disabled"];
    let made = run(&[&["create", "tea", "rate(1 day)", "echo"][..], &options].concat());
    assert_eq!(made, "created arn:aws:scheduler:us-east-1:000000000000:schedule/default/tea\n");
    let shown = || serde_json::from_str::<Value>(&run(&["show", "tea"])).expect("JSON");
    let first = shown();
    assert_eq!((&first["State"], &first["Target"]["Input"]), (&json!("DISABLED"), &json!("{\"a\":1}")));
    assert_eq!(run(&["enable", "tea"]), "enabled the schedule tea\n");
    assert_eq!(shown()["State"], "ENABLED");
    assert_eq!((&shown()["Target"], &shown()["StartDate"]), (&first["Target"], &first["StartDate"]));
    assert_eq!(run(&["disable", "tea"]), "disabled the schedule tea\n");
    let table = run(&["list", "--prefix", "t"]);
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines, [["NAME", "STATE", "TARGET"], ["tea", "DISABLED", FUNCTION]]);
    assert_eq!(run(&["delete", "tea"]), "deleted the schedule tea\n");
    assert_eq!(run(&["list", "--output", "json"]), "[]\n");
    let absent = ["schedule", "create", "tea", "rate(1 day)", "none", "--endpoint", server.endpoint()];
    let refused = samovar().args(absent).output().expect("it runs");
    assert!(!refused.status.success(), "there is no such function");
}

/// How a process of the server dies: at one of these places, or else when its time is over.
const DEATHS: [&str; 5] =
    ["", "event.answer:2", "journal.before-commit:4", "journal.after-commit:3", "event.run:3"];
const KILLS: usize = 15;
/// How many schedules are due in each second, and for how many seconds.
const PER_SECOND: u64 = 4;
const SECONDS: u64 = 25;

/// One process of the server, until it is killed or has died.
fn live(sink: &Sink, folder: &Path, life: usize) {
    let death = DEATHS[life % DEATHS.len()];
    let environment = [("SAMOVAR_FAIL_POINT", death)];
    let environment = if death.is_empty() { &[][..] } else { &environment };
    // It may die before it says where it listens.
    let Ok(server) = sink.try_serve(folder, environment, &[]) else { return };
    std::thread::sleep(Duration::from_millis(300 + 170 * (life as u64 % 7)));
    server.kill();
}

#[test]
fn each_due_time_is_fired_once_however_often_the_server_is_killed() {
    let sink = Sink::start();
    let folder = tempfile::tempdir().expect("a folder");
    let server = sink.serve(folder.path(), &[]);
    let api = Api::of(&server);
    create_function(&api);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
    for number in 0..PER_SECOND * SECONDS {
        let due = now + 4 + number / PER_SECOND;
        let mut once = schedule("rate(1 minute)");
        (once["StartDate"], once["EndDate"]) = (json!(due), json!(due + 1));
        once["ActionAfterCompletion"] = json!("DELETE");
        create(&api, &format!("once-{number}"), &once);
    }
    create(&api, "always", &schedule("rate(1 minute)"));
    server.kill();
    for life in 0..KILLS {
        live(&sink, folder.path(), life);
    }
    let server = sink.serve(folder.path(), &[]);
    let api = Api::of(&server);
    let schedules = || Scrape::of(&server).count("samovar_schedules", &[]);
    wait("all are over", || schedules() == 1);
    let all = (PER_SECOND * SECONDS) as usize + 1;
    wait("all are told of", || check_once(&sink).len() == all);
    let counts = check_once(&sink);
    let minutes = counts["arn:aws:scheduler:us-east-1:000000000000:schedule/default/always"];
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs() - now;
    assert!((passed / 60..=passed / 60 + 2).contains(&(minutes as u64)), "{minutes} in {passed} s");
    assert_eq!(api.call("DELETE", "/schedules/always", None).status, 200);
    println!("{} firings of {all} schedules in {KILLS} lives and {passed} s", fired(&sink).len());
}

#[test]
fn a_clock_that_jumps_misses_no_due_time_and_fires_none_twice() {
    let Some(clock) = WallClock::new() else { return };
    let sink = Sink::start();
    let folder = tempfile::tempdir().expect("a folder");
    let start = || {
        let environment = clock.environment();
        let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        sink.serve_in(folder.path(), &environment, &[])
    };
    let server = start();
    let api = Api::of(&server);
    create_function(&api);
    create(&api, "minutely", &schedule("rate(1 minute)"));
    create(&api, "hourly", &schedule("cron(0 * * * ? *)"));
    let arn = |name: &str| format!("arn:aws:scheduler:us-east-1:000000000000:schedule/default/{name}");
    let count = |name: &str| check_once(&sink).get(&arn(name)).copied().unwrap_or(0);
    wait("the first minute", || count("minutely") >= 1);
    // Forward while it runs: what was jumped over is fired as soon as that is noticed.
    clock.jump(HOUR);
    wait("an hour of minutes", || count("minutely") >= 61 && count("hourly") == 1);
    // Back, also while it is down: nothing of that hour is fired again.
    clock.jump(-HOUR);
    server.kill();
    let server = start();
    wait("it is up", || Scrape::of(&server).count("samovar_schedules", &[]) == 2);
    std::thread::sleep(Duration::from_secs(2));
    let before = count("minutely");
    assert!(before <= 63, "{before}");
    // And forward beyond it while it is down.
    server.kill();
    clock.jump(3 * HOUR);
    let server = start();
    wait("the hours that were missed", || count("minutely") >= 181 && count("hourly") == 3);
    assert!(count("minutely") <= 184, "{}", count("minutely"));
    assert_eq!(Scrape::of(&server).count("samovar_schedule_firings_dropped_total", &[]), 0);
    server.kill();
}
