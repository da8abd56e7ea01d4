//! What instances write, as their logs have it.

use tokio::sync::broadcast;

use super::super::feed::LogLine;
use super::super::queue::LogQueue;
use super::*;

/// A log, and a listener that has heard of the instance's beginning.
fn log() -> (Log, broadcast::Receiver<LogLine>) {
    let feed = LogFeed::new(None);
    let listener = feed.subscribe();
    let log = Log::new(LogSource::example("s"), feed, &Logging::default());
    log.state().begun_ms = None;
    (log, listener)
}

fn report() -> Report {
    Report {
        status: Status::Success,
        duration: Duration::ZERO,
        init_duration: None,
        memory_size_mb: 128,
        max_memory_used_bytes: 0,
    }
}

fn write(log: &Log, bytes: &[u8]) {
    log.writer(Stream::Error).write(bytes);
}

#[test]
fn lines_are_told_apart_however_they_are_written() {
    let (log, mut listener) = log();
    write(&log, b"one\ntw");
    write(&log, b"o\n\nthree");
    log.end_unframed();
    let lines: Vec<String> = std::iter::from_fn(|| listener.try_recv().ok()).map(|line| line.text).collect();
    assert_eq!(lines, ["one", "two", "", "three"]);
}

#[test]
fn the_tail_is_the_last_4_kib_however_much_is_written() {
    let (log, _listener) = log();
    for _ in 0..10_000 {
        write(&log, b"0123456789\n");
    }
    log.end("id", None, &report());
    let tail = log.tail();
    assert_eq!(tail.len(), TAIL_BYTES_MAX);
    assert!(tail.contains("0123456789\nEND RequestId: id\nREPORT RequestId: id\t"), "{tail}");
}

#[test]
fn half_lines_of_the_two_streams_do_not_mix() {
    let (log, mut listener) = log();
    log.writer(Stream::Output).write(b"one ");
    log.writer(Stream::Error).write(b"two\n");
    log.writer(Stream::Output).write(b"three\n");
    let lines: Vec<String> = std::iter::from_fn(|| listener.try_recv().ok()).map(|line| line.text).collect();
    assert_eq!(lines, ["two", "one three"]);
}

#[test]
fn an_error_handed_over_in_the_middle_of_a_line_is_taken_too() {
    let (log, _listener) = log();
    write(
        &log,
        b"loading... \x1e{\"samovar:function-error\":{\"errorType\":\"T\",\"errorMessage\":\"m\"}}\n",
    );
    assert_eq!(log.take_handed_over().expect("an error").error_type, "T");
    assert_eq!(log.tail(), "loading... \n");
}

#[test]
fn a_line_as_long_as_a_line_may_be_is_one_line() {
    let (log, mut listener) = log();
    write(&log, &[b'x'; LINE_BYTES_MAX]);
    write(&log, b"\n");
    assert_eq!(listener.try_recv().expect("a line").text.len(), LINE_BYTES_MAX);
    assert!(listener.try_recv().is_err(), "and no empty one after it");
}

#[test]
fn a_line_without_end_does_not_grow_without_end() {
    let (log, mut listener) = log();
    for _ in 0..40 {
        write(&log, &[b'x'; 4096]);
    }
    assert_eq!(listener.try_recv().expect("a line was cut").text.len(), LINE_BYTES_MAX);
}

#[test]
fn an_error_that_is_handed_over_is_taken_and_is_no_line() {
    let (log, _listener) = log();
    write(&log, b"\x1e{\"samovar:function-error\":{\"errorType\":\"T\",\"errorMessage\":\"m\"}}\n");
    let error = log.take_handed_over().expect("an error");
    assert_eq!((error.error_type.as_str(), error.error_message.as_str()), ("T", "m"));
    assert_eq!(log.tail(), "");
    write(&log, b"\x1enot a record\n");
    assert!(log.take_handed_over().is_none());
    assert_eq!(log.tail(), "\u{1e}not a record\n");
}

#[test]
fn a_tail_belongs_to_one_request_but_the_first_has_what_init_wrote() {
    let (log, _listener) = log();
    write(&log, b"set up\n");
    log.begin(&"a".into(), true);
    assert_eq!(log.tail(), "set up\nSTART RequestId: a Version: 1\n");
    log.begin(&"b".into(), true);
    assert_eq!(log.tail(), "START RequestId: b Version: 1\n");
}

