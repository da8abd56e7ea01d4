//! Reserved concurrency: what a function may always run, and may not exceed.

use std::sync::Arc;

use super::Host;
use super::errors::{ChangeError, FunctionNotFound};
use crate::concurrency::ClaimRefused;
use crate::function::FunctionRef;
use crate::registry::Function;
use crate::store::StoreError;

/// Why a function's reserved concurrency was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReserveError {
    /// There is no such function.
    #[error(transparent)]
    NotFound(#[from] FunctionNotFound),
    /// Too little would be left for functions without a reservation.
    #[error(
        "specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its \
         minimum value of [{unreserved_min}]."
    )]
    Unreserved {
        /// How much must be left.
        unreserved_min: u64,
    },
    /// The function has more concurrency provisioned.
    #[error(
        " ReservedConcurrentExecutions  {reserved} should not be lower than function's total provisioned concurrency \
         [{provisioned}]."
    )]
    Provisioned {
        /// What was to be reserved.
        reserved: u32,
        /// What is provisioned.
        provisioned: u32,
    },
    /// The change could not be kept.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for ReserveError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

impl Host {
    /// How much concurrency is reserved for a function, if any is.
    ///
    /// # Errors
    /// When there is no such function.
    pub fn reserved_concurrency(&self, function: &FunctionRef) -> Result<Option<u32>, FunctionNotFound> {
        self.present(function).map(|(_, present)| present.reserved_concurrency)
    }

    /// Reserves concurrency for a function: so many invocations of it can always run at a time, and no more. None of it are
    /// run if that is 0. What runs already goes on.
    ///
    /// # Errors
    /// When there is no such function, it has more provisioned, or less than the [minimum] would be left for the others.
    ///
    /// [minimum]: super::HostBuilder::unreserved_concurrency_min
    pub async fn reserve_concurrency(
        &self,
        function: &FunctionRef,
        invocations: u32,
    ) -> Result<(), ReserveError> {
        self.set_reserved("PutFunctionConcurrency", function, Some(invocations)).await
    }

    /// Lets a function share concurrency with all others again.
    ///
    /// # Errors
    /// When there is no such function.
    pub async fn release_reserved_concurrency(&self, function: &FunctionRef) -> Result<(), ReserveError> {
        self.set_reserved("DeleteFunctionConcurrency", function, None).await
    }

    async fn set_reserved(
        &self,
        action: &str,
        function: &FunctionRef,
        reserved: Option<u32>,
    ) -> Result<(), ReserveError> {
        let key = self.key(function).ok_or_else(|| self.not_found(function))?;
        self.check_open()?;
        let audit = self.audit(action, &self.arn_of(function));
        let changed = self.parts.registry.change(&key, audit, |present| {
            let mut next = Function::clone(present.ok_or_else(|| self.not_found(function))?);
            next.reserved_concurrency = reserved;
            let provisioned = next.provisioned_units();
            if let Some(reserved) = reserved.filter(|reserved| *reserved < provisioned) {
                return Err(ReserveError::Provisioned { reserved, provisioned });
            }
            let claim = self.parts.concurrency.claim(&key, next.concurrency_units());
            let claim = claim
                .map_err(|ClaimRefused { unreserved_min, .. }| ReserveError::Unreserved { unreserved_min })?;
            next.claim = Some(Arc::new(claim));
            Ok((next.into(), ()))
        });
        changed.await
    }
}
