//! What a function's binary does when it is built for the machine it is written on.

use crate::{Context, Diagnostic, Error, FromPayload, IntoPayload, LambdaEvent, Service, executor, testing};
use std::future::Future;
use std::io::{IsTerminal, Read, Write, stderr, stdin, stdout};
use std::process;

/// Runs `main` to its end.
pub fn start<F: Future>(main: impl FnOnce() -> F) -> F::Output {
    executor::block_on(main())
}

/// Answers the one event on standard input.
pub(crate) async fn answer_one<P, S>(mut handler: S) -> Result<(), Error>
where
    P: FromPayload,
    S: Service<LambdaEvent<P>>,
    S::Response: IntoPayload,
    S::Error: Into<Diagnostic>,
{
    if stdin().is_terminal() {
        writeln!(stderr(), "Type one event as JSON, then end the input (control-D).")?;
    }
    let mut event = Vec::new();
    stdin().read_to_end(&mut event)?;
    match testing::invoke_bytes(&mut handler, event, context()) {
        Ok(answer) => {
            stdout().write_all(&answer)?;
            writeln!(stdout())?;
            Ok(())
        }
        Err(error) => {
            writeln!(stderr(), "{}", serde_json::to_string(&error)?)?;
            process::exit(1)
        }
    }
}

/// The context of an event that nobody but the author sent.
fn context() -> Context {
    testing::context().config(crate::Config::from_env()).build()
}
