//! What the behaviour tests share: where things are, and a host process that ends with its test.
//!
//! `cargo xtask test` builds the guests and the binary and sets the variables that say where they are.

mod api;
pub mod bad_packages;
mod case;
mod component;
#[path = "../../guest-examples/hostile/mod.rs"]
pub mod hostile;
mod ledger;
pub mod mutation;
mod power_disk;
pub mod process;
pub mod producers;
mod relayed;
mod scrape;
mod sink;
mod sqs_client;
mod sqs_recorder;
mod sqs_server;
mod wall_clock;
pub mod zip;

pub use api::{Api, Reply};
pub use case::Case;
pub use component::{Handler, component, component_of_preview1, component_of_world};
pub use ledger::{Fate, Findings, Ledger, Problem};
pub use power_disk::{Flushing, Losses, PowerDisk, Unflushed};
pub use relayed::Relayed;
pub use scrape::Scrape;
pub use sink::{Sink, queue_arn, record_of};
pub use sqs_client::SqsClient;
pub use sqs_recorder::{Behaviour, RecordedAttribute, RecordedMessage, RecordedRequest, SqsRecorder};
pub use sqs_server::SqsServer;
pub use wall_clock::WallClock;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::Receiver;
use std::time::{Duration, SystemTime};

use samovar::function::{FunctionRef, VersionNumber};
use samovar::{Deployment, FunctionVersion, Host, Invoke, Outcome};
use serde_json::Value;

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(variable("SAMOVAR_ROOT"))
}

/// The bytes of an example guest.
pub fn guest(name: &str) -> Vec<u8> {
    let path = PathBuf::from(variable("SAMOVAR_GUESTS")).join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The bytes of a file that only a network can bring, unless it cannot be had: a guest whose compiler must be fetched, or a
/// program that others wrote. A test that needs an absent one fails and says why it is absent; where `cargo xtask test` found
/// no network it sets `SAMOVAR_OFFLINE`, and the reason is printed instead.
pub fn fetched(path: &Path) -> Option<Vec<u8>> {
    can_be_had(path)
        .then(|| std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// Prometheus's checker, unless it cannot be had, as [`fetched`] has it.
pub fn promtool() -> Option<Command> {
    let path = PathBuf::from(variable("SAMOVAR_PROMTOOL"));
    can_be_had(&path).then(|| Command::new(path))
}

/// The server that speaks SQS and is not ours, unless it cannot be had, as [`fetched`] has it.
pub(crate) fn moto() -> Option<Command> {
    let path = PathBuf::from(variable("SAMOVAR_MOTO"));
    can_be_had(&path).then(|| Command::new(path))
}

/// Whether `cargo xtask test` found no reason why a file cannot be there.
fn can_be_had(path: &Path) -> bool {
    let Ok(reason) = std::fs::read_to_string(path.with_extension("absent")) else { return true };
    let name = path.file_name().unwrap_or_default().display();
    assert!(std::env::var_os("SAMOVAR_OFFLINE").is_some(), "{name} cannot be had: {reason}");
    eprintln!("{name} cannot be had, as there is no network: {reason}");
    false
}

/// The path of an example guest.
pub fn guest_path(name: &str) -> String {
    format!("{}/{name}.wasm", variable("SAMOVAR_GUESTS"))
}

/// The path of a program of `tests/third_party.json`.
pub fn third_party_path(name: &str) -> PathBuf {
    PathBuf::from(variable("SAMOVAR_THIRD_PARTY")).join(format!("{name}.wasm"))
}

/// The Python that has boto3 and the `aws` command line.
pub fn python() -> PathBuf {
    PathBuf::from(variable("SAMOVAR_PYTHON"))
}

/// The packages of npm that have the JavaScript SDK of AWS.
pub fn node_modules() -> PathBuf {
    PathBuf::from(variable("SAMOVAR_NODE_MODULES"))
}

/// The folder of the example guests.
pub fn guests() -> PathBuf {
    PathBuf::from(variable("SAMOVAR_GUESTS"))
}

/// The program `samovar`.
pub fn samovar_binary() -> PathBuf {
    variable("SAMOVAR_BIN").into()
}

/// A command of the `samovar` binary.
pub fn samovar() -> Command {
    let mut command = Command::new(samovar_binary());
    command.stdin(Stdio::null()).env_remove("SAMOVAR_ENDPOINT").env_remove("SAMOVAR_SQS");
    command
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run the tests with `cargo xtask test`, which builds what they need")
    })
}

/// A host in this process, with one example guest published as version 1.
pub async fn host_with(name: &str, deployment: impl FnOnce(Deployment) -> Deployment) -> Host {
    let host = Host::temporary().await.expect("a host");
    publish(&host, name, deployment).await;
    host
}

/// Publishes an example guest under its own name.
pub async fn publish(
    host: &Host,
    name: &str,
    deployment: impl FnOnce(Deployment) -> Deployment,
) -> FunctionVersion {
    let deployment = deployment(Deployment::new(name, guest(name)));
    host.publish(deployment).await.expect("the guest is published")
}

/// How many packages and how many pieces of compiled code lie in a data folder.
pub fn code_files(data_dir: &Path) -> (usize, usize) {
    let count = |folder| {
        let folder = data_dir.join("samovar-code").join(folder);
        std::fs::read_dir(folder).expect("the folder is there").count()
    };
    (count("packages"), count("compiled"))
}

/// A reference to a function.
pub fn function(text: &str) -> FunctionRef {
    text.parse().expect("a reference")
}

/// Invokes a function that is there.
pub async fn invoke(host: &Host, name: &str, event: &str) -> Outcome {
    host.invoke(Invoke::new(function(name), event.to_owned())).await.expect("the function runs")
}

/// The answer of an invocation that succeeded, as JSON.
pub fn answer(outcome: &Outcome) -> Value {
    let answer = outcome.answer.as_ref().expect("the function answers");
    serde_json::from_slice(answer).expect("the answer is JSON")
}

/// The type of the error of an invocation that failed.
pub fn error_type(outcome: &Outcome) -> &str {
    &outcome.answer.as_ref().expect_err("the function fails").error_type
}

/// The number of a published version.
pub fn published(number: u64) -> VersionNumber {
    VersionNumber::Published(number)
}

/// A running `samovar serve`, ended when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    endpoint: String,
    log: Mutex<Receiver<String>>,
    data_dir: PathBuf,
    /// Where it keeps its data, if that goes with it.
    _own: Option<TemporaryFolder>,
}

