//! Servers whose events are told of to a recorder in the process of the test.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{Api, Fate, Ledger, RecordedMessage, Server, SqsRecorder};

/// The queue that is told of successes.
const QUEUE: &str = "fates";
/// What the SDK of AWS needs to sign with; the recorder looks at none of it.
const ENVIRONMENT: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "any")];

/// A recorder, and what became of events, by what it was told.
#[derive(Debug)]
pub struct Sink {
    recorder: SqsRecorder,
    fates: Vec<Fate>,
}

impl Sink {
    /// Starts a recorder.
    pub fn start() -> Self {
        Self { recorder: SqsRecorder::start(), fates: Vec::new() }
    }

    /// The recorder.
    pub fn recorder(&self) -> &SqsRecorder {
        &self.recorder
    }

    /// Starts a server on a data folder that outlives it, which sends to the recorder.
    pub fn serve(&self, data_dir: &Path, arguments: &[&str]) -> Server {
        self.serve_in(data_dir, &[], arguments)
    }

    /// The same with further environment variables.
    pub fn serve_in(&self, data_dir: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Server {
        let started = self.try_serve(data_dir, environment, arguments);
        started.unwrap_or_else(|said| panic!("the server does not start: {said}"))
    }

    /// The same of one that may refuse to start.
    ///
    /// # Errors
    /// What it says instead.
    pub fn try_serve(
        &self,
        data_dir: &Path,
        environment: &[(&str, &str)],
        arguments: &[&str],
    ) -> Result<Server, String> {
        let endpoint = self.recorder.endpoint();
        let arguments = [&["--quiet", "--sqs", endpoint.as_str()], arguments].concat();
        Server::try_start_on_in(data_dir, &[&ENVIRONMENT, environment].concat(), &arguments)
    }

    /// What became of events so far.
    pub fn fates(&mut self) -> &[Fate] {
        let taken = self.recorder.take_messages();
        self.fates.extend(taken.iter().filter(|message| message.queue() == QUEUE).map(Fate::of));
        &self.fates
    }

    /// Waits until every accepted event has a fate and nothing has come for a moment. When no more come it gives up, and the ledger
    /// tells what is lost.
    pub fn settle(&mut self, ledger: &Ledger, patience: Duration) -> &[Fate] {
        let mut last = (0, Instant::now());
        loop {
            let fates = self.fates();
            let count = fates.len();
            if count > last.0 {
                last = (count, Instant::now());
            }
            let quiet = last.1.elapsed();
            let whole = count >= ledger.accepted() && ledger.check(fates, usize::MAX).is_ok();
            if quiet > patience || (whole && quiet > Duration::from_millis(500)) {
                return &self.fates;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Api {
    /// Invoke with the type `Event`, of a server that may go away meanwhile: the status, and the id of the request.
    ///
    /// # Errors
    /// When no whole answer came.
    pub fn try_send_event(&self, name: &str, event: &Value) -> Result<(u16, String), ureq::Error> {
        let path = format!("/2015-03-31/functions/{name}/invocations");
        let reply = self.try_call_with(&[("x-amz-invocation-type", "Event")], "POST", &path, Some(event))?;
        Ok((reply.status, reply.request_id))
    }

    /// Lets the sink be told how a function's events end: one that runs whenever the host is killed ends as a crash of the host.
    pub fn tell_sink(&self, name: &str) {
        let sink = json!({ "Destination": queue_arn(QUEUE) });
        let destinations = json!({ "OnSuccess": sink, "OnFailure": sink });
        self.put_event_config(name, &json!({ "DestinationConfig": destinations }));
    }

    /// PutFunctionEventInvokeConfig.
    pub fn put_event_config(&self, name: &str, config: &Value) {
        let path = format!("/2019-09-25/functions/{name}/event-invoke-config");
        let reply = self.call("PUT", &path, Some(config));
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

/// The ARN of a queue of the account and region that servers have unless told otherwise.
pub fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

/// The record in a message.
pub fn record_of(message: &RecordedMessage) -> Value {
    serde_json::from_str(&message.body).expect("a record is JSON")
}
