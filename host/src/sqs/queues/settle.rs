//! Receivers are done with messages, or need longer.

use super::super::receipt::ReceiptHandle;
use super::super::state::{Held, Hold, VisibilityError};
use super::outcome::{Fate, all_deleted};
use super::{Queue, QueueError, Queues};
use crate::function::QueueArn;

impl Queues {
    /// Deletes messages for those who have their latest receipts; whose receipt is stale is told nothing else. Gives back the receipts
    /// with which a FIFO queue deletes nothing any more.
    pub(crate) async fn delete_messages(
        &self,
        arn: &QueueArn,
        receipts: &[ReceiptHandle],
    ) -> Result<Vec<ReceiptHandle>, QueueError> {
        let queue = self.0.find(arn)?;
        let (mut left, mut expired) = (receipts.to_vec(), Vec::new());
        while !left.is_empty() {
            let settled = queue.settled.notified();
            let now_ms = self.0.clock.now_ms();
            let held = hold_received(&queue, now_ms, &mut left, &mut expired);
            match held.is_empty() {
                true if left.is_empty() => break,
                true => settled.await,
                false => {
                    let (inner, queue) = (self.0.clone(), queue.clone());
                    self.0
                        .to_the_end(async move { inner.carry_out(&queue, all_deleted(held, now_ms)).await })
                        .await?;
                }
            }
        }
        Ok(expired)
    }

    /// Keeps messages from others for so many seconds from now on; the answers are in the order of the receipts.
    pub(crate) async fn change_visibility(
        &self,
        arn: &QueueArn,
        changes: &[(ReceiptHandle, u32)],
    ) -> Result<Vec<Result<(), VisibilityError>>, QueueError> {
        let queue = self.0.find(arn)?;
        let mut answers = vec![Ok(()); changes.len()];
        let mut left: Vec<usize> = (0..changes.len()).collect();
        while !left.is_empty() {
            let settled = queue.settled.notified();
            let now_ms = self.0.clock.now_ms();
            let mut held = Vec::new();
            {
                let mut state = queue.state();
                left.retain(|&index| {
                    let (receipt, seconds) = changes[index];
                    let key = (receipt.message, receipt.receives);
                    match state.hold_in_flight(key, now_ms, u64::from(seconds) * 1000) {
                        Ok(Hold::Busy) => return true,
                        Ok(Hold::Held(message)) => held.push(message),
                        Ok(Hold::Stale | Hold::Expired) => answers[index] = Err(VisibilityError::NotThere),
                        Err(error) => answers[index] = Err(error),
                    }
                    false
                });
            }
            match held.is_empty() {
                true if left.is_empty() => break,
                true => settled.await,
                false => {
                    let (inner, queue) = (self.0.clone(), queue.clone());
                    let written = held.into_iter().map(|held| (held, Fate::Written(held.record))).collect();
                    self.0.to_the_end(async move { inner.carry_out(&queue, written).await }).await?;
                }
            }
        }
        Ok(answers)
    }
}

/// Holds what can be held, and leaves what somebody else holds.
fn hold_received(
    queue: &Queue,
    now_ms: u64,
    left: &mut Vec<ReceiptHandle>,
    expired: &mut Vec<ReceiptHandle>,
) -> Vec<Held> {
    let mut state = queue.state();
    let mut held = Vec::new();
    left.retain(|receipt| match state.hold_received(receipt.message, receipt.receives, now_ms) {
        Hold::Busy => true,
        Hold::Stale => false,
        Hold::Expired => {
            expired.push(*receipt);
            false
        }
        Hold::Held(message) => {
            held.push(message);
            false
        }
    });
    held
}
