//! Permits and pools under many orders in which threads can come: their own sources, over the locks and atomics of a scheduler
//! that decides who goes next. Without the usual harness, so that the sources' own tests, which want real ones, are not in it.

#![expect(dead_code, unused_imports, reason = "the sources are here with all that the host needs of them")]

/// What the sources count and lock with.
mod sync {
    pub(crate) use shuttle::sync::{Arc, Mutex, MutexGuard, Weak, atomic};
    pub(crate) use std::sync::PoisonError;
}

#[path = "../../host/src/concurrency/counts.rs"]
mod counts;
#[path = "../../host/src/pool/mod.rs"]
mod pool;

use shuttle::thread;

use self::counts::{AccountCounts, FunctionCounts, Place};
use self::pool::{Idlers, Launcher, Pool, Provisioned};
use self::sync::atomic::{AtomicUsize, Ordering};
use self::sync::{Arc, Mutex};

/// All cases, by name.
const CASES: &[(&str, fn())] = &[
    ("running_is_never_more_than_reserved", running_is_never_more_than_reserved),
    ("places_go_back_to_where_they_were_taken", places_go_back_to_where_they_were_taken),
    (
        "instances_are_never_more_than_permits_and_the_idle_budget",
        instances_are_never_more_than_permits_and_the_idle_budget,
    ),
    (
        "provisioned_instances_are_as_many_as_there_shall_be_in_the_end",
        provisioned_instances_are_as_many_as_there_shall_be_in_the_end,
    ),
];

/// Runs the cases whose names contain any of the arguments, or all if there are none. A case that fails ends this by its panic,
/// with the order that led there.
fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut passed = 0;
    for (name, case) in CASES {
        if wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())) {
            case();
            println!("test {name} ... ok");
            passed += 1;
        }
    }
    println!(
        "\ntest result: ok. {passed} passed; 0 failed; 0 ignored; 0 measured; {} filtered out",
        CASES.len() - passed
    );
}

/// How many orders are tried of each case.
const ORDERS: usize = 2_000;
/// How many decisions of the scheduler are made by chance against the longest-running thread.
const DEPTH: usize = 4;

const RESERVED: u32 = 2;
const UNRESERVED: usize = 2;

fn try_orders(case: impl Fn() + Send + Sync + 'static) {
    let case = std::sync::Arc::new(case);
    let (random, priorities) = (case.clone(), case);
    shuttle::check_random(move || random(), ORDERS);
    shuttle::check_pct(move || priorities(), ORDERS, DEPTH);
}

