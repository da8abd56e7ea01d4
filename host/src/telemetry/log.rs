//! The log of one instance: what its guest writes, and the host's own lines around it.

#[cfg(test)]
mod tests;

use std::io::BufRead as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::feed::LogFeed;
use super::form::LineForm;
use super::handed_over;
use super::platform::{InitPhase, PlatformEvent};
use super::queue::LineOf;
use super::quota::{Dropped, Quota};
use super::share::Share;
use super::source::LogSource;
use crate::function::{LogFormat, LogLevel, Logging};
use crate::invocation::{FunctionError, Report, Status};
use crate::timestamp;

/// How much of an invocation's log its caller can ask for: Lambda's 4 KiB.
const TAIL_BYTES_MAX: usize = 4096;
/// A line longer than this is cut into several: what the records of panics need, and what bounds the feed.
const LINE_BYTES_MAX: usize = 8 << 10;

/// Which of a guest's two streams something is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
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
            // A guest brings these about by itself, as often as it likes.
            state.note(LineOf::Guest, LogLevel::Warn, text);
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
    form: LineForm,
    /// When the instance was begun, until the line that says so is written: with the first line that anybody wants.
    begun_ms: Option<u64>,
    request_id: Option<Arc<str>>,
    /// What was written after the last line feed: to standard output, and to standard error.
    unfinished: [Vec<u8>; 2],
    /// Whether of a line of these streams something was passed over, but not its end.
    passing: [bool; 2],
    tail: Vec<u8>,
    /// The error the guest handed over before it ended.
    handed_over: Option<FunctionError>,
    share: Share,
    quota: Quota,
}

impl Log {
    /// A log of which each invocation may fill so many bytes, and what comes before the first as many more.
    pub(crate) fn new(source: Arc<LogSource>, feed: LogFeed, logging: &Logging, bytes_max: u64) -> Self {
        let state = LogState {
            source: source.clone(),
            feed,
            form: LineForm::of(logging),
            begun_ms: Some(timestamp::now_ms()),
            request_id: None,
            unfinished: [Vec::new(), Vec::new()],
            passing: [false; 2],
            tail: Vec::new(),
            handed_over: None,
            share: Share::default(),
            quota: Quota::new(bytes_max),
        };
        Self { source, state: Arc::new(Mutex::new(state)) }
    }

    /// The name of the log stream.
    pub(crate) fn stream(&self) -> &str {
        &self.source.stream
    }

    /// Says how the instance's init went.
    pub(crate) fn init_ended(&self, phase: InitPhase, status: &Status, duration: Duration) {
        let mut state = self.state();
        if *status != Status::Success {
            state.finish_lines();
            state.tell_dropped();
        }
        if state.feed.is_wanted() {
            state.platform(
                PlatformEvent::InitReport { source: &self.source, phase, status, duration },
                Tail::Without,
            );
        }
    }

    /// From here on lines belong to that request. What init wrote stays in its first request's tail.
    ///
    /// Says whether the host's own lines (START, END, REPORT) are wanted: by the caller, who asked for the
    /// tail, or by those who listen to logs or keep them. Otherwise nobody would see them, and they are not even made.
    pub(crate) fn begin(&self, request_id: &Arc<str>, tail_wanted: bool) -> bool {
        let mut state = self.state();
        // What init has lost is told before its first request begins.
        state.tell_dropped();
        state.quota.renew();
        if state.request_id.is_some() {
            state.tail.clear();
        }
        state.handed_over = None;
        state.request_id = Some(request_id.clone());
        let framed = tail_wanted || state.feed.is_wanted();
        if framed {
            state.platform(PlatformEvent::Start { request_id, version: &self.source.version }, Tail::With);
        }
        framed
    }

    /// One of the guest's streams.
    pub(crate) fn writer(&self, stream: Stream) -> Writer {
        Writer { log: self.clone(), stream }
    }

    /// Adds lines of the host's own about what went wrong in the guest.
    pub(crate) fn note(&self, text: &str) {
        self.state().note(LineOf::Host, LogLevel::Error, text);
    }

    /// Adds what the guest has written elsewhere, as lines of its own, because something went wrong in it.
    pub(crate) fn quote(&self, text: &str) {
        self.state().note(LineOf::Guest, LogLevel::Error, text);
    }

    /// The log for what goes on beside the guest and may still do so when its request is over.
    pub(crate) fn of_request(&self) -> RequestLog {
        RequestLog { log: self.clone(), request_id: self.state().request_id.clone() }
    }

    /// Ends what the guest has begun to write, where nobody wants the host's own lines.
    pub(crate) fn end_unframed(&self) {
        let mut state = self.state();
        state.finish_lines();
        state.tell_dropped();
    }

