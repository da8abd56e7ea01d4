//! A panic as an error of the function.

use crate::FunctionError;
use std::panic::PanicHookInfo;

/// The most bytes a record has, so that it leaves in a single write of a WASI stream.
#[cfg(any(target_family = "wasm", test))]
const RECORD_BYTES_MAX: usize = 4096;

/// The error that a panic becomes.
pub(crate) fn function_error(info: &PanicHookInfo<'_>) -> FunctionError {
    FunctionError {
        error_type: FunctionError::PANIC.to_owned(),
        error_message: info.payload_as_str().unwrap_or("the panic carries no text").to_owned(),
        stack_trace: info.location().map(ToString::to_string).into_iter().collect(),
    }
}

/// The one record a component writes to standard error before it traps.
///
/// It is framed as RFC 7464 frames JSON texts (record separator, text, line feed), which no log
/// line begins with, so that the host can tell it from the function's own output. A message that
/// is too long for one record is cut.
#[cfg(any(target_family = "wasm", test))]
pub(crate) fn record(mut error: FunctionError) -> Vec<u8> {
    loop {
        let record = framed(&error);
        let message = &mut error.error_message;
        if record.len() <= RECORD_BYTES_MAX || message.is_empty() {
            return record;
        }
        // How much a byte of it takes as JSON is known only afterwards: from one to six.
        let half = (message.len() / 2).min(RECORD_BYTES_MAX);
        message.truncate(message.floor_char_boundary(half));
    }
}

#[cfg(any(target_family = "wasm", test))]
fn framed(error: &FunctionError) -> Vec<u8> {
    #[derive(serde::Serialize)]
    struct Record<'a> {
        #[serde(rename = "samovar:function-error")]
        error: &'a FunctionError,
    }
    let mut record = vec![0x1e];
    // Texts and a list of texts are always JSON; should they not be, the host still has the trap.
    let _ = serde_json::to_writer(&mut record, &Record { error });
    record.push(b'\n');
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panicked(message: &str) -> FunctionError {
        FunctionError {
            error_type: FunctionError::PANIC.into(),
            error_message: message.into(),
            stack_trace: vec!["src/main.rs:12:5".into()],
        }
    }

    #[test]
    fn the_record_is_one_line_whatever_the_message_holds() {
        let expected = "\u{1e}{\"samovar:function-error\":{\"errorType\":\"Runtime.Panic\",\
            \"errorMessage\":\"two\\nlines and a \\\"quote\\\"\",\"stackTrace\":[\"src/main.rs:12:5\"]}}\n";
        let record = record(panicked("two\nlines and a \"quote\""));
        assert_eq!(String::from_utf8(record).expect("JSON is UTF-8"), expected);
    }

    #[test]
    fn a_message_that_is_too_long_is_cut_between_characters() {
        for letter in ["x", "\u{1}", "\u{2615}"] {
            let record = record(panicked(&letter.repeat(100_000)));
            assert!(record.len() <= RECORD_BYTES_MAX, "{letter:?}: {} bytes", record.len());
            let json: serde_json::Value = serde_json::from_slice(&record[1..]).expect("it is still JSON");
            let message = json["samovar:function-error"]["errorMessage"].as_str().expect("a text");
            assert!(message.len() > 100 && message.starts_with(letter));
        }
    }
}
