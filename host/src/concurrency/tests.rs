use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::invocation::ThrottleReason;

fn settings(limit: usize, unreserved_min: usize) -> ConcurrencySettings {
    ConcurrencySettings { limit, unreserved_min, scaling_rate: None, requests_per_second_per_unit: None }
}

fn key(name: &str) -> FunctionKey {
    FunctionKey::parse(&format!("us-east-1:{name}")).expect("a key")
}

/// Reserves as the registry does: a claim, and then the gate.
fn reserve(concurrency: &Arc<Concurrency>, name: &str, units: u32) -> (Arc<Gate>, Claim) {
    let claim = concurrency.claim(&key(name), units).expect("there is room");
    let gate = concurrency.gate(&key(name));
    gate.set_reserved(Some(units));
    (gate, claim)
}

async fn wait(gate: &Arc<Gate>, wait: Duration) -> Result<Permit, crate::Throttled> {
    gate.within(wait, || gate.acquire()).await
}

fn reason(refused: Result<Permit, crate::Throttled>) -> (ThrottleReason, usize, usize) {
    let refused = refused.expect_err("refused");
    (refused.reason, refused.running, refused.limit)
}

#[test]
fn no_more_run_than_may_and_a_dropped_permit_makes_room() {
    let concurrency = Concurrency::new(settings(2, 0));
    let (a, b) = (concurrency.gate(&key("a")), concurrency.gate(&key("b")));
    let first = a.acquire().expect("a permit");
    let _second = b.acquire().expect("a permit");
    assert_eq!(reason(a.acquire()), (ThrottleReason::Concurrency, 2, 2));
    drop(first);
    assert!(b.acquire().is_ok());
}

#[test]
fn a_panic_gives_its_permit_back() {
    let concurrency = Concurrency::new(settings(1, 0));
    let permit = concurrency.gate(&key("a")).acquire().expect("a permit");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _permit = permit;
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert_eq!(concurrency.running(), 0);
}

#[test]
fn what_is_reserved_is_there_when_all_else_is_taken_and_is_not_exceeded_when_nothing_is() {
    let concurrency = Concurrency::new(settings(10, 2));
    let (own, _claim) = reserve(&concurrency, "own", 3);
    let other = concurrency.gate(&key("other"));
    let others: Vec<_> = std::iter::from_fn(|| other.acquire().ok()).collect();
    assert_eq!(others.len(), 7);
    assert_eq!(reason(other.acquire()), (ThrottleReason::Concurrency, 7, 7));
    let own_permits: Vec<_> = std::iter::from_fn(|| own.acquire().ok()).collect();
    assert_eq!(own_permits.len(), 3);
    drop(others);
    assert_eq!(reason(own.acquire()), (ThrottleReason::ReservedConcurrency, 3, 3));
    assert_eq!(concurrency.running(), 3);
}

#[test]
fn nothing_runs_of_a_function_for_which_nothing_is_reserved() {
    let concurrency = Concurrency::new(settings(10, 0));
    let (stopped, _claim) = reserve(&concurrency, "stopped", 0);
    assert_eq!(reason(stopped.acquire()), (ThrottleReason::ReservedConcurrency, 0, 0));
    stopped.set_reserved(None);
    assert!(stopped.acquire().is_ok());
}

/// A reservation for what is busy already takes its places along, there and back.
#[test]
fn what_runs_when_a_reservation_comes_or_goes_has_its_place_where_the_next_one_would() {
    let concurrency = Concurrency::new(settings(10, 0));
    let (busy, other) = (concurrency.gate(&key("busy")), concurrency.gate(&key("other")));
    let permits: Vec<_> = (0..5).map(|_| busy.acquire().expect("a permit")).collect();
    let claim = concurrency.claim(&key("busy"), 5).expect("there is room");
    busy.set_reserved(Some(5));
    assert_eq!((concurrency.unreserved_running(), concurrency.running()), (0, 5));
    let others: Vec<_> = std::iter::from_fn(|| other.acquire().ok()).collect();
    assert_eq!(others.len(), 5, "all that is not reserved is there for others");
    assert_eq!(reason(busy.acquire()), (ThrottleReason::ReservedConcurrency, 5, 5));
    busy.set_reserved(None);
    drop(claim);
    assert_eq!((concurrency.unreserved_running(), concurrency.running()), (10, 10));
    assert_eq!(reason(other.acquire()), (ThrottleReason::Concurrency, 10, 10));
    drop((permits, others));
    assert_eq!((concurrency.unreserved_running(), concurrency.running()), (0, 0));
}

