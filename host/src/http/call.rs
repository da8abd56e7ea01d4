//! One request for an operation, on its way through it: what it is given, who asks, and how it is answered.

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse as _;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use crate::Host;
use crate::function::{FunctionRef, Qualifier, Region, VersionNumber};

use super::api::{Answer, Api, json};
use super::bodies::{Held, Limit};
use super::credential;
use super::model::{Input, Operation, Query, Route};
use super::request;
use super::wire_error::{WireError, shown};

/// How large the body of any request but Invoke may be: Lambda's limit, room for 50 MiB in base64.
pub(super) const BODY_LIMIT: Limit = Limit { bytes: 70_167_211, error: WireError::control_request_too_large };

/// A request for an operation, its input checked.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) api: &'a Api,
    pub(super) parts: &'a Parts,
    /// The host, for whoever asks.
    host: &'a Host,
    operation: &'static Operation,
    /// The region of the signature.
    signed_region: Option<Region>,
    members: Value,
    package: Option<Bytes>,
    /// The room in memory that the request takes.
    _room: Option<OwnedSemaphorePermit>,
}

impl<'a> Call<'a> {
    /// The call that a request is, once its body was read.
    pub(super) fn of(
        api: &'a Api,
        host: &'a Host,
        parts: &'a Parts,
        route: &Route<'a>,
        body: Held,
    ) -> Result<Self, WireError> {
        let signed_region = credential::region(&parts.headers)?;
        let query = Query::parse(parts.uri.query())?;
        let Input { members, package } = Input::read(route, &query, &body.bytes)?;
        let (operation, members) = (route.operation, Value::Object(members));
        Ok(Self { api, parts, host, operation, signed_region, members, package, _room: body.room })
    }

    /// The host, for whoever asks.
    pub(super) fn host(&self) -> &'a Host {
        self.host
    }

    /// The region that the request is for.
    pub(super) fn region(&self) -> &Region {
        self.signed_region.as_ref().unwrap_or(self.host.region())
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
        let name = self.text("FunctionName").unwrap_or_default();
        request::qualified(self.host, self.signed_region.clone(), name, self.text("Qualifier"))
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

    /// The function whose ARN that member is.
    pub(super) fn resource(&self, member: &str) -> Result<FunctionRef, WireError> {
        let arn = self.text(member).unwrap_or_default();
        // Other resources have ARNs of the same kind, but there are none here.
        FunctionRef::parse(arn).map_err(|_| WireError::no_resource())?;
        request::qualified(self.host, self.signed_region.clone(), arn, None)
    }

    /// What the request is about, as its client names it: for the record of changes.
    pub(super) fn subject(&self) -> String {
        let named = ["FunctionName", "Resource", "ResourceArn"].into_iter().find_map(|name| self.text(name));
        match self.function() {
            Ok(function) => self.host.arn_of(&function),
            Err(_) => named.map(shown).unwrap_or_default().to_owned(),
        }
    }

    /// Answers that it was done, with a JSON body.
    pub(super) fn answer(&self, body: &impl Serialize) -> Answer {
        json(self.success(), body)
    }

    /// Answers that it was done.
    pub(super) fn done(&self) -> Answer {
        Ok(self.success().into_response())
    }

    /// The status of the operation's success.
    fn success(&self) -> StatusCode {
        StatusCode::from_u16(self.operation.success).expect("the model has status codes")
    }

    fn text(&self, member: &str) -> Option<&str> {
        self.members.get(member).and_then(Value::as_str)
    }
}
