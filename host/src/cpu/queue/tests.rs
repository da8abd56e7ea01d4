use std::collections::BinaryHeap;

use proptest::prelude::*;

use super::*;

const TICK: Duration = Duration::from_millis(2);

/// A machine with some processors, on which everybody computes all the time.
struct Machine {
    queue: Queue<usize, u64>,
    standings: Vec<Standing<u64>>,
    used: Vec<Duration>,
}

impl Machine {
    fn new(weights: &[u32]) -> Self {
        let mut queue = Queue::new();
        let mut standings: Vec<_> = weights.iter().map(|&weight| Standing::new(weight, None)).collect();
        for (number, standing) in standings.iter_mut().enumerate() {
            queue.arrive(standing, number);
        }
        Self { queue, standings, used: vec![Duration::ZERO; weights.len()] }
    }

    /// Lets that many processors serve, until `end`; how long each slice is says `slice`.
    fn serve(&mut self, processors: usize, end: Duration, mut slice: impl FnMut() -> Duration) {
        let mut busy: BinaryHeap<std::cmp::Reverse<(Duration, usize, Duration)>> = BinaryHeap::new();
        let mut now = Duration::ZERO;
        loop {
            while busy.len() < processors
                && let Some(next) = self.queue.take(0)
            {
                let slice = slice();
                busy.push(std::cmp::Reverse((now + slice, next, slice)));
            }
            let Some(std::cmp::Reverse((until, number, slice))) = busy.pop() else { return };
            now = until;
            self.used[number] += slice;
            self.standings[number].charge(slice);
            if now < end {
                self.queue.come_back(&mut self.standings[number], number);
            } else if busy.is_empty() {
                return;
            }
        }
    }

    fn milliseconds(&self) -> Vec<f64> {
        self.used.iter().map(|used| used.as_secs_f64() * 1e3).collect()
    }
}

proptest! {
    /// The bound of start-time fair queueing: two that want a processor all the time differ by at most a slice of each.
    #[test]
    fn what_each_gets_is_as_its_weight(
        weights in prop::collection::vec(128_u32..=10_240, 2..20),
        slices in prop::collection::vec(1_u64..=2_000_000, 50..400),
    ) {
        let mut machine = Machine::new(&weights);
        for nanoseconds in slices {
            let slice = Duration::from_nanos(nanoseconds);
            let next = machine.queue.take(0).expect("all wait");
            machine.used[next] += slice;
            machine.standings[next].charge(slice);
            machine.queue.come_back(&mut machine.standings[next], next);
        }
        let per_weight = |number: usize| machine.used[number].as_secs_f64() / f64::from(weights[number]);
        let slice = |number: usize| TICK.as_secs_f64() / f64::from(weights[number]);
        for one in 0..weights.len() {
            for other in 0..one {
                let apart = (per_weight(one) - per_weight(other)).abs();
                prop_assert!(apart <= slice(one) + slice(other) + 1e-12, "{one} and {other} are {apart} apart");
            }
        }
    }

    /// Whatever is asked of the queue, everybody comes out once, and first those whose deadline has passed.
    #[test]
    fn everybody_comes_out_once_and_the_overdue_first(
        arrivals in prop::collection::vec((1_u32..=10_240, prop::option::of(0_u64..100), any::<bool>()), 1..60),
        now in 0_u64..100,
    ) {
        let mut queue = Queue::new();
        let mut standings = Vec::new();
        for (number, &(weight, deadline, _)) in arrivals.iter().enumerate() {
            let mut standing = Standing::new(weight, deadline);
            queue.arrive(&mut standing, number);
            standings.push(standing);
        }
        for (standing, &(_, _, hastened)) in standings.iter_mut().zip(&arrivals) {
            if hastened {
                queue.hasten(standing);
            }
        }
        let overdue = |number: usize| {
            let (_, deadline, hastened) = arrivals[number];
            hastened || deadline.is_some_and(|deadline| deadline <= now)
        };
        let order: Vec<usize> = std::iter::from_fn(|| queue.take(now)).collect();
        prop_assert!(order.is_sorted_by_key(|&number| !overdue(number)), "{order:?}");
        let mut all = order;
        all.sort_unstable();
        prop_assert_eq!(all, (0..arrivals.len()).collect::<Vec<_>>());
        prop_assert!(queue.urgent.is_empty());
    }

    /// However long somebody had nothing to do, it then gets what its weight gives it, and a slice at most beyond.
    #[test]
    fn rest_is_no_credit(rest_slices in 1_usize..2_000, weight in 128_u32..=10_240) {
        let mut machine = Machine::new(&[1_000, weight]);
        let resting = machine.queue.take(0).expect("the first");
        let mut other = machine.queue.take(0).expect("the second");
        for _ in 0..rest_slices {
            machine.standings[other].charge(TICK);
            machine.queue.come_back(&mut machine.standings[other], other);
            other = machine.queue.take(0).expect("it alone");
        }
        machine.queue.come_back(&mut machine.standings[other], other);
        machine.queue.arrive(&mut machine.standings[resting], resting);
        machine.serve(1, TICK * 500, || TICK);
        let [rested, worked] = [resting, other].map(|number| {
            machine.used[number].as_secs_f64() / f64::from([1_000, weight][number])
        });
        let slices = TICK.as_secs_f64() * (2.0 / 1_000.0 + 2.0 / f64::from(weight));
        prop_assert!(rested - worked <= slices, "{rested} and {worked}");
    }
}

