//! Somebody who takes connections and never answers.

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// Takes every connection and keeps it, without a word, until the other side closes it. It ends when dropped.
#[derive(Debug)]
pub struct SilentPeer {
    port: u16,
    runtime: Option<Runtime>,
}

impl SilentPeer {
    /// Starts it, on this machine's own address.
    pub fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a thread");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let port = listener.local_addr().expect("it has one").port();
        runtime.spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut bytes = [0; 1024];
                    // What it is told is of no interest, nor how the connection ends.
                    while connection.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
                });
            }
        });
        Self { port, runtime: Some(runtime) }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for SilentPeer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
