//! Durations of many calls, summed up and drawn.

use std::time::Duration;

use super::output::time;

const BINS: usize = 8;
const BAR_CHARS: usize = 40;

/// Durations, at least one.
#[derive(Debug)]
pub(super) struct Figures {
    sorted: Vec<Duration>,
}

impl Figures {
    /// The figures of those durations, if there are any.
    pub(super) fn of(durations: impl IntoIterator<Item = Duration>) -> Option<Self> {
        let mut sorted: Vec<Duration> = durations.into_iter().collect();
        sorted.sort_unstable();
        (!sorted.is_empty()).then_some(Self { sorted })
    }

    /// The duration that so many hundredths of all do not exceed.
    fn percentile(&self, hundredths: usize) -> Duration {
        let rank = (self.sorted.len() * hundredths).div_ceil(100).max(1);
        self.sorted[rank - 1]
    }

    /// A line with the figures and a histogram below it, with bins that grow by a constant factor: durations of
    /// calls have long tails.
    pub(super) fn lines(&self, title: &str) -> Vec<String> {
        let (min, max) = (self.percentile(0), self.percentile(100));
        let [median, p90, p99] = [50, 90, 99].map(|hundredths| time(self.percentile(hundredths)));
        let figures =
            format!("{title}: min {}, median {median}, p90 {p90}, p99 {p99}, max {}", time(min), time(max));
        let mut lines = vec![figures];
        if min < max {
            lines.extend(self.histogram(min.as_secs_f64().max(1e-9), max.as_secs_f64()));
        }
        lines
    }

    fn histogram(&self, min: f64, max: f64) -> impl Iterator<Item = String> {
        let edge = move |bin: usize| min * (max / min).powf(bin as f64 / BINS as f64);
        let mut counts = [0_usize; BINS];
        for duration in &self.sorted {
            let bin =
                (1..BINS).find(|&bin| duration.as_secs_f64() < edge(bin)).map_or(BINS - 1, |bin| bin - 1);
            counts[bin] += 1;
        }
        let most = counts.into_iter().max().unwrap_or(1).max(1);
        counts.into_iter().enumerate().map(move |(bin, count)| {
            let bar = "#".repeat((count * BAR_CHARS).div_ceil(most));
            let text = |seconds| time(Duration::from_secs_f64(seconds));
            format!("  {:>8} - {:>8}  {bar} {count}", text(edge(bin)), text(edge(bin + 1)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_durations_that_occurred() {
        let figures = Figures::of((1..=200).map(Duration::from_millis)).expect("some");
        let percentiles = [0, 50, 99, 100].map(|hundredths| figures.percentile(hundredths).as_millis());
        assert_eq!(percentiles, [1, 100, 198, 200]);
        assert!(Figures::of([]).is_none());
    }

    #[test]
    fn every_duration_is_in_one_bin() {
        let figures = Figures::of([1, 2, 3, 50, 1000].map(Duration::from_micros)).expect("some");
        let lines = figures.lines("warm");
        assert_eq!(lines.len(), 1 + BINS);
        let counted: usize =
            lines[1..].iter().filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum();
        assert_eq!(counted, 5);
    }

    #[test]
    fn one_duration_needs_no_histogram() {
        assert_eq!(Figures::of([Duration::from_millis(2)]).expect("one").lines("cold").len(), 1);
    }
}
