//! The world of commands: the event on standard input, the answer on standard output.

use bytes::Bytes;
use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, Instance, TypedFunc};
use wasmtime_wasi::I32Exit;

use super::{export, wrong};
use crate::invocation::{Answer, FunctionError, Invocation};
use crate::wasm::guest::GuestState;
use crate::wasm::program_error::{ProgramError, one_line};

/// The interface that commands export: of WASI 0.2, whatever comes after.
const RUN: &str = "wasi:cli/run@0.2.0";

type Results = (Result<(), ()>,);

/// What runs a command.
pub(super) type Run = TypedFunc<(), Results>;

/// The export of a command.
#[derive(Debug)]
pub(in crate::wasm) struct CommandEntry {
    run: ComponentExportIndex,
}

impl CommandEntry {
    pub(super) fn of(component: &Component) -> Result<Option<Self>, ProgramError> {
        let Some((run, found)) = export(component, RUN, "run")? else { return Ok(None) };
        let types = component.component_type();
        let checked = found.typecheck::<(), Results>(&types.instance_type());
        checked.map_err(|error| wrong(RUN, &one_line(&error)))?;
        Ok(Some(Self { run }))
    }

    pub(super) fn run(&self, store: &mut Store<GuestState>, instance: &Instance) -> wasmtime::Result<Run> {
        instance.get_typed_func(store, self.run)
    }
}

/// Runs the command on the event.
pub(super) async fn call(
    run: &Run,
    store: &mut Store<GuestState>,
    invocation: Invocation,
) -> wasmtime::Result<Answer> {
    let transcript = store.data().transcript.clone().expect("a command is launched with one");
    transcript.hand_in(invocation.payload);
    let ended = run.call_async(&mut *store, ()).await;
    let failed = match ended {
        Ok((Ok(()),)) => None,
        Ok((Err(()),)) => Some(I32Exit(1).into()),
        Err(error) if matches!(error.downcast_ref(), Some(I32Exit(0))) => None,
        Err(error) => Some(error),
    };
    let Some(output) = transcript.take_output() else {
        return Ok(Err(FunctionError::answer_too_large(store.data().answer_bytes_max)));
    };
    match failed {
        None => Ok(answer(output)),
        Some(error) => {
            // What it printed is no answer, but may well say why it failed.
            store.data().log.quote(&String::from_utf8_lossy(&output));
            Err(error)
        }
    }
}

/// The answer that a command has printed: JSON as it is, any other text as a JSON string without its last line feed, and
/// nothing as null.
fn answer(output: Vec<u8>) -> Answer {
    if serde_json::from_slice::<serde::de::IgnoredAny>(&output).is_ok() {
        return Ok(output.into());
    }
    let text = match String::from_utf8(output) {
        Ok(text) => text,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let reason = format!("the output of the command is neither JSON nor UTF-8 text (at byte {at})");
            return Err(FunctionError::not_json(reason));
        }
    };
    if text.trim().is_empty() {
        return Ok(Bytes::from_static(b"null"));
    }
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    Ok(serde_json::to_vec(text).expect("a text always has a JSON form").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(output: &[u8]) -> String {
        let answer = answer(output.to_vec()).expect("an answer");
        String::from_utf8(answer.to_vec()).expect("text")
    }

    #[test]
    fn json_is_the_answer_as_it_is_and_text_becomes_a_string() {
        assert_eq!(answered(b" {\"a\": 1}\n"), " {\"a\": 1}\n");
        assert_eq!(answered(b"42\n"), "42\n");
        assert_eq!(answered(b"hello\nworld\n"), r#""hello\nworld""#);
        assert_eq!(answered(b"\"half"), r#""\"half""#);
        assert_eq!(answered(b"\n"), "null");
        assert_eq!(answered(b""), "null");
    }

    #[test]
    fn output_that_is_no_text_is_an_error_that_says_where() {
        let error = answer(b"abc\xff".to_vec()).expect_err("an error");
        assert!(error.error_message.contains("at byte 3"), "{}", error.error_message);
    }
}
