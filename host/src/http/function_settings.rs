//! What CreateFunction and UpdateFunctionConfiguration have in common: all that a function is given but its code.

use serde::Deserialize;

use crate::function::{
    Architecture, CUSTOM_RUNTIME, Configuration, DeadLetterTarget, EphemeralStorage, LogFormat, LogGroup,
    LogLevel, LoggingChange, MemorySize, RuntimeConfig, Timeout, TracingMode, VpcChange,
};

use super::function_environment::{CheckedEnvironment, EnvironmentInput};
use super::model::Model;
use super::refused::Refused;
use super::wire_error::WireError;

/// The runtimes that are always taken. None of them has a meaning here: a WebAssembly component brings its own.
const RUNTIMES: [&str; 4] = ["provided.al2023", "provided.al2", "provided", CUSTOM_RUNTIME];

/// Settings as a request has them, within the bounds of the API's model.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Settings {
    architectures: Option<Vec<Architecture>>,
    dead_letter_config: Option<DeadLetterConfigInput>,
    description: Option<String>,
    environment: Option<EnvironmentInput>,
    ephemeral_storage: Option<EphemeralStorageInput>,
    handler: Option<String>,
    #[serde(rename = "KMSKeyArn")]
    kms_key_arn: Option<String>,
    logging_config: Option<LoggingConfigInput>,
    memory_size: Option<i64>,
    role: Option<String>,
    runtime: Option<String>,
    runtime_config: Option<RuntimeConfig>,
    snap_start: Option<SnapStartInput>,
    timeout: Option<i64>,
    tracing_config: Option<TracingConfigInput>,
    vpc_config: Option<VpcChange>,
    #[serde(flatten)]
    refused: RefusedSettings,
}

