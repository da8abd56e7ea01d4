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
    /// way there and back; it is drawn last.
    pub(super) fn waterfall(&self, title: &str) -> Vec<String> {
        let in_stages: Duration = self.stages.iter().map(|(_, duration)| *duration).sum();
        let http = ("http".to_owned(), self.round_trip.saturating_sub(in_stages));
        let whole = self.round_trip.max(in_stages).as_secs_f64().max(1e-9);
        let column =
            |at: Duration| ((at.as_secs_f64() / whole * BAR_CHARS as f64).round() as usize).min(BAR_CHARS);
        let mut at = Duration::ZERO;
        let mut lines = vec![format!("{title}: {} round trip", time(self.round_trip))];
        for (name, duration) in self.stages.iter().chain([&http]) {
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
    fn bars_follow_one_another_and_end_with_the_round_trip() {
        let lines = Timing::parse(HEADER, Duration::from_millis(4)).waterfall("cold call");
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[2].matches('#').count(), BAR_CHARS / 2);
        assert!(lines[3].ends_with("#|"), "{lines:?}");
        assert!(lines.iter().skip(1).all(|line| line.ends_with('|')), "{lines:?}");
    }
}
