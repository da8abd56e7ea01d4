//! How many of an alias's provisioned instances each of its versions gets.

use crate::function::{AliasRouting, VersionNumber};

/// Shares units of provisioned concurrency among the versions that an alias leads to, as its traffic is shared; a version that
/// gets any traffic gets an instance, if there are two.
pub(crate) fn shares(
    routing: &AliasRouting,
    units: u32,
) -> impl Iterator<Item = (VersionNumber, u32)> + use<> {
    let additional = routing.additional().map(|(version, weight)| {
        let weight = weight.get();
        let share = (f64::from(units) * weight).round() as u32;
        let both = weight > 0.0 && weight < 1.0 && units >= 2;
        (version, if both { share.clamp(1, units - 1) } else { share })
    });
    let rest = units - additional.map_or(0, |(_, share)| share);
    [(routing.version(), rest)].into_iter().chain(additional).filter(|(_, share)| *share > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::Weight;

    const ONE: VersionNumber = VersionNumber::Published(1);
    const TWO: VersionNumber = VersionNumber::Published(2);

    fn shared(weight: f64, units: u32) -> Vec<(VersionNumber, u32)> {
        let weight = Weight::new(weight).expect("a weight");
        shares(&AliasRouting::weighted(ONE, TWO, weight).expect("two versions"), units).collect()
    }

    #[test]
    fn units_are_shared_as_traffic_is_and_none_is_lost() {
        assert_eq!(shares(&AliasRouting::to(ONE), 7).collect::<Vec<_>>(), [(ONE, 7)]);
        assert_eq!(shared(0.25, 8), [(ONE, 6), (TWO, 2)]);
        assert_eq!(shared(0.01, 10), [(ONE, 9), (TWO, 1)]);
        assert_eq!(shared(0.99, 10), [(ONE, 1), (TWO, 9)]);
        assert_eq!(shared(0.0, 10), [(ONE, 10)]);
        assert_eq!(shared(1.0, 10), [(TWO, 10)]);
        assert_eq!(shared(0.4, 1), [(ONE, 1)]);
    }
}
