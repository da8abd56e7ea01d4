//! How many invocations run and may run, as Lambda's metrics have it.

use std::collections::BTreeMap;

use super::super::Host;
use crate::metrics::ResourceMetrics;

/// How many invocations run and may run. What this host does not know is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConcurrencyFigures {
    /// How many may run at a time on the host: Lambda's limit of an account.
    pub account_limit: usize,
    /// How many of them functions without a reservation may have together.
    pub unreserved_limit: Option<usize>,
    /// How many of functions without a reservation run.
    pub unreserved_running: Option<usize>,
    /// Of each function that was invoked or has a setting of its own, in the order of regions and names.
    pub functions: Vec<FunctionConcurrency>,
}

/// How many invocations of one function run and may run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FunctionConcurrency {
    /// The function's region.
    pub region: String,
    /// The function's name.
    pub function: String,
    /// How many run.
    pub running: usize,
    /// How many it has reserved, which are also the most that may run.
    pub reserved: Option<usize>,
    /// Of each of its versions and aliases that has instances provisioned.
    pub provisioned: Vec<ProvisionedConcurrencyFigures>,
}

/// The provisioned concurrency of one version or alias.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProvisionedConcurrencyFigures {
    /// `NAME:VERSION` or `NAME:ALIAS`.
    pub resource: String,
    /// How many instances have come up.
    pub allocated: usize,
    /// How many of them can take an invocation.
    pub available: usize,
    /// How many of them serve one.
    pub in_use: usize,
    /// How many invocations they have served.
    pub invocations: u64,
    /// How many invocations other instances served, because all of these were in use.
    pub spillover_invocations: u64,
}

impl ConcurrencyFigures {
    /// How much of the host's limit cannot be had by functions without a reservation: Lambda's ClaimedAccountConcurrency. It is
    /// what is reserved or provisioned, whether or not it runs, and what runs of all others.
    pub fn claimed(&self) -> Option<usize> {
        let claimed = |function: &FunctionConcurrency| {
            let provisioned: usize = function.provisioned.iter().map(|figures| figures.allocated).sum();
            function.reserved.unwrap_or(provisioned)
        };
        Some(self.unreserved_running? + self.functions.iter().map(claimed).sum::<usize>())
    }
}

impl Host {
    pub(super) fn concurrency_figures(&self, resources: &[ResourceMetrics]) -> ConcurrencyFigures {
        let mut running = BTreeMap::<[&str; 2], u64>::new();
        for resource in resources {
            *running.entry([&resource.region, &resource.function]).or_default() += resource.running;
        }
        let function = |([region, function], running): ([&str; 2], u64)| FunctionConcurrency {
            region: region.to_owned(),
            function: function.to_owned(),
            running: usize::try_from(running).unwrap_or(usize::MAX),
            ..FunctionConcurrency::default()
        };
        let concurrency = &self.parts.concurrency;
        ConcurrencyFigures {
            account_limit: concurrency.limit(),
            // Nothing is reserved yet.
            unreserved_limit: Some(concurrency.limit()),
            unreserved_running: Some(concurrency.running()),
            functions: running.into_iter().map(function).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_or_provisioned_is_claimed_whether_or_not_it_runs() {
        let provisioned = ProvisionedConcurrencyFigures { allocated: 3, ..Default::default() };
        let function =
            |reserved, provisioned| FunctionConcurrency { reserved, provisioned, ..Default::default() };
        let functions = vec![
            function(None, vec![]),
            function(Some(10), vec![provisioned.clone()]),
            function(None, vec![provisioned.clone(), provisioned]),
        ];
        let figures =
            ConcurrencyFigures { unreserved_running: Some(2), functions, ..ConcurrencyFigures::default() };
        assert_eq!(figures.claimed(), Some(2 + 10 + 6));
    }
}
