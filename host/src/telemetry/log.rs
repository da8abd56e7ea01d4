//! What guests write, as log lines: kept for the caller's tail, and offered to whoever listens.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use crate::invocation::FunctionError;

/// How much of an invocation's log its caller can ask for: Lambda's 4 KiB.
const TAIL_BYTES_MAX: usize = 4096;
/// A line longer than this is cut into several: what the records of panics need, and what bounds the feed.
const LINE_BYTES_MAX: usize = 8 << 10;
/// What begins a record by which a guest hands its error over before it ends: RS, as in RFC 7464.
const RECORD_SEPARATOR: u8 = 0x1e;
/// How many lines a listener may fall behind before it loses the oldest.
const FEED_LINES_MAX: usize = 4096;

/// Which of a guest's two streams something is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// Where log lines come from: one instance of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogSource {
    /// The log group: `/aws/lambda/NAME`.
    pub group: String,
    /// The log stream: `YYYY/MM/DD/[VERSION]` and 32 hexadecimal digits.
    pub stream: String,
}

/// One line of a function's log.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogLine {
    /// The instance it comes from.
    pub source: Arc<LogSource>,
    /// The request that was handled when the line was written; none during init.
    pub request_id: Option<Arc<str>>,
    /// The text, without a line feed.
    pub text: String,
}

/// Where all log lines of a host go: to those who listen, and nowhere if nobody does.
#[derive(Debug, Clone)]
pub(crate) struct LogFeed(broadcast::Sender<LogLine>);

impl LogFeed {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(FEED_LINES_MAX))
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<LogLine> {
        self.0.subscribe()
    }

    fn has_listeners(&self) -> bool {
        self.0.receiver_count() > 0
    }
}

/// The log of one instance; its clones write to the same log.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    source: Arc<LogSource>,
    state: Arc<Mutex<LogState>>,
}

/// The log of one instance for as long as it is that of one request.
#[derive(Debug, Clone)]
pub(crate) struct RequestLog {
    log: Log,
    request_id: Option<Arc<str>>,
}

impl RequestLog {
    /// Adds lines of the host's own, unless the log has become the next request's.
    pub(crate) fn note(&self, text: &str) {
        let mut state = self.log.state();
        if state.request_id == self.request_id {
            state.lines(text);
        }
    }
}

/// One of a guest's streams, whose lines go to its log.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    log: Log,
    stream: Stream,
}

impl Writer {
    /// Takes what the guest wrote.
    pub(crate) fn write(&self, bytes: &[u8]) {
        self.log.state().write(self.stream, bytes);
    }
}

#[derive(Debug)]
struct LogState {
    source: Arc<LogSource>,
    feed: LogFeed,
    request_id: Option<Arc<str>>,
    /// What was written after the last line feed: to standard output, and to standard error.
    unfinished: [Vec<u8>; 2],
    tail: Vec<u8>,
    /// The error the guest handed over before it ended.
    handed_over: Option<FunctionError>,
}

impl Log {
    pub(crate) fn new(source: Arc<LogSource>, feed: LogFeed) -> Self {
        let state = LogState {
            source: source.clone(),
            feed,
            request_id: None,
            unfinished: [Vec::new(), Vec::new()],
            tail: Vec::new(),
            handed_over: None,
        };
        Self { source, state: Arc::new(Mutex::new(state)) }
    }

    /// The name of the log stream.
    pub(crate) fn stream(&self) -> &str {
        &self.source.stream
    }

    /// From here on lines belong to that request. What init wrote stays in its first request's tail.
    ///
    /// Says whether the host's own lines (START, END, REPORT) are wanted: by the caller, who asked for the
    /// tail, or by a listener. Otherwise nobody would see them, and they are not even made.
    pub(crate) fn begin(
        &self,
        request_id: &Arc<str>,
        version: impl std::fmt::Display,
        tail_wanted: bool,
    ) -> bool {
        let mut state = self.state();
        if state.request_id.is_some() {
            state.tail.clear();
        }
        state.handed_over = None;
        state.request_id = Some(request_id.clone());
        let framed = tail_wanted || state.feed.has_listeners();
        if framed {
            state.line(format!("START RequestId: {request_id} Version: {version}").as_bytes());
        }
        framed
    }

    /// One of the guest's streams.
    pub(crate) fn writer(&self, stream: Stream) -> Writer {
        Writer { log: self.clone(), stream }
    }

    /// Adds lines of the host's own.
    pub(crate) fn note(&self, text: &str) {
        self.state().lines(text);
    }

    /// The log for what goes on beside the guest and may still do so when its request is over.
    pub(crate) fn of_request(&self) -> RequestLog {
        RequestLog { log: self.clone(), request_id: self.state().request_id.clone() }
    }

    /// Ends the request's part of the log with the host's own lines.
    pub(crate) fn end(&self, host_lines: &[String]) {
        let mut state = self.state();
        for stream in [Stream::Output, Stream::Error] {
            if !state.unfinished[stream as usize].is_empty() {
                state.finish_line(stream);
            }
        }
        for line in host_lines {
            state.line(line.as_bytes());
        }
    }

    /// The last 4 KiB of what the request has logged.
    pub(crate) fn tail(&self) -> String {
        let state = self.state();
        let start = state.tail.len().saturating_sub(TAIL_BYTES_MAX);
        String::from_utf8_lossy(&state.tail[start..]).into_owned()
    }

