//! `GET /metrics`: what was measured, in the text form of Prometheus (0.0.4).
//!
//! Nothing is put together before somebody asks. The only user of the crate `prometheus`.

mod definition;
mod http_counters;
mod lambda;
mod own;
mod process;
mod samples;

use std::sync::Arc;

use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use prometheus::TextEncoder;
use tokio::sync::Mutex;

use super::api::{Answer, Api};
use super::wire_error::WireError;
use crate::MetricsSnapshot;

pub use self::definition::{MetricDefinition, MetricKind};
use self::http_counters::HttpMetrics;
pub(super) use self::http_counters::{ConnectionRefusal, HttpCounters};
use self::process::ProcessFigures;

/// The media type of the text form.
const TEXT_FORMAT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// All that is shown at `/metrics`: those with a name of Lambda's in CloudWatch, those of Samovar's own, and those that every
/// process has.
pub fn metric_definitions() -> impl Iterator<Item = &'static MetricDefinition> {
    lambda::DEFINITIONS.iter().chain(own::DEFINITIONS).chain(process::DEFINITIONS)
}

/// What one answer is made of.
struct Scrape {
    host: MetricsSnapshot,
    is_ready: bool,
    http: HttpMetrics,
    process: ProcessFigures,
}

/// The answer to whoever collects metrics. They are read one after the other, so that many who ask take no more memory than one.
pub(super) async fn answer(api: &Arc<Api>) -> Answer {
    let (turns, api) = (api.scraping.clone(), api.clone());
    let text = in_turn(turns, move || text(&scrape(&api))).await?;
    let text = text.map_err(|error| WireError::internal(&error))?;
    let mut response: Response = text.into_response();
    response.headers_mut().insert(CONTENT_TYPE, TEXT_FORMAT);
    Ok(response)
}

/// Does what takes milliseconds if there are very many counters, which no invocation should wait for. It has its turn until it is
/// done, also if whoever asked hangs up.
async fn in_turn<T: Send + 'static>(
    turns: Arc<Mutex<()>>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, WireError> {
    let turn = turns.lock_owned().await;
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(turn);
        done
    });
    done.await.map_err(|error| WireError::internal(&error))
}

fn scrape(api: &Api) -> Scrape {
    Scrape {
        host: api.host.metrics(),
        is_ready: api.ready().is_ok(),
        http: api.counters.read(),
        process: ProcessFigures::read(),
    }
}

fn text(scrape: &Scrape) -> prometheus::Result<String> {
    let mut text = String::new();
    // One family at a time: what they are made of takes far more memory than the text.
    for family in metric_definitions().filter_map(|definition| definition.family(scrape)) {
        TextEncoder::new().encode_utf8(&[family], &mut text)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Whoever asked and hung up gave its turn to the next, and all their answers were made at once.
    #[tokio::test]
    async fn who_hangs_up_keeps_its_turn_until_its_answer_is_made() {
        let turns = Arc::new(Mutex::new(()));
        let (started, begun) = tokio::sync::oneshot::channel();
        let (finish, finished) = std::sync::mpsc::channel::<()>();
        let first = tokio::spawn(in_turn(turns.clone(), move || {
            let _ = started.send(());
            let _ = finished.recv();
        }));
        begun.await.expect("it has its turn");
        first.abort();
        assert!(first.await.is_err_and(|error| error.is_cancelled()));
        assert!(turns.try_lock().is_err(), "its answer is still being made");
        finish.send(()).expect("it waits");
        in_turn(turns, || ()).await.expect("the next has its turn");
    }

    #[test]
    fn names_say_what_they_are_and_differ() {
        let mut seen = BTreeSet::new();
        for MetricDefinition { name, kind, help, .. } in metric_definitions() {
            assert!(seen.insert(name), "{name} is there twice");
            let own = name.starts_with("samovar_") || name.starts_with("process_");
            assert!(own && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == MetricKind::Counter, "{name}");
            assert!(name.ends_with("_seconds") || *kind != MetricKind::Histogram, "{name}");
            assert!(help.ends_with('.') && !help.contains('\n') && !help.contains('|'), "{name}: {help}");
        }
    }
}
