//! Where log lines come from.

#[cfg(test)]
use std::sync::Arc;

/// Where log lines come from: one instance of one version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct LogSource {
    /// The function's region.
    pub region: String,
    /// The function's name.
    pub function: String,
    /// The version: its number, or `$LATEST`.
    pub version: String,
    /// The log group: `/aws/lambda/NAME`, or what the function is configured with.
    pub group: String,
    /// The log stream: `YYYY/MM/DD/[VERSION]` and 32 hexadecimal digits; in a group that the function was given,
    /// `YYYY/MM/DD/NAME[VERSION][...]`, because others may write there.
    pub stream: String,
    /// Lambda's type of the instance's initialization: `on-demand` or `provisioned-concurrency`.
    pub initialization_type: &'static str,
}

#[cfg(test)]
impl LogSource {
    /// An instance of version 1 of the function `f`, for tests.
    pub(crate) fn example(stream: &str) -> Arc<Self> {
        let [region, function, version, group] = ["us-east-1", "f", "1", "/aws/lambda/f"].map(str::to_owned);
        Arc::new(Self {
            region,
            function,
            version,
            group,
            stream: stream.to_owned(),
            initialization_type: "on-demand",
        })
    }
    /// An instance of another function.
    pub(crate) fn of_function(name: &str) -> Arc<Self> {
        let mut source = Self::example("s");
        name.clone_into(&mut Arc::make_mut(&mut source).function);
        source
    }
}
