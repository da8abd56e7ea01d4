//! The SDK's client, as queues outside need it.

use aws_config::ConfigLoader;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Builder, Credentials, Region, SharedHttpClient};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};

use super::nobody::OrNobody;
use super::settings::{SqsCredentials, SqsSettings};

/// How many connections to one server are kept for the next message.
const IDLE_CONNECTIONS_MAX: usize = 64;

/// Makes the client. It reads what AWS's tools are configured with, but asks nobody anything yet.
///
/// Requests name their own regions; `region` is where credentials are asked for, which are the same in all.
pub(super) async fn connect(settings: &SqsSettings, region: Region) -> Client {
    let http = http_client();
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http).region(region);
    let found = with_credentials(loader, settings.credentials.as_ref()).load().await;
    let mut config = Builder::from(&found)
        // Whoever sends knows when the next attempt is due, and that others wait for the same queue.
        .retry_config(RetryConfig::disabled())
        // The time of the whole is bounded around it.
        .timeout_config(TimeoutConfig::builder().connect_timeout(settings.connect_time_max).build());
    if let Some(endpoint) = &settings.endpoint {
        config = config.endpoint_url(endpoint.as_str());
        if let Some(found) = found.credentials_provider() {
            config = config.credentials_provider(OrNobody::new(found, endpoint.clone()));
        }
    }
    Client::from_conf(config.build())
}

fn with_credentials(loader: ConfigLoader, credentials: Option<&SqsCredentials>) -> ConfigLoader {
    let Some(given) = credentials else { return loader };
    let (id, secret, token) =
        (given.access_key_id.clone(), given.secret_access_key.clone(), given.session_token.clone());
    loader.credentials_provider(Credentials::new(id, secret, token, None, "settings"))
}

/// HTTP with the TLS that guests' requests use, and the certificates that the system trusts.
fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https()
}
