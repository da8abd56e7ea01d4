//! Flexible time windows: how long after its due time a schedule is fired.

/// The longest window, in minutes: EventBridge Scheduler's limit.
pub const WINDOW_MINUTES_MAX: u16 = 1_440;

/// The time within which a schedule is fired, from the due time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// 0 if the window is off.
    minutes: u16,
    seed: u64,
}

/// A window of a length that there is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a flexible window has 1 to {WINDOW_MINUTES_MAX} minutes, not {minutes}")]
pub struct WindowError {
    /// The length.
    pub minutes: u16,
}

impl Window {
    /// No window: a schedule is fired when it is due.
    pub const OFF: Self = Self { minutes: 0, seed: 0 };

    /// A window of that length. Where in it a schedule is fired is chosen by `seed`, which two schedules should not share.
    ///
    /// # Errors
    /// When the length is not within AWS's limits.
    pub fn flexible(minutes: u16, seed: u64) -> Result<Self, WindowError> {
        match (1..=WINDOW_MINUTES_MAX).contains(&minutes) {
            true => Ok(Self { minutes, seed }),
            false => Err(WindowError { minutes }),
        }
    }

    /// Its length in seconds; 0 if it is off.
    pub(super) fn length_s(self) -> i64 {
        i64::from(self.minutes) * 60
    }

    /// How many seconds after a due time the schedule is fired: less than both the window and `room_s`, and always as many.
    pub(super) fn offset_s(self, scheduled_s: i64, room_s: i64) -> i64 {
        let room_s = self.length_s().min(room_s).max(0);
        let drawn = mixed(self.seed ^ mixed(scheduled_s as u64));
        // As a fraction of the room. It is less than the room, for the drawn number is less than 2^64.
        ((u128::from(drawn) * room_s as u128) >> 64) as i64
    }
}

/// Spreads close numbers over all numbers: Stafford's thirteenth variant of the finalizer of MurmurHash3, for it stays the same
/// over versions of the compiler and the host.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
