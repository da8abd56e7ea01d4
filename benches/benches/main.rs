//! All benchmarks: `cargo xtask bench [name...]`.

mod accepts;
mod cold;
mod flood;
mod http;
mod load;
mod share;
mod sources;
mod timeout;
mod warm;

use samovar_benches::Benchmark;

/// In the order of the table.
const BENCHMARKS: &[Benchmark] = &[
    Benchmark { name: "warm_invoke_100b", run: warm::invoke_100b },
    Benchmark { name: "warm_invoke_64k", run: warm::invoke_64k },
    Benchmark { name: "warm_invoke_1m", run: warm::invoke_1m },
    Benchmark { name: "cold_start_rust", run: cold::start_rust },
    Benchmark { name: "cold_start_from_artifact", run: cold::start_from_artifact },
    Benchmark { name: "publish_rust", run: cold::publish_rust },
    Benchmark { name: "durable_accepts", run: accepts::durable },
    Benchmark { name: "event_source_messages", run: sources::throughput },
    Benchmark { name: "timeout_lateness", run: timeout::lateness },
    Benchmark { name: "cpu_share", run: share::by_memory_size },
    Benchmark { name: "victim_beside_flood", run: flood::victim },
    Benchmark { name: "http_warm_vs_axum", run: http::warm },
    Benchmark { name: "http_fresh_vs_axum", run: http::fresh },
];

fn main() -> anyhow::Result<()> {
    if http::is_axum() {
        return http::serve_axum();
    }
    if let Some(flood) = flood::told() {
        return flood::pour(&flood);
    }
    samovar_benches::run(BENCHMARKS)
}
