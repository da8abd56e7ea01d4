//! A server that takes messages as SQS does, in the process of a test, and keeps them to be looked at. It can be told to refuse
//! them, to be busy, or not to answer at all.
//!
//! It speaks what a sender needs of AWS JSON 1.0: GetQueueUrl, SendMessage and SendMessageBatch. It checks neither signatures
//! nor whether a queue exists, unless it is told to.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Map, Value, json};

/// How many messages are kept; one more is throttled, so that none is lost unseen.
const MESSAGES_MAX: usize = 1_000_000;
/// How many bytes their bodies may have together; beyond it the same.
const MESSAGES_BYTES_MAX: usize = 512 << 20;
/// How many requests are kept; of further ones only the messages are.
const REQUESTS_MAX: usize = 10_000;
/// How many connections there may be; one more is closed.
const CONNECTIONS_MAX: usize = 256;
/// The most bytes of a request: a batch of the largest messages, in JSON that writes every byte as six.
const BODY_BYTES_MAX: usize = 8 << 20;
/// The most bytes of a request's line and headers.
const HEAD_BYTES_MAX: u64 = 64 << 10;

/// What a queue does when somebody asks it for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// It takes what comes.
    Taking,
    /// It takes what comes, but nobody may ask for its URL.
    Unlisted,
    /// It is too busy.
    Throttling,
    /// It has a fault of its own (HTTP status 500).
    Failing,
    /// It does not exist.
    Gone,
    /// It refuses with that status, code and message.
    Refusing(u16, &'static str, &'static str),
    /// Something before it answers with that status and a page.
    Page(u16),
    /// It lets everybody wait, and never takes what came meanwhile.
    Hanging,
    /// It ends every connection without an answer.
    Closing,
}

/// A message that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedMessage {
    /// The id that it was given.
    pub id: String,
    /// The URL that it was sent to.
    pub queue_url: String,
    /// The body.
    pub body: String,
    /// The attributes, by name.
    pub attributes: BTreeMap<String, RecordedAttribute>,
    /// The system attribute `AWSTraceHeader`.
    pub trace_header: Option<String>,
}

/// An attribute as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedAttribute {
    /// `String`, `Number` or `Binary`, and what is behind it.
    pub data_type: String,
    /// The bytes of the value.
    pub value: Vec<u8>,
}

/// A request, whatever came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedRequest {
    /// The name of the operation.
    pub operation: String,
    /// The headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Value,
}

/// The server. It ends when dropped.
#[derive(Debug)]
pub struct SqsRecorder {
    shared: Arc<Shared>,
    address: SocketAddr,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Of the queues that have one of their own, by name.
    behaviours: HashMap<String, Behaviour>,
    /// Of all others.
    behaviour: Option<Behaviour>,
    messages: Vec<RecordedMessage>,
    messages_bytes: usize,
    requests: Vec<RecordedRequest>,
    /// Those that are open, to be ended with the server.
    connections: HashMap<u64, TcpStream>,
    connections_made: u64,
    messages_taken: u64,
    is_over: bool,
}

/// What a request is answered with: a status, and the code of an error, or a body.
type Answer = (u16, Option<String>, Value);

impl SqsRecorder {
    /// Starts a server on a port of the system's choice.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("it has one");
        let shared = Arc::<Shared>::default();
        let of_server = Arc::clone(&shared);
        thread::spawn(move || of_server.accept(&listener));
        Self { shared, address }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes what all queues do, but for those that have been told themselves.
    pub fn behave(&self, behaviour: Behaviour) {
        self.shared.lock().behaviour = Some(behaviour);
        self.shared.changed.notify_all();
    }

    /// Changes what the queue of that name does.
    pub fn let_queue(&self, queue: &str, behaviour: Behaviour) {
        self.shared.lock().behaviours.insert(queue.to_owned(), behaviour);
        self.shared.changed.notify_all();
    }

    /// What was taken so far, oldest first.
    pub fn messages(&self) -> Vec<RecordedMessage> {
        self.shared.lock().messages.clone()
    }

    /// Removes what was taken so far, oldest first, so that there is room for more.
    pub fn take_messages(&self) -> Vec<RecordedMessage> {
        let mut state = self.shared.lock();
        state.messages_bytes = 0;
        std::mem::take(&mut state.messages)
    }

