//! The catalogue of hostile guests: what each does, and how it must end. Written as text, as no compiler would make most of them.

mod calls;
mod loops;
mod memory;
mod output;
mod silent;
mod traps;
mod values;

use crate::Handler;

pub use silent::SilentPeer;

/// One hostile guest.
#[derive(Debug)]
pub struct Hostile {
    /// What it does, in a few words.
    pub name: &'static str,
    /// How it must end.
    pub end: End,
    /// What it costs the machine while it runs.
    pub cost: Cost,
    /// The memory that its function has, in MB.
    pub memory_mb: u32,
    /// The time that its events have, in seconds.
    pub timeout_seconds: u32,
    /// The component.
    pub component: Vec<u8>,
}

/// How a guest ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its time is over.
    TimedOut,
    /// It trapped, or exited.
    Exited,
    /// It wanted more memory than it may have.
    OutOfMemory,
    /// Its answer is larger than an answer may be.
    TooLarge,
    /// It reports an error of its own, whose type is empty; what is too long of it is cut.
    Reported,
    /// It answers `"ok"`: what it wanted was refused, and it took that well.
    Answered,
    /// Its code is refused.
    Refused,
}

/// What a guest costs the machine: how many can run at a time without being what is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// It ends soon.
    Little,
    /// It waits until its time is over.
    Waiting,
    /// It computes until its time is over.
    Computing,
    /// It does so before its first event, for which it has ten seconds.
    Starting,
    /// It takes gigabytes of memory, or a processor without a break.
    Everything,
}

impl End {
    /// The type of the error that the caller gets; none for an answer.
    pub fn error_type(self) -> Option<&'static str> {
        match self {
            Self::TimedOut => Some("Sandbox.Timedout"),
            Self::Exited => Some("Runtime.ExitError"),
            Self::OutOfMemory => Some("Runtime.OutOfMemory"),
            Self::TooLarge => Some("Function.ResponseSizeTooLarge"),
            Self::Reported => Some(""),
            Self::Refused => Some("InvalidParameterValueException"),
            Self::Answered => None,
        }
    }
}

/// All hostile guests, by what they do: the first word of each name is a kind. On `silent_port` of this machine somebody takes connections and never answers.
pub fn catalogue(silent_port: u16) -> Vec<Hostile> {
    let mut all = loops::guests();
    all.extend(memory::guests());
    all.extend(output::guests());
    all.extend(calls::guests(silent_port));
    all.extend(traps::guests());
    all.extend(values::guests());
    all
}

/// One that ends soon.
fn soon(name: &'static str, end: End, handler: Handler) -> Hostile {
    let component = handler.build();
    Hostile { name, end, cost: Cost::Little, memory_mb: 128, timeout_seconds: 1, component }
}

/// One that computes until its time is over.
fn computes(name: &'static str, handler: Handler) -> Hostile {
    Hostile { cost: Cost::Computing, ..soon(name, End::TimedOut, handler) }
}

/// One that waits until its time is over.
fn waits(name: &'static str, handler: Handler) -> Hostile {
    Hostile { cost: Cost::Waiting, ..soon(name, End::TimedOut, handler) }
}
