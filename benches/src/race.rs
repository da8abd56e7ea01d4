//! Contenders that do the same work, measured in interleaved rounds, so that whatever else the machine does hits all of
//! them alike.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use criterion::{Criterion, SamplingMode};

use crate::spent::{Spent, Stopwatch};

/// How many rounds are measured.
const ROUNDS: usize = 50;
/// How long the contenders run before anything counts: caches, branch predictors and pools are warm then.
const WARM_UP: Duration = Duration::from_millis(500);

/// One way to do the work.
pub struct Contender<'a>(Box<dyn FnMut(u64) + 'a>);

impl<'a> Contender<'a> {
    /// A contender; it does its work as many times as it is told.
    pub fn new(work: impl FnMut(u64) + 'a) -> Self {
        Self(Box::new(work))
    }
}

impl fmt::Debug for Contender<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contender")
    }
}

/// A race between contenders: the first is what the benchmark is about, the others are what it is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Race {
    /// What the benchmark is called.
    pub name: &'static str,
    /// About how long all rounds take together.
    pub time: Duration,
}

impl Race {
    /// Runs the rounds; gives back the median of what each contender spent on one iteration, in nanoseconds' precision.
    ///
    /// Criterion chooses the number of iterations and keeps the first contender's wall time under
    /// `target/bench/criterion`, where the next run finds it and says what has changed.
    pub fn run<const N: usize>(
        self,
        criterion: &mut Criterion,
        contenders: [Contender<'_>; N],
    ) -> [Medians; N] {
        let contenders = RefCell::new(contenders);
        let rounds: RefCell<Vec<[PerIteration; N]>> = RefCell::default();
        let mut group = criterion.benchmark_group("samovar");
        group.sampling_mode(SamplingMode::Flat).sample_size(ROUNDS);
        group.warm_up_time(WARM_UP).measurement_time(self.time);
        group.bench_function(self.name, |bencher| {
            bencher.iter_custom(|iterations| {
                let mut rounds = rounds.borrow_mut();
                let first = rounds.len();
                let spent = round(&mut contenders.borrow_mut(), first, iterations);
                rounds.push(spent.map(|spent| PerIteration::of(spent, iterations)));
                spent[0].wall
            });
        });
        group.finish();
        let rounds = rounds.into_inner();
        // Those before were the warm-up.
        let measured = &rounds[rounds.len() - ROUNDS..];
        std::array::from_fn(|index| Medians::of(measured.iter().map(|round| round[index])))
    }
}

/// What one iteration of a contender took: the medians over all rounds, each for itself.
#[derive(Debug, Clone, Copy)]
pub struct Medians {
    /// Wall time, in microseconds.
    pub wall_us: f64,
    /// CPU time, in microseconds.
    pub cpu_us: f64,
}

#[derive(Debug, Clone, Copy)]
struct PerIteration {
    wall_us: f64,
    cpu_us: f64,
}

impl PerIteration {
    fn of(spent: Spent, iterations: u64) -> Self {
        let per_iteration = |time: Duration| time.as_secs_f64() * 1e6 / iterations as f64;
        Self { wall_us: per_iteration(spent.wall), cpu_us: per_iteration(spent.cpu) }
    }
}

impl Medians {
    fn of(rounds: impl Iterator<Item = PerIteration> + Clone) -> Self {
        Self {
            wall_us: median(rounds.clone().map(|round| round.wall_us)),
            cpu_us: median(rounds.map(|round| round.cpu_us)),
        }
    }
}

/// Lets every contender do its work so many times. Each round begins with another one.
fn round<const N: usize>(contenders: &mut [Contender<'_>; N], first: usize, iterations: u64) -> [Spent; N] {
    let mut spent = [Spent { wall: Duration::ZERO, cpu: Duration::ZERO }; N];
    for turn in 0..N {
        let index = (first + turn) % N;
        let stopwatch = Stopwatch::start();
        contenders[index].0(iterations);
        spent[index] = stopwatch.spent();
    }
    spent
}

/// The middle of some values; of an even number of them, the upper one. Not a number when there are none.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert!(median(std::iter::empty()).is_nan());
    }

    #[test]
    fn every_contender_does_the_work_in_every_round() {
        let done = RefCell::new(Vec::new());
        let contender = |name| {
            let done = &done;
            Contender::new(move |times| done.borrow_mut().push((name, times)))
        };
        let mut contenders = [contender("a"), contender("b")];
        round(&mut contenders, 0, 7);
        round(&mut contenders, 1, 9);
        drop(contenders);
        assert_eq!(done.into_inner(), [("a", 7), ("b", 7), ("b", 9), ("a", 9)]);
    }
}