impl Server {
    /// Starts a server on a port of the system's choice, with a data folder of its own.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with further arguments.
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_in(&[], arguments)
    }

    /// Starts a server with further environment variables and arguments.
    pub fn start_in(environment: &[(&str, &str)], arguments: &[&str]) -> Self {
        let own = TemporaryFolder::new();
        let data_dir = own.0.clone();
        let mut server = Self::spawn(&data_dir, environment, arguments);
        server._own = Some(own);
        server
    }

    /// Starts a server on a data folder that outlives it.
    pub fn start_on(data_dir: &Path, arguments: &[&str]) -> Self {
        Self::spawn(data_dir, &[], arguments)
    }

    /// Starts a server on a data folder that outlives it, with further environment variables.
    pub fn start_on_in(data_dir: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Self {
        Self::spawn(data_dir, environment, arguments)
    }

    fn spawn(data_dir: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Self {
        let started = Self::try_start_on_in(data_dir, environment, arguments);
        started.unwrap_or_else(|said| panic!("the server does not start: {said}"))
    }

    /// The same of a server that may refuse to start.
    ///
    /// # Errors
    /// What it says instead.
    pub fn try_start_on_in(
        data_dir: &Path,
        environment: &[(&str, &str)],
        arguments: &[&str],
    ) -> Result<Self, String> {
        let mut child = samovar()
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it was piped");
        BufReader::new(stdout).read_line(&mut line).expect("the server says where it listens");
        let mut stderr = child.stderr.take().expect("it was piped");
        let Some(endpoint) = line.trim().strip_prefix("samovar listening on ") else {
            let mut said = String::new();
            stderr.read_to_string(&mut said).expect("it ends");
            child.wait().expect("it is our child");
            return Err(said);
        };
        let (endpoint, log) = (endpoint.to_owned(), Mutex::new(lines_of(stderr)));
        Ok(Self { child, endpoint, log, data_dir: data_dir.to_owned(), _own: None })
    }

    /// Waits for a line of the server's log that contains `part`, passing over those before it.
    pub fn wait_for_log(&self, part: &str) -> String {
        let log = self.log.lock().expect("no other wait has failed");
        loop {
            match log.recv_timeout(Duration::from_secs(60)) {
                Ok(line) if line.contains(part) => return line,
                Ok(_other) => {}
                Err(_) => panic!("no line with {part:?} in the server's log within a minute"),
            }
        }
    }

    /// What the server has logged by now, apart from what was waited for.
    pub fn logged(&self) -> Vec<String> {
        self.log.lock().expect("no wait has failed").try_iter().collect()
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        self.endpoint.strip_prefix("http://").expect("it is an http URL")
    }

    /// The folder that it keeps its data in.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a crash would, at this moment (`kill -9`).
    pub fn kill(mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }

    /// Sends SIGTERM.
    pub fn signal_end(&self) {
        let status = Command::new("kill").arg(self.id().to_string()).status().expect("kill runs");
        assert!(status.success(), "the server was still there to be signalled");
    }

    /// Sends SIGTERM and waits for the end; gives back the exit code.
    pub fn terminate(self) -> Option<i32> {
        self.signal_end();
        self.ended()
    }

    /// Waits for the end of a server that was told to end; gives back the exit code. A second SIGTERM would not let it finish.
    pub fn ended(mut self) -> Option<i32> {
        let deadline = SystemTime::now() + Duration::from_secs(60);
        while SystemTime::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the server did not end within a minute of SIGTERM");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a stream, read as they come so that the writer never waits.
fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            // Nobody may be interested any more; the stream is read to its end all the same.
            let _ = sender.send(line);
        }
    });
    receiver
}

#[derive(Debug)]
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("samovar-test-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // A folder that was never made is as good as one that is removed.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What came back of an HTTP request made by hand.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// A header, empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Makes one HTTP request over a connection of its own, exactly as told: `head` is the request line and headers.
pub fn raw_request(address: &str, head: &str, body: &[u8]) -> Response {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout can be set");
    let head = head.trim().replace('\n', "\r\n");
    let head = format!("{head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).expect("it is sent");
    // A server that refuses the head may close before it has read the body.
    let _ = stream.write_all(body);
    read_response(&mut BufReader::new(stream))
}

/// Reads one response of a connection.
pub fn read_response(reader: &mut impl BufRead) -> Response {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        let read = reader.read_line(&mut line).expect("a head");
        if read == 0 || line == "\r\n" {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let status = lines[0].split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
    let headers: BTreeMap<String, String> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut body = Vec::new();
    let length = headers.get("content-length").and_then(|length| length.parse().ok());
    match length {
        Some(length) => {
            body.resize(length, 0);
            reader.read_exact(&mut body).expect("the body");
        }
        None => {
            let _ = reader.read_to_end(&mut body);
        }
    }
    Response { status, headers, body }
}
