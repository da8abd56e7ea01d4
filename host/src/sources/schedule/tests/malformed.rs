//! Expressions that are not valid, and what is said of them.

use super::super::{Expression, ExpressionError};

/// What is refused, and words that say why. Those marked with AWS were recorded to be refused there.
const MALFORMED: &[(&str, &str)] = &[
    // The kind.
    ("", "rate(...), at(...) or cron(...)"),
    ("rate", "rate(...), at(...) or cron(...)"),
    ("0 10 * * ? *", "rate(...), at(...) or cron(...)"),
    ("every(5 minutes)", "rate(...), at(...) or cron(...)"),
    ("RATE(5 minutes)", "rate(...), at(...) or cron(...)"),
    ("cron (0 10 * * ? *)", "rate(...), at(...) or cron(...)"),
    ("cron(0 10 * * ? *", "rate(...), at(...) or cron(...)"),
    ("cron(0 10 * * ? *) ", "rate(...), at(...) or cron(...)"),
    // AWS.
    (" rate(10 minutes)", "rate(...), at(...) or cron(...)"),
    ("ночью(0 10 * * ? *)", "rate(...), at(...) or cron(...)"),
    // Rates; the first ten are AWS.
    ("rate()", "a space"),
    ("rate(10)", "a space"),
    ("rate( 10 minutes )", "a space"),
    ("rate(10 seconds)", "unit"),
    ("rate(30 seconds)", "unit"),
    ("rate(10 years)", "unit"),
    ("rate(10 minutess)", "unit"),
    ("rate(foo minutes)", "from 1"),
    ("rate(-10 minutes)", "from 1"),
    ("rate(0 minutes)", "from 1"),
    ("rate(10 minutes )", "a space"),
    ("rate(10  )", "a space"),
    ("rate(10minutes)", "a space"),
    ("rate(1 2 minutes)", "a space"),
    ("rate(+5 minutes)", "from 1"),
    ("rate(1.5 hours)", "from 1"),
    ("rate(4294967296 days)", "from 1 to 4294967295"),
    ("rate(1 week)", "minute, minutes, hour, hours, day or days"),
    ("rate(1 day))", "unit"),
    ("rate(１ day)", "from 1"),
    // One time; the first four are AWS.
    ("at(2021-12-31T23:59:59Z)", "yyyy-mm-ddThh:mm:ss"),
    ("at(2021-12-31)", "yyyy-mm-ddThh:mm:ss"),
    ("at(2026-09-08T03:54:26.439)", "fractions"),
    ("at(2026-05-30T12:03:37.080790Z)", "zone"),
    ("at()", "yyyy-mm-ddThh:mm:ss"),
    ("at(2021-12-31 23:59:59)", "yyyy-mm-ddThh:mm:ss"),
    ("at(2021-12-31t23:59:59)", "yyyy-mm-ddThh:mm:ss"),
    ("at(2021-12-31T23:59)", "yyyy-mm-ddThh:mm:ss"),
    ("at(21-12-31T23:59:59)", "yyyy-mm-ddThh:mm:ss"),
    ("at(2021-1-31T23:59:59)", "yyyy-mm-ddThh:mm:ss"),
    ("at(2021-12-31T23:59:59+01:00)", "zone"),
    ("at(2021-12-31T+3:59:59)", "yyyy-mm-ddThh:mm:ss"),
    ("at(-021-12-31T23:59:59)", "yyyy-mm-ddThh:mm:ss"),
    ("at( 2021-12-31T23:59:59)", "yyyy-mm-ddThh:mm:ss"),
    ("at(2021-12-31-01T23:59:59)", "yyyy-mm-ddThh:mm:ss"),
    ("at(2021-02-29T00:00:00)", "does not exist"),
    ("at(2021-13-01T00:00:00)", "does not exist"),
    ("at(2021-00-01T00:00:00)", "does not exist"),
    ("at(2021-04-31T00:00:00)", "does not exist"),
    ("at(2021-04-30T24:00:00)", "does not exist"),
    ("at(2021-04-30T23:60:00)", "does not exist"),
    ("at(2016-12-31T23:59:60)", "does not exist"),
    // The number of fields; the first three are AWS.
    ("cron()", "there are 0 fields"),
    ("cron(INVALID)", "there are 1 fields"),
    ("cron(*/30 * * * * ? *)", "there are 7 fields"),
    ("cron(0 10 * *)", "there are 4 fields"),
    // The two fields for days; the first three are AWS.
    ("cron(0 1 * * * *)", "must be ?"),
    ("cron(7 20 * * NOT *)", "must be ?"),
    ("cron(0 3 * * *)", "must be ?"),
    ("cron(0 10 1 * MON *)", "must be ?"),
    ("cron(0 10 ? * ? *)", "can be ?"),
    // Minutes; the first two are AWS.
    ("cron(71 8 1 * ? *)", "minutes cannot be \"71\""),
    ("cron(*/60 * * * ? *)", "a step is a number from 1 to 59"),
    ("cron(60 * * * ? *)", "allowed are 0-59"),
    ("cron(-1 * * * ? *)", "minutes cannot be \"\""),
    ("cron(1- * * * ? *)", "minutes cannot be \"\""),
    ("cron(1-2-3 * * * ? *)", "minutes cannot be \"2-3\""),
    ("cron(*-5 * * * ? *)", "minutes cannot be \"*\""),
    ("cron(? * * * ? *)", "minutes cannot be \"?\""),
    ("cron(1, * * * ? *)", "minutes cannot be \"\""),
    ("cron(1,,2 * * * ? *)", "minutes cannot be \"\""),
    ("cron(0/0 * * * ? *)", "a step is a number from 1 to 59"),
    ("cron(0/ * * * ? *)", "a step is a number"),
    ("cron(/5 * * * ? *)", "minutes cannot be \"\""),
    ("cron(0/5/5 * * * ? *)", "a step is a number"),
    ("cron(0/+5 * * * ? *)", "a step is a number"),
    ("cron(+5 * * * ? *)", "minutes cannot be \"+5\""),
    ("cron(5.0 * * * ? *)", "minutes cannot be \"5.0\""),
    ("cron(99999999999999999999 * * * ? *)", "minutes cannot be"),
    ("cron(0\n * * * ? *)", "minutes cannot be \"0\\n\""),
    ("cron(L * * * ? *)", "minutes cannot be \"L\""),
    // Hours; the first is AWS.
    ("cron(0 dummy ? * MON-FRI *)", "hours cannot be \"dummy\""),
    ("cron(0 24 * * ? *)", "allowed are 0-23"),
    ("cron(0 0/24 * * ? *)", "a step is a number from 1 to 23"),
    ("cron(0 ? * * ? *)", "hours cannot be \"?\""),
    ("cron(0 9-24 * * ? *)", "hours cannot be \"24\""),
    // Days of the month.
    ("cron(0 0 0 * ? *)", "day-of-month cannot be \"0\""),
    ("cron(0 0 32 * ? *)", "allowed are 1-31"),
    ("cron(0 0 1/32 * ? *)", "a step is a number from 1 to 31"),
    ("cron(0 0 L-3 * ? *)", "not in a list"),
    ("cron(0 0 L,15 * ? *)", "not in a list"),
    ("cron(0 0 15W,20 * ? *)", "not in a list"),
    ("cron(0 0 1-15W * ? *)", "not in a list"),
    ("cron(0 0 3L * ? *)", "not in a list"),
    ("cron(0 0 WL * ? *)", "not in a list"),
    ("cron(0 0 W * ? *)", "not in a list"),
    ("cron(0 0 0W * ? *)", "day-of-month cannot be \"0\""),
    ("cron(0 0 32W * ? *)", "day-of-month cannot be \"32\""),
    ("cron(0 0 1? * ? *)", "day-of-month cannot be \"1?\""),
    ("cron(0 0 3#2 * ? *)", "day-of-month cannot be \"3#2\""),
    ("cron(0 0 MON * ? *)", "day-of-month cannot be \"MON\""),
    // Months.
    ("cron(0 0 1 0 ? *)", "month cannot be \"0\""),
    ("cron(0 0 1 13 ? *)", "allowed are 1-12 or JAN-DEC"),
    ("cron(0 0 1 JANUARY ? *)", "month cannot be \"JANUARY\""),
    ("cron(0 0 1 ? 2 *)", "must be ?"),
    ("cron(0 0 1 */13 ? *)", "a step is a number from 1 to 12"),
    // Days of the week.
    ("cron(0 0 ? * 0 *)", "day-of-week cannot be \"0\""),
    ("cron(0 0 ? * 8 *)", "allowed are 1-7 or SUN-SAT"),
    ("cron(0 0 ? * MONDAY *)", "day-of-week cannot be \"MONDAY\""),
    ("cron(0 0 ? * 2/2 *)", "there are no steps"),
    ("cron(0 0 ? * 3#0 *)", "a number from 1 to 5"),
    ("cron(0 0 ? * 3#6 *)", "a number from 1 to 5"),
    ("cron(0 0 ? * 3# *)", "a number from 1 to 5"),
    // So says AWS's documentation.
    ("cron(0 0 ? * 3#1,6#3 *)", "# takes one day"),
    ("cron(0 0 ? * #2 *)", "day-of-week cannot be \"\""),
    ("cron(0 0 ? * 8#2 *)", "day-of-week cannot be \"8\""),
    ("cron(0 0 ? * MON-FRI#2 *)", "day-of-week cannot be \"MON-FRI\""),
    ("cron(0 0 ? * L-2 *)", "not in a list"),
    ("cron(0 0 ? * 6L,2 *)", "not in a list"),
    ("cron(0 0 ? * 2,6L *)", "not in a list"),
    ("cron(0 0 ? * MON-FRIL *)", "not in a list"),
    ("cron(0 0 ? * LL *)", "not in a list"),
    ("cron(0 0 ? * 8L *)", "day-of-week cannot be \"8\""),
    ("cron(0 0 ? * 3W *)", "day-of-week cannot be \"3W\""),
    // Years.
    ("cron(0 0 1 1 ? 1969)", "allowed are 1970-2199"),
    ("cron(0 0 1 1 ? 2200)", "year cannot be \"2200\""),
    ("cron(0 0 1 1 ? 26)", "year cannot be \"26\""),
    ("cron(0 0 1 1 ? 2030-2026)", "ends before it begins"),
    ("cron(0 0 1 1 ? 2026/231)", "a step is a number from 1 to 230"),
    ("cron(0 0 1 1 ? ?)", "year cannot be \"?\""),
    ("cron(0 10 * * ? *))", "year cannot be \"*)\""),
];

#[test]
fn what_is_refused_is_told_what_it_must_be() {
    for (text, words) in MALFORMED {
        let error = Expression::parse(text).expect_err(text).to_string();
        assert!(error.contains(words), "{text:?}: {error:?} lacks {words:?}");
    }
}

#[test]
fn an_expression_has_at_most_256_characters() {
    let longest = format!("cron({}0 10 * * ? *)", " ".repeat(256 - 18));
    assert_eq!(longest.len(), 256);
    assert!(Expression::parse(&longest).is_ok());
    let error = Expression::parse(&longest.replace("cron", "cron ")).expect_err("too long");
    assert_eq!(
        (error, error_text()),
        (ExpressionError::TooLong, "an expression has at most 256 characters".into())
    );
    // Characters, not bytes.
    let others = Expression::parse(&"ж".repeat(256)).expect_err("no expression");
    assert_eq!(others, ExpressionError::Kind);
    assert_eq!(Expression::parse(&"ж".repeat(257)), Err(ExpressionError::TooLong));
}

fn error_text() -> String {
    ExpressionError::TooLong.to_string()
}
