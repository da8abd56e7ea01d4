//! From a request to its operation, and from what came of it to an answer.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderValue;
use axum::http::header::EXPECT;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};

use crate::Host;

use super::api::{Answer, Api, REQUEST_ID, identified};
use super::bodies::{BodyGivenUp, Unread};
use super::service::Service;
use super::settings::HttpSettings;
use super::target::Target;
use super::wire_error::WireError;
use super::{alias_history, code, events, invoke, metrics, readiness};

/// Lambda's API over a host, to be served by [`serve`](super::serve) or as a part of an application of your own.
///
/// It answers every path that it is given, those it does not know with a 404 in Lambda's form. A server that is made with
/// [`into_make_service_with_connect_info`](Router::into_make_service_with_connect_info) lets it know its clients' addresses.
///
/// ```no_run
/// # async fn example(host: samovar::Host) -> std::io::Result<()> {
/// use samovar::http::{HttpSettings, router};
///
/// let own = axum::Router::new().route("/hello", axum::routing::get(async || "hello"));
/// let app = own.fallback_service(router(host, HttpSettings::default()));
/// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// axum::serve(listener, app).await
/// # }
/// ```
pub fn router(host: Host, settings: HttpSettings) -> Router {
    let api = Api::new(host, &settings);
    Router::new()
        .fallback(async |State(api): State<Arc<Api>>, request: Request| {
            let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer);
            api.answer(request, peer).await
        })
        .with_state(api)
}

impl Api {
    /// Every request passes here, so none can pass the guard by, and none is without a request id.
    pub(super) async fn answer(self: &Arc<Self>, request: Request, peer: Option<SocketAddr>) -> Response {
        let (parts, body) = request.into_parts();
        let mut body = Unread::new(body);
        let mut response = self.perform(&parts, &mut body, peer).await;
        // A client that waits to be told that it may send its body is told the answer instead; some send it all the same.
        match parts.headers.contains_key(EXPECT) {
            true => body.give_up(),
            // In a box, as it is rare.
            false if body.is_there() => Box::pin(self.bodies.discard(&mut body)).await,
            false => {}
        }
        if body.is_given_up() {
            response.extensions_mut().insert(BodyGivenUp);
        }
        self.counters.answered(response.status());
        let headers = response.headers_mut();
        if !headers.contains_key(REQUEST_ID) {
            let id = uuid::Uuid::new_v4().to_string();
            headers.insert(REQUEST_ID, HeaderValue::try_from(id).expect("a UUID is ASCII"));
        }
        response
    }

    async fn perform(
        self: &Arc<Self>,
        parts: &Parts,
        body: &mut Unread,
        peer: Option<SocketAddr>,
    ) -> Response {
        // Known first, because each service has a form of its own for what is refused.
        let service = Service::of(parts);
        let answer = match (self.guard.check(parts), &service) {
            (Err(refused), _) => Err(WireError::refused(&refused)),
            (Ok(()), Some(service)) => Box::pin(service.answer(self, parts, body)).await,
            (Ok(()), None) => self.perform_lambda(parts, body, peer).await,
        };
        answer.unwrap_or_else(|error| match &service {
            Some(service) => service.refuse(error),
            None => error.into_response(),
        })
    }

    async fn perform_lambda(
        self: &Arc<Self>,
        parts: &Parts,
        body: &mut Unread,
        peer: Option<SocketAddr>,
    ) -> Answer {
        match Target::of(&parts.method, parts.uri.path()) {
            Target::Invoke { function } => invoke::invoke(self, parts, function, body).await,
            Target::InvokeAsync { function } => {
                Box::pin(invoke::invoke_async(self, parts, function, body)).await
            }
            // All others in a box: so the future of an invocation, which is moved about, stays small.
            Target::Code { region, function, version } => {
                Box::pin(code::get(self, region, function, version)).await
            }
            Target::AliasHistory { function, alias } => {
                alias_history::history(&self.host, parts, function, alias)
            }
            Target::AliasRollback { function, alias } => {
                let (host, id) = self.acting_for(parts, peer);
                let body = self.bodies.read(body, alias_history::BODY_LIMIT);
                let rolled_back =
                    async { alias_history::roll_back(&host, parts, function, alias, body.await).await };
                Ok(identified(Box::pin(rolled_back).await, id))
            }
            Target::Event { id } => Box::pin(events::show(&self.host, parts, id)).await,
            Target::DeadLetters => events::dead_letters(&self.host, parts),
            Target::DeliveryBacklogs => events::delivery_backlogs(&self.host),
            Target::DeadLetter { id } => Box::pin(events::dead_letter(&self.host, parts, id)).await,
            Target::RedriveDeadLetter { id } => Box::pin(events::redrive_one(&self.host, id)).await,
            Target::PurgeDeadLetter { id } => Box::pin(events::purge_one(&self.host, id)).await,
            Target::RedriveDeadLetters => {
                let body = Box::pin(self.bodies.read(body, events::BODY_LIMIT)).await;
                Box::pin(events::redrive(&self.host, parts, body)).await
            }
            Target::PurgeDeadLetters => {
                let body = Box::pin(self.bodies.read(body, events::BODY_LIMIT)).await;
                Box::pin(events::purge(&self.host, parts, body)).await
            }
            Target::Health => Ok("ok".into_response()),
            Target::Readiness => Ok(readiness::answer(self.ready())),
            Target::Metrics => Box::pin(metrics::answer(self)).await,
            Target::Operation => Ok(Box::pin(self.operate(parts, body, peer)).await),
        }
    }
}