/// Settings that functions here cannot have.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RefusedSettings {
    #[serde(default)]
    accelerator_config: Refused,
    #[serde(default)]
    capacity_provider_config: Refused,
    #[serde(default)]
    code_signing_config_arn: Refused,
    #[serde(default)]
    durable_config: Refused,
    #[serde(default)]
    file_system_configs: Refused,
    #[serde(default)]
    image_config: Refused,
    #[serde(default)]
    layers: Refused,
    #[serde(default)]
    tenancy_config: Refused,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetterConfigInput {
    target_arn: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EphemeralStorageInput {
    size: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LoggingConfigInput {
    log_format: Option<LogFormat>,
    application_log_level: Option<LogLevel>,
    system_log_level: Option<LogLevel>,
    log_group: Option<LogGroup>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SnapStartInput {
    apply_on: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TracingConfigInput {
    mode: Option<TracingMode>,
}

/// Settings that were checked, to be put into a configuration.
#[derive(Debug)]
pub(super) struct Change {
    architecture: Option<Architecture>,
    /// Nowhere, if dead letters shall go nowhere any more.
    dead_letter: Option<Option<DeadLetterTarget>>,
    description: Option<String>,
    environment: Option<CheckedEnvironment>,
    ephemeral_storage: Option<EphemeralStorage>,
    handler: Option<String>,
    kms_key_arn: Option<String>,
    logging: LoggingChange,
    memory: Option<MemorySize>,
    role: Option<String>,
    runtime: Option<String>,
    runtime_config: Option<RuntimeConfig>,
    timeout: Option<Timeout>,
    tracing: Option<TracingMode>,
    vpc: Option<VpcChange>,
}

impl Settings {
    pub(super) fn has_runtime_and_handler(&self) -> bool {
        self.runtime.is_some() && self.handler.is_some()
    }

    /// Checks all values, so that none is taken if one is bad.
    pub(super) fn checked(self, any_runtime: bool) -> Result<Change, WireError> {
        self.refused.check()?;
        let snap_start = self.snap_start.and_then(|snap_start| snap_start.apply_on);
        if snap_start.is_some_and(|apply_on| apply_on != "None") {
            return Err(WireError::parameter("SnapStart.ApplyOn can only be None in Samovar."));
        }
        if let Some(runtime) = &self.runtime {
            check_runtime(runtime, any_runtime)?;
        }
        let megabytes = self.ephemeral_storage.map(|storage| small(storage.size));
        Ok(Change {
            architecture: self.architectures.and_then(|given| given.first().copied()),
            dead_letter: self.dead_letter_config.map(DeadLetterConfigInput::checked).transpose()?,
            description: self.description,
            environment: self.environment.map(EnvironmentInput::checked).transpose()?,
            ephemeral_storage: megabytes.map(EphemeralStorage::from_mb).transpose()?,
            handler: self.handler,
            kms_key_arn: self.kms_key_arn,
            logging: self.logging_config.map(LoggingConfigInput::change).unwrap_or_default(),
            memory: self.memory_size.map(small).map(MemorySize::from_mb).transpose()?,
            role: self.role,
            runtime: self.runtime,
            runtime_config: self.runtime_config,
            timeout: self.timeout.map(small).map(Timeout::from_seconds).transpose()?,
            tracing: self.tracing_config.and_then(|tracing| tracing.mode),
            vpc: self.vpc_config,
        })
    }
}

impl Change {
    /// Puts in what was given; the rest stays.
    ///
    /// # Errors
    /// When what was given does not go together with what stays; the configuration is then of no use.
    pub(super) fn apply(&self, configuration: &mut Configuration) -> Result<(), WireError> {
        put(&mut configuration.architecture, self.architecture.as_ref());
        put(&mut configuration.dead_letter, self.dead_letter.as_ref());
        put(&mut configuration.description, self.description.as_ref());
        put(&mut configuration.ephemeral_storage, self.ephemeral_storage.as_ref());
        put(&mut configuration.handler, self.handler.as_ref());
        put(&mut configuration.kms_key_arn, self.kms_key_arn.as_ref());
        put(&mut configuration.memory, self.memory.as_ref());
        put(&mut configuration.role, self.role.as_ref());
        put(&mut configuration.timeout, self.timeout.as_ref());
        put(&mut configuration.tracing, self.tracing.as_ref());
        if let Some(environment) = &self.environment {
            environment.apply(configuration);
        }
        if let Some(vpc) = &self.vpc {
            let present = configuration.vpc.take().unwrap_or_default();
            configuration.vpc = Some(present.changed(vpc.clone())?);
        }
        configuration.logging = configuration.logging.changed(self.logging.clone())?;
        self.apply_runtime(configuration)
    }

    /// Only the runtime `custom` has a further configuration, which goes with it.
    fn apply_runtime(&self, configuration: &mut Configuration) -> Result<(), WireError> {
        put(&mut configuration.runtime, self.runtime.as_ref());
        let is_custom = configuration.runtime == CUSTOM_RUNTIME;
        match &self.runtime_config {
            Some(_) if !is_custom => {
                Err(WireError::parameter("RuntimeConfig is for functions of the runtime custom only."))
            }
            Some(given) => {
                configuration.runtime_config = Some(given.clone());
                Ok(())
            }
            None => {
                configuration.runtime_config = configuration.runtime_config.take().filter(|_| is_custom);
                Ok(())
            }
        }
    }
}

impl RefusedSettings {
    fn check(&self) -> Result<(), WireError> {
        let refused = [
            ("AcceleratorConfig", &self.accelerator_config),
            ("CapacityProviderConfig", &self.capacity_provider_config),
            ("CodeSigningConfigArn", &self.code_signing_config_arn),
            ("DurableConfig", &self.durable_config),
            ("FileSystemConfigs", &self.file_system_configs),
            ("ImageConfig", &self.image_config),
            ("Layers", &self.layers),
            ("TenancyConfig", &self.tenancy_config),
        ];
        refused.into_iter().try_for_each(|(name, refused)| refused.check(name))
    }
}

impl DeadLetterConfigInput {
    /// An empty ARN takes the target away, and so does none, which the AWS SDKs send for it.
    fn checked(self) -> Result<Option<DeadLetterTarget>, WireError> {
        let given = self.target_arn.filter(|arn| !arn.is_empty());
        Ok(given.as_deref().map(DeadLetterTarget::parse).transpose()?)
    }
}

impl LoggingConfigInput {
    fn change(self) -> LoggingChange {
        LoggingChange {
            format: self.log_format,
            application_level: self.application_log_level,
            system_level: self.system_log_level,
            group: self.log_group,
        }
    }
}

fn put<T: Clone>(place: &mut T, given: Option<&T>) {
    if let Some(given) = given {
        place.clone_from(given);
    }
}

/// What no u32 can hold is out of every range at the same end.
fn small(given: i64) -> u32 {
    given.clamp(0, u32::MAX.into()) as u32
}

fn check_runtime(given: &str, any: bool) -> Result<(), WireError> {
    let taken: &[&str] = if any { Model::lambda().runtimes() } else { &RUNTIMES };
    match taken.contains(&given) {
        true => Ok(()),
        false => Err(WireError::parameter(format!(
            "Value {} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [{}] or be a valid \
             ARN: a WebAssembly component brings its own runtime.",
            super::wire_error::shown(given),
            taken.join(", ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::function::{Logging, VpcConfig};

    fn changed(configuration: &Configuration, settings: Value) -> Result<Configuration, WireError> {
        let settings: Settings = serde_json::from_value(settings).expect("the shape");
        let mut configuration = configuration.clone();
        settings.checked(false)?.apply(&mut configuration)?;
        Ok(configuration)
    }

    fn change(settings: Value) -> Result<Configuration, WireError> {
        changed(&Configuration::default(), settings)
    }

    #[test]
    fn what_is_given_is_put_in_and_the_rest_stays() {
        let first = json!({
            "Description": "d", "MemorySize": 512, "EphemeralStorage": { "Size": 1024 }, "Timeout": 9, "Handler": "h",
            "Architectures": ["arm64"], "TracingConfig": { "Mode": "Active" }, "KMSKeyArn": "arn:aws:kms:key",
            "LoggingConfig": { "LogFormat": "JSON", "SystemLogLevel": "WARN" },
        });
        let configuration = change(first).expect("settings");
        assert_eq!((configuration.memory.mb(), configuration.timeout.seconds()), (512, 9));
        assert_eq!(configuration.architecture, Architecture::Arm64);
        assert_eq!(configuration.logging.system_level, LogLevel::Warn);
        let second = json!({ "Timeout": 10, "KMSKeyArn": "", "TracingConfig": {} });
        let changed = changed(&configuration, second).expect("settings");
        let expected = Configuration {
            timeout: Timeout::from_seconds(10).expect("a time"),
            kms_key_arn: String::new(),
            ..configuration
        };
        assert_eq!(changed, expected);
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        for bad in [
            json!({ "LoggingConfig": { "ApplicationLogLevel": "DEBUG" } }),
            json!({ "VpcConfig": { "SubnetIds": ["subnet-1"] } }),
            json!({ "Runtime": "provided", "RuntimeConfig": { "RuntimeArn": "a", "RuntimeAlias": "b" } }),
        ] {
            assert!(change(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_runtime_of_ones_own_goes_with_its_configuration() {
        let wasm = json!({ "RuntimeArn": "arn:aws:lambda:us-east-1:000000000000:runtime/wasm", "RuntimeAlias": "wasip2" });
        let custom = change(json!({ "Runtime": "custom", "RuntimeConfig": wasm })).expect("settings");
        assert!(custom.runtime_config.is_some());
        let other = changed(&custom, json!({ "Timeout": 5 })).expect("settings");
        assert!(other.runtime_config.is_some());
        let provided = changed(&custom, json!({ "Runtime": "provided" })).expect("settings");
        assert_eq!(provided.runtime_config, None);
    }

    #[test]
    fn a_network_that_was_taken_away_is_told_from_one_that_never_was() {
        let given = json!({ "VpcConfig": { "SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"] } });
        let inside = change(given).expect("settings");
        let none = json!({ "VpcConfig": { "SubnetIds": [], "SecurityGroupIds": [] } });
        let outside = changed(&inside, none).expect("settings");
        assert_eq!(outside.vpc, Some(VpcConfig::default()));
        assert_eq!(change(json!({})).expect("settings").vpc, None);
    }

    #[test]
    fn dead_letters_go_where_they_are_told_until_they_are_told_nowhere() {
        let arn = "arn:aws:sqs:us-east-1:000000000000:failed";
        let given = json!({ "DeadLetterConfig": { "TargetArn": arn } });
        let with = change(given).expect("settings");
        assert_eq!(with.dead_letter.as_ref().map(ToString::to_string).as_deref(), Some(arn));
        assert_eq!(changed(&with, json!({ "Timeout": 9 })).expect("settings").dead_letter, with.dead_letter);
        for nowhere in [json!({ "TargetArn": "" }), json!({})] {
            let given = json!({ "DeadLetterConfig": nowhere });
            assert_eq!(changed(&with, given).expect("settings").dead_letter, None);
        }
        let topic = json!({ "DeadLetterConfig": { "TargetArn": "arn:aws:sns:us-east-1:000000000000:t" } });
        assert!(change(topic).expect_err("refused").message().contains("SNS topics are not supported"));
    }

    #[test]
    fn some_runtimes_are_always_taken_and_all_others_if_that_is_set() {
        assert!(check_runtime("custom", false).is_ok() && check_runtime("custom", true).is_ok());
        assert!(check_runtime("python3.13", false).is_err() && check_runtime("python3.13", true).is_ok());
        assert!(check_runtime("cobol", true).is_err());
    }

    #[test]
    fn nothing_given_changes_nothing() {
        let json = Configuration {
            logging: Logging {
                format: LogFormat::Json,
                application_level: LogLevel::Error,
                ..Default::default()
            },
            ..Default::default()
        };
        assert_eq!(changed(&json, json!({})).expect("nothing"), json);
    }

    #[test]
    fn what_would_silently_be_missing_is_refused_and_its_empty_form_is_not() {
        for refused in [
            json!({ "Layers": ["arn:aws:lambda:us-east-1:000000000000:layer:l:1"] }),
            json!({ "TenancyConfig": { "TenantIsolationMode": "PER_TENANT" } }),
            json!({ "SnapStart": { "ApplyOn": "PublishedVersions" } }),
        ] {
            assert!(change(refused.clone()).is_err(), "{refused}");
        }
        let empty = json!({
            "Layers": [], "DeadLetterConfig": { "TargetArn": "" }, "EphemeralStorage": { "Size": 512 },
            "SnapStart": { "ApplyOn": "None" }, "ImageConfig": null,
        });
        assert!(change(empty).is_ok());
    }
}
