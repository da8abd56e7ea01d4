//! From a request to its operation, and from what came of it to an answer.

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};

use crate::Host;

use super::api::{Answer, Api, REQUEST_ID};
use super::operation::Operation;
use super::service::Service;
use super::settings::HttpSettings;
use super::wire_error::WireError;
use super::{aliases, code, functions, invoke};

/// Lambda's API over a host, to be served by [`serve`](super::serve) or as a part of an application of your own.
///
/// It answers every path that it is given, those it does not know with a 404 in Lambda's form.
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
        .fallback(async |State(api): State<Arc<Api>>, request| api.answer(request).await)
        .with_state(api)
}

impl Api {
    /// Every request passes here, so none can pass the guard by, and none is without a request id.
    pub(super) async fn answer(&self, request: Request) -> Response {
        let mut response = match self.perform(request).await {
            Ok(response) => response,
            Err(error) => error.into_response(),
        };
        let headers = response.headers_mut();
        if !headers.contains_key(REQUEST_ID) {
            let id = uuid::Uuid::new_v4().to_string();
            headers.insert(REQUEST_ID, HeaderValue::try_from(id).expect("a UUID is ASCII"));
        }
        response
    }

    async fn perform(&self, request: Request) -> Answer {
        let (parts, body) = request.into_parts();
        self.guard.check(&parts).map_err(|refused| WireError::refused(&refused))?;
        if let Some(service) = Service::of(&parts) {
            return Box::pin(service.answer(self, &parts, body)).await;
        }
        match Operation::of(&parts.method, parts.uri.path()) {
            Operation::Invoke { function } => invoke::invoke(self, &parts, function, body).await,
            operation => self.control(operation, &parts, body).await,
        }
    }

    /// All operations but Invoke, in a box: so the future of an invocation, which is moved about, stays small.
    fn control<'a>(
        &'a self,
        operation: Operation<'a>,
        parts: &'a Parts,
        body: Body,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
        Box::pin(async move {
            match operation {
                Operation::Invoke { function } => invoke::invoke(self, parts, function, body).await,
                Operation::CreateFunction => functions::create(self, parts, body).await,
                Operation::GetFunction { function } => functions::get(self, parts, function),
                Operation::GetFunctionConfiguration { function } => {
                    functions::get_configuration(self, parts, function)
                }
                Operation::UpdateFunctionCode { function } => {
                    functions::update_code(self, parts, function, body).await
                }
                Operation::UpdateFunctionConfiguration { function } => {
                    functions::update_configuration(self, parts, function, body).await
                }
                Operation::PublishVersion { function } => {
                    functions::publish_version(self, parts, function, body).await
                }
                Operation::CreateAlias { function } => aliases::create(self, parts, function, body).await,
                Operation::GetAlias { function, alias } => aliases::get(self, parts, function, alias),
                Operation::UpdateAlias { function, alias } => {
                    aliases::update(self, parts, function, alias, body).await
                }
                Operation::Code { region, function, version } => {
                    code::get(self, region, function, version).await
                }
                Operation::Health => Ok("ok".into_response()),
                Operation::NotImplemented => Err(WireError::not_implemented(&parts.method, parts.uri.path())),
                Operation::Unknown => Err(WireError::unknown_path(&parts.method, parts.uri.path())),
            }
        })
    }
}
