//! What the commands send to the API, and what they read of its answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A function, as far as the commands look at it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FunctionConfiguration {
    pub(super) function_name: String,
    pub(super) function_arn: String,
    pub(super) version: String,
    pub(super) code_sha256: String,
    pub(super) code_size: u64,
    pub(super) memory_size: u32,
    /// In seconds.
    pub(super) timeout: u32,
    pub(super) last_modified: String,
    pub(super) revision_id: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) handler: String,
    #[serde(default)]
    pub(super) runtime: String,
    /// `Active`, unless its code is not compiled yet or was refused; empty in lists.
    #[serde(default)]
    pub(super) state: String,
    #[serde(default)]
    pub(super) state_reason: String,
    /// `Successful`, unless new code is not compiled yet or was refused; empty in lists.
    #[serde(default)]
    pub(super) last_update_status: String,
    #[serde(default)]
    pub(super) last_update_status_reason: String,
    #[serde(default)]
    pub(super) environment: Environment,
    pub(super) ephemeral_storage: Option<EphemeralStorage>,
    pub(super) logging_config: Option<LoggingConfig>,
    pub(super) dead_letter_config: Option<DeadLetterConfig>,
}

/// Where the events go that a function could not handle; nowhere, if the ARN is empty.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeadLetterConfig {
    pub(super) target_arn: Option<String>,
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Environment {
    pub(super) variables: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EphemeralStorage {
    pub(super) size: u32,
}

/// How a function's lines are written, and where; what is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LoggingConfig {
    pub(super) log_format: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log_group: Option<String>,
}

/// What a function is given; what is absent stays as it is.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) handler: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ephemeral_storage: Option<EphemeralStorage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) environment: Option<Environment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logging_config: Option<LoggingConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dead_letter_config: Option<DeadLetterConfig>,
}

/// A change of what a function is given, if it is still as it was read.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateFunctionConfiguration<'a> {
    pub(super) revision_id: &'a str,
    #[serde(flatten)]
    pub(super) settings: Settings,
}

/// What is to be published: the code of this digest, under a description of its own or the function's.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PublishVersion<'a> {
    pub(super) code_sha256: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'a str>,
}

/// The tags of a function, as they are sent and answered.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tags {
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateFunction<'a> {
    pub(super) function_name: &'a str,
    pub(super) role: &'a str,
    pub(super) runtime: &'a str,
    pub(super) code: Code<'a>,
    #[serde(flatten)]
    pub(super) settings: Settings,
}

/// The code of a function, in base64.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Code<'a> {
    pub(super) zip_file: &'a str,
}

/// An alias, as it is sent and answered.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Alias {
    pub(super) name: String,
    pub(super) function_version: String,
    /// Sent even if empty: an alias that moves leaves its second version behind.
    #[serde(default)]
    pub(super) routing_config: RoutingConfig,
    /// Never sent: it stays when an alias moves.
    #[serde(default, skip_serializing)]
    pub(super) description: String,
    /// Never sent either.
    #[serde(default, skip_serializing)]
    pub(super) revision_id: String,
}

/// A rollback of an alias, if it is still as it was read.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Rollback<'a> {
    pub(super) revision_id: &'a str,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoutingConfig {
    #[serde(default)]
    pub(super) additional_version_weights: BTreeMap<String, f64>,
}

/// Where an alias has led, the newest move first.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct History {
    pub(super) moves: Vec<Move>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Move {
    pub(super) time: String,
    pub(super) principal: String,
    /// Nowhere, where the move made the alias.
    pub(super) from: Option<Routing>,
    pub(super) to: Routing,
}

/// Where an alias led.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Routing {
    pub(super) function_version: String,
    #[serde(default)]
    pub(super) additional_version_weights: BTreeMap<String, f64>,
}

impl Alias {
    /// An alias that leads to one version.
    pub(super) fn to(name: String, function_version: String) -> Self {
        Self {
            name,
            function_version,
            routing_config: RoutingConfig::default(),
            description: String::new(),
            revision_id: String::new(),
        }
    }

    /// Where it leads, for a person: `version 1`, or `version 1, and 10 % of the calls to version 2`.
    pub(super) fn target(&self) -> String {
        target(&self.function_version, &self.routing_config.additional_version_weights)
    }

    /// Which share of its calls goes to that version, in percent; none if it does not lead there.
    pub(super) fn percent_to(&self, version: &str) -> Option<f64> {
        let weights = &self.routing_config.additional_version_weights;
        match weights.get(version) {
            Some(weight) => Some(percent(*weight)),
            None if self.function_version == version => Some(percent(1.0 - weights.values().sum::<f64>())),
            None => None,
        }
    }
}

impl Routing {
    /// The same as that of an alias.
    pub(super) fn target(&self) -> String {
        target(&self.function_version, &self.additional_version_weights)
    }
}

fn target(version: &str, weights: &BTreeMap<String, f64>) -> String {
    let mut target = format!("version {version}");
    for (version, weight) in weights {
        target.push_str(&format!(", and {} % of the calls to version {version}", percent(*weight)));
    }
    target
}

/// Rounded, so that a weight of 0.07 is not shown as 7.000000000000001 %.
fn percent(weight: f64) -> f64 {
    (weight * 1e6).round() / 1e4
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A function with those members beside the ones that are always there.
    pub(in crate::cli) fn function(members: &Value) -> FunctionConfiguration {
        let mut function = json!({
            "FunctionName": "f", "FunctionArn": "arn", "Version": "$LATEST", "CodeSha256": "", "CodeSize": 1,
            "MemorySize": 128, "Timeout": 3, "LastModified": "", "RevisionId": "r",
        });
        for (member, value) in members.as_object().expect("members") {
            function[member] = value.clone();
        }
        serde_json::from_value(function).expect("the shape")
    }

    #[test]
    fn every_version_of_an_alias_has_its_share() {
        let mut alias = Alias::to("live".to_owned(), "1".to_owned());
        assert_eq!((alias.percent_to("1"), alias.percent_to("2")), (Some(100.0), None));
        alias.routing_config.additional_version_weights.insert("2".to_owned(), 0.07);
        assert_eq!((alias.percent_to("1"), alias.percent_to("2")), (Some(93.0), Some(7.0)));
        assert_eq!(alias.target(), "version 1, and 7 % of the calls to version 2");
    }
}
