//! `samovar serve`: a host, and its HTTP API.

use std::ffi::OsString;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::limits::LimitOptions;
use super::queues::QueueOptions;
use super::{logs, output, tracing_lines};
use crate::function::{AccountId, OutboundList, Region};
use crate::host::system::raise_open_files;
use crate::http::{self, HttpSettings};
use crate::{CompileLimits, Compiler, Host, IpNet, LogSettings, StartError};

/// What is not logged unless `SAMOVAR_LOG` asks for it by name: lines that a guest can bring about as often as it likes. It gets
/// an error for each. And what the AWS SDK says of credentials, at length, whenever it looks for them: the host says it once.
const NOT_LOGGED: &str = "wasmtime_wasi=off,wasmtime_wasi_http=off,aws_config=error";

/// How many connections may wait to be taken; the system has a bound of its own, usually the same (`net.core.somaxconn`).
const LISTEN_BACKLOG: u32 = 4096;
/// After how many steps a thread that always finds more to do looks whether a socket has something, too. Steps of large bodies take tens of
/// microseconds each, so that tokio's 61 of them make a small request wait for milliseconds.
const EVENT_INTERVAL: u32 = 7;

#[derive(Debug, Args)]
#[command(
    after_help = "The API authenticates nobody: whoever reaches it can run code on this machine. It answers only\n\
                        requests for this machine's own names, and none from web pages of elsewhere.\n\nSAMOVAR_LOG \
                        sets how much is logged: error, warn, info (the default), debug or trace."
)]
pub(super) struct Serve {
    /// Where to listen; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3001")]
    listen: SocketAddr,
    /// Where functions are kept [default: $XDG_DATA_HOME/samovar or ~/.local/share/samovar]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Use the data folder although it is on a network file system, where a crash may lose what was written before
    #[arg(long)]
    allow_network_file_system: bool,
    /// Answer requests for this host name too, and those that pages of it send
    #[arg(long = "allow-host", value_name = "HOST")]
    allow_hosts: Vec<String>,
    /// Listen on an address that other machines may reach, who can then run any code here
    #[arg(long)]
    allow_unauthenticated_network_access: bool,
    /// How many invocations may run at a time
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = at_least_one)]
    concurrency: usize,
    /// How many of those no function can reserve or have provisioned
    #[arg(long, value_name = "N", default_value_t = 100)]
    unreserved_concurrency: usize,
    /// By how many instances a function may grow in ten seconds; 0 sets no limit
    #[arg(long, value_name = "N", default_value_t = 1000)]
    scaling_rate: u32,
    /// How many requests a second may come for each unit of concurrency; 0 sets no limit
    #[arg(long, value_name = "N", default_value_t = 10)]
    requests_per_unit: u32,
    /// How many events an instance may handle before a new one takes its place; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 0)]
    instance_invocations: u64,
    /// How long a warm instance may be idle
    #[arg(long, value_name = "S", default_value_t = 600)]
    idle_seconds: u32,
    /// How many asynchronous events run at a time; an eighth of them may be one function's
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = at_least_one)]
    async_concurrency: usize,
    /// For how many hours it is known what became of asynchronous events that need nobody's attention; 0 forgets it at once
    #[arg(long, value_name = "H", default_value_t = 24)]
    event_results_hours: u32,
    /// Of how many of them at most
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    event_results: usize,
    /// By how much all waits of asynchronous events are shorter, for trying out retries without minutes in between
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    event_time_scale: u32,
    /// How much memory all idle instances may hold together, in MB
    #[arg(long, value_name = "N", default_value_t = 2048)]
    idle_memory_mb: u32,
    /// How many instances there may be, busy and idle together
    #[arg(long, value_name = "N", default_value_t = 4000, value_parser = clap::value_parser!(u32).range(1..))]
    instances: u32,
    /// How many functions may compute at a time, apart from each one's first milliseconds [default: the number of cores]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    processors: Option<usize>,
    /// How much address space compiling one component may take, in MB
    #[arg(long, value_name = "N", default_value_t = 3072, value_parser = clap::value_parser!(u32).range(64..))]
    compile_memory_mb: u32,
    /// How many seconds on processors compiling one component may take; half as many more in all
    #[arg(long, value_name = "S", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..))]
    compile_seconds: u32,
    /// Compile in the server's own process, which hostile code could then slow down or end: for code that is all your own
    #[arg(long, conflicts_with_all = ["compile_memory_mb", "compile_seconds"])]
    compile_in_process: bool,
    /// How many seconds creating a function or changing its code waits for the compiler before it answers that the function
    /// is pending or the update in progress
    #[arg(long, value_name = "S", default_value_t = 10)]
    compile_wait_seconds: u32,
    /// How much compiled code is kept on disk for what is uploaded again, in MB
    #[arg(long, value_name = "N", default_value_t = 10_240)]
    compiled_code_mb: u32,
    /// The region of requests without a signature
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    region: Region,
    /// The account in ARNs, twelve digits
    #[arg(long, value_name = "ID", default_value = "000000000000")]
    account_id: AccountId,
    /// Let functions that ask for it send HTTP requests there: [http://|https://]HOST[:PORT], with * for any host or
    /// port and *.NAME for all below a name
    #[arg(long, value_name = "RULE")]
    allow_outbound: Vec<String>,
    /// Let those requests reach an address or network that is not public, such as 127.0.0.1 or 10.0.0.0/8
    #[arg(long = "open-address", value_name = "CIDR", value_parser = network)]
    open_addresses: Vec<IpNet>,
    /// How many connections the requests of all functions may have at a time
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = at_least_one)]
    outbound_connections: usize,
    /// How much is kept of what functions log, of all groups together, in MB; 0 keeps nothing
    #[arg(long, value_name = "N", default_value_t = 4096)]
    log_mb: u32,
    /// How much of that one log group may have, in MB
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    log_mb_per_group: u32,
    /// Take functions of any runtime that Lambda ever had, so that templates for Lambda can be deployed as they are; their
    /// code must be WebAssembly all the same
    #[arg(long)]
    any_runtime: bool,
    /// How many seconds to go on as before when the server is told to end, while /readyz says already that it is closing: as
    /// long as a load balancer takes to notice
    #[arg(long, value_name = "S", default_value_t = 0)]
    unready_seconds: u32,
    /// How many resources (functions, versions and aliases as they are invoked) have metrics of their own; further ones are
    /// counted together as `other`
    #[arg(long, value_name = "N", default_value_t = 1000)]
    metrics_resources: usize,
    /// Do not write what functions log to standard error
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    queues: QueueOptions,
    #[command(flatten)]
    limits: LimitOptions,
}

