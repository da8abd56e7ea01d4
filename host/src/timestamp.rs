//! Times as Lambda's API and logs write them.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Now, as `LastModified` has it: `2026-11-21T17:00:00.000+0000`.
pub(crate) fn now() -> String {
    Timestamp::now().to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.%3f%z").to_string()
}

/// Today, as the names of log streams begin: `2026/11/21`.
pub(crate) fn day() -> String {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    format!("{:04}/{:02}/{:02}", today.year(), today.month(), today.day())
}

/// Now, in milliseconds since 1970, as log events have it.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// A time in milliseconds since 1970, as JSON log lines have it: `2026-11-21T17:00:00.000Z`.
pub(crate) fn text(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.unwrap_or(Timestamp::MAX).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// A time in milliseconds since 1970, as Lambda's API has it: `2026-11-21T17:00:00.000+0000`.
#[cfg(feature = "http")]
pub(crate) fn lambda(ms: u64) -> String {
    let mut text = text(ms);
    text.truncate(text.len() - 1);
    text + "+0000"
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_time_in_milliseconds_is_written_with_all_its_digits() {
        assert_eq!(super::text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(super::text(1_795_280_400_007), "2026-11-21T17:00:00.007Z");
        assert!(super::text(u64::MAX).starts_with("9999-12-"));
        assert_eq!(super::text(super::now_ms())[..10].replace('-', "/"), super::day());
    }

    #[test]
    fn times_have_lambdas_form() {
        let now = super::now();
        assert!(now.len() == 28 && now.ends_with("+0000") && now.as_bytes()[19] == b'.', "{now}");
        assert_eq!(super::day().replace('/', "-"), now[..10]);
    }
}
