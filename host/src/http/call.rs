//! One request for an operation, on its way through it: what it is given, who asks, and how it is answered.

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse as _;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Host;
use crate::function::{AliasName, FunctionRef, Qualifier, Region, VersionNumber};

use super::api::{Answer, Api, json, to_the_end};
use super::bodies::{Held, Limit, Room};
use super::credential;
use super::model::{Input, Operation, Query, Route, decoded};
use super::request;
use super::wire_error::{Exception, WireError, shown};

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
    /// It keeps the room that the body took for as long as anybody has it, also when the client hangs up.
    package: Option<Bytes>,
    /// The room in memory that the request takes.
    room: Option<Room>,
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
        let (operation, members, room) = (route.operation, Value::Object(members), body.room());
        let package = package.map(|package| Room::around(room.clone(), package));
        Ok(Self { api, parts, host, operation, signed_region, members, package, room })
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

    /// The ARN of what has tags.
    pub(super) fn resource_arn(&self) -> &str {
        self.text("Resource").unwrap_or_default()
    }

    /// What the request is about, as its client names it: for the record of changes.
    pub(super) fn subject(&self) -> String {
        subject(self.host, self.parts, |name| self.text(name).map(str::to_owned))
    }

    /// Carries work out although the client may hang up; what it works on keeps its room until then.
    pub(super) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, WireError> {
        let room = self.room.clone();
        let done = to_the_end(async move {
            let done = work.await;
            drop(room);
            done
        });
        done.await
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

/// How large the body of a request for that operation may be.
pub(super) fn body_limit<'a>(api: &Api, operation: &'a Operation) -> Limit<'a> {
    let exception = Exception::RequestEntityTooLarge;
    Limit { bytes: api.request_bytes_max, exception, operation: operation.name }
}

/// What a request is about, by its path alone: all that is known before its body is read.
pub(super) fn subject_of_path(host: &Host, parts: &Parts, route: &Route<'_>) -> String {
    subject(host, parts, |name| {
        let (_, label) = route.labels.iter().find(|(label, _)| *label == name)?;
        Some(decoded(label).ok()?.into_owned())
    })
}

/// The ARN of the function, version or alias that those members name, or else what they say.
fn subject(host: &Host, parts: &Parts, named: impl Fn(&str) -> Option<String>) -> String {
    let text = ["FunctionName", "Resource", "ResourceArn"].into_iter().find_map(&named).unwrap_or_default();
    let region = credential::region(&parts.headers).ok().flatten();
    let Ok(function) = request::qualified(host, region, &text, named("Qualifier").as_deref()) else {
        return shown(&text).to_owned();
    };
    // Of all that is changed here only aliases have names of their own.
    match named("Name").and_then(|name| AliasName::parse(&name).ok()) {
        None => host.arn_of(&function),
        Some(alias) => host.arn_of(&FunctionRef { qualifier: Some(Qualifier::Alias(alias)), ..function }),
    }
}