/// Places of two functions, one with a reservation; each thread takes some and lets them go.
fn running_is_never_more_than_reserved() {
    try_orders(|| {
        let account = Arc::new(AccountCounts::new(UNRESERVED));
        let (own, other) = (Arc::new(FunctionCounts::new()), Arc::new(FunctionCounts::new()));
        own.set_reserved(Some(RESERVED));
        let threads: Vec<_> = (0..4)
            .map(|number| {
                let (account, own, other) = (account.clone(), own.clone(), other.clone());
                thread::spawn(move || {
                    let function = if number % 2 == 0 { own.clone() } else { other };
                    for round in 0..2 {
                        let taken = match (number, round) {
                            (0, 1) => function.take_provisioned(&account),
                            _ => function.take(&account),
                        };
                        let (on_demand, provisioned) = own.running();
                        assert!(on_demand + provisioned <= RESERVED);
                        assert!(account.unreserved() <= UNRESERVED);
                        if let Ok(place) = taken {
                            function.give_back(place, &account);
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("no invariant was broken");
        }
        assert_eq!((account.running(), own.running(), other.running()), (0, (0, 0), (0, 0)));
    });
}

/// A reservation is set and taken away while places are held: each goes back to where it was taken.
fn places_go_back_to_where_they_were_taken() {
    try_orders(|| {
        let account = Arc::new(AccountCounts::new(UNRESERVED));
        let function = Arc::new(FunctionCounts::new());
        let changes = thread::spawn({
            let function = function.clone();
            move || {
                function.set_reserved(Some(1));
                function.set_reserved(None);
                function.set_reserved(Some(0));
            }
        });
        let callers: Vec<_> = (0..3)
            .map(|_| {
                let (account, function) = (account.clone(), function.clone());
                thread::spawn(move || {
                    let places: Vec<Place> = (0..2).filter_map(|_| function.take(&account).ok()).collect();
                    assert!(account.unreserved() <= UNRESERVED);
                    places.into_iter().for_each(|place| function.give_back(place, &account));
                })
            })
            .collect();
        for thread in callers.into_iter().chain([changes]) {
            thread.join().expect("no invariant was broken");
        }
        assert_eq!((account.running(), function.running()), (0, (0, 0)));
        assert!(function.take(&account).is_err(), "nothing is reserved");
    });
}

/// Numbers what it makes, and knows how many there are.
#[derive(Debug, Default)]
struct Made {
    living: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Instance(Arc<AtomicUsize>);

impl Drop for Instance {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Launcher for Made {
    type Instance = Instance;
    type Launched = ();
    type Error = std::convert::Infallible;

    async fn launch(&self) -> Result<(Instance, ()), Self::Error> {
        let living = self.living.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(living, Ordering::SeqCst);
        Ok((Instance(self.living.clone()), ()))
    }

    fn idle_bytes(_: &Instance) -> u64 {
        10
    }
}

/// The straight pass with permits and a pool: a permit, an instance, its end, and back. Instances that come back in time
/// are used again, faults lose theirs, the budget evicts; there are never more than permits and idle ones.
fn instances_are_never_more_than_permits_and_the_idle_budget() {
    try_orders(|| {
        let account = Arc::new(AccountCounts::new(UNRESERVED));
        let function = Arc::new(FunctionCounts::new());
        let made = Made::default();
        let (living, most) = (made.living.clone(), made.most.clone());
        let idlers = Idlers::new(20);
        let pool = Pool::new(made, &idlers);
        let callers: Vec<_> = (0..3)
            .map(|number| {
                let (account, function, pool) = (account.clone(), function.clone(), pool.clone());
                thread::spawn(move || {
                    for round in 0..2 {
                        let Ok(place) = function.take(&account) else { continue };
                        let instance = pool.take_warm().unwrap_or_else(|| {
                            let Ok(checkout) = shuttle::future::block_on(pool.launch());
                            checkout.instance
                        });
                        // One of them ends by a fault.
                        let instance = Some(instance).filter(|_| (number, round) != (1, 0));
                        pool.put_back(instance);
                        function.give_back(place, &account);
                    }
                })
            })
            .collect();
        let evicting = thread::spawn({
            let idlers = idlers.clone();
            move || idlers.evict_oldest()
        });
        for caller in callers {
            caller.join().expect("no invariant was broken");
        }
        evicting.join().expect("no invariant was broken");
        assert!(most.load(Ordering::SeqCst) <= UNRESERVED + 2, "two permits, two idle");
        assert_eq!(living.load(Ordering::SeqCst), pool.idle_count(), "all that live are idle");
        assert_eq!(idlers.used_bytes(), 10 * pool.idle_count() as u64);
        drop(pool);
        assert_eq!((living.load(Ordering::SeqCst), idlers.used_bytes(), account.running()), (0, 0, 0));
    });
}

/// Provisioned instances are taken, lost and given back while their number changes; in the end there are as many as there
/// shall be, once the keeper has looked.
fn provisioned_instances_are_as_many_as_there_shall_be_in_the_end() {
    try_orders(|| {
        let made = Made::default();
        let living = made.living.clone();
        let provisioned = Arc::new(Provisioned::new(made));
        let kept = Arc::new(Mutex::new(()));
        let keep = |provisioned: &Provisioned<Made>| {
            while let pool::Next::Launch(missing) = provisioned.next() {
                for _ in 0..missing {
                    let Ok(()) = shuttle::future::block_on(provisioned.launch());
                }
            }
        };
        assert!(provisioned.settle(2));
        let keeper = thread::spawn({
            let (provisioned, kept) = (provisioned.clone(), kept.clone());
            move || {
                let _turn = kept.lock().expect("no panic");
                keep(&provisioned);
            }
        });
        let callers: Vec<_> = (0..2)
            .map(|number| {
                let provisioned = provisioned.clone();
                thread::spawn(move || {
                    if let Some((seat, instance)) = provisioned.take() {
                        match number {
                            0 => seat.put_back(Some(instance)),
                            // As a call that was dropped leaves them.
                            _ => drop((seat, instance)),
                        }
                    }
                })
            })
            .collect();
        let changing = thread::spawn({
            let provisioned = provisioned.clone();
            move || provisioned.settle(1)
        });
        for thread in callers.into_iter().chain([keeper]) {
            thread.join().expect("no invariant was broken");
        }
        changing.join().expect("no invariant was broken");
        let _turn = kept.lock().expect("no panic");
        keep(&provisioned);
        let standing = provisioned.standing();
        assert_eq!((standing.up, standing.target, provisioned.busy()), (1, 1, 0));
        assert_eq!(living.load(Ordering::SeqCst), 1);
    });
}