impl Serve {
    pub(super) fn run(self) -> Result<ExitCode> {
        let address = self.listen;
        if !address.ip().is_loopback() && !self.allow_unauthenticated_network_access {
            bail!(
                "{address} can be reached from other machines, and the API authenticates nobody; listen on 127.0.0.1, \
                 or pass --allow-unauthenticated-network-access if you mean it"
            );
        }
        self.outbound()?;
        self.queues.check()?;
        self.limits.limits().check()?;
        self.limits.http().check(&self.limits.limits())?;
        log_to_stderr()?;
        raise_open_files();
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.enable_all().event_interval(EVENT_INTERVAL).build()?;
        runtime.block_on(self.serve())?;
        Ok(ExitCode::SUCCESS)
    }

    async fn serve(self) -> Result<()> {
        // Both are taken before anybody can know that the server is there.
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let listener = listen(self.listen).with_context(|| self.cannot_listen())?;
        let address = listener.local_addr()?;
        let settings = self.http_settings(address.ip());
        let host = http::answer_while_starting(&listener, &settings, self.host()).await?;
        let logs = if self.quiet { None } else { Some(logs::write(host.logs())?) };
        output::print(format!("samovar listening on http://{address}").as_bytes())?;

        let stop = CancellationToken::new();
        let signals = async {
            either(&mut interrupt, &mut terminate).await;
            tracing::info!("closing: running requests are finished first; a second signal ends them");
            host.announce_close();
            stop.cancel();
            either(&mut interrupt, &mut terminate).await;
        };
        let failing = {
            let (host, stop) = (host.clone(), stop.clone());
            tokio::spawn(async move {
                host.store_failed().await;
                tracing::error!("functions cannot be kept any more: the server finishes what runs, and ends");
                stop.cancel();
            })
        };
        let served = async {
            http::serve(listener, host.clone(), settings, stop.cancelled()).await?;
            host.close().await;
            anyhow::Ok(())
        };
        tokio::select! {
            served = served => served?,
            () = signals => bail!("a second signal came before all requests were finished"),
        }
        let failed = failing.is_finished();
        failing.abort();
        // It holds the host until it has ended.
        let _ = failing.await;
        drop(host);
        if let Some(logs) = logs {
            logs.finish().await;
        }
        if failed {
            bail!(
                "functions could not be kept any more; what was acknowledged is safe, and the log says what happened"
            );
        }
        Ok(())
    }

