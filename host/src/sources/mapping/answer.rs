//! What the answer of a function that reports failures says of its batch.
//!
//! Lambda's developer guide: a batch has succeeded whole where the answer is empty or null, or its list of failures is; it has failed whole
//! where the answer is no valid JSON, or a failure names no message of the batch. The guide is silent about JSON that is neither an
//! object nor null nor an empty text, and about a list that is none: here such a batch has failed, as nobody can know what was meant.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

/// Which messages of a batch have failed, by their place in it; `ids` are all messages' ids. The same id may be there twice.
///
/// # Errors
/// Why the answer says nothing of single messages; then all of them have failed.
pub(crate) fn failed_items(answer: &[u8], ids: &[&str]) -> Result<BTreeSet<usize>, String> {
    if answer.trim_ascii().is_empty() {
        return Ok(BTreeSet::new());
    }
    let answer: Value = serde_json::from_slice(answer).map_err(|error| format!("it is no JSON: {error}"))?;
    let failures = match answer {
        Value::Null => return Ok(BTreeSet::new()),
        Value::String(text) if text.is_empty() => return Ok(BTreeSet::new()),
        Value::Object(mut members) => match members.remove("batchItemFailures") {
            None | Some(Value::Null) => return Ok(BTreeSet::new()),
            Some(Value::Array(failures)) => failures,
            Some(_) => return Err("batchItemFailures is no list".to_owned()),
        },
        _ => return Err("it is no object".to_owned()),
    };
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    ids.iter().enumerate().for_each(|(place, id)| places.entry(id).or_default().push(place));
    let mut failed = BTreeSet::new();
    for failure in &failures {
        let id = failure.get("itemIdentifier").and_then(Value::as_str);
        let id = id.ok_or("a failure has no itemIdentifier that is a text")?;
        match places.get(id) {
            Some(places) => failed.extend(places),
            None => return Err(format!("itemIdentifier {id:?} is no message of the batch")),
        }
    }
    Ok(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [&str; 4] = ["a", "b", "c", "a"];

    #[test]
    fn exactly_those_that_are_named_have_failed() {
        for (answer, expected) in [
            ("", vec![]),
            (" \n", vec![]),
            ("null", vec![]),
            (r#""""#, vec![]),
            ("{}", vec![]),
            (r#"{"other":1}"#, vec![]),
            (r#"{"batchItemFailures":null}"#, vec![]),
            (r#"{"batchItemFailures":[]}"#, vec![]),
            (r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#, vec![1]),
            (r#"{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"b"}],"more":2}"#, vec![1]),
            (r#"{"batchItemFailures":[{"itemIdentifier":"c","more":1},{"itemIdentifier":"b"}]}"#, vec![1, 2]),
            // A queue may hand the same message out twice.
            (r#"{"batchItemFailures":[{"itemIdentifier":"a"}]}"#, vec![0, 3]),
        ] {
            let failed = failed_items(answer.as_bytes(), &IDS);
            assert_eq!(failed, Ok(expected.into_iter().collect()), "{answer}");
        }
    }

    #[test]
    fn all_have_failed_where_the_answer_cannot_be_understood() {
        for answer in [
            "{",
            "not JSON",
            "7",
            "true",
            "[]",
            r#""done""#,
            r#"{"batchItemFailures":7}"#,
            r#"{"batchItemFailures":{"itemIdentifier":"a"}}"#,
            r#"{"batchItemFailures":["a"]}"#,
            r#"{"batchItemFailures":[null]}"#,
            r#"{"batchItemFailures":[{}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":7}]}"#,
            r#"{"batchItemFailures":[{"ItemIdentifier":"a"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"unknown"}]}"#,
        ] {
            assert!(failed_items(answer.as_bytes(), &IDS).is_err(), "{answer}");
        }
    }
}
