//! What functions log, on standard error.

use std::io;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::oneshot;

use super::output;
use crate::{LogLine, LogSource};

/// How long a server that ends waits for its last log lines to be taken.
const LAST_LINES_TIME_MAX: Duration = Duration::from_secs(1);

/// Log lines being written.
#[derive(Debug)]
pub(super) struct Writing {
    done: oneshot::Receiver<()>,
}

/// Writes log lines as they come, on a thread of its own: a terminal that is slow, or a pipe that nobody reads, must
/// not keep an invocation waiting. Lines that are not written in time are lost, and counted.
pub(super) fn write(mut lines: Receiver<LogLine>) -> io::Result<Writing> {
    let (finished, done) = oneshot::channel::<()>();
    std::thread::Builder::new().name("log lines".to_owned()).spawn(move || {
        // Dropped when all lines are written, which is all that it is for.
        let _finished = finished;
        loop {
            match lines.blocking_recv() {
                Ok(line) => output::error_line(&output::shown(&text(&line))),
                Err(RecvError::Lagged(lost)) => {
                    output::error_line(&format!("({lost} log lines were lost here)"))
                }
                Err(RecvError::Closed) => return,
            }
        }
    })?;
    Ok(Writing { done })
}

impl Writing {
    /// Waits for the last lines, once their host is gone.
    pub(super) async fn finish(self) {
        let _ = tokio::time::timeout(LAST_LINES_TIME_MAX, self.done).await;
    }
}

/// The line with the function and version it comes from: `hello[1]: text`.
fn text(line: &LogLine) -> String {
    let LogSource { function, version, .. } = &*line.source;
    format!("{function}[{version}]: {}", line.text)
}
