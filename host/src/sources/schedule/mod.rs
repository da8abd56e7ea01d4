//! When a schedule is due: the expressions of EventBridge Scheduler, and the arithmetic of their times.
//!
//! Nothing here reads a clock, sleeps or keeps anything: whoever does hands in a `now` and keeps one number, [`Watch`].
//!
//! An [`Expression`] is read once, at the door. A [`Timetable`] is an expression with all that its times depend on: time zone,
//! start, end and flexible window; it says what is due next, the same whenever it is asked. A [`Watch`] says what is to be fired
//! now, so that each due time is fired at most once, whatever restarts and clocks do.
//!
//! What AWS documents, in the user guide of EventBridge Scheduler ("Schedule types", "Flexible time windows") and in its API:
//! * A cron time that does not exist, for clocks go forward over it, is skipped. One that exists twice, for clocks go back, is
//!   due once: the first time. This holds for each local time: one that is due every minute is silent in the second hour.
//! * A rate is counted in elapsed time, a day being 24 hours, from the start or, without one, from the creation, at once.
//! * Start and end are for recurring schedules; a one-time schedule ignores both. A schedule can be due at its start.
//! * A flexible window begins at the due time.
//!
//! What AWS leaves open, and is decided here:
//! * A one-time schedule whose time does not exist is due as long after the gap as it is in it (02:30 becomes 03:30): it was to
//!   be due once, and never is not once.
//! * A schedule can be due at its very end, too: AWS's "on, or before".
//! * A window does not reach over the next due time nor over the end. So due times are fired in their order, and one number is
//!   enough to remember which have been.
//! * Due times are whole seconds.

mod at;
mod cron;
mod days;
mod expression;
mod field;
mod rate;
mod set;
#[cfg(test)]
mod tests;
mod timetable;
mod watch;
mod window;

pub use expression::{EXPRESSION_CHARACTERS_MAX, Expression, ExpressionError};
pub use field::{FieldError, Problem};
pub use timetable::{Due, TIME_ZONE_CHARACTERS_MAX, TimeZoneError, Timetable, time_zone};
pub use watch::{AGE_S_DEFAULT, DUE_MAX, Look, Watch};
pub use window::{WINDOW_MINUTES_MAX, Window, WindowError};