    async fn host(&self) -> Result<Host> {
        let data_dir = data_dir(self.data_dir.clone())?;
        let compiler = match self.compile_in_process {
            true => Compiler::InProcess,
            // Under this name the very file runs that runs now, even if another has taken its place since.
            false => Compiler::Worker(PathBuf::from("/proc/self/exe")),
        };
        let host = Host::builder()
            .compiler(compiler)
            .compile_limits(self.compile_limits())
            .compiled_bytes_max(u64::from(self.compiled_code_mb) << 20)
            .data_dir(data_dir)
            .allow_network_file_system(self.allow_network_file_system)
            .account_id(self.account_id.clone())
            .region(self.region.clone())
            .concurrency_max(self.concurrency)
            .unreserved_concurrency_min(self.unreserved_concurrency)
            .scaling_rate(limit(self.scaling_rate))
            .requests_per_second_per_unit(limit(self.requests_per_unit))
            .instances_max(self.instances)
            .instance_invocations_max(self.instance_invocations)
            .idle_time_max(Duration::from_secs(self.idle_seconds.into()))
            .async_concurrency_max(self.async_concurrency)
            .event_results_max(self.event_results)
            .event_results_kept(Duration::from_secs(3600 * u64::from(self.event_results_hours)))
            .event_time_scale(self.event_time_scale)
            .idle_memory_bytes_max(u64::from(self.idle_memory_mb) << 20)
            .outbound(self.outbound()?)
            .outbound_addresses(self.open_addresses.iter().copied())
            .outbound_connections_max(self.outbound_connections)
            .metrics_resources_max(self.metrics_resources)
            .limits(self.limits.limits())
            .connections(self.limits.connections());
        let host = match self.processors {
            Some(threads) => host.processors(threads),
            None => host,
        };
        let host = match self.queues.outside() {
            Some(outside) => host.sqs(outside),
            None => host,
        };
        let host = match self.log_settings() {
            Some(kept) => host.logs(kept),
            None => host,
        };
        host.start().await.map_err(|error| match &error {
            StartError::DataDir { reason, .. } if reason.kind() == io::ErrorKind::ResourceBusy => {
                anyhow!("{error}; another `samovar serve` needs a --data-dir of its own")
            }
            StartError::DataDir { reason, .. } if reason.kind() == io::ErrorKind::Unsupported => {
                anyhow!("{error}; --allow-network-file-system uses it all the same")
            }
            _ => anyhow!("cannot start: {error}"),
        })
    }

    fn log_settings(&self) -> Option<LogSettings> {
        let settings = LogSettings {
            bytes_max: u64::from(self.log_mb) << 20,
            group_bytes_max: u64::from(self.log_mb_per_group) << 20,
        };
        (self.log_mb > 0).then_some(settings)
    }

    fn compile_limits(&self) -> CompileLimits {
        let mut limits = CompileLimits::default();
        limits.memory_bytes = u64::from(self.compile_memory_mb) << 20;
        limits.cpu = Duration::from_secs(self.compile_seconds.into());
        limits.time = limits.cpu * 3 / 2;
        limits
    }

    fn outbound(&self) -> Result<OutboundList> {
        self.allow_outbound.join(" ").parse().context("--allow-outbound")
    }