#[test]
fn requests_for_provisioned_instances_take_nothing_of_the_rate_of_others() {
    let concurrency =
        Concurrency::new(ConcurrencySettings { requests_per_second_per_unit: Some(10), ..settings(10, 0) });
    let _claim = concurrency.claim(&key("own"), 8).expect("there is room");
    let (own, other) = (concurrency.gate(&key("own")), concurrency.gate(&key("other")));
    own.count_provisioned(0, 8);
    let through = (0..1000).filter(|_| own.acquire_provisioned().is_ok()).count();
    assert!((80..200).contains(&through), "{through}");
    assert!(other.acquire().is_ok());
    assert_eq!(concurrency.dedicated(), [key("own")]);
    own.count_provisioned(8, 0);
    assert_eq!(concurrency.dedicated(), []);
}

/// Whoever waits takes what comes first, a provisioned instance or a place on demand.
#[tokio::test(start_paused = true)]
async fn who_waits_gets_a_provisioned_instance_that_comes_free() {
    let concurrency = Concurrency::new(settings(10, 0));
    let (own, _claim) = reserve(&concurrency, "own", 1);
    own.count_provisioned(0, 1);
    let busy = own.acquire_provisioned().expect("a permit");
    assert!(own.acquire().is_err(), "the only place is that of the instance");
    let waiting = tokio::spawn({
        let own = own.clone();
        async move { own.within(Duration::from_secs(2), || own.acquire_provisioned()).await }
    });
    tokio::task::yield_now().await;
    drop(busy);
    assert!(waiting.await.expect("no panic").is_ok());
}

#[test]
fn what_is_provisioned_is_a_part_of_what_is_reserved() {
    let concurrency = Concurrency::new(settings(10, 0));
    let (gate, _claim) = reserve(&concurrency, "f", 3);
    gate.count_provisioned(0, 2);
    let on_demand = gate.acquire().expect("a permit");
    assert!(gate.acquire().is_err(), "the other two are those of instances");
    let provisioned = [gate.acquire_provisioned().expect("one"), gate.acquire_provisioned().expect("two")];
    assert_eq!(gate.running(), (1, 2));
    assert!(gate.acquire_provisioned().is_err());
    drop((on_demand, provisioned));
    gate.count_provisioned(2, 0);
    assert_eq!(std::iter::from_fn(|| gate.acquire().ok()).take(5).collect::<Vec<_>>().len(), 3);
}

#[test]
fn some_is_left_for_all_and_less_can_always_be_claimed() {
    let concurrency = Concurrency::new(settings(10, 4));
    let claim = concurrency.claim(&key("a"), 6).expect("there is room");
    let refused = concurrency.claim(&key("b"), 1).expect_err("refused");
    assert_eq!(refused, ClaimRefused { unreserved: 4, unreserved_min: 4 });
    let less = concurrency.claim(&key("a"), 5).expect("it is less");
    drop(claim);
    assert_eq!(concurrency.unreserved_max(), 5);
    drop(less);
    assert_eq!(concurrency.unreserved_max(), 10);
    // As a process with a lower limit finds them.
    let _again = [concurrency.claim_again(&key("a"), 8), concurrency.claim_again(&key("b"), 8)];
    assert_eq!(concurrency.unreserved_max(), 0);
    let _same = concurrency.claim(&key("b"), 8).expect("it is not more");
}

#[test]
fn all_versions_of_a_function_share_a_gate_until_the_last_has_gone() {
    let concurrency = Concurrency::new(settings(10, 0));
    let (gate, same) = (concurrency.gate(&key("a")), concurrency.gate(&key("a")));
    assert!(Arc::ptr_eq(&gate, &same));
    drop(gate);
    assert_eq!(concurrency.gates.len(), 1);
    drop(same);
    assert_eq!(concurrency.gates.len(), 0);
}

