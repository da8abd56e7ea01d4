//! A plain program, with nothing of Samovar in it: the event is on standard input, the answer goes to standard output.
//! Standard error is the log, and an exit code other than 0 is a function error.

use std::io::Read;
use std::process::ExitCode;

use serde_json::{Value, json};

fn main() -> ExitCode {
    let mut event = String::new();
    if let Err(error) = std::io::stdin().read_to_string(&mut event) {
        eprintln!("cannot read the event: {error}");
        return ExitCode::FAILURE;
    }
    match answer(&event) {
        Ok(answer) => {
            print!("{answer}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// What is printed for an event. An object is greeted in JSON and a text in plain words, which arrive as a JSON string; for
/// `null` nothing is printed, which arrives as `null`.
fn answer(event: &str) -> Result<String, String> {
    let event: Value =
        serde_json::from_str(event).map_err(|error| format!("the event is not JSON: {error}"))?;
    match event {
        Value::Object(event) => match event.get("name").and_then(Value::as_str) {
            Some(name) => Ok(json!({ "message": format!("Hello, {name}!") }).to_string()),
            None => Err("the event names nobody".to_owned()),
        },
        Value::String(name) => Ok(format!("Hello, {name}!\n")),
        Value::Null => Ok(String::new()),
        other => Err(format!("cannot greet {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_answered_in_json_a_text_in_words_and_null_with_nothing() {
        assert_eq!(answer(r#"{"name": "Ada"}"#).as_deref(), Ok(r#"{"message":"Hello, Ada!"}"#));
        assert_eq!(answer(r#""Ada""#).as_deref(), Ok("Hello, Ada!\n"));
        assert_eq!(answer("null").as_deref(), Ok(""));
    }

    #[test]
    fn what_cannot_be_greeted_is_refused() {
        assert_eq!(answer("{}"), Err("the event names nobody".to_owned()));
        assert_eq!(answer("7"), Err("cannot greet 7".to_owned()));
    }
}
