//! Where queues are, as options of `samovar serve`.

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use crate::function::Region;
use crate::sqs::outside::TIMES;
use crate::{SqsEndpoint, SqsEndpointError, SqsSettings};

/// Where the queues are whose ARNs functions have as destinations or for dead letters.
#[derive(Debug, Clone, Args)]
pub(super) struct QueueOptions {
    /// Where queues are: `embedded` in this server, in `aws` as its own tools find it, or at the URL of another server that
    /// speaks SQS. Credentials are those that AWS's tools find; at a URL, if they find none, a key that stands for nobody
    #[arg(long = "sqs", value_name = "WHERE", env = "SAMOVAR_SQS", default_value = "embedded")]
    place: Place,
    /// The region that requests to queues elsewhere are signed for, if it is not that of the queue's ARN
    #[arg(long = "sqs-region", value_name = "REGION")]
    region: Option<Region>,
    /// How long it may take to connect to queues elsewhere, up to an hour
    #[arg(long = "sqs-connect-seconds", value_name = "S", default_value_t = 5.0, value_parser = seconds)]
    connect_seconds: f64,
    /// How long one attempt to send a message to a queue elsewhere may take, up to an hour; then it is made anew later
    #[arg(long = "sqs-send-seconds", value_name = "S", default_value_t = 20.0, value_parser = seconds)]
    send_seconds: f64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Embedded,
    Aws,
    At(SqsEndpoint),
}

impl QueueOptions {
    /// Checks what was given before anything is started.
    pub(super) fn check(&self) -> Result<()> {
        if self.place == Place::Embedded && self.region.is_some() {
            bail!("--sqs-region is for queues elsewhere, and --sqs says nothing of such");
        }
        Ok(())
    }

    /// What is to be known of queues elsewhere, if that is where they are.
    pub(super) fn outside(&self) -> Option<SqsSettings> {
        let outside = match &self.place {
            Place::Embedded => return None,
            Place::Aws => SqsSettings::aws(),
            Place::At(endpoint) => SqsSettings::at(endpoint.clone()),
        };
        let outside = outside
            .connect_time_max(Duration::from_secs_f64(self.connect_seconds))
            .send_time_max(Duration::from_secs_f64(self.send_seconds));
        Some(match &self.region {
            Some(region) => outside.region(region.clone()),
            None => outside,
        })
    }
}

impl FromStr for Place {
    type Err = SqsEndpointError;

    fn from_str(text: &str) -> Result<Self, SqsEndpointError> {
        match text {
            "embedded" => Ok(Self::Embedded),
            "aws" => Ok(Self::Aws),
            url => SqsEndpoint::parse(url).map(Self::At),
        }
    }
}

/// A time that the settings take as it is, in seconds.
fn seconds(text: &str) -> Result<f64, String> {
    let is_time =
        |seconds: &f64| Duration::try_from_secs_f64(*seconds).is_ok_and(|time| TIMES.contains(&time));
    let (min, max) = (TIMES.start().as_secs_f64(), TIMES.end().as_secs_f64());
    text.parse()
        .ok()
        .filter(is_time)
        .ok_or_else(|| format!("must be a number of seconds from {min} to {max}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Only {
        #[command(flatten)]
        queues: QueueOptions,
    }

    fn read(arguments: &[&str]) -> Result<QueueOptions, clap::Error> {
        Only::try_parse_from([&["samovar"], arguments].concat()).map(|only| only.queues)
    }

    #[test]
    fn queues_are_embedded_in_aws_or_at_a_url() {
        assert!(read(&["--sqs", "embedded"]).expect("known").outside().is_none());
        let aws = read(&["--sqs", "aws"]).expect("known").outside().expect("elsewhere");
        assert_eq!((aws.endpoint, aws.send_time_max), (None, Duration::from_secs(20)));
        let options =
            ["--sqs", "http://localhost:9324/", "--sqs-region", "eu-west-1", "--sqs-send-seconds", "0.5"];
        let other = read(&options).expect("known").outside().expect("elsewhere");
        assert_eq!(other.endpoint, Some(SqsEndpoint::parse("http://localhost:9324").expect("a URL")));
        assert_eq!(other.region.expect("given").as_str(), "eu-west-1");
        assert_eq!(other.send_time_max, Duration::from_millis(500));
        let error = read(&["--sqs", "localhost:9324"]).expect_err("no URL").to_string();
        assert!(error.contains("not of the form http://HOST[:PORT]"), "{error}");
    }

    #[test]
    fn a_time_is_taken_as_it_is_or_refused() {
        let time = |option: &str, value: &str| {
            let read = read(&["--sqs", "aws", option, value])?;
            let outside = read.outside().expect("elsewhere");
            Ok::<_, clap::Error>((outside.connect_time_max, outside.send_time_max))
        };
        let (send, connect) = ("--sqs-send-seconds", "--sqs-connect-seconds");
        assert_eq!(time(send, "3600").expect("an hour").1, Duration::from_secs(3600));
        assert_eq!(time(connect, "0.001").expect("a millisecond").0, Duration::from_millis(1));
        for (option, value) in [(send, "3600.1"), (connect, "86400"), (send, "0"), (send, "NaN")] {
            let error = time(option, value).expect_err(value).to_string();
            assert!(error.contains("from 0.001 to 3600"), "{error}");
        }
    }

    #[test]
    fn a_region_is_for_queues_elsewhere() {
        let embedded = read(&["--sqs", "embedded", "--sqs-region", "eu-west-1"]).expect("known");
        assert!(embedded.check().is_err());
        assert!(read(&["--sqs", "aws", "--sqs-region", "eu-west-1"]).expect("known").check().is_ok());
    }
}
