//! One request for an operation, on its way through it: what it is given, who asks, and how it is answered.

use axum::http::StatusCode;
use axum::http::request::Parts;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use crate::Host;
use crate::function::{FunctionRef, Qualifier, Region, VersionNumber};

use super::api::{Answer, Api, json};
use super::bodies::{Held, Limit};
use super::caller::Caller;
use super::credential;
use super::model::{Input, Operation, Query, Route};
use super::request;
use super::wire_error::WireError;

/// How large the body of any request but Invoke may be: Lambda's limit, room for 50 MiB in base64.
pub(super) const BODY_LIMIT: Limit = Limit { bytes: 70_167_211, error: WireError::control_request_too_large };

/// A request for an operation, its input checked.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) api: &'a Api,
    pub(super) parts: &'a Parts,
    #[expect(dead_code, reason = "the host does not ask yet who acts")]
    pub(super) caller: &'a Caller,
    operation: &'static Operation,
    /// The region of the signature.
    region: Option<Region>,
    members: Value,
    package: Option<Bytes>,
    /// The room in memory that the request takes.
    _room: Option<OwnedSemaphorePermit>,
}

impl<'a> Call<'a> {
    /// The call that a request is, once its body was read.
    pub(super) fn of(
        api: &'a Api,
        caller: &'a Caller,
        parts: &'a Parts,
        route: &Route<'a>,
        body: Held,
    ) -> Result<Self, WireError> {
        let region = credential::region(&parts.headers)?;
        let query = Query::parse(parts.uri.query())?;
        let Input { members, package } = Input::read(route, &query, &body.bytes)?;
        let (operation, members) = (route.operation, Value::Object(members));
        Ok(Self { api, parts, caller, operation, region, members, package, _room: body.room })
    }

    pub(super) fn host(&self) -> &'a Host {
        &self.api.host
    }

    /// The members of the request, in the form of the operation's own; the model has seen to their types.
    pub(super) fn input<'b, T: Deserialize<'b>>(&'b self) -> Result<T, WireError> {
        T::deserialize(&self.members).map_err(|error| WireError::json(&error))
    }

    /// The package in the request; given away once.
    pub(super) fn take_package(&mut self) -> Option<Bytes> {
        self.package.take()
    }

    /// The function that `FunctionName` and `Qualifier` name.
    pub(super) fn function(&self) -> Result<FunctionRef, WireError> {
        self.function_named("FunctionName", self.text("Qualifier"))
    }

    /// The function that `FunctionName` names, for operations on what all of its versions have in common.
    pub(super) fn whole_function(&self) -> Result<FunctionRef, WireError> {
        Ok(FunctionRef { qualifier: None, ..self.function()? })
    }

    /// The function, if no version but `$LATEST` was named: the others never change.
    pub(super) fn latest(&self) -> Result<FunctionRef, WireError> {
        let function = self.function()?;
        match function.qualifier {
            None | Some(Qualifier::Version(VersionNumber::Latest)) => Ok(function),
            Some(_) => Err(WireError::function_only()),
        }
    }

    /// Answers that it was done, with a JSON body.
    pub(super) fn answer(&self, body: &impl Serialize) -> Answer {
        json(self.success(), body)
    }

    /// The status of the operation's success.
    fn success(&self) -> StatusCode {
        StatusCode::from_u16(self.operation.success).expect("the model has status codes")
    }

    fn function_named(&self, member: &str, qualifier: Option<&str>) -> Result<FunctionRef, WireError> {
        let text = self.text(member).unwrap_or_default();
        request::qualified(&self.api.host, self.region.clone(), text, qualifier)
    }

    fn text(&self, member: &str) -> Option<&str> {
        self.members.get(member).and_then(Value::as_str)
    }
}
