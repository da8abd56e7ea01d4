//! What the commands send to the API, and what they read of its answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A function, as far as the commands look at it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FunctionConfiguration {
    pub(super) function_arn: String,
    pub(super) version: String,
    pub(super) code_sha256: String,
    pub(super) code_size: u64,
    /// `Active`, unless its code is not compiled yet or was refused.
    #[serde(default)]
    pub(super) state: String,
    #[serde(default)]
    pub(super) state_reason: String,
    #[serde(default)]
    pub(super) environment: Environment,
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Environment {
    pub(super) variables: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EphemeralStorage {
    pub(super) size: u32,
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
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoutingConfig {
    #[serde(default)]
    pub(super) additional_version_weights: BTreeMap<String, f64>,
}

impl Alias {
    /// Where it leads, for a person: `version 1`, or `version 1, and 10 % to version 2`.
    pub(super) fn target(&self) -> String {
        let mut target = format!("version {}", self.function_version);
        for (version, weight) in &self.routing_config.additional_version_weights {
            // Rounded, so that a weight of 0.07 is not shown as 7.000000000000001 %.
            let percent = (weight * 1e6).round() / 1e4;
            target.push_str(&format!(", and {percent} % of the calls to version {version}"));
        }
        target
    }
}
