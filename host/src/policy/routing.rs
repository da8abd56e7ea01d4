//! Which of an alias's two versions a request goes to.

use crate::function::{AliasRouting, VersionNumber};

/// The version for a request that drew `draw`, a number from 0.0 up to but not including 1.0.
pub(crate) fn choose(routing: &AliasRouting, draw: impl FnOnce() -> f64) -> VersionNumber {
    match routing.additional() {
        Some((additional, weight)) if draw() < weight.get() => additional,
        _ => routing.version(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::Weight;

    const ONE: VersionNumber = VersionNumber::Published(1);
    const TWO: VersionNumber = VersionNumber::Published(2);

    fn weighted(weight: f64) -> AliasRouting {
        let weight = Weight::new(weight).expect("a weight");
        AliasRouting::weighted(ONE, TWO, weight).expect("two versions")
    }

    #[test]
    fn all_traffic_goes_to_the_only_version_without_drawing() {
        assert_eq!(choose(&AliasRouting::to(ONE), || unreachable!("nothing to draw for")), ONE);
    }

    #[test]
    fn the_weight_is_the_share_of_the_additional_version() {
        assert_eq!(choose(&weighted(0.25), || 0.249), TWO);
        assert_eq!(choose(&weighted(0.25), || 0.25), ONE);
        assert_eq!(choose(&weighted(0.0), || 0.0), ONE);
        assert_eq!(choose(&weighted(1.0), || 0.999_999), TWO);
    }
}
