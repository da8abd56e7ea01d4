//! How long a client may leave an answer unread: whoever reads nothing would hold it and its connection for as long as it likes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

/// Ends writing to a connection that has taken nothing for a while.
#[derive(Debug)]
pub(super) struct AnswerPause {
    max: Duration,
    /// Until when something must be taken; there is none while all is.
    end: Option<Pin<Box<Sleep>>>,
}

impl AnswerPause {
    pub(super) fn new(max: Duration) -> Self {
        Self { max, end: None }
    }

    /// What writing has come to, which is an error if it has waited for too long.
    pub(super) fn bound<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.end = None;
            return written;
        }
        let max = self.max;
        let end = self.end.get_or_insert_with(|| Box::pin(tokio::time::sleep(max)));
        end.as_mut().poll(cx).map(|()| {
            Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads nothing (answer_pause_max)"))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_ended_and_who_takes_little_is_not() {
        let mut pause = AnswerPause::new(Duration::from_secs(60));
        let started = Instant::now();
        for _ in 0..3 {
            let waiting = poll_fn(|cx| pause.bound(cx, Poll::<io::Result<usize>>::Pending));
            let early = tokio::time::timeout(Duration::from_secs(59), waiting).await;
            assert!(early.is_err(), "it may pause for longer");
            let taken = poll_fn(|cx| pause.bound(cx, Poll::Ready(Ok(1)))).await;
            assert_eq!(taken.expect("a byte was taken"), 1);
        }
        let error = poll_fn(|cx| pause.bound(cx, Poll::<io::Result<usize>>::Pending)).await;
        assert_eq!(error.expect_err("too long").kind(), io::ErrorKind::TimedOut);
        assert_eq!(started.elapsed().as_secs(), 3 * 59 + 60);
    }
}