    /// What was asked so far, oldest first; also what was refused or hangs.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.lock().requests.clone()
    }

    /// Waits until so many messages were taken and are still here, and gives all. Panics if it takes longer than `limit`.
    pub fn wait_for_messages(&self, count: usize, limit: Duration) -> Vec<RecordedMessage> {
        let state = self.shared.wait(limit, |state| state.messages.len() >= count);
        let taken = state.messages.len();
        assert!(taken >= count, "{taken} of {count} messages came within {limit:?}");
        state.messages.clone()
    }

    /// Waits until so many requests came. Panics if it takes longer than `limit`.
    pub fn wait_for_requests(&self, count: usize, limit: Duration) {
        let came = self.shared.wait(limit, |state| state.requests.len() >= count).requests.len();
        assert!(came >= count, "{came} of {count} requests came within {limit:?}");
    }
}

impl Drop for SqsRecorder {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_over = true;
        for (_, connection) in state.connections.drain() {
            // It may have ended already.
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(state);
        self.shared.changed.notify_all();
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, limit: Duration, until: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.changed.wait_timeout_while(self.lock(), limit, |state| !until(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming().map_while(Result::ok) {
            let Some(number) = self.admit(&stream) else {
                if self.lock().is_over {
                    return;
                }
                continue;
            };
            let shared = Arc::clone(&self);
            thread::spawn(move || {
                // However it ended: the client was there, or it is gone.
                let _ = shared.serve(stream);
                shared.lock().connections.remove(&number);
            });
        }
    }

    /// Takes a connection, unless it is one too many or the server is over.
    fn admit(&self, stream: &TcpStream) -> Option<u64> {
        let mut state = self.lock();
        if state.is_over || state.connections.len() >= CONNECTIONS_MAX {
            return None;
        }
        state.connections_made += 1;
        let number = state.connections_made;
        state.connections.insert(number, stream.try_clone().ok()?);
        Some(number)
    }

    /// Answers the requests of a connection until it ends.
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream.try_clone()?);
        while let Some(request) = RecordedRequest::read(&mut reader)? {
            let Some((status, code, body)) = self.answer(request) else { break };
            let (kind, body) = match body {
                Value::String(page) => ("text/html", page),
                body => ("application/x-amz-json-1.0", body.to_string()),
            };
            let code = code.map(|code| format!("x-amzn-query-error: {code};Sender\r\n")).unwrap_or_default();
            let head = format!(
                "HTTP/1.1 {status} Status\r\ncontent-type: {kind}\r\n{code}content-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all((head + &body).as_bytes())?;
        }
        stream.shutdown(Shutdown::Both)
    }

    /// What comes of a request; nothing, if the connection is to be ended.
    fn answer(&self, request: RecordedRequest) -> Option<Answer> {
        let mut state = self.lock();
        if state.requests.len() < REQUESTS_MAX {
            state.requests.push(request.clone());
        }
        self.changed.notify_all();
        let queue = request.queue().to_owned();
        let answer = match state.behaviour_of(&queue) {
            Behaviour::Unlisted if request.operation == "GetQueueUrl" => {
                Some(refused(403, "AccessDenied", "Access to the resource is denied."))
            }
            Behaviour::Taking | Behaviour::Unlisted => Some(state.carry_out(&request)),
            Behaviour::Throttling => Some(refused(400, "RequestThrottled", "Rate exceeded")),
            Behaviour::Failing => Some(refused(500, "InternalError", "There is a fault")),
            Behaviour::Gone => Some((
                400,
                Some("AWS.SimpleQueueService.NonExistentQueue".to_owned()),
                json!({ "__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The specified queue does not exist." }),
            )),
            Behaviour::Refusing(status, code, message) => Some(refused(status, code, message)),
            Behaviour::Page(status) => Some((status, None, "<html>Nobody is there</html>".into())),
            Behaviour::Hanging => {
                let hangs =
                    |state: &mut State| !state.is_over && state.behaviour_of(&queue) == Behaviour::Hanging;
                let waited = self.changed.wait_while(state, hangs);
                state = waited.unwrap_or_else(PoisonError::into_inner);
                None
            }
            Behaviour::Closing => None,
        };
        drop(state);
        self.changed.notify_all();
        answer
    }
}

impl State {
    fn behaviour_of(&self, queue: &str) -> Behaviour {
        self.behaviours.get(queue).or(self.behaviour.as_ref()).cloned().unwrap_or(Behaviour::Taking)
    }

