//! The threads on which guests compute that do so for long.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{io, thread};

use async_task::{Builder, FallibleTask, ScheduleInfo, WithInfo};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::context::{Moves, on_processor, poll_inline};
use super::seat::{Ready, Room, Seat};
use super::share::Share;
use crate::urgency;

/// How long work may compute on its caller's task in all, with waits in between that keep each time short.
const INLINE_IN_ALL_MAX: Duration = Duration::from_millis(10);
/// Of so many short runs the time of one is looked at, by chance: a look at the clock is a good part of what they cost.
const SAMPLE_EVERY: u32 = 4;

/// Threads of the host's own, on which guests compute. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct Processors {
    room: Arc<Room>,
}

/// The processors were closed before the work was done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed;

impl Processors {
    /// Starts so many threads. Work on them finds the timers and sockets of that runtime.
    pub(crate) fn start(threads: usize, runtime: &Handle) -> io::Result<Self> {
        let this = Self { room: Room::new() };
        for number in 0..threads.max(1) {
            let (room, runtime) = (this.room.clone(), runtime.clone());
            thread::Builder::new().name(format!("samovar-cpu-{number}")).spawn(move || {
                // The threads of the embedder's runtime run at once when they wake, although guests keep all cores busy.
                urgency::give_way();
                let _runtime = runtime.enter();
                serve(&room);
            })?;
        }
        Ok(this)
    }

    /// Does work, from now on, that asks [`at_tick`](super::at_tick) at every tick whether to go on: on the caller's task,
    /// until ticks find it computing; from then on here. Work whose like lately computed for long begins here.
    ///
    /// Dropping the future ends the work, but not at once: it may compute until its next tick. So what must not be given back
    /// before has to be a part of it.
    pub(crate) async fn run<F>(
        &self,
        share: &Share,
        now: Instant,
        deadline: Option<Instant>,
        work: F,
    ) -> Result<F::Output, Closed>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let mut work = Box::pin(work);
        let (mut inline, mut deadline) = (Duration::ZERO, deadline);
        if !share.begins_there() {
            let mut now = Some(now);
            let done = poll_fn(|context| {
                let began = now.take().unwrap_or_else(Instant::now);
                let (polled, moves) = poll_inline(work.as_mut(), context, began);
                if polled.is_pending() || fastrand::u32(..SAMPLE_EVERY) == 0 {
                    inline += began.elapsed();
                }
                match (polled, moves) {
                    (Poll::Ready(output), _) => Poll::Ready(Ok(output)),
                    (Poll::Pending, Some(moves)) => Poll::Ready(Err(moves)),
                    (Poll::Pending, None) if inline >= INLINE_IN_ALL_MAX => {
                        Poll::Ready(Err(Moves { deadline }))
                    }
                    (Poll::Pending, None) => Poll::Pending,
                }
            });
            match done.await {
                Ok(output) => {
                    // What is not a sample, and never waited, has none.
                    if !inline.is_zero() {
                        share.count_by_clock(inline);
                    }
                    return Ok(output);
                }
                Err(Moves { deadline: ends }) => deadline = ends,
            }
            share.count_long();
        }
        let (output, used) = self.take_in(share, deadline, work).await;
        share.count(inline + used);
        output.ok_or(Closed)
    }

    /// Does work here from the start, whatever its like took: for work that asks at no tick whether to go on, and so would stay
    /// on its caller's task to its end.
    ///
    /// Dropping the future ends work that has not begun.
    pub(crate) async fn run_there<F>(
        &self,
        share: &Share,
        deadline: Option<Instant>,
        work: F,
    ) -> Result<F::Output, Closed>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let (output, _used) = self.take_in(share, deadline, Box::pin(work)).await;
        output.ok_or(Closed)
    }

    /// Takes work in and waits for what comes of it, and for how much of a processor's time it used here.
    async fn take_in<F>(
        &self,
        share: &Share,
        deadline: Option<Instant>,
        work: Pin<Box<F>>,
    ) -> (Option<F::Output>, Duration)
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let _present = share.arrive();
        let seat = Seat::new(self.room.clone(), share.weight(), deadline);
        let output = Moved::start(work, seat.clone(), self.room.clone()).await;
        (output, seat.used())
    }

    /// Ends what is still there, and the threads.
    pub(crate) fn close(&self) {
        self.room.close();
    }
}

impl Drop for Processors {
    fn drop(&mut self) {
        self.close();
    }
}

/// Work on the processors that somebody waits for.
#[derive(Debug)]
struct Moved<T> {
    task: FallibleTask<T, Arc<Seat>>,
    seat: Arc<Seat>,
    done: bool,
}

impl<T: Send + 'static> Moved<T> {
    fn start<F>(work: Pin<Box<F>>, seat: Arc<Seat>, room: Arc<Room>) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        let schedule = move |ready: Ready, info: ScheduleInfo| room.enter(ready, info.woken_while_running);
        // A panic is the caller's, as it would be without the processors.
        let builder = Builder::new().propagate_panic(true).metadata(seat.clone());
        let (ready, task) = builder.spawn(|seat| on_processor(seat.clone(), work), WithInfo(schedule));
        ready.schedule();
        Self { task: task.fallible(), seat, done: false }
    }
}

impl<T> Future for Moved<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let polled = Pin::new(&mut self.task).poll(context);
        self.done = polled.is_ready();
        polled
    }
}

impl<T> Drop for Moved<T> {
    fn drop(&mut self) {
        // Before the task is dropped, which cancels it: the end of a guest that waits for a processor is urgent as well.
        if !self.done {
            self.seat.cancel();
        }
    }
}

fn serve(room: &Room) {
    while let Some(ready) = room.next() {
        ready.run();
    }
}

#[cfg(test)]
mod tests;
