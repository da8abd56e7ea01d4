//! Whom TLS trusts: what the system trusts, or `SSL_CERT_FILE` and `SSL_CERT_DIR` name.

use std::io;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, Error as TlsError, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::Error;

use super::stream::Stream;
use crate::function::DestinationHost;

/// What makes connections secure.
pub(super) type Connector = TlsConnector;

/// Reads the roots of trust, which takes some milliseconds and files.
pub(super) async fn connector() -> Result<Connector, Error> {
    let roots = spawn_blocking(roots).await.map_err(|_ended| Error::ConfigurationError)?;
    // Given to this configuration alone: what is installed for a process is its embedder's choice.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_unsupported| Error::ConfigurationError)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Talks TLS over a connection. The server must prove to be the host of the URL, not what that was resolved to.
pub(super) async fn secure(
    connector: &Connector,
    host: &DestinationHost,
    stream: TcpStream,
) -> io::Result<Box<dyn Stream>> {
    let name = match host {
        DestinationHost::Address(address) => ServerName::from(*address),
        DestinationHost::Name(name) => {
            let invalid = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
            ServerName::try_from(name.clone()).map_err(invalid)?
        }
    };
    Ok(Box::new(connector.connect(name, stream).await?))
}

/// What a failure to agree on TLS is to the guest.
pub(super) fn failure(error: &io::Error) -> Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    match inner {
        Some(TlsError::InvalidCertificate(_) | TlsError::NoCertificatesPresented) => {
            Error::TlsCertificateError
        }
        Some(TlsError::AlertReceived(alert)) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: Some(format!("{alert:?}")),
        },
        Some(_) => Error::TlsProtocolError,
        None => Error::ConnectionTerminated,
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
