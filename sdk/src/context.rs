//! What a handler is told about the invocation it answers.

use crate::SharedConfig;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// What a handler is told about the invocation it answers.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// The id of the request. Every attempt at the same event has the same one.
    pub request_id: String,
    /// When the host will end this invocation, in milliseconds since the Unix epoch.
    pub deadline: u64,
    /// The ARN that was invoked, with the qualifier that was asked for.
    pub invoked_function_arn: String,
    /// The trace header: `Root=...;Parent=...;Sampled=...`.
    pub xray_trace_id: Option<String>,
    /// The client context the caller sent, if any.
    pub client_context: Option<ClientContext>,
    /// Always `None`: Samovar has no Cognito identities. It is here because `lambda_runtime` has
    /// it.
    pub identity: Option<CognitoIdentity>,
    /// The tenant the caller acts for, if any.
    pub tenant_id: Option<String>,
    /// What is constant for this version of the function. Shared by all events of an instance.
    pub env_config: SharedConfig,
}

impl Context {
    /// When the host will end this invocation.
    pub fn deadline(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.deadline)
    }

    /// The time left before the host ends this invocation; zero when the deadline has passed.
    ///
    /// ```
    /// use samovar_sdk::testing;
    /// use std::time::Duration;
    ///
    /// let context = testing::context().timeout(Duration::from_secs(5)).build();
    /// assert!(context.remaining_time() > Duration::from_secs(4));
    /// ```
    pub fn remaining_time(&self) -> Duration {
        self.deadline().duration_since(SystemTime::now()).unwrap_or_default()
    }
}

/// What a caller says about itself, as the AWS mobile SDKs send it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct ClientContext {
    /// The application that calls.
    #[serde(default)]
    pub client: ClientApplication,
    /// Whatever the caller wants to add.
    #[serde(default)]
    pub custom: HashMap<String, String>,
    /// The environment the application runs in.
    #[serde(default)]
    pub environment: HashMap<String, String>,
}

/// The application that calls.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientApplication {
    /// The id of this installation of the application.
    #[serde(alias = "installation_id")]
    pub installation_id: String,
    /// The title of the application.
    #[serde(alias = "app_title")]
    pub app_title: String,
    /// The version of the application, as people name it.
    #[serde(alias = "app_version_name")]
    pub app_version_name: String,
    /// The version of the application, as programs compare it.
    #[serde(alias = "app_version_code")]
    pub app_version_code: String,
    /// The package name of the application.
    #[serde(alias = "app_package_name")]
    pub app_package_name: String,
}

/// A Cognito identity; see [`Context::identity`].
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CognitoIdentity {
    /// The id of the identity.
    #[serde(alias = "cognitoIdentityId", alias = "identity_id")]
    pub identity_id: String,
    /// The pool the identity belongs to.
    #[serde(alias = "cognitoIdentityPoolId", alias = "identity_pool_id")]
    pub identity_pool_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_context_is_the_same_after_it_was_written_and_read() {
        let context = Context {
            request_id: "1".into(),
            client_context: Some(ClientContext::default()),
            ..Context::default()
        };
        let written = serde_json::to_value(&context).expect("a context is JSON");
        assert_eq!(written["request_id"], "1");
        assert_eq!(written["env_config"]["memory"], 0);
        assert_eq!(serde_json::from_value::<Context>(written).expect("it was just written"), context);
    }

    #[test]
    fn a_client_context_may_name_only_what_the_caller_added() {
        let context: ClientContext = serde_json::from_value(json!({"custom": {"shop": "3"}})).expect("valid");
        assert_eq!(context.custom["shop"], "3");
    }

    #[test]
    fn a_passed_deadline_leaves_no_time() {
        assert_eq!(Context::default().remaining_time(), Duration::ZERO);
    }
}
