//! Where the time of a call went, as the server's header `Server-Timing` tells.

use std::time::Duration;

use super::output::time;

const BAR_CHARS: usize = 40;

/// The times of one call.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Timing {
    /// The stages in their order; those that did not happen are not here.
    stages: Vec<(String, Duration)>,
    /// How long the function ran.
    pub(super) duration: Duration,
    /// How long its instance took to come up, if it was not warm.
    pub(super) init_duration: Option<Duration>,
    /// From sending the request to having the answer.
    pub(super) round_trip: Duration,
}

impl Timing {
    /// The times in a header; what is not understood is passed over.
    pub(super) fn parse(header: &str, round_trip: Duration) -> Self {
        let mut timing = Self { round_trip, ..Self::default() };
        for member in header.split(',') {
            let Some((name, milliseconds)) = member.trim().split_once(";dur=") else { continue };
            let Ok(milliseconds) = milliseconds.parse::<f64>() else { continue };
            let Ok(duration) = Duration::try_from_secs_f64(milliseconds / 1e3) else { continue };
            match name {
                "duration" => timing.duration = duration,
                "init-duration" => timing.init_duration = Some(duration),
                _ if duration > Duration::ZERO => timing.stages.push((name.to_owned(), duration)),
                _ => {}
            }
        }
        timing
    }

    pub(super) fn is_cold(&self) -> bool {
        self.init_duration.is_some()
    }

    /// The stages as bars, each beginning where the one before it ended. What no stage accounts for is HTTP and the
    /// way there and back: it stands in the title, since beside microseconds its bar would be all there is to see.
    pub(super) fn waterfall(&self, title: &str) -> Vec<String> {
        let in_stages: Duration = self.stages.iter().map(|(_, duration)| *duration).sum();
        let whole = in_stages.as_secs_f64().max(1e-9);
        let column =
            |at: Duration| ((at.as_secs_f64() / whole * BAR_CHARS as f64).round() as usize).min(BAR_CHARS);
        let round_trip = time(self.round_trip);
        let mut at = Duration::ZERO;
        let mut lines = vec![format!("{title}: {}, in a round trip of {round_trip}", time(in_stages))];
        for (name, duration) in &self.stages {
            let begin = column(at).min(BAR_CHARS - 1);
            at += *duration;
            let bar = "#".repeat((column(at).saturating_sub(begin)).max(1));
            lines.push(format!(
                "  {name:<12}{:>8}  |{:begin$}{bar:<rest$}|",
                time(*duration),
                "",
                rest = BAR_CHARS - begin
            ));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str =
        "resolve;dur=0.0010, load;dur=0.0000, run;dur=2.0000, duration;dur=1.9, init-duration;dur=5, odd";

    #[test]
    fn the_header_tells_stages_and_durations() {
        let timing = Timing::parse(HEADER, Duration::from_millis(4));
        let stages =
            [("resolve".to_owned(), Duration::from_micros(1)), ("run".to_owned(), Duration::from_millis(2))];
        assert_eq!(timing.stages, stages);
        assert_eq!(
            (timing.duration.as_micros(), timing.init_duration),
            (1900, Some(Duration::from_millis(5)))
        );
    }

    #[test]
    fn bars_follow_one_another_to_the_end() {
        let header = "resolve;dur=1, init;dur=1, run;dur=2";
        let lines = Timing::parse(header, Duration::from_millis(8)).waterfall("cold call");
        assert_eq!(lines.len(), 4);
        assert!(lines[0].contains("4.00 ms, in a round trip of 8.00 ms"), "{lines:?}");
        assert_eq!(lines[3].matches('#').count(), BAR_CHARS / 2);
        assert!(lines[3].ends_with("#|"), "{lines:?}");
        assert!(lines.iter().skip(1).all(|line| line.ends_with('|')), "{lines:?}");
    }
}
