//! The record by which a guest hands its error over before it ends, among the lines it writes.

use crate::invocation::FunctionError;

/// What begins such a record: RS, as in RFC 7464.
const RECORD_SEPARATOR: u8 = 0x1e;

/// Finds a record at the end of a line, and gives back what stands before it: a guest that panics may have begun a line.
/// Whatever else has the separator is an ordinary line.
pub(super) fn split(line: &[u8]) -> Option<(&[u8], FunctionError)> {
    let at = line.iter().rposition(|&byte| byte == RECORD_SEPARATOR)?;
    parse(&line[at + 1..]).map(|error| (&line[..at], error))
}

/// Where a record may begin; the end of the bytes if nowhere.
pub(super) fn begin(bytes: &[u8]) -> usize {
    // Most have none, which is found out much more quickly than where one is.
    match bytes.contains(&RECORD_SEPARATOR) {
        false => bytes.len(),
        true => bytes.iter().take_while(|&&byte| byte != RECORD_SEPARATOR).count(),
    }
}

fn parse(record: &[u8]) -> Option<FunctionError> {
    #[derive(serde::Deserialize)]
    struct Record {
        #[serde(rename = "samovar:function-error")]
        error: HandedOver,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct HandedOver {
        error_type: String,
        error_message: String,
        #[serde(default)]
        stack_trace: Vec<String>,
    }
    let Record { error } = serde_json::from_slice(record).ok()?;
    Some(FunctionError::reported(error.error_type, error.error_message, error.stack_trace))
}