    fn carry_out(&mut self, request: &RecordedRequest) -> Answer {
        let body = &request.body;
        match &*request.operation {
            "GetQueueUrl" => {
                let host = request.headers.get("host").map_or("", String::as_str);
                let account = body["QueueOwnerAWSAccountId"].as_str().unwrap_or("000000000000");
                (200, None, json!({ "QueueUrl": format!("http://{host}/{account}/{}", request.queue()) }))
            }
            "SendMessage" => match self.record(body["QueueUrl"].as_str(), body) {
                Some(id) => (200, None, json!({ "MessageId": id })),
                None => refused(400, "RequestThrottled", "The recorder is full"),
            },
            "SendMessageBatch" => {
                let (mut successful, mut failed) = (Vec::new(), Vec::new());
                for entry in body["Entries"].as_array().into_iter().flatten() {
                    match self.record(body["QueueUrl"].as_str(), entry) {
                        Some(id) => successful.push(json!({ "Id": entry["Id"], "MessageId": id })),
                        None => failed.push(
                            json!({ "Id": entry["Id"], "Code": "RequestThrottled", "SenderFault": false }),
                        ),
                    }
                }
                (200, None, json!({ "Successful": successful, "Failed": failed }))
            }
            _ => refused(400, "InvalidAction", "The recorder does not know the operation"),
        }
    }

    /// Keeps a message and gives its id, unless there are too many.
    fn record(&mut self, queue_url: Option<&str>, message: &Value) -> Option<String> {
        let body = message["MessageBody"].as_str().unwrap_or_default().to_owned();
        let bytes = self.messages_bytes + body.len();
        if self.messages.len() >= MESSAGES_MAX || bytes > MESSAGES_BYTES_MAX {
            return None;
        }
        self.messages_bytes = bytes;
        self.messages_taken += 1;
        let id = format!("message-{}", self.messages_taken);
        let attributes = message["MessageAttributes"].as_object();
        let trace_header = message["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"].as_str();
        self.messages.push(RecordedMessage {
            id: id.clone(),
            queue_url: queue_url.unwrap_or_default().to_owned(),
            body,
            attributes: attributes.map(RecordedAttribute::all).unwrap_or_default(),
            trace_header: trace_header.map(str::to_owned),
        });
        Some(id)
    }
}

impl RecordedMessage {
    /// The name of the queue that it was sent to.
    pub fn queue(&self) -> &str {
        self.queue_url.rsplit('/').next().unwrap_or_default()
    }
}

impl RecordedAttribute {
    /// The value, if it is text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.value).unwrap_or_default()
    }

    fn all(attributes: &Map<String, Value>) -> BTreeMap<String, Self> {
        attributes.iter().map(|(name, attribute)| (name.clone(), Self::of(attribute))).collect()
    }

    fn of(attribute: &Value) -> Self {
        let value = match (attribute["StringValue"].as_str(), attribute["BinaryValue"].as_str()) {
            (Some(text), _) => text.as_bytes().to_vec(),
            (None, Some(binary)) => BASE64_STANDARD.decode(binary).unwrap_or_default(),
            (None, None) => Vec::new(),
        };
        Self { data_type: attribute["DataType"].as_str().unwrap_or_default().to_owned(), value }
    }
}

impl RecordedRequest {
    /// The name of the queue that it is about.
    pub fn queue(&self) -> &str {
        let of_url = |url: &'static str| self.body[url].as_str().and_then(|url| url.rsplit('/').next());
        self.body["QueueName"].as_str().or(of_url("QueueUrl")).unwrap_or_default()
    }

    /// Reads the next request of a connection; none if it has ended.
    fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Self>> {
        let mut head = reader.take(HEAD_BYTES_MAX);
        let mut line = String::new();
        if head.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut headers = BTreeMap::new();
        loop {
            line.clear();
            head.read_line(&mut line)?;
            match line.trim_end().split_once(':') {
                Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
                None => break,
            };
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if length > BODY_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let target = headers.get("x-amz-target").and_then(|target| target.split('.').nth(1));
        let operation = target.unwrap_or_default().to_owned();
        Ok(Some(Self { operation, headers, body: serde_json::from_slice(&body).unwrap_or_default() }))
    }
}

fn refused(status: u16, code: &str, message: &str) -> Answer {
    let body = json!({ "__type": format!("com.amazonaws.sqs#{code}"), "message": message });
    (status, Some(code.to_owned()), body)
}