    /// Ends the request's part of the log with the host's own lines; an error that ended the request comes before them.
    pub(crate) fn end(&self, request_id: &str, error: Option<&FunctionError>, report: &Report) {
        let mut state = self.state();
        state.finish_lines();
        state.tell_dropped();
        if let Some(error) = error {
            // What a function says of its error is as long as it likes, and may be made to look like lines of others.
            let message = &error.error_message[..error.error_message.floor_char_boundary(LINE_BYTES_MAX)];
            state.note(LineOf::Host, LogLevel::Error, &format!("{}: {message}", error.error_type));
        }
        state.platform(PlatformEvent::End { request_id, report }, Tail::With);
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

/// How many line feeds there are, found as quickly as the system can.
fn feeds(mut bytes: &[u8]) -> u64 {
    let ended = bytes.last() == Some(&b'\n');
    let mut pieces = 0;
    while bytes.skip_until(b'\n').is_ok_and(|passed| passed > 0) {
        pieces += 1;
    }
    if ended { pieces } else { pieces.max(1) - 1 }
}

/// Whether a line is among those that a request's caller can ask for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tail {
    With,
    Without,
}

impl LogState {
    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.quota.is_used_up() && self.unfinished[stream as usize].is_empty() {
                rest = self.pass_over(stream, rest);
            }
            let unfinished = &mut self.unfinished[stream as usize];
            let room = LINE_BYTES_MAX - unfinished.len();
            let (taken, end, finished) = match rest.iter().take(room + 1).position(|&byte| byte == b'\n') {
                Some(feed) => (feed, feed + 1, true),
                None if rest.len() > room => {
                    self.feed.cut();
                    (room, room, true)
                }
                None => (rest.len(), rest.len(), false),
            };
            unfinished.extend_from_slice(&rest[..taken]);
            if finished {
                self.finish_line(stream);
            }
            rest = &rest[end..];
        }
    }

    /// Counts what nobody will see, without making lines of it; gives back what may be an error that is handed over.
    fn pass_over<'a>(&mut self, stream: Stream, bytes: &'a [u8]) -> &'a [u8] {
        let (passed, rest) = bytes.split_at(handed_over::begin(bytes));
        if let Some(&last) = passed.last() {
            self.quota.drop_lines(Dropped { lines: feeds(passed), bytes: passed.len() as u64 });
            self.passing[stream as usize] = last != b'\n';
        }
        rest
    }

    /// Says what was dropped of this request's log, if anything was.
    fn tell_dropped(&mut self) {
        let begun = std::mem::take(&mut self.passing).into_iter().filter(|&begun| begun).count() as u64;
        if begun > 0 {
            self.quota.drop_lines(Dropped { lines: begun, bytes: 0 });
        }
        let Some((dropped, text)) = self.quota.take_marker() else { return };
        self.feed.dropped().add(dropped);
        // However little is logged of what the function says, this is.
        let level = LogLevel::Warn.max(self.form.application_level);
        self.application(LineOf::Host, level, text.as_bytes());
    }

    fn finish_lines(&mut self) {
        for stream in [Stream::Output, Stream::Error] {
            if !self.unfinished[stream as usize].is_empty() {
                self.finish_line(stream);
            }
        }
    }

    fn finish_line(&mut self, stream: Stream) {
        let mut line = std::mem::take(&mut self.unfinished[stream as usize]);
        let begun = std::mem::take(&mut self.passing[stream as usize]);
        let before = match handed_over::split(&line) {
            Some((before, error)) => {
                self.handed_over = Some(error);
                (!before.is_empty()).then_some(before)
            }
            None => Some(&*line),
        };
        match before {
            Some(line) => self.application(LineOf::Guest, LogLevel::Info, line),
            None if begun => self.quota.drop_lines(Dropped { lines: 1, bytes: 0 }),
            None => {}
        }
        // The allocation serves the next line.
        line.clear();
        self.unfinished[stream as usize] = line;
    }

    /// Lines of the host's own among the function's: as text one for each of theirs, in JSON one object for all.
    fn note(&mut self, of: LineOf, level: LogLevel, text: &str) {
        match self.form.format {
            LogFormat::Text => text.lines().for_each(|line| self.application(of, level, line.as_bytes())),
            LogFormat::Json => self.application(of, level, text.as_bytes()),
        }
    }

    fn application(&mut self, of: LineOf, level: LogLevel, line: &[u8]) {
        let form = self.form;
        let request_id = self.request_id.clone();
        if let Some(line) = form.application(level, line, request_id.as_deref())
            && (of == LineOf::Host || self.quota.take(line.len()))
        {
            self.line((of, &line), Tail::With);
        }
    }

    fn platform(&mut self, event: PlatformEvent<'_>, tail: Tail) {
        for line in event.lines(self.form).into_iter().flatten() {
            self.line((LineOf::Host, line.as_bytes()), tail);
        }
    }

    fn line(&mut self, (of, line): (LineOf, &[u8]), tail: Tail) {
        let wanted = self.feed.is_wanted();
        if wanted && let Some(at_ms) = self.begun_ms.take() {
            self.init_start(at_ms);
        }
        if tail == Tail::With {
            self.tail.extend_from_slice(line);
            self.tail.push(b'\n');
            if self.tail.len() > 2 * TAIL_BYTES_MAX {
                self.tail.drain(..self.tail.len() - TAIL_BYTES_MAX);
            }
        }
        if wanted {
            self.feed.send(&self.source, self.request_id.as_ref(), (of, line), &mut self.share);
        }
    }

    /// The line before all others: it belongs to no request, although it may be written with the first line of one.
    fn init_start(&mut self, at_ms: u64) {
        let source = self.source.clone();
        let event = PlatformEvent::InitStart { source: &source, at_ms };
        for line in event.lines(self.form).into_iter().flatten() {
            self.feed.send(&source, None, (LineOf::Host, line.as_bytes()), &mut self.share);
        }
    }
}