    /// A server that listens on one address of a network is asked for by that address.
    fn http_settings(&self, address: IpAddr) -> HttpSettings {
        let own = (!address.is_loopback() && !address.is_unspecified()).then(|| address.to_string());
        let compile_wait_max = Duration::from_secs(self.compile_wait_seconds.into());
        let settings = self.limits.http().compile_wait_max(compile_wait_max).any_runtime(self.any_runtime);
        let settings = settings.unready_time(Duration::from_secs(self.unready_seconds.into()));
        self.allow_hosts.iter().cloned().chain(own).fold(settings, HttpSettings::allow_host)
    }

    fn cannot_listen(&self) -> String {
        format!(
            "cannot listen on {}; is something else listening there? (--listen takes another address)",
            self.listen
        )
    }
}

/// Listens with a longer queue than usual of connections that nobody has taken yet: where it is full, the system resets some that
/// their clients believe to be there.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server that is started again finds its port free.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(LISTEN_BACKLOG)
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

fn log_to_stderr() -> Result<()> {
    let wanted = std::env::var("SAMOVAR_LOG").unwrap_or_else(|_| "info".to_owned());
    let filter = format!("{NOT_LOGGED},{wanted}").parse::<EnvFilter>();
    let filter = filter.context("SAMOVAR_LOG must be a level such as info, or a filter")?;
    let terminal = io::IsTerminal::is_terminal(&io::stderr());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(terminal).with_writer(io::stderr);
    // A closed standard error must not bring the server down.
    let log = log.log_internal_errors(false);
    match terminal {
        true => log.fmt_fields(tracing_lines::harmless_fields()).init(),
        false => log.init(),
    }
    Ok(())
}

fn default_data_dir(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    let absolute = |name| variable(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let base = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
    Ok(base.context("there is no home folder to keep code in; pass --data-dir DIR")?.join("samovar"))
}

/// The folder that was given, or the usual one.
pub(super) fn data_dir(given: Option<PathBuf>) -> Result<PathBuf> {
    given.map_or_else(|| default_data_dir(|name| std::env::var_os(name)), Ok)
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&number| number > 0).ok_or_else(|| "must be a number of at least 1".to_owned())
}

/// A limit, unless it is 0, which means that there is none.
fn limit(number: u32) -> Option<u32> {
    (number > 0).then_some(number)
}

/// A network, or one address as the network that it is alone.
fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| "must be an address or a network, such as 127.0.0.1 or 10.0.0.0/8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser as _;

    #[test]
    fn an_address_of_the_network_is_refused_unless_the_risk_is_named() {
        let Command::Serve(serve) = Cli::parse_from(["samovar", "serve", "--listen", "0.0.0.0:0"]).command
        else {
            panic!("a server")
        };
        let error = serve.run().expect_err("refused");
        assert!(error.to_string().contains("--allow-unauthenticated-network-access"), "{error}");
    }

    #[test]
    fn a_bad_rule_for_requests_is_named_before_anything_starts() {
        let line =
            ["samovar", "serve", "--allow-outbound", "https://a.example", "--allow-outbound", "ftp://b"];
        let Command::Serve(serve) = Cli::parse_from(line).command else { panic!("a server") };
        let error = format!("{:#}", serve.run().expect_err("refused"));
        assert!(error.contains("--allow-outbound") && error.contains("ftp://b"), "{error}");
    }

    #[test]
    fn an_address_is_a_network_of_its_own() {
        assert_eq!(network("127.0.0.1").expect("a network").to_string(), "127.0.0.1/32");
        assert_eq!(network("fd00::/8").expect("a network").to_string(), "fd00::/8");
        assert!(network("localhost").is_err());
    }

    #[test]
    fn data_is_kept_where_the_xdg_folders_say() {
        let from = |variables: &'static [(&str, &str)]| {
            default_data_dir(move |name| {
                variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
            })
        };
        let both = from(&[("XDG_DATA_HOME", "/data"), ("HOME", "/home/a")]);
        assert_eq!(both.expect("a folder"), PathBuf::from("/data/samovar"));
        let home = from(&[("XDG_DATA_HOME", "relative"), ("HOME", "/home/a")]);
        assert_eq!(home.expect("a folder"), PathBuf::from("/home/a/.local/share/samovar"));
        assert!(from(&[]).is_err());
    }
}
