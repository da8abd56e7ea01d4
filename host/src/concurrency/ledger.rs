//! How much of an account's concurrency is whose own.

use std::collections::HashMap;

use crate::function::FunctionKey;

/// What functions claim of an account's concurrency.
///
/// While a function's claim changes it has two; the larger counts, so that nobody else is given what one of them may still need.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    claims: HashMap<FunctionKey, Vec<u32>>,
    total: u64,
}

impl Ledger {
    /// What all claim together.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// What all would claim together if that function claimed so much instead of what it does.
    pub(super) fn total_with(&self, key: &FunctionKey, units: u32) -> u64 {
        self.total - u64::from(self.largest(key)) + u64::from(units)
    }

    pub(super) fn add(&mut self, key: &FunctionKey, units: u32) {
        let before = self.largest(key);
        self.claims.entry(key.clone()).or_default().push(units);
        self.total = self.total - u64::from(before) + u64::from(self.largest(key));
    }

    pub(super) fn remove(&mut self, key: &FunctionKey, units: u32) {
        let before = self.largest(key);
        if let Some(claims) = self.claims.get_mut(key) {
            if let Some(at) = claims.iter().position(|claim| *claim == units) {
                claims.swap_remove(at);
            }
            if claims.is_empty() {
                self.claims.remove(key);
            }
        }
        self.total = self.total - u64::from(before) + u64::from(self.largest(key));
    }

    fn largest(&self, key: &FunctionKey) -> u32 {
        self.claims.get(key).into_iter().flatten().copied().max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_claims_of_one_function_the_larger_counts() {
        let key = |name: &str| FunctionKey::parse(&format!("us-east-1:{name}")).expect("a key");
        let mut ledger = Ledger::default();
        ledger.add(&key("a"), 50);
        ledger.add(&key("b"), 7);
        assert_eq!((ledger.total(), ledger.total_with(&key("a"), 60)), (57, 67));
        ledger.add(&key("a"), 60);
        assert_eq!(ledger.total(), 67);
        ledger.remove(&key("a"), 50);
        assert_eq!(ledger.total(), 67);
        ledger.add(&key("a"), 10);
        ledger.remove(&key("a"), 60);
        assert_eq!(ledger.total(), 17);
        ledger.remove(&key("a"), 10);
        ledger.remove(&key("b"), 7);
        assert_eq!((ledger.total(), ledger.claims.len()), (0, 0));
    }
}
