//! Functions in the shapes of Lambda's API: what requests carry, and what answers show.

use std::collections::BTreeMap;
use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};

use crate::artifact::CodeDigest;
use crate::function::{Configuration, Environment, Isolation, MemorySize, Qualifier, Timeout, VersionNumber};
use crate::operations::FunctionVersion;

use super::wire_error::{Member, WireError};

/// The environment variable of a function that sets its isolation: `reuse` (the default) or `fresh`.
pub const ISOLATION_VARIABLE: &str = "SAMOVAR_ISOLATION";

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
