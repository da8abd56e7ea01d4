//! What becomes of events that are queued for a function, as options of `samovar config`.

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::{Map, Value, json};

use super::client::{Client, segment};
use crate::function::Destination;

#[derive(Debug, Args)]
#[command(next_help_heading = "Events that are queued (of $LATEST, or of --qualifier)")]
pub(super) struct EventSettings {
    /// How often an event is run again whose function has failed: 0 to 2 [default of a new function: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(..=2))]
    retries: Option<u8>,
    /// How many seconds old an event may become: 60 to 21600 [default of a new function: 21600]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u32).range(60..=21_600))]
    max_event_age: Option<u32>,
    /// The SQS queue or function that gets a record of each event that was handled, by its ARN; empty for none
    #[arg(long, value_name = "ARN")]
    on_success: Option<String>,
    /// The SQS queue or function that gets a record of each event that was not; empty for none
    #[arg(long, value_name = "ARN")]
    on_failure: Option<String>,
}

impl EventSettings {
    /// Checks what was given before anything is sent.
    pub(super) fn check(&self) -> Result<()> {
        for (option, given) in [("--on-success", &self.on_success), ("--on-failure", &self.on_failure)] {
            let arn = given.as_deref().filter(|arn| !arn.is_empty());
            arn.map(Destination::parse).transpose().context(option)?;
        }
        Ok(())
    }

    /// Changes what was given, if anything was, and gives back what is there then; nothing, if all is as by default.
    pub(super) fn put(&self, client: &Client, name: &str, query: &str) -> Result<Option<Value>> {
        let path = format!("/2019-09-25/functions/{}/event-invoke-config{query}", segment(name));
        let present: Option<Value> = client.get(&path)?;
        let change = self.to_wire();
        if change.is_empty() {
            return Ok(present);
        }
        // Only what is there can be changed.
        let method = if present.is_some() { "POST" } else { "PUT" };
        let changed = client.json(method, &path, &change);
        changed.map(Some).with_context(|| format!("cannot say what becomes of the events of {name}"))
    }

    /// What was given, in the API's words.
    fn to_wire(&self) -> Map<String, Value> {
        let mut change = Map::new();
        let numbers = [
            ("MaximumRetryAttempts", self.retries.map(u32::from)),
            ("MaximumEventAgeInSeconds", self.max_event_age),
        ];
        for (member, given) in numbers {
            if let Some(number) = given {
                change.insert(member.to_owned(), number.into());
            }
        }
        let mut destinations = Map::new();
        for (side, given) in [("OnSuccess", &self.on_success), ("OnFailure", &self.on_failure)] {
            if let Some(arn) = given {
                destinations.insert(side.to_owned(), json!({ "Destination": arn }));
            }
        }
        if !destinations.is_empty() {
            change.insert("DestinationConfig".to_owned(), destinations.into());
        }
        change
    }
}

/// What a person sees of what was said: settings and their values, those alone that are set.
pub(super) fn rows(config: &Value) -> [(&'static str, String); 4] {
    let number = |member: &str| config[member].as_u64();
    let destination =
        |side: &str| config["DestinationConfig"][side]["Destination"].as_str().unwrap_or_default().to_owned();
    let age = number("MaximumEventAgeInSeconds").map(|seconds| format!("{seconds} s"));
    [
        ("event retries", number("MaximumRetryAttempts").map_or_else(String::new, |n| n.to_string())),
        ("event age", age.unwrap_or_default()),
        ("on success", destination("OnSuccess")),
        ("on failure", destination("OnFailure")),
    ]
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        events: EventSettings,
    }

    fn events(options: &[&str]) -> EventSettings {
        Line::parse_from([&["config"], options].concat()).events
    }

    #[test]
    fn only_what_was_given_is_sent() {
        assert!(events(&[]).to_wire().is_empty());
        let arn = "arn:aws:sqs:us-east-1:000000000000:failed";
        let given = events(&["--retries", "0", "--on-failure", arn, "--on-success", ""]);
        let destinations = json!({ "OnSuccess": { "Destination": "" }, "OnFailure": { "Destination": arn } });
        let expected = json!({ "MaximumRetryAttempts": 0, "DestinationConfig": destinations });
        assert_eq!(Value::Object(given.to_wire()), expected);
        assert!(given.check().is_ok());
    }

    #[test]
    fn what_cannot_be_is_refused_before_it_is_sent() {
        for bad in [["--retries", "3"], ["--max-event-age", "59"]] {
            assert!(Line::try_parse_from([&["config"], &bad[..]].concat()).is_err(), "{bad:?}");
        }
        let error = events(&["--on-failure", "arn:aws:sns:us-east-1:000000000000:t"]).check();
        let text = format!("{:#}", error.expect_err("refused"));
        assert!(text.starts_with("--on-failure: SNS topics"), "{text}");
    }

    #[test]
    fn what_is_set_is_shown() {
        let destinations = json!({ "OnSuccess": {}, "OnFailure": { "Destination": "arn" } });
        let config = json!({ "MaximumEventAgeInSeconds": 60, "DestinationConfig": destinations });
        assert_eq!(rows(&config).map(|(_, value)| value), ["", "60 s", "", "arn"].map(str::to_owned));
    }
}
