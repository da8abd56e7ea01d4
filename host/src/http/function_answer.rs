//! Functions as answers show them, in the shape of Lambda's API.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Serialize;

use crate::function::{
    Architecture, DeadLetterTarget, FunctionName, FunctionState, LogFormat, LogLevel, Logging, Qualifier,
    RuntimeConfig, TracingMode, VersionNumber, VpcConfig,
};
use crate::{CodeDigest, FunctionVersion, LastUpdate};

/// A function as answers show it. What was never given is absent, as Lambda has it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FunctionConfiguration {
    function_name: String,
    function_arn: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    runtime: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    role: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    handler: String,
    code_size: u64,
    description: String,
    timeout: u32,
    memory_size: u32,
    last_modified: String,
    code_sha256: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<EnvironmentResponse>,
    #[serde(rename = "KMSKeyArn", skip_serializing_if = "String::is_empty")]
    kms_key_arn: String,
    tracing_config: TracingConfig,
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_config: Option<VpcConfigResponse>,
    revision_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_update_status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_update_status_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_update_status_reason_code: Option<&'static str>,
    package_type: &'static str,
    architectures: [Architecture; 1],
    ephemeral_storage: EphemeralStorage,
    snap_start: SnapStartResponse,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime_version_config: Option<RuntimeVersionConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime_config: Option<RuntimeConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_config: Option<DeadLetterConfig>,
    logging_config: LoggingConfig,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct EnvironmentResponse {
    variables: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetterConfig {
    target_arn: DeadLetterTarget,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct EphemeralStorage {
    size: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TracingConfig {
    mode: TracingMode,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SnapStartResponse {
    apply_on: &'static str,
    optimization_status: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RuntimeVersionConfig {
    runtime_version_arn: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct LoggingConfig {
    log_format: LogFormat,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_log_level: Option<LogLevel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_log_level: Option<LogLevel>,
    log_group: String,
}

/// The network, which has no name here.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct VpcConfigResponse {
    #[serde(flatten)]
    config: VpcConfig,
    vpc_id: &'static str,
}

impl FunctionConfiguration {
    /// A version, asked for by that qualifier or none.
    pub(super) fn of(version: FunctionVersion, qualifier: Option<&Qualifier>) -> Self {
        let (state_reason, state_reason_code) = state_reason(&version.state);
        let (last_update_status, last_update_status_reason, last_update_status_reason_code) =
            last_update(&version.last_update);
        let variables = version.configuration.environment.variables();
        Self {
            function_name: version.name.to_string(),
            function_arn: qualified_arn(&version, qualifier),
            code_size: version.code_size_bytes,
            timeout: version.configuration.timeout.seconds(),
            memory_size: version.configuration.memory.mb(),
            code_sha256: BASE64_STANDARD.encode(version.code_sha256.bytes()),
            version: version.number.to_string(),
            environment: (!variables.is_empty())
                .then(|| EnvironmentResponse { variables: variables.clone() }),
            tracing_config: TracingConfig { mode: version.configuration.tracing },
            state: Some(version.state.to_string()),
            state_reason,
            state_reason_code,
            last_update_status: Some(last_update_status),
            last_update_status_reason,
            last_update_status_reason_code,
            package_type: "Zip",
            architectures: [version.configuration.architecture],
            ephemeral_storage: EphemeralStorage { size: version.configuration.ephemeral_storage.mb() },
            snap_start: SnapStartResponse { apply_on: "None", optimization_status: "Off" },
            runtime_version_config: Some(RuntimeVersionConfig {
                runtime_version_arn: runtime_version_arn(&version),
            }),
            vpc_config: version.configuration.vpc.map(|config| VpcConfigResponse { config, vpc_id: "" }),
            runtime_config: version.configuration.runtime_config,
            dead_letter_config: version
                .configuration
                .dead_letter
                .map(|target_arn| DeadLetterConfig { target_arn }),
            logging_config: LoggingConfig::of(version.configuration.logging, &version.name),
            last_modified: version.last_modified,
            revision_id: version.revision_id,
            kms_key_arn: version.configuration.kms_key_arn,
            runtime: version.configuration.runtime,
            role: version.configuration.role,
            handler: version.configuration.handler,
            description: version.configuration.description,
        }
    }

    /// A function that has only just been made: nothing of it was updated yet, and its ARN has no number although it may
    /// have been published at once.
    pub(super) fn newly_made(version: FunctionVersion) -> Self {
        let function_arn = version.function_arn.clone();
        Self { function_arn, last_update_status: None, ..Self::of(version, None) }
    }

    /// A version as the list of a function's versions shows it, `$LATEST` too with its qualifier.
    pub(super) fn listed(version: FunctionVersion) -> Self {
        let qualifier = Qualifier::Version(version.number);
        Self::of(version, Some(&qualifier)).without_state()
    }

    /// The same without what lists do not show: the states of the function and of its last update, and its runtime's version.
    pub(super) fn without_state(self) -> Self {
        Self {
            state: None,
            state_reason: None,
            state_reason_code: None,
            last_update_status: None,
            last_update_status_reason: None,
            last_update_status_reason_code: None,
            runtime_version_config: None,
            ..self
        }
    }
}

impl LoggingConfig {
    /// Levels are shown where they have a meaning: of lines that are JSON.
    fn of(logging: Logging, function: &FunctionName) -> Self {
        let is_json = logging.format == LogFormat::Json;
        Self {
            log_format: logging.format,
            application_log_level: is_json.then_some(logging.application_level),
            system_log_level: is_json.then_some(logging.system_level),
            log_group: logging
                .group
                .map_or_else(|| format!("/aws/lambda/{function}"), |group| group.to_string()),
        }
    }
}

/// Why a function is in the state that it is in; there is nothing to say of one that is active.
fn state_reason(state: &FunctionState) -> (Option<String>, Option<&'static str>) {
    match state {
        FunctionState::Active => (None, None),
        FunctionState::Pending => (Some("The function is being created.".to_owned()), Some("Creating")),
        FunctionState::Failed { reason } => (Some(reason.clone()), Some("InvalidZipFileException")),
    }
}

/// What became of the last update, and why.
fn last_update(last: &LastUpdate) -> (&'static str, Option<String>, Option<&'static str>) {
    match last {
        LastUpdate::Successful => ("Successful", None, None),
        LastUpdate::InProgress => {
            ("InProgress", Some("The function is being created.".to_owned()), Some("Creating"))
        }
        LastUpdate::Failed { reason } => ("Failed", Some(reason.clone()), Some("InvalidZipFileException")),
    }
}

/// A published version's ARN has its number (or the alias it was asked for by), that of `$LATEST` a qualifier only
/// when it was asked for with one.
pub(super) fn qualified_arn(version: &FunctionVersion, qualifier: Option<&Qualifier>) -> String {
    let arn = &version.function_arn;
    match (qualifier, version.number) {
        (Some(Qualifier::Alias(alias)), _) => format!("{arn}:{alias}"),
        (None, VersionNumber::Latest) => arn.clone(),
        (_, number) => format!("{arn}:{number}"),
    }
}

/// Names the engine that runs the function, as Lambda names the version of its runtime.
fn runtime_version_arn(version: &FunctionVersion) -> String {
    let engine = CodeDigest::of(concat!("samovar ", env!("CARGO_PKG_VERSION")).as_bytes());
    format!("arn:aws:lambda:{}::runtime:{engine}", version.region)
}