    /// The error the guest handed over before it ended, once.
    pub(crate) fn take_handed_over(&self) -> Option<FunctionError> {
        self.state().handed_over.take()
    }

    fn state(&self) -> MutexGuard<'_, LogState> {
        // The state is whole after every statement, so a panic elsewhere leaves it usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogState {
    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let unfinished = &mut self.unfinished[stream as usize];
            let room = LINE_BYTES_MAX - unfinished.len();
            let (taken, end, finished) = match rest.iter().take(room + 1).position(|&byte| byte == b'\n') {
                Some(feed) => (feed, feed + 1, true),
                None if rest.len() > room => (room, room, true),
                None => (rest.len(), rest.len(), false),
            };
            unfinished.extend_from_slice(&rest[..taken]);
            if finished {
                self.finish_line(stream);
            }
            rest = &rest[end..];
        }
    }

    fn finish_line(&mut self, stream: Stream) {
        let mut line = std::mem::take(&mut self.unfinished[stream as usize]);
        // A guest that panics may have begun a line: the record comes after it.
        match line.iter().rposition(|&byte| byte == RECORD_SEPARATOR) {
            Some(at) if self.take_record(&line[at + 1..]) => {
                if at > 0 {
                    self.line(&line[..at]);
                }
            }
            _ => self.line(&line),
        }
        // The allocation serves the next line.
        line.clear();
        self.unfinished[stream as usize] = line;
    }

    /// Takes a record that hands an error over; whatever else has the separator is an ordinary line.
    fn take_record(&mut self, record: &[u8]) -> bool {
        #[derive(serde::Deserialize)]
        struct Record {
            #[serde(rename = "samovar:function-error")]
            error: HandedOver,
        }
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct HandedOver {
            error_type: String,
            error_message: String,
            #[serde(default)]
            stack_trace: Vec<String>,
        }
        let Ok(Record { error }) = serde_json::from_slice(record) else { return false };
        self.handed_over =
            Some(FunctionError::reported(error.error_type, error.error_message, error.stack_trace));
        true
    }

    fn lines(&mut self, text: &str) {
        for line in text.lines() {
            self.line(line.as_bytes());
        }
    }

    fn line(&mut self, line: &[u8]) {
        self.tail.extend_from_slice(line);
        self.tail.push(b'\n');
        if self.tail.len() > 2 * TAIL_BYTES_MAX {
            self.tail.drain(..self.tail.len() - TAIL_BYTES_MAX);
        }
        if self.feed.has_listeners() {
            // The only error is that nobody listens any more, which is no error.
            let _ = self.feed.0.send(LogLine {
                source: self.source.clone(),
                request_id: self.request_id.clone(),
                text: String::from_utf8_lossy(line).into_owned(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> (Log, broadcast::Receiver<LogLine>) {
        let feed = LogFeed::new();
        let listener = feed.subscribe();
        let source = LogSource { group: "/aws/lambda/f".to_owned(), stream: "s".to_owned() };
        (Log::new(Arc::new(source), feed), listener)
    }

    fn write(log: &Log, bytes: &[u8]) {
        log.writer(Stream::Error).write(bytes);
    }

    #[test]
    fn lines_are_told_apart_however_they_are_written() {
        let (log, mut listener) = log();
        write(&log, b"one\ntw");
        write(&log, b"o\n\nthree");
        log.end(&[]);
        let lines: Vec<String> =
            std::iter::from_fn(|| listener.try_recv().ok()).map(|line| line.text).collect();
        assert_eq!(lines, ["one", "two", "", "three"]);
    }

    #[test]
    fn the_tail_is_the_last_4_kib_however_much_is_written() {
        let (log, _listener) = log();
        for _ in 0..10_000 {
            write(&log, b"0123456789\n");
        }
        log.end(&["REPORT".to_owned()]);
        let tail = log.tail();
        assert_eq!(tail.len(), TAIL_BYTES_MAX);
        assert!(tail.ends_with("0123456789\nREPORT\n"));
    }

    #[test]
    fn half_lines_of_the_two_streams_do_not_mix() {
        let (log, mut listener) = log();
        log.writer(Stream::Output).write(b"one ");
        log.writer(Stream::Error).write(b"two\n");
        log.writer(Stream::Output).write(b"three\n");
        let lines: Vec<String> =
            std::iter::from_fn(|| listener.try_recv().ok()).map(|line| line.text).collect();
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
        log.begin(&"a".into(), "1", true);
        assert_eq!(log.tail(), "set up\nSTART RequestId: a Version: 1\n");
        log.begin(&"b".into(), "1", true);
        assert_eq!(log.tail(), "START RequestId: b Version: 1\n");
    }

    #[test]
    fn what_comes_too_late_for_its_request_is_not_in_the_next_ones_log() {
        let (log, _listener) = log();
        log.begin(&"a".into(), "1", true);
        let of_a = log.of_request();
        of_a.note("in time");
        log.begin(&"b".into(), "1", true);
        of_a.note("too late");
        assert_eq!(log.tail(), "START RequestId: b Version: 1\n");
    }

    #[test]
    fn the_hosts_own_lines_are_made_only_for_those_who_want_them() {
        let (log, listener) = log();
        assert!(log.begin(&"a".into(), "1", false), "a listener wants them");
        drop(listener);
        assert!(!log.begin(&"b".into(), "1", false));
        assert!(log.begin(&"c".into(), "1", true), "the caller wants them");
    }
}
