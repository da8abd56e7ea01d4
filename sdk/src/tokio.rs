//! The part of tokio that functions use, for a guest with a single thread.
//!
//! It bears tokio's name so that `#[tokio::main]` and `tokio::time::sleep` of a ported function
//! stay as they are: `use samovar_sdk::tokio` takes the place of the crate.

/// Makes `main` the function's set-up; it calls [`run`](crate::run) in the end.
///
/// It takes the arguments of tokio's macro and ignores them: there is one thread. In a component it
/// exports the function from the component, natively it runs `main`.
///
/// ```
/// use samovar_sdk::{tokio, Error};
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> Result<(), Error> {
///     Ok(())
/// }
/// ```
pub use samovar_sdk_macros::main;

/// Makes an async function a unit test. It takes the arguments of tokio's macro and ignores them.
///
/// ```
/// use samovar_sdk::tokio;
///
/// #[tokio::test]
/// async fn one_and_one_is_two() {
///     assert_eq!(1 + 1, 2);
/// }
/// ```
pub use samovar_sdk_macros::test;

/// Waiting.
pub mod time {
    pub use crate::timers::Sleep;
    use std::future::{Future, IntoFuture, poll_fn};
    use std::pin::pin;
    use std::task::Poll;
    pub use std::time::{Duration, Instant};

    /// Errors of this module.
    pub mod error {
        use std::fmt;

        /// The future did not finish in time; see [`timeout`](super::timeout).
        #[derive(Debug, Clone, Copy, Eq, PartialEq)]
        pub struct Elapsed(pub(super) ());

        impl fmt::Display for Elapsed {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the time allowed has elapsed")
            }
        }

        impl std::error::Error for Elapsed {}
    }

    /// Waits for `duration`. The instance does nothing else meanwhile, and the host's deadline goes
    /// on.
    ///
    /// ```
    /// use samovar_sdk::testing;
    /// use samovar_sdk::tokio::time::{sleep, Duration, Instant};
    ///
    /// let start = Instant::now();
    /// testing::block_on(sleep(Duration::from_millis(2)));
    /// assert!(start.elapsed() >= Duration::from_millis(2));
    /// ```
    pub fn sleep(duration: Duration) -> Sleep {
        Sleep::lasting(duration)
    }

    /// Waits until `deadline`.
    pub fn sleep_until(deadline: Instant) -> Sleep {
        Sleep::until(deadline)
    }

    /// Gives a future `duration` to finish, counted from this call.
    ///
    /// It can only interrupt a future that waits, not one that computes.
    ///
    /// # Errors
    ///
    /// [`Elapsed`](error::Elapsed) when it did not finish in time.
    ///
    /// ```
    /// use samovar_sdk::testing;
    /// use samovar_sdk::tokio::time::{timeout, Duration};
    ///
    /// let never = std::future::pending::<()>();
    /// assert!(testing::block_on(timeout(Duration::from_millis(1), never)).is_err());
    /// ```
    pub fn timeout<F>(
        duration: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, error::Elapsed>>
    where
        F: IntoFuture,
    {
        let limit = sleep(duration);
        async move {
            let mut limit = pin!(limit);
            let mut future = pin!(future.into_future());
            poll_fn(|cx| {
                if let Poll::Ready(output) = future.as_mut().poll(cx) {
                    return Poll::Ready(Ok(output));
                }
                limit.as_mut().poll(cx).map(|()| Err(error::Elapsed(())))
            })
            .await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::time::{Duration, sleep, timeout};
    use crate::{executor::block_on, tokio};
    use std::future::pending;

    #[test]
    fn a_future_that_finishes_in_time_gives_its_output() {
        let quick = async {
            sleep(Duration::from_millis(1)).await;
            5
        };
        assert_eq!(block_on(timeout(Duration::from_secs(60), quick)), Ok(5));
    }

    #[test]
    #[should_panic(expected = "waits for something")]
    fn a_timer_that_was_dropped_wakes_nothing() {
        block_on(async {
            timeout(Duration::from_secs(3600), sleep(Duration::from_millis(1))).await.expect("in time");
            pending::<()>().await;
        });
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_test_attribute_takes_the_arguments_of_tokio() -> Result<(), crate::Error> {
        sleep(Duration::from_millis(1)).await;
        Ok(())
    }
}
