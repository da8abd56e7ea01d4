use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Waker;

use super::*;
use crate::cpu::{Tick, at_tick};

/// Computes for so long and is interrupted every half a millisecond, as an engine would do it.
async fn compute(time: Duration) {
    let began = Instant::now();
    let mut last = began;
    while began.elapsed() < time {
        if last.elapsed() > Duration::from_micros(500) {
            last = Instant::now();
            if let Tick::Yield(yielded) = at_tick(last, Some(began + time)) {
                yielded.await;
            }
        }
        std::hint::spin_loop();
    }
}

fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

fn processors(threads: usize) -> Processors {
    Processors::start(threads, &Handle::current()).expect("threads")
}

/// Says when it is dropped.
struct Guard(Arc<AtomicBool>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn short_work_stays_on_its_callers_thread_and_long_work_moves() {
    let (processors, share) = (processors(1), Share::new(128));
    let here = thread_name();
    let ended_on = |time| async move {
        compute(time).await;
        thread_name()
    };
    assert_eq!(
        processors.run(&share, Instant::now(), None, ended_on(Duration::from_micros(100))).await,
        Ok(here)
    );
    let long = Duration::from_millis(20);
    assert_eq!(
        processors.run(&share, Instant::now(), None, ended_on(long)).await.expect("it ends"),
        "samovar-cpu-0"
    );
    let begun_on = processors.run(&share, Instant::now(), None, async { thread_name() }).await;
    assert_eq!(begun_on.expect("it ends"), "samovar-cpu-0", "its like computed for long");
}

#[tokio::test]
async fn work_that_has_no_ticks_can_begin_here_whatever_its_like_took() {
    let (processors, share) = (processors(1), Share::new(128));
    for _ in 0..3 {
        let begun_on = processors.run_there(&share, None, async { thread_name() }).await;
        assert_eq!(begun_on.expect("it ends"), "samovar-cpu-0");
    }
    processors.close();
    assert_eq!(processors.run_there(&share, None, async { 1 }).await, Err(Closed));
}

#[tokio::test]
async fn work_that_computes_long_a_little_at_a_time_moves_too() {
    let (processors, share) = (processors(1), Share::new(128));
    let work = async {
        for _ in 0..30 {
            compute(Duration::from_millis(1)).await;
            tokio::task::yield_now().await;
        }
        thread_name()
    };
    assert_eq!(processors.run(&share, Instant::now(), None, work).await.expect("it ends"), "samovar-cpu-0");
}

#[tokio::test]
async fn work_that_waits_is_woken_wherever_it_is() {
    let (processors, share) = (processors(1), Share::new(128));
    let work = async {
        compute(Duration::from_millis(10)).await;
        // The timer is the runtime's, which the processors know.
        tokio::time::sleep(Duration::from_millis(1)).await;
        compute(Duration::from_millis(5)).await;
        7
    };
    assert_eq!(processors.run(&share, Instant::now(), None, work).await, Ok(7));
}

#[tokio::test]
async fn a_panic_is_the_callers_and_the_thread_goes_on() {
    let processors = Arc::new(processors(1));
    let panicked = tokio::spawn({
        let processors = processors.clone();
        async move {
            let share = Share::new(128);
            share.count_long();
            processors.run(&share, Instant::now(), None, async { panic!("on purpose") }).await
        }
    });
    assert!(panicked.await.expect_err("it panics").is_panic());
    let share = Share::new(128);
    share.count_long();
    assert_eq!(processors.run(&share, Instant::now(), None, async { 1 }).await, Ok(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_goes_with_the_work_is_held_until_the_work_has_stopped() {
    let (processors, share) = (Arc::new(processors(1)), Share::new(128));
    share.count_long();
    let (gone, computing) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let work = {
        let (guard, computing) = (Guard(gone.clone()), computing.clone());
        async move {
            let _guard = guard;
            loop {
                computing.fetch_add(1, Ordering::SeqCst);
                let begun = Instant::now();
                // A while in which nothing interrupts it.
                while begun.elapsed() < Duration::from_millis(100) {
                    std::hint::spin_loop();
                }
                if let Tick::Yield(yielded) = at_tick(Instant::now(), None) {
                    yielded.await;
                }
            }
        }
    };
    let mut run = Box::pin(processors.run(&share, Instant::now(), None, work));
    assert!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    while computing.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    drop(run);
    let begun = computing.load(Ordering::SeqCst);
    assert!(!gone.load(Ordering::SeqCst), "it still computes");
    while !gone.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    assert!(computing.load(Ordering::SeqCst) <= begun + 1, "it stopped at its next tick");
}

#[tokio::test]
async fn closing_ends_what_waits_and_what_comes_later() {
    let (processors, share) = (processors(1), Share::new(128));
    share.count_long();
    let gone = Arc::new(AtomicBool::new(false));
    let guard = Guard(gone.clone());
    let waits = processors.run(&share, Instant::now(), None, async move {
        let _guard = guard;
        compute(Duration::from_secs(600)).await;
    });
    let close = async {
        tokio::task::yield_now().await;
        processors.close();
    };
    let (ended, ()) = tokio::join!(waits, close);
    assert_eq!(ended, Err(Closed));
    assert!(gone.load(Ordering::SeqCst));
    assert_eq!(processors.run(&share, Instant::now(), None, async {}).await, Err(Closed));
}

#[tokio::test]
async fn guests_that_call_each_other_do_not_mistake_one_for_the_other() {
    let processors = Arc::new(processors(1));
    let inner = {
        let processors = processors.clone();
        async move {
            let share = Share::new(128);
            processors
                .run(&share, Instant::now(), None, compute(Duration::from_millis(10)))
                .await
                .expect("it ends");
            thread_name()
        }
    };
    let here = thread_name();
    let share = Share::new(128);
    assert_eq!(
        processors.run(&share, Instant::now(), None, inner).await,
        Ok(here),
        "only what computed has moved"
    );
}
