//! How many invocations run and may run, as Lambda's metrics have it.

use std::collections::BTreeSet;

use super::super::Host;
use super::super::provisioned::ProvisionedUse;
use crate::function::FunctionKey;
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
    /// what is reserved or provisioned, whether or not it runs or is there yet, and what runs of all others.
    pub fn claimed(&self) -> Option<usize> {
        Some(self.account_limit.saturating_sub(self.unreserved_limit?) + self.unreserved_running?)
    }
}

impl Host {
    pub(super) fn concurrency_figures(&self, resources: &[ResourceMetrics]) -> ConcurrencyFigures {
        let concurrency = &self.parts.concurrency;
        let counted = resources.iter().map(|resource| (resource.region.clone(), resource.function.clone()));
        let own = concurrency.dedicated();
        let own = own.iter().map(|key| (key.region().to_owned(), key.name().to_owned()));
        let names: BTreeSet<(String, String)> = counted.chain(own).collect();
        ConcurrencyFigures {
            account_limit: concurrency.settings().limit,
            unreserved_limit: Some(concurrency.unreserved_max()),
            unreserved_running: Some(concurrency.unreserved_running()),
            functions: names.into_iter().map(|names| self.function_concurrency(names, resources)).collect(),
        }
    }

    fn function_concurrency(
        &self,
        (region, function): (String, String),
        resources: &[ResourceMetrics],
    ) -> FunctionConcurrency {
        let of_function =
            || resources.iter().filter(|resource| resource.region == region && resource.function == function);
        let present = FunctionKey::parse(&format!("{region}:{function}"))
            .and_then(|key| self.parts.registry.function(&key));
        let provisioned = present.iter().flat_map(|present| {
            present.provisioned.keys().map(|about| {
                let resource = format!("{function}:{about}");
                let ProvisionedUse { up, busy, .. } = ProvisionedUse::of(present, about);
                let of_resource = || of_function().filter(|counted| counted.resource == resource);
                ProvisionedConcurrencyFigures {
                    allocated: up as usize,
                    available: (up - busy) as usize,
                    in_use: busy as usize,
                    invocations: of_resource().map(|counted| counted.provisioned_invocations).sum(),
                    spillover_invocations: of_resource().map(|counted| counted.spillover_invocations).sum(),
                    resource,
                }
            })
        });
        let provisioned = provisioned.collect();
        // Of those that are counted together nobody knows whose gate it is.
        let running = match &present {
            Some(present) => {
                let (on_demand, provisioned) = present.latest.gate.running();
                on_demand as usize + provisioned as usize
            }
            None => of_function().map(|counted| usize::try_from(counted.running).unwrap_or(usize::MAX)).sum(),
        };
        let reserved = present.as_ref().and_then(|present| present.reserved_concurrency);
        FunctionConcurrency {
            running,
            reserved: reserved.map(|reserved| reserved as usize),
            provisioned,
            region,
            function,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_or_provisioned_is_claimed_whether_or_not_it_runs() {
        let figures = ConcurrencyFigures {
            account_limit: 1000,
            unreserved_limit: Some(984),
            unreserved_running: Some(2),
            functions: Vec::new(),
        };
        assert_eq!(figures.claimed(), Some(18));
    }
}