#[test]
fn a_function_grows_by_so_many_in_ten_seconds_and_has_again_what_it_had() {
    let concurrency = Concurrency::new(ConcurrencySettings { scaling_rate: Some(2), ..settings(10, 0) });
    let gate = concurrency.gate(&key("f"));
    let both = [gate.acquire().expect("a permit"), gate.acquire().expect("a permit")];
    assert_eq!(reason(gate.acquire()), (ThrottleReason::ScalingRate, 2, 2));
    assert_eq!(gate.running(), (2, 0), "who is refused has no place");
    drop(both);
    let again = [gate.acquire().expect("a permit"), gate.acquire().expect("a permit")];
    assert!(gate.acquire().is_err());
    drop(again);
}

#[test]
fn requests_come_as_fast_as_there_is_concurrency_for_them() {
    let concurrency =
        Concurrency::new(ConcurrencySettings { requests_per_second_per_unit: Some(10), ..settings(10, 0) });
    let (own, _claim) = reserve(&concurrency, "own", 2);
    let other = concurrency.gate(&key("other"));
    // Far more than come in while this runs.
    let let_through = |gate: &Arc<Gate>| (0..1000).filter(|_| gate.acquire().is_ok()).count();
    let (own_count, other_count) = (let_through(&own), let_through(&other));
    assert!((20..60).contains(&own_count), "{own_count}");
    assert!((80..200).contains(&other_count), "{other_count}");
    assert_eq!(reason(own.acquire()), (ThrottleReason::ReservedRate, 1, 20));
    assert_eq!(reason(other.acquire()), (ThrottleReason::Rate, 1, 80));
    assert_eq!(concurrency.running(), 0);
}

#[tokio::test]
async fn at_rest_waits_for_the_last_permit() {
    let concurrency = Concurrency::new(settings(1, 0));
    let permit = concurrency.gate(&key("a")).acquire().expect("a permit");
    let rest = tokio::spawn({
        let concurrency = concurrency.clone();
        async move { concurrency.at_rest().await }
    });
    tokio::task::yield_now().await;
    assert!(!rest.is_finished());
    drop(permit);
    rest.await.expect("it rests");
}

