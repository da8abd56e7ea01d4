//! The commands of this repository: `cargo xtask help`.
//!
//! Everything that is fetched or built goes into `target/`, by package name, through the clients of the machine as they are
//! configured. A set-up step that has been done leaves a stamp keyed by what it depends on, so that it runs once, and a
//! second run needs no network.

#![expect(
    clippy::disallowed_methods,
    reason = "these commands measure real time; there is no test clock to stop here"
)]

mod absence;
mod bench;
mod c;
mod client;
mod clients;
mod command;
mod debian;
mod debian_file;
mod demo;
mod environment;
mod faketime;
mod guests;
mod host;
mod http;
mod javascript;
mod moto;
mod node;
mod promtool;
mod python;
mod recipe;
mod repository;
mod server;
mod step;
mod test;
mod third_party;
mod toolchain;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::faketime::FAKETIME;
use crate::promtool::PROMTOOL;
use crate::repository::Repository;

const HELP: &str = "\
cargo xtask <command>

  demo               build, start a real host, and play the main job: deploy, invoke cold and warm, fail, route
  test [filter...]   set up what is needed and run every check and test; a filter runs only the tests that match
  test --mutations N send N mutants of functions through upload, compilation and invocation: a long run
  test --hostile N   run each hostile guest N times against one server, and print how each ended and how late
  test --slot-reuses N  let N functions after each other look for what the last left in memory: a long run
  test --ledger N    kill a host that accepts events N times, and look for each accepted event's end: a long run
  test --restart-events N  measure how soon a server with N events to do and ten thousand functions serves: a long run
  test --power-cuts N  cut the power N times of a disk that events are accepted on, and look for what is lost: a long run
  test --outside-messages N
                       let N messages go through an event source mapping of another server's queue, with kills: a long run
  bench [name...]    run the benchmarks and print the table of target/bench/results.json
  guests             find or make the guest toolchain, and build guest-examples/ into target/guests/

  build              target/release/samovar
  third-party        fetch the programs of tests/third_party.json into target/third-party/
  clients            the AWS clients of the tests: target/python with tests/requirements.txt, target/aws-sdk-javascript
  promtool           fetch Prometheus's checker into target/promtool/
  faketime           fetch a library that sets one process's clock into target/faketime/
  moto               fetch an SQS server that is not ours into target/moto/
  help               this text";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("help", arguments),
    };
    let repository = Repository::open()?;
    match (name, rest) {
        ("test", arguments) => test::run(&repository, &test::Selection::of(arguments)?),
        ("bench", names) => bench::run(&repository, names),
        ("demo", []) => demo::run(&repository),
        ("guests", []) => guests::build(&repository).map(|_absences| ()),
        ("third-party", []) => third_party::fetch(&repository).map(|_absences| ()),
        ("build", []) => host::build(&repository),
        ("promtool", []) => PROMTOOL.fetch(&repository).map(|_absence| ()),
        ("faketime", []) => FAKETIME.fetch(&repository).map(|_absence| ()),
        ("moto", []) => moto::fetch(&repository).map(|_absence| ()),
        ("clients", []) => clients::prepare(&repository),
        ("help" | "--help" | "-h", _) => {
            println!("{HELP}");
            Ok(())
        }
        _ => bail!("`cargo xtask {}` is not a command\n\n{HELP}", arguments.join(" ")),
    }
}
