//! Whom TLS trusts: what the system trusts, or `SSL_CERT_FILE` and `SSL_CERT_DIR` name.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::task::spawn_blocking;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::Error;

use crate::function::DestinationHost;

/// Reads the roots of trust, which takes some milliseconds and files.
pub(super) async fn connector() -> Result<TlsConnector, Error> {
    let roots = spawn_blocking(roots).await.map_err(|_ended| Error::ConfigurationError)?;
    // Given to this configuration alone: what is installed for a process is its embedder's choice.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_unsupported| Error::ConfigurationError)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The name a server must prove to be: the host of the URL, not what it was resolved to.
pub(super) fn server_name(host: &DestinationHost) -> Result<ServerName<'static>, Error> {
    match host {
        DestinationHost::Address(address) => Ok(ServerName::from(*address)),
        DestinationHost::Name(name) => {
            ServerName::try_from(name.clone()).map_err(|_invalid| Error::HttpRequestUriInvalid)
        }
    }
}

fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    if let Some(first) = found.errors.first() {
        tracing::warn!(
            errors = found.errors.len(),
            "some certificates of the system cannot be read: {first}"
        );
    }
    roots.add_parsable_certificates(found.certs);
    // Whoever names certificates wants those, and no others should they be missing.
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
    if roots.is_empty() && named {
        tracing::warn!(
            "no certificate was found where SSL_CERT_FILE or SSL_CERT_DIR says: HTTPS will trust nobody"
        );
    } else if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}
