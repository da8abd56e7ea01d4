//! Who signs requests to a server at a URL of its own, where nobody has set up credentials: most of these servers check none, but
//! requests cannot go without.

use std::error::Error;
use std::iter::successors;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use aws_config::imds::client::error::ImdsError;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sqs::config::Credentials;

use super::settings::SqsEndpoint;

/// The id and the secret of the key that stands for nobody.
const NOBODY: &str = "samovar";
/// After how long it is looked again whether there are credentials.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The credentials that are found, or those of nobody. Where there are some that cannot be had just now, none are made up.
#[derive(Debug)]
pub(super) struct OrNobody {
    found: SharedCredentialsProvider,
    endpoint: SqsEndpoint,
    /// Whether it was said that there are none.
    is_said: AtomicBool,
}

impl OrNobody {
    pub(super) fn new(found: SharedCredentialsProvider, endpoint: SqsEndpoint) -> Self {
        Self { found, endpoint, is_said: AtomicBool::new(false) }
    }

    async fn credentials(&self) -> provider::Result {
        match self.found.provide_credentials().await {
            Err(error) if are_none(&error) => {
                if !self.is_said.swap(true, Ordering::Relaxed) {
                    let endpoint = &self.endpoint;
                    tracing::info!(
                        "there are no AWS credentials: requests to {endpoint} are signed as nobody"
                    );
                }
                let until = SystemTime::now() + LOOK_AGAIN;
                Ok(Credentials::new(NOBODY, NOBODY, None, Some(until), "nobody"))
            }
            found => found,
        }
    }
}

impl ProvideCredentials for OrNobody {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

/// Whether an error means that nobody has set up any. The machine's metadata are the last that are asked, in networks of all kinds:
/// that what is at their address answers otherwise than AWS's machines means no more than that nobody does.
fn are_none(error: &CredentialsError) -> bool {
    let mut errors = successors(Some(error as &(dyn Error + 'static)), |error| (*error).source());
    matches!(error, CredentialsError::CredentialsNotLoaded(_)) || errors.any(|error| error.is::<ImdsError>())
}

#[cfg(test)]
mod tests {
    use aws_credential_types::credential_fn::provide_credentials_fn;

    use super::*;

    async fn key(found: fn() -> provider::Result) -> Result<String, String> {
        let found = SharedCredentialsProvider::new(provide_credentials_fn(move || async move { found() }));
        let endpoint = SqsEndpoint::parse("http://localhost:9324").expect("an endpoint");
        let key = OrNobody::new(found, endpoint).provide_credentials().await;
        key.map(|key| key.access_key_id().to_owned()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn nobody_signs_where_there_is_nobody_and_not_where_somebody_cannot() {
        let found = || Ok(Credentials::new("AKIDEXAMPLE", "hush", None, None, "test"));
        assert_eq!(key(found).await.as_deref(), Ok("AKIDEXAMPLE"));
        let none = || Err(CredentialsError::not_loaded("there is no profile"));
        assert_eq!(key(none).await.as_deref(), Ok(NOBODY));
        let expired = || Err(CredentialsError::provider_error("the token has expired"));
        assert!(key(expired).await.is_err());
        let wrong = || Err(CredentialsError::invalid_configuration("a profile without a key"));
        assert!(key(wrong).await.is_err());
    }
}