#[test]
fn what_comes_too_late_for_its_request_is_not_in_the_next_ones_log() {
    let (log, _listener) = log();
    log.begin(&"a".into(), true);
    let of_a = log.of_request();
    of_a.note("in time");
    log.begin(&"b".into(), true);
    of_a.note("too late");
    assert_eq!(log.tail(), "START RequestId: b Version: 1\n");
}

#[test]
fn the_hosts_own_lines_are_made_only_for_those_who_want_them() {
    let (log, listener) = log();
    assert!(log.begin(&"a".into(), false), "a listener wants them");
    drop(listener);
    assert!(!log.begin(&"b".into(), false));
    assert!(log.begin(&"c".into(), true), "the caller wants them");
    let kept = LogFeed::new(Some(Arc::default()));
    let log = Log::new(LogSource::example("s"), kept, &Logging::default());
    assert!(log.begin(&"d".into(), false), "they are kept");
}

#[test]
fn an_instances_log_begins_with_its_init_which_is_in_no_tail() {
    let queue: Arc<LogQueue> = Arc::default();
    let log = Log::new(LogSource::example("s"), LogFeed::new(Some(queue.clone())), &Logging::default());
    write(&log, b"set up\n");
    log.init_ended(InitPhase::Init, &Status::Success, Duration::ZERO);
    log.begin(&"a".into(), true);
    log.begin(&"b".into(), true);
    assert_eq!(log.tail(), "START RequestId: b Version: 1\n");
    let batch = queue.take(Duration::ZERO).expect("lines");
    let lines: Vec<(&str, Option<&str>)> =
        batch.lines().map(|line| (std::str::from_utf8(line.text).expect("text"), line.request_id)).collect();
    assert!(lines[0].0.starts_with("INIT_START ") && lines[0].1.is_none(), "{lines:?}");
    assert_eq!(lines[1], ("set up", None));
    let start = |id: &str| format!("START RequestId: {id} Version: 1");
    assert_eq!(lines[2..], [(&*start("a"), Some("a")), (&*start("b"), Some("b"))]);
}

/// The line that says why an event ended was lost with those of the guest that flooded the log, so nobody knew of its time-out.
#[test]
fn what_ended_an_event_is_kept_although_its_guest_floods_the_log() {
    let queue: Arc<LogQueue> = Arc::default();
    let log = Log::new(LogSource::example("s"), LogFeed::new(Some(queue.clone())), &Logging::default());
    log.begin(&"a".into(), false);
    let line = [&[b'x'; 1000][..], b"\n"].concat();
    (0..10_000).for_each(|_| write(&log, &line));
    log.note("a trace");
    log.quote(&"lost".repeat(1000));
    log.of_request().note(&"lost too".repeat(1000));
    let error = FunctionError::answer_too_large();
    log.end("a", Some(&error), &report());
    let batch = queue.take(Duration::ZERO).expect("lines");
    let lines = batch.lines().map(|line| String::from_utf8_lossy(line.text).into_owned());
    let lines: Vec<String> = lines.filter(|line| !line.is_empty() && !line.starts_with('x')).collect();
    let error = format!("{}: {}", error.error_type, error.error_message);
    assert_eq!(lines[2..4], ["a trace".to_owned(), error]);
    assert!(lines[4].starts_with("END RequestId: a"), "{lines:?}");
}

#[test]
fn json_lines_are_in_the_tail_as_they_are_in_the_log() {
    let (log, mut listener) = log();
    log.state().form = LineForm::of(&Logging { format: LogFormat::Json, ..Logging::default() });
    log.begin(&"a".into(), true);
    write(&log, b"half a line");
    let error = FunctionError::answer_too_large();
    log.end("a", Some(&error), &report());
    let lines: Vec<serde_json::Value> = std::iter::from_fn(|| listener.try_recv().ok())
        .map(|line| serde_json::from_str(&line.text).expect("JSON"))
        .collect();
    let tail: Vec<serde_json::Value> =
        log.tail().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines, tail);
    assert_eq!(lines[0]["type"], "platform.start");
    assert_eq!((&lines[1]["message"], &lines[1]["level"]), (&"half a line".into(), &"INFO".into()));
    assert_eq!((&lines[2]["requestId"], &lines[2]["level"]), (&"a".into(), &"ERROR".into()));
    assert_eq!(lines[3]["type"], "platform.report");
}
