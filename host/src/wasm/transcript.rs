//! What a command reads and what it has printed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::io::AsyncRead;
use wasmtime_wasi::cli::{IsTerminal, StdinStream};
use wasmtime_wasi::p2::InputStream;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;

use super::stream::Sink;

/// What a command reads and what it has printed.
#[derive(Debug, Clone)]
pub(super) struct Transcript {
    state: Arc<Mutex<State>>,
    /// The bytes an answer may have.
    bytes_max: usize,
}

#[derive(Debug)]
struct State {
    /// Its clones share how far it was read.
    event: MemoryInputPipe,
    output: Output,
}

impl Default for State {
    fn default() -> Self {
        Self { event: MemoryInputPipe::new(Bytes::new()), output: Output::default() }
    }
}

#[derive(Debug, Default)]
struct Output {
    bytes: Vec<u8>,
    /// It printed more than an answer may have.
    overflown: bool,
}

impl Transcript {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { state: Arc::default(), bytes_max }
    }

    /// What the command will read.
    pub(super) fn hand_in(&self, event: Bytes) {
        self.state().event = MemoryInputPipe::new(event);
    }

    /// What the command has printed; none, if that was more than an answer may have.
    pub(super) fn take_output(&self) -> Option<Vec<u8>> {
        let Output { bytes, overflown } = std::mem::take(&mut self.state().output);
        (!overflown).then_some(bytes)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole after every statement, so a panic elsewhere leaves it usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Transcript {
    fn take(&self, bytes: &[u8]) -> bool {
        let output = &mut self.state().output;
        output.overflown |= output.bytes.len() + bytes.len() > self.bytes_max;
        if !output.overflown {
            output.bytes.extend_from_slice(bytes);
        }
        !output.overflown
    }

    fn is_full(&self) -> bool {
        self.state().output.overflown
    }
}

impl IsTerminal for Transcript {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdinStream for Transcript {
    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        Box::new(self.state().event.clone())
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(self.state().event.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_larger_than_an_answer_is_not_kept() {
        let transcript = Transcript::new(6 << 20);
        let chunk = vec![b'x'; 1 << 20];
        let written =
            std::iter::repeat_with(|| transcript.take(&chunk)).take(10).filter(|taken| *taken).count();
        assert_eq!((written, transcript.is_full()), (6, true));
        assert_eq!(transcript.take_output(), None);
    }
}
