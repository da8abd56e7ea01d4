//! What requests on functions carry, in the shapes of Lambda's API.

use std::collections::BTreeMap;
use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use serde::{Deserialize, Deserializer};

use crate::function::{
    Configuration, Environment, EphemeralStorage, Isolation, MemorySize, OutboundError, OutboundList, Timeout,
};

use super::wire_error::{Member, WireError};

/// The environment variable of a function that sets its isolation: `reuse` or `fresh`; without it, what is usual in the
/// function's world.
pub const ISOLATION_VARIABLE: &str = "SAMOVAR_ISOLATION";
/// The environment variable of a function that says where it may send HTTP requests: a list of rules, empty by default.
pub const OUTBOUND_VARIABLE: &str = "SAMOVAR_OUTBOUND";

/// The runtimes that are taken. None of them has a meaning here: a WebAssembly component brings its own.
const RUNTIMES: [&str; 4] = ["provided.al2023", "provided.al2", "provided", "custom"];
const HANDLER_CHARS_MAX: usize = 128;

/// A package in base64, decoded while it is read.
#[derive(Debug)]
pub(super) struct Package(pub(super) Bytes);

/// A member that changes what a function does and that Samovar does not have. Leaving it out without a word would
/// give the client another function than it asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Refused(Option<serde_json::Value>);

/// The body of CreateFunction.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateFunctionRequest {
    pub(super) function_name: Option<String>,
    pub(super) code: Option<FunctionCode>,
    pub(super) publish: Option<bool>,
    package_type: Option<String>,
    #[serde(flatten)]
    pub(super) settings: Settings,
}

/// Where the code comes from.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FunctionCode {
    zip_file: Option<Package>,
    #[serde(default)]
    s3_bucket: Refused,
    #[serde(default)]
    image_uri: Refused,
}

/// The body of UpdateFunctionCode.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateFunctionCodeRequest {
    #[serde(flatten)]
    pub(super) code: FunctionCode,
    pub(super) publish: Option<bool>,
    pub(super) dry_run: Option<bool>,
    pub(super) revision_id: Option<String>,
}

/// The body of UpdateFunctionConfiguration.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateFunctionConfigurationRequest {
    pub(super) revision_id: Option<String>,
    #[serde(flatten)]
    pub(super) settings: Settings,
}

/// The body of PublishVersion.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PublishVersionRequest {
    pub(super) code_sha256: Option<String>,
    pub(super) description: Option<String>,
    pub(super) revision_id: Option<String>,
}

