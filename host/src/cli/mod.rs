//! The `samovar` command line: serves a host, and deploys to and invokes on one over its HTTP API.

mod alias;
mod aliases;
mod backup;
mod client;
mod concurrency;
mod config;
mod dead_letters;
mod delete;
mod deploy;
mod event_settings;
mod events;
mod figures;
mod filter;
mod function_logs;
mod functions;
mod invoke;
mod limits;
mod logs;
mod output;
mod pages;
mod queues;
mod rollback;
mod schedule;
mod schedules;
mod serve;
mod settings;
mod settled;
mod sources;
mod table;
mod tags;
mod timing;
mod tracing_lines;
mod versions;
mod wire;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Lambda you can embed: runs WebAssembly functions the way AWS Lambda runs functions.
#[derive(Debug, Parser)]
#[command(name = "samovar", version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve Lambda's HTTP API on this machine
    Serve(Box<serve::Serve>),
    /// Create or update a function, and publish it as a version
    Deploy(deploy::Deploy),
    /// Point an alias of a function at a version, or at two with a weight
    Alias(alias::Alias),
    /// Take the last move of an alias back: end a canary, or lead it to the version before
    Rollback(rollback::Rollback),
    /// Invoke a function and print its answer
    Invoke(invoke::Invoke),
    /// Show what has become of an event that was invoked asynchronously
    Events(events::Events),
    /// Work with events that ended without success: list them, put them back, remove them
    DeadLetters(dead_letters::DeadLetters),
    /// Try whether messages of a queue pass the filters of an event source mapping
    Filter(filter::Filter),
    /// Let functions get the messages of queues, and show how that goes
    Sources(sources::Sources),
    /// Work with schedules, which invoke functions when they are due: create, list and delete them, or say when one would be due
    Schedule(schedule::Schedule),
    /// Show what a function has logged, and follow it
    Logs(function_logs::FunctionLogs),
    /// List the functions
    Functions(functions::Functions),
    /// List the versions of a function, and which aliases lead to each
    Versions(versions::Versions),
    /// List the aliases of a function, or where one of them has led
    Aliases(aliases::Aliases),
    /// Show what a function is given, or change it
    Config(config::Config),
    /// Show what a function has reserved and provisioned of the server's concurrency, or change it
    Concurrency(concurrency::Concurrency),
    /// Show the tags of a function, or change them
    Tags(tags::Tags),
    /// Delete a function, or one version of it
    Delete(delete::Delete),
    /// Copy all functions and their code to a folder, also while they are served
    Backup(backup::Backup),
    /// Compile one component for a host, from standard input to standard output
    #[command(hide = true)]
    CompileWorker {
        /// The bytes of address space and the seconds of processor time it may use
        limits: Vec<String>,
    },
}

/// Where the API is.
#[derive(Debug, Args)]
struct Endpoint {
    /// The URL of the server
    #[arg(
        long = "endpoint",
        value_name = "URL",
        env = "SAMOVAR_ENDPOINT",
        default_value = "http://127.0.0.1:3001"
    )]
    url: String,
    /// The region of the functions [default: the server's own]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
}

/// Runs the command that this process was started with.
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Deploy(deploy) => deploy.run(),
        Command::Alias(alias) => alias.run(),
        Command::Rollback(rollback) => rollback.run(),
        Command::Invoke(invoke) => invoke.run(),
        Command::Events(events) => events.run(),
        Command::DeadLetters(dead_letters) => dead_letters.run(),
        Command::Filter(filter) => filter.run(),
        Command::Sources(sources) => sources.run(),
        Command::Schedule(schedule) => schedule.run(),
        Command::Logs(logs) => logs.run(),
        Command::Functions(functions) => functions.run(),
        Command::Versions(versions) => versions.run(),
        Command::Aliases(aliases) => aliases.run(),
        Command::Config(config) => config.run(),
        Command::Concurrency(concurrency) => concurrency.run(),
        Command::Tags(tags) => tags.run(),
        Command::Delete(delete) => delete.run(),
        Command::Backup(backup) => backup.run(),
        Command::CompileWorker { limits } => return crate::compile_worker(limits),
    };
    done.unwrap_or_else(|error| {
        output::error_line(&output::shown(&format!("error: {error:#}")));
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn usage_errors_end_with_2() {
        for bad in [
            &["samovar", "invoke"][..],
            &["samovar", "no-such"],
            &["samovar", "deploy", "f", "x", "--memory", "y"],
        ] {
            assert_eq!(Cli::try_parse_from(bad).unwrap_err().exit_code(), 2, "{bad:?}");
        }
    }
}
