//! Receipt handles: what a receiver shows when it is done with a message.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use crate::store::journal::RowId;

/// The numbers in a handle, as bytes.
const NUMBERS_BYTES: usize = 20;
/// What tells a handle from other text of its form.
const CHECK_BYTES: usize = 4;

/// One receipt of one message. A later one makes it stale, because it counts receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ReceiptHandle {
    pub(super) queue: RowId,
    pub(super) message: RowId,
    /// The how-manieth receipt it is.
    pub(super) receives: u32,
}

impl ReceiptHandle {
    /// The handle that a text is, if it is one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (numbers, check) = bytes.split_first_chunk::<NUMBERS_BYTES>()?;
        let (queue, rest) = numbers.split_first_chunk::<8>()?;
        let (message, receives) = rest.split_first_chunk::<8>()?;
        let handle = Self {
            queue: RowId(u64::from_be_bytes(*queue)),
            message: RowId(u64::from_be_bytes(*message)),
            receives: u32::from_be_bytes(receives.try_into().ok()?),
        };
        (check == check_of(numbers)).then_some(handle)
    }

    /// The handle as text.
    pub(crate) fn text(&self) -> String {
        let mut bytes = Vec::with_capacity(NUMBERS_BYTES + CHECK_BYTES);
        bytes.extend(self.queue.0.to_be_bytes());
        bytes.extend(self.message.0.to_be_bytes());
        bytes.extend(self.receives.to_be_bytes());
        bytes.extend(check_of(&bytes));
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }
}

fn check_of(numbers: &[u8]) -> [u8; CHECK_BYTES] {
    *blake3::hash(numbers).as_bytes().first_chunk().expect("a hash is longer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_read_as_it_is_written_and_nothing_else_is_one() {
        let handle = ReceiptHandle { queue: RowId(3), message: RowId(u64::MAX), receives: 2 };
        assert_eq!(ReceiptHandle::parse(&handle.text()), Some(handle));
        let changed = handle.text().replace('w', "x");
        let other = BASE64_URL_SAFE_NO_PAD.encode([0; NUMBERS_BYTES + CHECK_BYTES]);
        for bad in ["", "garbage", &handle.text()[..20], &changed, &other] {
            assert_eq!(ReceiptHandle::parse(bad), None, "{bad:?}");
        }
    }
}
