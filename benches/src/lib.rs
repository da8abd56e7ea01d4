//! What the benchmarks share: how they are measured, what they are compared with and where their results go.
//!
//! `cargo xtask bench [name...]` builds what they need, runs them and prints the table. Trust the ratios within one run
//! more than the absolute times, and CPU time more than wall time: the machine may be doing other work.

mod bare;
mod benchmark;
mod environment;
mod goal;
mod machine;
mod race;
mod results;
mod row;
mod spent;

pub use bare::{Bare, BareFunction, BareInstance};
pub use benchmark::{Benchmark, Findings, run};
pub use environment::{guest, root, target};
pub use goal::Goal;
pub use race::{Contender, Race, median};
pub use row::Row;
pub use spent::{Spent, Stopwatch};
