//! A running server that speaks SQS and is not ours, with queues of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::{lines_of, moto};

/// Where all its queues are.
const ACCOUNT: &str = "000000000000";

/// The server, ended when dropped, stopped or not. It keeps everything in memory.
#[derive(Debug)]
pub struct SqsServer {
    child: Child,
    endpoint: String,
}

impl SqsServer {
    /// Starts it on a port of the system's choice, and waits until it listens. None where it cannot be had and
    /// `cargo xtask test` found no network; the reason is printed.
    pub fn start() -> Option<Self> {
        let mut child = moto()?
            .args(["--host", "127.0.0.1", "--port", "0"])
            .env("MOTO_ACCOUNT_ID", ACCOUNT)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut log = BufReader::new(child.stderr.take().expect("it was piped"));
        let mut said = String::new();
        let endpoint = loop {
            let mut line = String::new();
            let read = log.read_line(&mut line).expect("its log is text");
            if let Some((_, endpoint)) = line.split_once("Running on ") {
                break endpoint.trim().to_owned();
            }
            said.push_str(&line);
            assert!(read > 0, "the server ended and said: {said}");
        };
        // It logs every request; the log is read on so that it never waits for us.
        drop(lines_of(log));
        Some(Self { child, endpoint })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The ARN of its queue of that name, in any region.
    pub fn queue_arn(&self, region: &str, name: &str) -> String {
        format!("arn:aws:sqs:{region}:{ACCOUNT}:{name}")
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Stops it where it is (SIGSTOP): its port takes connections, and nothing is answered.
    pub fn stop(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on after [`stop`](Self::stop) (SIGCONT), also with the requests that came meanwhile.
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.id().to_string()]).status().expect("kill runs");
        assert!(status.success(), "the server was still there to be signalled");
    }
}

impl Drop for SqsServer {
    fn drop(&mut self) {
        // SIGKILL ends a stopped process too. It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