#[test]
fn two_processors_give_twice_the_weight_twice_the_time() {
    let mut machine = Machine::new(&[1_769, 1_769, 1_769, 1_769, 3_538, 3_538, 3_538, 3_538]);
    machine.serve(2, Duration::from_secs(3), || TICK);
    let used = machine.milliseconds();
    let (single, double): (f64, f64) = (used[..4].iter().sum(), used[4..].iter().sum());
    assert!((double / single - 2.0).abs() < 0.02, "{used:?}");
}

#[test]
fn a_weight_worth_more_than_a_processor_neither_starves_others_nor_saves_up() {
    let mut machine = Machine::new(&[10_240, 128, 128, 128]);
    machine.serve(2, Duration::from_secs(3), || TICK);
    let used = machine.milliseconds();
    assert!(used[0] > 2_990.0, "it has a processor to itself: {used:?}");
    assert!(used[1..].iter().all(|&used| (980.0..1_020.0).contains(&used)), "the others share one: {used:?}");
    // Another of that weight comes, and the first has not earned the right to be alone.
    let mut other = Standing::new(10_240, None);
    machine.queue = Queue { waiting: BTreeMap::new(), ..machine.queue };
    machine.queue.arrive(&mut other, 4);
    machine.standings.push(other);
    machine.used = vec![Duration::ZERO; 5];
    machine.queue.come_back(&mut machine.standings[0], 0);
    machine.serve(1, Duration::from_secs(1), || TICK);
    let used = machine.milliseconds();
    assert!((used[0] - used[4]).abs() <= 20.0, "{used:?}");
}

#[test]
fn whoever_was_alone_is_not_held_back_when_others_come() {
    let mut queue = Queue::<usize, u64>::new();
    let mut alone = Standing::new(128, None);
    queue.arrive(&mut alone, 0);
    queue.take(0).expect("it alone");
    for _ in 0..1_000 {
        alone.charge(TICK);
        assert!(queue.goes_on(&mut alone));
    }
    let mut other = Standing::new(128, None);
    queue.arrive(&mut other, 1);
    alone.charge(TICK);
    assert!(!queue.goes_on(&mut alone));
    queue.come_back(&mut alone, 0);
    assert_eq!(queue.take(0), Some(1));
    other.charge(TICK * 2);
    queue.come_back(&mut other, 1);
    assert_eq!(queue.take(0), Some(0), "after two slices of the other");
}
