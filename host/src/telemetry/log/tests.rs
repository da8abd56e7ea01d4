//! What instances write, as their logs have it.

use tokio::sync::broadcast;

use super::super::feed::LogLine;
use super::super::queue::LogQueue;
use super::*;

/// A log, and a listener that has heard of the instance's beginning.
fn log() -> (Log, broadcast::Receiver<LogLine>) {
    let feed = LogFeed::new(None);
    let listener = feed.subscribe();
    let log = Log::new(LogSource::example("s"), feed, &Logging::default(), u64::MAX);
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
    let log = Log::new(LogSource::example("s"), kept, &Logging::default(), u64::MAX);
    assert!(log.begin(&"d".into(), false), "they are kept");
}

#[test]
fn an_instances_log_begins_with_its_init_which_is_in_no_tail() {
    let queue: Arc<LogQueue> = Arc::default();
    let log =
        Log::new(LogSource::example("s"), LogFeed::new(Some(queue.clone())), &Logging::default(), u64::MAX);
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
    let log =
        Log::new(LogSource::example("s"), LogFeed::new(Some(queue.clone())), &Logging::default(), u64::MAX);
    log.begin(&"a".into(), false);
    let line = [&[b'x'; 1000][..], b"\n"].concat();
    (0..10_000).for_each(|_| write(&log, &line));
    log.note("a trace");
    log.quote(&"lost".repeat(1000));
    log.of_request().note(&"lost too".repeat(1000));
    let error = FunctionError::answer_too_large(7);
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
    let error = FunctionError::answer_too_large(7);
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

/// A log of which an invocation may fill a thousand bytes, and a listener.
fn limited(logging: &Logging) -> (Log, broadcast::Receiver<LogLine>) {
    let feed = LogFeed::new(None);
    let listener = feed.subscribe();
    let log = Log::new(LogSource::example("s"), feed, logging, 1000);
    log.state().begun_ms = None;
    (log, listener)
}

fn heard(listener: &mut broadcast::Receiver<LogLine>) -> Vec<String> {
    std::iter::from_fn(|| listener.try_recv().ok()).map(|line| line.text).collect()
}

#[test]
fn an_invocation_that_logs_too_much_is_cut_and_told_so_before_its_end() {
    let (log, mut listener) = limited(&Logging::default());
    log.begin(&"a".into(), true);
    // Ten lines of 100 bytes, as they are counted: then one more byte has no room.
    (0..30).for_each(|_| write(&log, &[&[b'x'; 74][..], b"\n"].concat()));
    write(&log, b"\n\nhalf a line");
    log.end("a", None, &report());
    let lines = heard(&mut listener);
    assert_eq!(lines.iter().filter(|line| line.starts_with('x')).count(), 10, "{lines:?}");
    let marker = "The log was cut: it reached the limit of 1000 bytes (invocation_log_bytes), and 23 more lines with 1513 bytes were dropped";
    assert_eq!(lines[11..13], [marker.to_owned(), "END RequestId: a".to_owned()]);
    assert!(log.tail().contains(&format!("{marker}\nEND RequestId: a\nREPORT")), "{}", log.tail());
    let dropped = log.state().feed.dropped().read();
    assert_eq!((dropped.invocations, dropped.lines, dropped.bytes), (1, 23, 1513));
}

#[test]
fn the_next_request_of_an_instance_has_a_quota_of_its_own() {
    let (log, mut listener) = limited(&Logging::default());
    for id in ["a", "b"] {
        log.begin(&id.into(), false);
        (0..2).for_each(|_| write(&log, &[&[b'x'; 900][..], b"\n"].concat()));
        log.end_unframed();
        let lines = heard(&mut listener);
        assert_eq!(
            (lines.len(), lines[1].len()),
            (3, 900),
            "START, one line and what was dropped: {lines:?}"
        );
        assert!(lines[2].contains("1 more lines with 901 bytes"), "{lines:?}");
    }
    log.begin(&"c".into(), false);
    write(&log, b"a little\n");
    log.end_unframed();
    assert_eq!(heard(&mut listener)[1..], ["a little".to_owned()]);
}

#[test]
fn what_init_has_lost_is_told_before_its_first_request() {
    let (log, mut listener) = limited(&Logging::default());
    write(&log, &[b'\n'; 5000]);
    log.begin(&"a".into(), true);
    let lines = heard(&mut listener);
    let (marker, rest) = lines.split_at(lines.len() - 1);
    assert!(marker.last().is_some_and(|line| line.contains("more lines")), "{lines:?}");
    assert!(rest[0].starts_with("START"), "{lines:?}");
    assert_eq!(lines.len(), 1000 / 26 + 2, "an empty line counts too");
}

#[test]
fn an_error_that_is_handed_over_is_taken_although_the_log_is_full() {
    let (log, mut listener) = limited(&Logging::default());
    log.begin(&"a".into(), true);
    write(&log, &[b'x'; 5000]);
    write(
        &log,
        b"\nmore \x1e{\"samovar:function-error\":{\"errorType\":\"T\",\"errorMessage\":\"m\"}}\nand more",
    );
    assert_eq!(log.take_handed_over().expect("an error").error_type, "T");
    log.end_unframed();
    assert!(heard(&mut listener).last().is_some_and(|line| line.contains("dropped")));
}

#[test]
fn the_line_that_tells_of_a_cut_is_an_object_in_a_json_log_whatever_its_level() {
    let logging =
        Logging { format: LogFormat::Json, application_level: LogLevel::Fatal, ..Logging::default() };
    let (log, mut listener) = limited(&logging);
    log.begin(&"a".into(), true);
    (0..100).for_each(|_| write(&log, b"{\"level\":\"FATAL\",\"message\":\"again\"}\n"));
    log.end_unframed();
    let last = heard(&mut listener).pop().expect("a line");
    let object: serde_json::Value = serde_json::from_str(&last).expect("JSON");
    assert_eq!((&object["level"], &object["requestId"]), (&"FATAL".into(), &"a".into()));
    assert!(object["message"].as_str().is_some_and(|text| text.starts_with("The log was cut")), "{last}");
}

/// Making lines of what nobody will see took most of the time of an invocation that floods its log.
#[test]
fn what_is_dropped_takes_no_memory_and_little_time() {
    let (log, _listener) = limited(&Logging::default());
    log.begin(&"a".into(), false);
    let chunk = b"0123456789\n".repeat(6000);
    for _ in 0..16_000 {
        write(&log, &chunk);
    }
    let state = log.state();
    assert!(state.unfinished.iter().all(|line| line.capacity() <= 2 * LINE_BYTES_MAX));
    assert!(state.tail.capacity() <= 8 * TAIL_BYTES_MAX);
}
