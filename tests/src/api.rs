//! Lambda's API as a quick client speaks it: without a signature, over connections that are kept.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use ureq::Agent;

use crate::Server;

/// More than anything here may take, so that a server that hangs fails the test.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(120);

/// A client of one server; each thread should have its own.
#[derive(Debug)]
pub struct Api {
    agent: Agent,
    endpoint: String,
}

/// What the server answered.
#[derive(Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The type of the error in the API's own terms, empty if there is none.
    pub error_type: String,
    /// The id of the request.
    pub request_id: String,
    /// Which version was invoked, empty if none was.
    pub executed_version: String,
    /// Whether the function itself failed.
    pub is_function_error: bool,
    /// The body as JSON; null if it is none.
    pub body: Value,
}

impl Reply {
    /// The message of an error.
    pub fn message(&self) -> &str {
        ["message", "Message", "errorMessage"]
            .iter()
            .find_map(|key| self.body[key].as_str())
            .unwrap_or_default()
    }
}

impl Api {
    /// A client of that server.
    pub fn of(server: &Server) -> Self {
        Self::at(server.endpoint())
    }

    /// A client of the server at that URL.
    pub fn at(endpoint: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(REQUEST_TIME_MAX))
            .build();
        Self { agent: config.into(), endpoint: endpoint.to_owned() }
    }

    /// Any operation: its method, its path and its body, if it has one.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        self.try_call(method, path, body).unwrap_or_else(|error| panic!("the server did not answer: {error}"))
    }

    /// Any operation, of a server that may go away meanwhile.
    ///
    /// # Errors
    /// When no whole answer came.
    pub fn try_call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Reply, ureq::Error> {
        self.try_call_with(&[], method, path, body)
    }

    /// The same with further headers.
    ///
    /// # Errors
    /// When no whole answer came.
    pub fn try_call_with(
        &self,
        headers: &[(&str, &str)],
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Reply, ureq::Error> {
        let mut request =
            ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.endpoint));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = match body {
            None => self.agent.run(request.body(())?),
            Some(body) => self.agent.run(request.body(body.to_string())?),
        };
        Self::try_reply(answer)
    }

    /// CreateFunction, with a timeout of one second.
    pub fn create(&self, name: &str, package: &[u8]) -> Reply {
        let body = json!({
            "FunctionName": name,
            "Role": "arn:aws:iam::000000000000:role/any",
            "Runtime": "provided.al2023",
            "Handler": "bootstrap",
            "Timeout": 1,
            "Code": { "ZipFile": BASE64_STANDARD.encode(package) },
        });
        let url = format!("{}/2015-03-31/functions", self.endpoint);
        Self::reply(self.agent.post(url).send(body.to_string()))
    }

    /// CreateEventSourceMapping, with what is given beside the function and the queue; gives back the id of the mapping.
    pub fn map(&self, name: &str, queue_arn: &str, more: &Value) -> String {
        let mut body = more.clone();
        body["FunctionName"] = name.into();
        body["EventSourceArn"] = queue_arn.into();
        let reply = self.call("POST", "/2015-03-31/event-source-mappings", Some(&body));
        assert_eq!((reply.status, &reply.body["State"]), (202, &json!("Creating")), "{reply:?}");
        reply.body["UUID"].as_str().expect("a UUID").to_owned()
    }

    /// UpdateEventSourceMapping.
    pub fn remap(&self, uuid: &str, change: &Value) -> Reply {
        self.call("PUT", &format!("/2015-03-31/event-source-mappings/{uuid}"), Some(change))
    }

    /// The `State` of a mapping; none, if there is no such mapping.
    pub fn mapping_state(&self, uuid: &str) -> Option<String> {
        let reply = self.call("GET", &format!("/2015-03-31/event-source-mappings/{uuid}"), None);
        (reply.status == 200).then(|| reply.body["State"].as_str().expect("a state").to_owned())
    }

    /// UpdateFunctionCode.
    pub fn update_code(&self, name: &str, package: &[u8]) -> Reply {
        let body = json!({ "ZipFile": BASE64_STANDARD.encode(package) });
        let url = format!("{}/2015-03-31/functions/{name}/code", self.endpoint);
        Self::reply(self.agent.put(url).send(body.to_string()))
    }

    /// Invoke.
    pub fn invoke(&self, name: &str, event: &str) -> Reply {
        let url = format!("{}/2015-03-31/functions/{name}/invocations", self.endpoint);
        Self::reply(self.agent.post(url).send(event))
    }

    /// GetFunction.
    pub fn get(&self, name: &str) -> Reply {
        Self::reply(self.agent.get(format!("{}/2015-03-31/functions/{name}", self.endpoint)).call())
    }

    /// Whether the server still answers.
    pub fn is_well(&self) -> bool {
        let answer = self.agent.get(format!("{}/healthz", self.endpoint)).call();
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    fn reply(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Reply {
        Self::try_reply(answer).unwrap_or_else(|error| panic!("the server did not answer: {error}"))
    }

    fn try_reply(
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Reply, ureq::Error> {
        let mut answer = answer?;
        let header =
            |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let error_type = header("x-amzn-errortype").to_owned();
        let request_id = header("x-amzn-requestid").to_owned();
        let is_function_error = !header("x-amz-function-error").is_empty();
        let executed_version = header("x-amz-executed-version").to_owned();
        let body = answer.body_mut().read_to_vec()?;
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let status = answer.status().as_u16();
        Ok(Reply { status, error_type, request_id, executed_version, is_function_error, body })
    }
}