/// What CreateFunction and UpdateFunctionConfiguration have in common: all that a function is given but its code.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Settings {
    description: Option<String>,
    environment: Option<EnvironmentRequest>,
    ephemeral_storage: Option<EphemeralStorageRequest>,
    handler: Option<String>,
    memory_size: Option<i64>,
    role: Option<String>,
    runtime: Option<String>,
    snap_start: Option<SnapStart>,
    timeout: Option<i64>,
    #[serde(default)]
    accelerator_config: Refused,
    #[serde(default)]
    capacity_provider_config: Refused,
    #[serde(default)]
    code_signing_config_arn: Refused,
    #[serde(default)]
    dead_letter_config: Refused,
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
struct EnvironmentRequest {
    variables: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EphemeralStorageRequest {
    size: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SnapStart {
    apply_on: Option<String>,
}

/// Settings that were checked, to be put into a configuration.
#[derive(Debug)]
pub(super) struct Change {
    description: Option<String>,
    environment: Option<CheckedEnvironment>,
    ephemeral_storage: Option<EphemeralStorage>,
    handler: Option<String>,
    memory: Option<MemorySize>,
    role: Option<String>,
    runtime: Option<String>,
    timeout: Option<Timeout>,
}

/// Variables, and what some of them set.
#[derive(Debug)]
struct CheckedEnvironment {
    environment: Environment,
    isolation: Option<Isolation>,
    outbound: Option<OutboundList>,
}

impl CreateFunctionRequest {
    /// Checks what a new function must have, apart from its settings and code.
    pub(super) fn check(&self) -> Result<(), WireError> {
        match self.package_type.as_deref() {
            None | Some("Zip") => {}
            Some(_) => {
                return Err(WireError::parameter("PackageType must be Zip: container images cannot be run."));
            }
        }
        if self.settings.role.is_none() {
            return Err(WireError::missing(Member("role")));
        }
        if self.settings.runtime.is_none() || self.settings.handler.is_none() {
            let text = "Runtime and Handler are mandatory parameters for functions created with deployment packages.";
            return Err(WireError::parameter(text));
        }
        Ok(())
    }
}

impl FunctionCode {
    /// The package itself, which is the only form that is taken.
    pub(super) fn package(self) -> Result<Bytes, WireError> {
        if self.s3_bucket.is_given() || self.image_uri.is_given() {
            let text =
                "Only Code.ZipFile is taken: upload the WebAssembly component itself, or a zip with it.";
            return Err(WireError::parameter(text));
        }
        match self.zip_file {
            Some(Package(package)) if !package.is_empty() => Ok(package),
            _ => Err(WireError::parameter(
                "Please provide a source for function code: ZipFile must not be empty.",
            )),
        }
    }
}

impl Settings {
    /// Checks all values, so that none is taken if one is bad.
    pub(super) fn checked(self) -> Result<Change, WireError> {
        self.refuse_what_is_not_there()?;
        Ok(Change {
            description: self.description,
            environment: self.environment.map(environment).transpose()?,
            ephemeral_storage: self.ephemeral_storage.map(ephemeral_storage).transpose()?,
            handler: self.handler.map(handler).transpose()?,
            memory: self.memory_size.map(memory_size).transpose()?,
            role: self.role.map(role).transpose()?,
            runtime: self.runtime.map(runtime).transpose()?,
            timeout: self.timeout.map(timeout).transpose()?,
        })
    }

    fn refuse_what_is_not_there(&self) -> Result<(), WireError> {
        let refused = [
            ("AcceleratorConfig", &self.accelerator_config),
            ("CapacityProviderConfig", &self.capacity_provider_config),
            ("CodeSigningConfigArn", &self.code_signing_config_arn),
            ("DeadLetterConfig", &self.dead_letter_config),
            ("DurableConfig", &self.durable_config),
            ("FileSystemConfigs", &self.file_system_configs),
            ("ImageConfig", &self.image_config),
            ("Layers", &self.layers),
            ("TenancyConfig", &self.tenancy_config),
        ];
        if let Some((name, _)) = refused.into_iter().find(|(_, refused)| refused.is_given()) {
            return Err(WireError::parameter(format!("{name} is not implemented by Samovar yet.")));
        }
        let snap_start = self.snap_start.as_ref().and_then(|snap_start| snap_start.apply_on.as_deref());
        if snap_start.is_some_and(|apply_on| apply_on != "None") {
            return Err(WireError::parameter("SnapStart.ApplyOn can only be None in Samovar."));
        }
        Ok(())
    }
}

impl Change {
    /// Puts in what was given; the rest stays.
    pub(super) fn apply(self, configuration: &mut Configuration) {
        let Self { description, environment, ephemeral_storage, handler, memory, role, runtime, timeout } =
            self;
        put(&mut configuration.description, description);
        put(&mut configuration.ephemeral_storage, ephemeral_storage);
        put(&mut configuration.handler, handler);
        put(&mut configuration.memory, memory);
        put(&mut configuration.role, role);
        put(&mut configuration.runtime, runtime);
        put(&mut configuration.timeout, timeout);
        if let Some(CheckedEnvironment { environment, isolation, outbound }) = environment {
            // An embedder may have set the same without a variable, whose absence then says nothing.
            let was_given = |name| configuration.environment.variables().contains_key(name);
            let isolation = isolation.or(was_given(ISOLATION_VARIABLE).then(Isolation::default));
            let outbound = outbound.or(was_given(OUTBOUND_VARIABLE).then(OutboundList::default));
            put(&mut configuration.isolation, isolation);
            put(&mut configuration.outbound, outbound);
            configuration.environment = environment;
        }
    }
}

impl Refused {
    /// Whether there is something in it: clients also send empty lists and structures.
    fn is_given(&self) -> bool {
        fn given(value: &serde_json::Value) -> bool {
            match value {
                serde_json::Value::Null => false,
                serde_json::Value::Bool(_) | serde_json::Value::Number(_) => true,
                serde_json::Value::String(text) => !text.is_empty(),
                serde_json::Value::Array(items) => items.iter().any(given),
                serde_json::Value::Object(members) => members.values().any(given),
            }
        }
        self.0.as_ref().is_some_and(given)
    }
}

impl<'de> Deserialize<'de> for Package {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Package;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a package in base64")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Package, E> {
                match BASE64_STANDARD.decode(text) {
                    Ok(package) => Ok(Package(package.into())),
                    Err(error) => Err(E::custom(format_args!("ZipFile is not base64: {error}"))),
                }
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

fn put<T>(place: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *place = given;
    }
}

fn environment(request: EnvironmentRequest) -> Result<CheckedEnvironment, WireError> {
    let variables = request.variables.unwrap_or_default();
    let isolation = match variables.get(ISOLATION_VARIABLE).map(String::as_str) {
        None => None,
        Some("reuse") => Some(Isolation::Reuse),
        Some("fresh") => Some(Isolation::Fresh),
        Some(_) => {
            return Err(WireError::parameter(format!(
                "The variable {ISOLATION_VARIABLE} must be reuse or fresh."
            )));
        }
    };
    let outbound = variables.get(OUTBOUND_VARIABLE).map(|text| text.parse()).transpose();
    let outbound = outbound.map_err(|error: OutboundError| {
        WireError::parameter(format!("The variable {OUTBOUND_VARIABLE} is refused: {error}."))
    })?;
    Ok(CheckedEnvironment { environment: Environment::new(variables)?, isolation, outbound })
}

fn memory_size(given: i64) -> Result<MemorySize, WireError> {
    // What no u32 can hold is out of range at the same end.
    Ok(MemorySize::from_mb(given.clamp(0, u32::MAX.into()) as u32)?)
}

fn ephemeral_storage(given: EphemeralStorageRequest) -> Result<EphemeralStorage, WireError> {
    Ok(EphemeralStorage::from_mb(given.size.clamp(0, u32::MAX.into()) as u32)?)
}

fn timeout(given: i64) -> Result<Timeout, WireError> {
    Ok(Timeout::from_seconds(given.clamp(0, u32::MAX.into()) as u32)?)
}

fn runtime(given: String) -> Result<String, WireError> {
    match RUNTIMES.contains(&given.as_str()) {
        true => Ok(given),
        false => Err(WireError::parameter(format!(
            "Value {given} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [{}] or be a \
             valid ARN: a WebAssembly component brings its own runtime.",
            RUNTIMES.join(", ")
        ))),
    }
}

fn handler(given: String) -> Result<String, WireError> {
    if given.len() > HANDLER_CHARS_MAX {
        return Err(WireError::constraint(
            Member("handler"),
            &given,
            "Member must have length less than or equal to 128",
        ));
    }
    if given.is_empty() || given.chars().any(char::is_whitespace) {
        let pattern = r"Member must satisfy regular expression pattern: [^\s]+";
        return Err(WireError::constraint(Member("handler"), &given, pattern));
    }
    Ok(given)
}

/// Takes any well-formed role: there is nobody here to assume it.
fn role(given: String) -> Result<String, WireError> {
    const PATTERN: &str = r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+";
    let parts: Vec<&str> = given.splitn(6, ':').collect();
    let well_formed = match parts.as_slice() {
        ["arn", partition, "iam", "", account, role] => {
            let partition_chars = |byte: u8| byte.is_ascii_alphabetic() || byte == b'-';
            let role_chars = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-/".contains(&byte);
            let name = role.strip_prefix("role").map(|name| name.strip_prefix('/').unwrap_or(name));
            (partition.is_empty() || partition.starts_with("aws") && partition.bytes().all(partition_chars))
                && account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit())
                && name.is_some_and(|name| !name.is_empty() && name.bytes().all(role_chars))
        }
        _ => false,
    };
    match well_formed {
        true => Ok(given),
        false => {
            let constraint = format!("Member must satisfy regular expression pattern: {PATTERN}");
            Err(WireError::constraint(Member("role"), &given, &constraint))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::000000000000:role/any";

    fn change(settings: serde_json::Value) -> Result<Configuration, WireError> {
        let settings: Settings = serde_json::from_value(settings).expect("the shape");
        let mut configuration = Configuration::default();
        settings.checked()?.apply(&mut configuration);
        Ok(configuration)
    }

    #[test]
    fn what_is_not_given_stays_as_it_is() {
        let changed = change(serde_json::json!({ "MemorySize": 256, "Tags": { "unknown": "here" } }))
            .expect("settings");
        assert_eq!((changed.memory.mb(), changed.timeout.seconds()), (256, 3));
        let changed = change(serde_json::json!({ "EphemeralStorage": { "Size": 1024 } })).expect("settings");
        assert_eq!((changed.memory.mb(), changed.ephemeral_storage.mb()), (128, 1024));
    }

    #[test]
    fn a_role_is_any_well_formed_role() {
        for good in [ROLE, "arn:aws-cn:iam::123456789012:role/service-role/x.y@z"] {
            assert!(role(good.to_owned()).is_ok(), "{good}");
        }
        for bad in
            ["", "any", "arn:aws:iam::1:role/x", "arn:aws:iam::000000000000:user/x", "arn:aws:s3:::role/x"]
        {
            assert!(role(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_variable_sets_the_isolation_and_its_absence_takes_that_back() {
        let with =
            |variables: serde_json::Value| serde_json::json!({ "Environment": { "Variables": variables } });
        let mut configuration =
            change(with(serde_json::json!({ "SAMOVAR_ISOLATION": "fresh" }))).expect("settings");
        assert_eq!(configuration.isolation, Isolation::Fresh);
        let without: Settings = serde_json::from_value(with(serde_json::json!({}))).expect("the shape");
        without.checked().expect("settings").apply(&mut configuration);
        assert_eq!(configuration.isolation, Isolation::Usual);
        assert!(change(with(serde_json::json!({ "SAMOVAR_ISOLATION": "none" }))).is_err());
    }

    #[test]
    fn a_variable_says_where_requests_may_go_and_its_absence_takes_that_back() {
        let with =
            |variables: serde_json::Value| serde_json::json!({ "Environment": { "Variables": variables } });
        let rules = "https://api.example.com, *.example.org";
        let mut configuration =
            change(with(serde_json::json!({ "SAMOVAR_OUTBOUND": rules }))).expect("settings");
        assert_eq!(configuration.outbound, rules.parse().expect("rules"));
        let without: Settings = serde_json::from_value(with(serde_json::json!({}))).expect("the shape");
        without.checked().expect("settings").apply(&mut configuration);
        assert!(configuration.outbound.is_empty());
        let bad = change(with(serde_json::json!({ "SAMOVAR_OUTBOUND": "ftp://example.com" })));
        assert!(format!("{bad:?}").contains("SAMOVAR_OUTBOUND"), "{bad:?}");
    }

    #[test]
    fn an_isolation_that_no_variable_set_is_kept_by_a_change_of_variables() {
        let mut configuration = Configuration { isolation: Isolation::Fresh, ..Default::default() };
        let settings = serde_json::json!({ "Environment": { "Variables": { "KEY": "value" } } });
        let settings: Settings = serde_json::from_value(settings).expect("the shape");
        settings.checked().expect("settings").apply(&mut configuration);
        assert_eq!(configuration.isolation, Isolation::Fresh);
    }

    #[test]
    fn what_would_silently_be_missing_is_refused_and_its_empty_form_is_not() {
        for refused in [
            serde_json::json!({ "Layers": ["arn:aws:lambda:us-east-1:000000000000:layer:l:1"] }),
            serde_json::json!({ "TenancyConfig": { "TenantIsolationMode": "PER_TENANT" } }),
            serde_json::json!({ "SnapStart": { "ApplyOn": "PublishedVersions" } }),
        ] {
            assert!(change(refused.clone()).is_err(), "{refused}");
        }
        let empty = serde_json::json!({
            "Layers": [], "DeadLetterConfig": { "TargetArn": "" }, "EphemeralStorage": { "Size": 512 },
            "SnapStart": { "ApplyOn": "None" }, "ImageConfig": null,
        });
        assert!(change(empty).is_ok());
    }

    #[test]
    fn numbers_out_of_all_range_are_refused_like_others() {
        for bad in [-1_i64, 0, 1 << 40] {
            assert!(change(serde_json::json!({ "Timeout": bad })).is_err(), "{bad}");
            assert!(change(serde_json::json!({ "MemorySize": bad })).is_err(), "{bad}");
            assert!(change(serde_json::json!({ "EphemeralStorage": { "Size": bad } })).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_package_is_decoded_from_base64() {
        let code: FunctionCode = serde_json::from_str(r#"{"ZipFile":"AGFzbQ=="}"#).expect("the shape");
        assert_eq!(code.package().expect("a package"), &b"\0asm"[..]);
        assert!(serde_json::from_str::<FunctionCode>(r#"{"ZipFile":"?"}"#).is_err());
        let code: FunctionCode = serde_json::from_str(r#"{"S3Bucket":"b","S3Key":"k"}"#).expect("the shape");
        assert!(code.package().is_err());
    }
}
