//! What runs on this thread: a guest on its caller's task, or one on a processor. The engine's tick asks here whether the
//! guest that it interrupts goes on.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

use super::seat::Seat;

/// After how long, within one poll on its caller's task, a guest is suspected of computing for long.
const INLINE_TIME_MAX: Duration = Duration::from_millis(2);
/// How much processor time it then has to use until the next tick, so that it moves: half a tick's. Less had a guest whose
/// thread the system has interrupted, which is no reason to take it for a heavy one.
const SUSPECT_TIME_MAX: Duration = Duration::from_millis(1);

thread_local! {
    /// The innermost poll of a guest on its caller's task.
    static INLINE: Cell<Option<Inline>> = const { Cell::new(None) };
    /// The guest to which this processor belongs at the moment.
    static SLICE: RefCell<Option<Slice>> = const { RefCell::new(None) };
}

/// One poll of a guest on its caller's task.
#[derive(Debug, Clone, Copy)]
struct Inline {
    since: Instant,
    /// The processor time of the thread when the guest was first suspected of computing for long.
    suspected: Option<Duration>,
    /// Whether a tick has found it computing for too long, and when it is to be ended.
    moves: Option<Moves>,
}

/// Why a poll of a guest on its caller's task ended although the guest does not wait: it is to go on elsewhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moves {
    /// When the guest is to be ended.
    pub(super) deadline: Option<Instant>,
}

/// What of a processor's time a guest has had since it was last counted.
#[derive(Debug)]
struct Slice {
    seat: Arc<Seat>,
    /// On the clock of this thread's processor time.
    begun: Duration,
}

/// What a guest does at a tick.
#[derive(Debug)]
pub(crate) enum Tick {
    /// It goes on at once.
    GoOn,
    /// It lets others go on, by waiting for this.
    Yield(Yielded),
}

/// Is ready when it is polled for the second time, which it asks for itself.
#[derive(Debug, Default)]
pub(crate) struct Yielded {
    polled: bool,
}

/// Whether the guest that a tick has interrupted on this thread goes on, which is to be ended at its deadline.
pub(crate) fn at_tick(now: Instant, deadline: Option<Instant>) -> Tick {
    if let Some(inline) = INLINE.get() {
        let inline = inline.at_tick(now, deadline);
        INLINE.set(Some(inline));
        return if inline.moves.is_some() { Tick::Yield(Yielded::default()) } else { Tick::GoOn };
    }
    let goes_on = SLICE.with_borrow_mut(|slice| match slice {
        Some(slice) => slice.goes_on(deadline),
        None => false,
    });
    if goes_on { Tick::GoOn } else { Tick::Yield(Yielded::default()) }
}

/// Polls a guest on its caller's task, beginning now. Says whether the guest is to go on elsewhere.
pub(super) fn poll_inline<F: Future + ?Sized>(
    guest: Pin<&mut F>,
    context: &mut Context<'_>,
    now: Instant,
) -> (Poll<F::Output>, Option<Moves>) {
    /// Puts back what was there, as a guest may call another one by way of the host.
    struct Outer(Option<Inline>);
    impl Drop for Outer {
        fn drop(&mut self) {
            INLINE.set(self.0);
        }
    }
    let inline = Inline { since: now, suspected: None, moves: None };
    let _outer = Outer(INLINE.replace(Some(inline)));
    let polled = guest.poll(context);
    let moves = INLINE.get().and_then(|inline| inline.moves);
    (polled, moves)
}

/// Lets a guest have this processor for as long as it makes use of it, and counts what it used.
pub(super) async fn on_processor<F: Future>(seat: Arc<Seat>, mut guest: Pin<Box<F>>) -> F::Output {
    /// Counts the slice when it ends, however it ends.
    struct Counted;
    impl Drop for Counted {
        fn drop(&mut self) {
            if let Some(slice) = SLICE.take() {
                slice.seat.charge(processor_time().saturating_sub(slice.begun));
            }
        }
    }
    poll_fn(|context| {
        SLICE.set(Some(Slice { seat: seat.clone(), begun: processor_time() }));
        let _counted = Counted;
        guest.as_mut().poll(context)
    })
    .await
}

impl Inline {
    fn at_tick(self, now: Instant, deadline: Option<Instant>) -> Self {
        if now.saturating_duration_since(self.since) < INLINE_TIME_MAX {
            // It has waited since the last tick, or has only just begun.
            return self;
        }
        match self.suspected {
            None => Self { suspected: Some(processor_time()), ..self },
            Some(before) if processor_time().saturating_sub(before) < SUSPECT_TIME_MAX => self,
            Some(_) => Self { moves: Some(Moves { deadline }), ..self },
        }
    }
}

impl Slice {
    fn goes_on(&mut self, deadline: Option<Instant>) -> bool {
        let now = processor_time();
        let used = now.saturating_sub(std::mem::replace(&mut self.begun, now));
        self.seat.goes_on(used, deadline)
    }
}

impl Future for Yielded {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.polled {
            return Poll::Ready(());
        }
        self.polled = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The time that this thread has had a processor.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
