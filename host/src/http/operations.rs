//! The operations that are there, and how a request comes to its own.

use std::net::SocketAddr;
use std::pin::Pin;

use axum::http::request::Parts;
use axum::response::Response;

use crate::Host;

use super::api::{Answer, Api, identified};
use super::bodies::{Held, Unread};
use super::call::{Call, body_limit, subject_of_path};
use super::model::{Model, Operation, Query};
use super::wire_error::WireError;
use super::{
    account, aliases, code_signing, concurrency, configuration, event_invoke, event_source_mappings,
    function_code, functions, policy, provisioned, recursion, runtime_management, tags, versions,
};

/// What carries an operation out.
type Handler = for<'a> fn(Call<'a>) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// The operation of that name, if it is there yet.
fn handler(operation: &str) -> Option<Handler> {
    let handler: Handler = match operation {
        "AddPermission" => |call| Box::pin(policy::add_permission(call)),
        "CreateAlias" => |call| Box::pin(aliases::create(call)),
        "CreateEventSourceMapping" => |call| Box::pin(event_source_mappings::create(call)),
        "CreateFunction" => |call| Box::pin(functions::create(call)),
        "DeleteAlias" => |call| Box::pin(aliases::delete(call)),
        "DeleteEventSourceMapping" => |call| Box::pin(event_source_mappings::delete(call)),
        "DeleteFunction" => |call| Box::pin(functions::delete(call)),
        "DeleteFunctionConcurrency" => |call| Box::pin(concurrency::delete(call)),
        "DeleteFunctionEventInvokeConfig" => |call| Box::pin(event_invoke::delete(call)),
        "DeleteProvisionedConcurrencyConfig" => |call| Box::pin(provisioned::delete(call)),
        "DeleteResourcePolicy" => |call| Box::pin(policy::delete_resource(call)),
        "GetAccountSettings" => |call| Box::pin(account::settings(call)),
        "GetAlias" => |call| Box::pin(aliases::get(call)),
        "GetEventSourceMapping" => |call| Box::pin(event_source_mappings::get(call)),
        "GetFunction" => |call| Box::pin(functions::get(call)),
        "GetFunctionCodeSigningConfig" => |call| Box::pin(code_signing::get(call)),
        "GetFunctionConcurrency" => |call| Box::pin(concurrency::get(call)),
        "GetFunctionConfiguration" => |call| Box::pin(configuration::get(call)),
        "GetFunctionEventInvokeConfig" => |call| Box::pin(event_invoke::get(call)),
        "GetFunctionRecursionConfig" => |call| Box::pin(recursion::get(call)),
        "GetPolicy" => |call| Box::pin(policy::get(call)),
        "GetProvisionedConcurrencyConfig" => |call| Box::pin(provisioned::get(call)),
        "GetResourcePolicy" => |call| Box::pin(policy::get_resource(call)),
        "GetRuntimeManagementConfig" => |call| Box::pin(runtime_management::get(call)),
        "ListAliases" => |call| Box::pin(aliases::list(call)),
        "ListEventSourceMappings" => |call| Box::pin(event_source_mappings::list(call)),
        "ListFunctionEventInvokeConfigs" => |call| Box::pin(event_invoke::list(call)),
        "ListFunctions" => |call| Box::pin(functions::list(call)),
        "ListProvisionedConcurrencyConfigs" => |call| Box::pin(provisioned::list(call)),
        "ListTags" => |call| Box::pin(tags::list(call)),
        "ListVersionsByFunction" => |call| Box::pin(versions::list(call)),
        "PublishVersion" => |call| Box::pin(versions::publish(call)),
        "PutFunctionConcurrency" => |call| Box::pin(concurrency::put(call)),
        "PutFunctionEventInvokeConfig" => |call| Box::pin(event_invoke::put(call)),
        "PutFunctionRecursionConfig" => |call| Box::pin(recursion::put(call)),
        "PutProvisionedConcurrencyConfig" => |call| Box::pin(provisioned::put(call)),
        "PutResourcePolicy" => |call| Box::pin(policy::put_resource(call)),
        "RemovePermission" => |call| Box::pin(policy::remove_permission(call)),
        "TagResource" => |call| Box::pin(tags::tag(call)),
        "UntagResource" => |call| Box::pin(tags::untag(call)),
        "UpdateAlias" => |call| Box::pin(aliases::update(call)),
        "UpdateEventSourceMapping" => |call| Box::pin(event_source_mappings::update(call)),
        "UpdateFunctionCode" => |call| Box::pin(function_code::update(call)),
        "UpdateFunctionConfiguration" => |call| Box::pin(configuration::update(call)),
        "UpdateFunctionEventInvokeConfig" => |call| Box::pin(event_invoke::update(call)),
        _ => return None,
    };
    Some(handler)
}

impl Api {
    /// Carries out any operation but Invoke, under a request id that was made before it began.
    pub(super) async fn operate(
        &self,
        parts: &Parts,
        body: &mut Unread,
        peer: Option<SocketAddr>,
    ) -> Response {
        let (host, id) = self.acting_for(parts, peer);
        let answer = self.operate_on(&host, parts, body).await;
        identified(answer, id)
    }

    async fn operate_on(&self, host: &Host, parts: &Parts, body: &mut Unread) -> Answer {
        let (method, path) = (&parts.method, parts.uri.path());
        let query = Query::parse(parts.uri.query())?;
        let route = Model::lambda().route(method, path, &query);
        let route = route.ok_or_else(|| WireError::unknown_path(method, path))?;
        let operation = route.operation;
        let handler = handler(operation.name).ok_or_else(|| WireError::not_implemented(operation.name))?;
        let body = match operation.has_body() {
            true => self.bodies.read(body, body_limit(self, operation)).await,
            false => Ok(Held::default()),
        };
        let (subject, answer) = match body.and_then(|body| Call::of(self, host, parts, &route, body)) {
            Ok(call) => (call.subject(), handler(call).await),
            Err(error) => (subject_of_path(host, parts, &route), Err(error)),
        };
        if let Err(error) = &answer {
            refused(host, operation, &subject, error.name());
        }
        answer
    }
}

/// Notes that an operation was refused, if it would have changed something.
fn refused(host: &Host, operation: &Operation, subject: &str, error: &str) {
    if !operation.models(error) {
        tracing::debug!("{} answers {error}, which its model does not have", operation.name);
    }
    if !operation.only_reads() {
        host.note_refusal(operation.name, subject, error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_that_is_there_is_one_of_the_model_whose_requests_are_read() {
        let operations = Model::lambda().operations();
        let there: Vec<_> = operations.iter().filter(|operation| handler(operation.name).is_some()).collect();
        assert_eq!(there.len(), 45);
        for operation in there {
            assert!(operation.is_read(), "{}", operation.name);
        }
    }
}
