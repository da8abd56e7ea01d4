//! Times as Lambda's API and logs write them.

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

#[cfg(test)]
mod tests {
    #[test]
    fn times_have_lambdas_form() {
        let now = super::now();
        assert!(now.len() == 28 && now.ends_with("+0000") && now.as_bytes()[19] == b'.', "{now}");
        assert_eq!(super::day().replace('/', "-"), now[..10]);
    }
}