#[tokio::test(start_paused = true)]
async fn who_waits_gets_the_next_permit_or_is_refused_when_the_time_is_over() {
    const WAIT: Duration = Duration::from_secs(2);
    let concurrency = Concurrency::new(settings(10, 0));
    let (own, _claim) = reserve(&concurrency, "own", 1);
    let permit = own.acquire().expect("a permit");
    let waiting = tokio::spawn({
        let own = own.clone();
        async move { wait(&own, WAIT).await }
    });
    tokio::time::sleep(WAIT / 2).await;
    assert!(!waiting.is_finished());
    drop(permit);
    let permit = waiting.await.expect("no panic").expect("a permit");
    let began = Instant::now();
    let refused = wait(&own, WAIT).await.expect_err("refused");
    assert_eq!((refused.reason, began.elapsed()), (ThrottleReason::ReservedConcurrency, WAIT));
    // A change of what is reserved is room too.
    let waiting = tokio::spawn({
        let own = own.clone();
        async move { wait(&own, WAIT).await }
    });
    tokio::task::yield_now().await;
    own.set_reserved(Some(2));
    drop((waiting.await.expect("no panic").expect("a permit"), permit));
    assert_eq!(concurrency.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_one_function_frees_is_anothers_who_waits() {
    let concurrency = Concurrency::new(settings(1, 0));
    let (a, b) = (concurrency.gate(&key("a")), concurrency.gate(&key("b")));
    let permit = a.acquire().expect("a permit");
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let b = b.clone();
        waiting.push(tokio::spawn(async move { wait(&b, Duration::from_secs(60)).await.map(drop) }));
    }
    tokio::task::yield_now().await;
    drop(permit);
    for waiting in waiting {
        waiting.await.expect("no panic").expect("each gets its turn");
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_than_a_thousand_wait() {
    let concurrency = Concurrency::new(settings(1, 0));
    let gate = concurrency.gate(&key("a"));
    let _permit = gate.acquire().expect("a permit");
    let mut waiting = Vec::new();
    for _ in 0..1000 {
        let gate = gate.clone();
        waiting.push(tokio::spawn(async move { wait(&gate, Duration::from_secs(60)).await.is_ok() }));
    }
    // A runtime of one thread lets its main task in every so many others.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    assert!(wait(&gate, Duration::from_secs(60)).await.is_err());
    assert_eq!(began.elapsed(), Duration::ZERO);
    for waiting in waiting {
        waiting.abort();
    }
}

/// What can happen to the permits of three functions.
#[derive(Debug, Clone)]
enum Step {
    Start {
        function: usize,
    },
    StartProvisioned {
        function: usize,
    },
    /// However an invocation ends: its permit is dropped.
    End {
        at: usize,
    },
    Reserve {
        function: usize,
        units: Option<u32>,
    },
    Provision {
        function: usize,
        instances: u32,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let function = 0..3_usize;
    prop_oneof![
        6 => function.clone().prop_map(|function| Step::Start { function }),
        3 => function.clone().prop_map(|function| Step::StartProvisioned { function }),
        5 => (0..64_usize).prop_map(|at| Step::End { at }),
        1 => (function.clone(), proptest::option::of(0..8_u32))
            .prop_map(|(function, units)| Step::Reserve { function, units }),
        1 => (function, 0..4_u32).prop_map(|(function, instances)| Step::Provision { function, instances }),
    ]
}

proptest! {
    /// A model that only counts has to agree at every step, and all is back at the end.
    #[test]
    fn running_is_never_more_than_reserved_nor_than_all_may(steps in prop::collection::vec(step(), 1..400)) {
        const LIMIT: usize = 16;
        let concurrency = Concurrency::new(settings(LIMIT, 4));
        let gates: Vec<_> = ["a", "b", "c"].iter().map(|name| concurrency.gate(&key(name))).collect();
        let mut reserved: [Option<(u32, Claim)>; 3] = [const { None }; 3];
        let mut instances = [0_u32; 3];
        let mut permits: Vec<(usize, Permit)> = Vec::new();
        for step in steps {
            match step {
                Step::Start { function } | Step::StartProvisioned { function } => {
                    let on_instance = matches!(step, Step::StartProvisioned { .. });
                    let (on_demand, provisioned) = gates[function].running();
                    if on_instance && provisioned >= instances[function] {
                        continue;
                    }
                    let unreserved = concurrency.unreserved_running();
                    let room = match &reserved[function] {
                        Some((units, _)) if on_instance => on_demand + provisioned < *units,
                        Some((units, _)) => {
                            on_demand + provisioned < *units && on_demand < units.saturating_sub(instances[function])
                        }
                        None => on_instance || unreserved < concurrency.unreserved_max(),
                    };
                    let acquired = match on_instance {
                        true => gates[function].acquire_provisioned(),
                        false => gates[function].acquire(),
                    };
                    prop_assert_eq!(acquired.is_ok(), room);
                    permits.extend(acquired.ok().map(|permit| (function, permit)));
                    if let (true, Some((units, _))) = (room, &reserved[function]) {
                        let (on_demand, provisioned) = gates[function].running();
                        prop_assert!(on_demand + provisioned <= *units);
                    }
                }
                Step::End { at } if !permits.is_empty() => drop(permits.swap_remove(at % permits.len())),
                Step::End { .. } => {}
                Step::Reserve { function, units } => {
                    let claim = units.map(|units| concurrency.claim(&key(["a", "b", "c"][function]), units));
                    if let Some(Err(_)) = claim {
                        continue;
                    }
                    gates[function].set_reserved(units);
                    reserved[function] = units.zip(claim.and_then(Result::ok));
                }
                Step::Provision { function, instances: are } => {
                    gates[function].count_provisioned(instances[function], are);
                    instances[function] = are;
                }
            }
            for (function, gate) in gates.iter().enumerate() {
                let (on_demand, provisioned) = gate.running();
                let held = permits.iter().filter(|(of, _)| *of == function).count();
                prop_assert_eq!((on_demand + provisioned) as usize, held);
            }
            prop_assert_eq!(concurrency.running(), permits.len());
            let shared = gates.iter().zip(&reserved).filter(|(_, reserved)| reserved.is_none());
            let shared: u32 = shared.map(|(gate, _)| gate.running().0).sum();
            prop_assert_eq!(concurrency.unreserved_running(), shared as usize);
            let claimed: u32 = reserved.iter().flatten().map(|(units, _)| *units).sum();
            prop_assert_eq!(concurrency.unreserved_max(), LIMIT - claimed as usize);
        }
        permits.clear();
        prop_assert_eq!(concurrency.running(), 0);
        prop_assert!(gates.iter().all(|gate| gate.running() == (0, 0)));
    }
}
