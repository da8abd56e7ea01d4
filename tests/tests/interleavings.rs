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
    ("places_move_with_the_reservation", places_move_with_the_reservation),
    ("instances_are_never_more_than_permits", instances_are_never_more_than_permits),
    ("what_lives_in_the_end_is_idle_and_counted", what_lives_in_the_end_is_idle_and_counted),
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

const RESERVED: u32 = 1;
const UNRESERVED: usize = 1;

fn try_orders(case: impl Fn() + Send + Sync + 'static) {
    let case = std::sync::Arc::new(case);
    let (random, priorities) = (case.clone(), case);
    shuttle::check_random(move || random(), ORDERS);
    shuttle::check_pct(move || priorities(), ORDERS, DEPTH);
}

/// Places of two functions, one with a reservation, of which more than there are are wanted at a time.
fn running_is_never_more_than_reserved() {
    try_orders(|| {
        let account = Arc::new(AccountCounts::new(UNRESERVED));
        let (own, other) = (Arc::new(FunctionCounts::new()), Arc::new(FunctionCounts::new()));
        own.set_reserved(Some(RESERVED), &account);
        let threads: Vec<_> = (0..5)
            .map(|number| {
                let (account, own, other) = (account.clone(), own.clone(), other.clone());
                thread::spawn(move || {
                    let function = if number < 3 { own.clone() } else { other.clone() };
                    for _ in 0..2 {
                        let taken = match number {
                            0 => function.take_provisioned(&account),
                            _ => function.take(&account),
                        };
                        let (on_demand, provisioned) = own.running();
                        assert!(on_demand + provisioned <= RESERVED);
                        assert!(account.unreserved() <= UNRESERVED && other.running().0 <= 1);
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

/// A reservation comes and goes while places are held: they move with it, and are given back where they are then.
fn places_move_with_the_reservation() {
    try_orders(|| {
        let account = Arc::new(AccountCounts::new(2));
        let function = Arc::new(FunctionCounts::new());
        let changes = thread::spawn({
            let (account, function) = (account.clone(), function.clone());
            move || {
                function.set_reserved(Some(1), &account);
                function.set_reserved(None, &account);
                function.set_reserved(Some(0), &account);
            }
        });
        let callers: Vec<_> = (0..3)
            .map(|_| {
                let (account, function) = (account.clone(), function.clone());
                thread::spawn(move || {
                    let places: Vec<Place> = (0..2).filter_map(|_| function.take(&account).ok()).collect();
                    assert!(account.running() >= places.len(), "a host that closes would not wait for them");
                    for place in places {
                        function.give_back(place, &account);
                    }
                })
            })
            .collect();
        for thread in callers.into_iter().chain([changes]) {
            thread.join().expect("no invariant was broken");
        }
        assert_eq!((account.running(), account.unreserved(), function.running()), (0, 0, (0, 0)));
        assert!(function.take(&account).is_err(), "nothing is reserved");
        let other = FunctionCounts::new();
        let all: Vec<_> = std::iter::from_fn(|| other.take(&account).ok()).take(9).collect();
        assert_eq!(all.len(), 2, "all places are there again");
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

/// The straight pass with permits and a pool: a permit, an instance, its end, and back. There is never more than one where one
/// may run at a time.
fn instances_are_never_more_than_permits() {
    try_orders(|| {
        let made = Made::default();
        let most = made.most.clone();
        let (account, pool, _) = pass_through(made, |_| None);
        assert_eq!(most.load(Ordering::SeqCst), UNRESERVED);
        assert_eq!((pool.idle_count() <= 1, account.running()), (true, 0));
    });
}

/// The same, while the idle budget evicts: what lives is idle in the end, and the budget knows of it.
fn what_lives_in_the_end_is_idle_and_counted() {
    try_orders(|| {
        let made = Made::default();
        let living = made.living.clone();
        let (_, pool, idlers) = pass_through(made, |idlers| {
            let idlers = idlers.clone();
            Some(thread::spawn(move || idlers.evict_oldest()))
        });
        while idlers.evict_oldest() {}
        assert_eq!((pool.idle_count(), idlers.used_bytes()), (0, 0));
        drop(pool);
        assert_eq!((living.load(Ordering::SeqCst), idlers.used_bytes()), (0, 0));
    });
}

/// Three callers go through the pass twice, one of them ending by a fault once, while something else goes on.
fn pass_through(
    made: Made,
    beside: impl FnOnce(&Arc<Idlers>) -> Option<thread::JoinHandle<bool>>,
) -> (Arc<AccountCounts>, Arc<Pool<Made>>, Arc<Idlers>) {
    let account = Arc::new(AccountCounts::new(UNRESERVED));
    let function = Arc::new(FunctionCounts::new());
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
                    let instance = Some(instance).filter(|_| (number, round) != (1, 0));
                    pool.put_back(instance);
                    function.give_back(place, &account);
                }
            })
        })
        .collect();
    let beside = beside(&idlers);
    for caller in callers {
        caller.join().expect("no invariant was broken");
    }
    if let Some(beside) = beside {
        beside.join().expect("no invariant was broken");
    }
    (account, pool, idlers)
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
            while let pool::Next::Launch(missing) = provisioned.next(0) {
                for _ in 0..missing {
                    let Ok(()) = shuttle::future::block_on(provisioned.launch());
                }
            }
        };
        assert!(provisioned.settle(2, true));
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
            move || provisioned.settle(1, true)
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
