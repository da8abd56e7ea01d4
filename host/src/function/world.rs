//! The worlds that functions are made for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of guest a function is: the world that its component is made for, as its exports tell. Of a component that is
/// of several, the first of this list counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum World {
    /// It exports `samovar:function/handler` and is called with every event; samovar-sdk makes such components.
    Event,
    /// It exports `wasi:http/incoming-handler`: events in API Gateway's payload format 2.0 become requests, and its responses
    /// answers. Every event has an instance of its own unless [`Isolation::Reuse`](super::Isolation::Reuse) is asked for.
    Http,
    /// It exports `wasi:cli/run`, or is a core module with `_start`: it reads the event from its standard input, writes the
    /// answer to its standard output, and succeeds with exit code 0. Every event has an instance of its own.
    Command,
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event => "event",
            Self::Http => "http",
            Self::Command => "command",
        })
    }
}
