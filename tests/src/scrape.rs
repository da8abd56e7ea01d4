//! What a server tells at `/metrics`, read as Prometheus would.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use tokio::time::Instant;

use crate::{Server, promtool, raw_request};

/// How long a server may take to tell what is so.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// One answer of `/metrics`.
#[derive(Debug)]
pub struct Scrape {
    /// The text as it came.
    pub text: String,
    samples: Vec<Sample>,
}

#[derive(Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Scrape {
    /// Asks a server.
    pub fn of(server: &Server) -> Self {
        let response = raw_request(server.address(), "GET /metrics HTTP/1.1\nHost: localhost", b"");
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(response.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
        let text = String::from_utf8(response.body).expect("text");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.map(|line| Sample::parse(line).unwrap_or_else(|| panic!("{line}"))).collect();
        Self { text, samples }
    }

    /// Asks a server until what it tells is so.
    ///
    /// # Panics
    /// When it does not become so within a minute, which is more than anything takes.
    pub fn until(server: &Server, is_so: impl Fn(&Self) -> bool) -> Self {
        let began = Instant::now();
        loop {
            let scrape = Self::of(server);
            if is_so(&scrape) {
                return scrape;
            }
            assert!(began.elapsed() < WAIT_MAX, "it did not become so within {WAIT_MAX:?}");
        }
    }

    /// Checks the text with `promtool check metrics`, if that can be had.
    ///
    /// # Panics
    /// When it finds something.
    pub fn check(&self) {
        let Some(mut promtool) = promtool() else { return };
        promtool.args(["check", "metrics"]);
        promtool.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut checking = promtool.spawn().expect("promtool runs");
        checking.stdin.take().expect("piped").write_all(self.text.as_bytes()).expect("it reads");
        let checked = checking.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success() && said.is_empty() && checked.stdout.is_empty(), "{said}");
    }

    /// The sum of all samples of that name with these labels, as whole numbers are.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.sum(name, labels) as u64
    }

    /// The sum of all samples of that name with these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |sample: &&Sample| {
            sample.name == name
                && labels.iter().all(|(key, value)| sample.labels.get(*key).is_some_and(|own| own == value))
        };
        self.samples.iter().filter(has).map(|sample| sample.value).sum()
    }

    /// Every sample: its name with its labels, and its value.
    pub fn samples(&self) -> impl Iterator<Item = (String, f64)> {
        self.samples.iter().map(|sample| (format!("{}{:?}", sample.name, sample.labels), sample.value))
    }

    /// The names of a metric's labels, in their order of the alphabet; none, if there is no such metric.
    pub fn labels(&self, name: &str) -> Option<Vec<&str>> {
        let of = |end: &str| {
            let own = |sample: &&Sample| sample.name.strip_suffix(end) == Some(name);
            self.samples.iter().find(own).map(|sample| sample.labels.keys().map(String::as_str).collect())
        };
        of("").or_else(|| of("_count"))
    }
}

impl Sample {
    fn parse(line: &str) -> Option<Self> {
        let (what, value) = line.rsplit_once(' ')?;
        let value = value.parse().ok()?;
        let Some((name, labels)) = what.split_once('{') else {
            return Some(Self { name: what.to_owned(), labels: BTreeMap::new(), value });
        };
        // No value of a label has a quotation mark in it, or the test is wrong.
        let pairs = labels.strip_suffix("\"}")?.split("\",").map(|pair| pair.split_once("=\""));
        let labels = pairs.map(|pair| pair.map(|(key, value)| (key.to_owned(), value.to_owned())));
        Some(Self { name: name.to_owned(), labels: labels.collect::<Option<_>>()?, value })
    }
}
