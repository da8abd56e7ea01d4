//! A panic as an error of the function.

use crate::FunctionError;
use std::panic::PanicHookInfo;

/// The most of a panic's message that is kept, in bytes, so that the record about it fits into a single
/// write of a WASI stream (4,096 bytes) even when JSON escapes some of its characters.
const MESSAGE_BYTES_MAX: usize = 2048;

/// The error that a panic becomes.
pub(crate) fn function_error(info: &PanicHookInfo<'_>) -> FunctionError {
    let mut message = info
        .payload_as_str()
        .unwrap_or("the panic carries no text")
        .to_owned();
    message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
    FunctionError {
        error_type: FunctionError::PANIC.to_owned(),
        error_message: message,
        stack_trace: info
            .location()
            .map(ToString::to_string)
            .into_iter()
            .collect(),
    }
}

/// The one record a component writes to standard error before it traps.
///
/// It is framed as RFC 7464 frames JSON texts (record separator, text, line feed), which no log line
/// begins with, so that the host can tell it from the function's own output.
#[cfg(any(target_family = "wasm", test))]
pub(crate) fn record(error: &FunctionError) -> Vec<u8> {
    #[derive(serde::Serialize)]
    struct Record<'a> {
        #[serde(rename = "samovar:function-error")]
        error: &'a FunctionError,
    }
    let mut record = vec![0x1e];
    // Texts and a list of texts are always JSON; should they ever not be, the host still has the trap.
    let _ = serde_json::to_writer(&mut record, &Record { error });
    record.push(b'\n');
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_one_line_whatever_the_message_holds() {
        let error = FunctionError {
            error_type: FunctionError::PANIC.into(),
            error_message: "two\nlines and a \"quote\"".into(),
            stack_trace: vec!["src/main.rs:12:5".into()],
        };
        let expected = "\u{1e}{\"samovar:function-error\":{\"errorType\":\"Runtime.Panic\",\
            \"errorMessage\":\"two\\nlines and a \\\"quote\\\"\",\"stackTrace\":[\"src/main.rs:12:5\"]}}\n";
        assert_eq!(
            String::from_utf8(record(&error)).expect("JSON is UTF-8"),
            expected
        );
    }
}
