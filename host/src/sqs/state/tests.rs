//! The queue against a model that keeps a list and looks through all of it each time.

mod order;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::function::QueueArn;
use crate::sqs::fifo::QueueKind;
use crate::sqs::settings::QueueSettings;

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;

fn queue(retention_seconds: u32) -> QueueState {
    let arn = QueueArn::parse("arn:aws:sqs:us-east-1:000000000000:q").expect("an ARN");
    let settings = QueueSettings { retention_seconds, ..QueueSettings::default() };
    QueueState::new(QueueKind::Standard, QueueRecord::new(&arn, settings, 0), 0)
}

fn coming(row: u64, record: MessageRecord) -> Held {
    Held { row: RowId(row), fence: 0, record, fifo: None }
}

fn demand(messages_max: usize, visibility_ms: u64) -> Demand {
    Demand { messages_max, visibility_ms, receives_max: None }
}

fn sent(now_ms: u64, delay_ms: u64) -> MessageRecord {
    MessageRecord {
        id: Uuid::nil(),
        bytes: 1,
        sent_ms: now_ms,
        ahead_ms: 0,
        visible_ms: now_ms + delay_ms,
        receives: 0,
        elsewhere: 0,
        forgotten: 0,
        source: None,
        first_received_ms: None,
        last_received_ms: None,
    }
}

impl QueueState {
    fn send(&mut self, row: u64, now_ms: u64) {
        self.insert(coming(row, sent(now_ms, 0)), now_ms);
    }

    /// Receives, and writes that down.
    fn received(&mut self, now_ms: u64, messages_max: usize, visibility_ms: u64) -> Vec<(u64, u32)> {
        let taken = self.receive(now_ms, demand(messages_max, visibility_ms));
        for held in &taken.received {
            self.settle(held.row, Settled::Written(held.record), now_ms);
        }
        for held in &taken.expired {
            self.settle(held.row, Settled::Gone, now_ms);
        }
        taken.received.iter().map(|held| (held.row.0, held.record.receives)).collect()
    }
}

#[test]
fn messages_come_in_the_order_they_were_sent_and_are_then_kept_from_others() {
    let mut queue = queue(60);
    (1..=3).for_each(|row| queue.send(row, 0));
    assert_eq!(queue.received(0, 2, MINUTE / 2), [(1, 1), (2, 1)]);
    assert_eq!(queue.received(0, 10, MINUTE / 2), [(3, 1)]);
    assert_eq!(queue.received(MINUTE / 2 - 1, 10, 0), []);
    assert_eq!(queue.next_due_ms(), Some(MINUTE / 2));
    assert_eq!(queue.received(MINUTE / 2, 10, 0), [(1, 2), (2, 2), (3, 2)]);
    // No visibility timeout at all: they are there at once.
    assert_eq!(queue.received(MINUTE / 2, 1, 0), [(1, 3)]);
}

#[test]
fn what_comes_back_stands_behind_what_waited_longer() {
    let mut queue = queue(60);
    queue.send(1, 0);
    assert_eq!(queue.received(0, 1, 5), [(1, 1)]);
    queue.send(2, 3);
    queue.send(3, 7);
    assert_eq!(queue.received(9, 10, 0), [(2, 1), (1, 2), (3, 1)]);
}

#[test]
fn a_delayed_message_is_counted_apart_until_its_delay_is_over() {
    let mut queue = queue(60);
    queue.insert(coming(1, sent(0, SECOND)), 0);
    assert_eq!(queue.received(SECOND - 1, 1, MINUTE), []);
    let delayed = QueueFigures { delayed: 1, oldest_age_ms: Some(999), ..QueueFigures::default() };
    assert_eq!(queue.figures(SECOND - 1), delayed);
    let visible = QueueFigures { visible: 1, oldest_age_ms: Some(SECOND), ..QueueFigures::default() };
    assert_eq!(queue.figures(SECOND), visible);
    assert_eq!(queue.received(SECOND, 1, MINUTE), [(1, 1)]);
    let in_flight = QueueFigures { in_flight: 1, oldest_age_ms: Some(SECOND), ..QueueFigures::default() };
    assert_eq!(queue.figures(SECOND), in_flight);
}

#[test]
fn a_message_that_is_being_written_is_nobody_elses() {
    let mut queue = queue(60);
    queue.send(1, 0);
    let taken = queue.receive(0, demand(1, 0));
    assert!(queue.receive(0, demand(1, 0)).received.is_empty());
    assert_eq!(queue.hold_received(RowId(1), 1, 0), Hold::Busy);
    assert_eq!(queue.hold_in_flight((RowId(1), 1), 0, 0), Ok(Hold::Busy));
    // It could not be written: it is as it was, and was never received.
    queue.settle(taken.received[0].row, Settled::Unchanged, 0);
    assert_eq!(queue.received(0, 1, 0), [(1, 1)]);
}

#[test]
fn a_receipt_is_stale_when_the_message_was_received_again() {
    let mut queue = queue(60);
    queue.send(1, 0);
    queue.received(0, 1, 10);
    assert_eq!(queue.received(10, 1, 10), [(1, 2)]);
    assert_eq!(queue.hold_received(RowId(1), 1, 10), Hold::Stale);
    assert_eq!(queue.hold_in_flight((RowId(1), 1), 10, 0), Err(VisibilityError::NotThere));
    let Hold::Held(held) = queue.hold_received(RowId(1), 2, 10) else { panic!("it is the latest") };
    queue.settle(held.row, Settled::Gone, 10);
    assert_eq!(queue.hold_received(RowId(1), 2, 10), Hold::Stale);
    assert_eq!((queue.message_count(), queue.figures(10)), (0, QueueFigures::default()));
}

/// As in SQS: nobody else has it yet.
#[test]
fn a_receipt_whose_time_is_over_still_deletes_but_cannot_be_prolonged() {
    let mut queue = queue(60);
    queue.send(1, 0);
    queue.received(0, 1, 10);
    assert_eq!(queue.hold_in_flight((RowId(1), 1), 10, 0), Err(VisibilityError::NotInFlight));
    assert!(matches!(queue.hold_received(RowId(1), 1, 10), Hold::Held(_)));
}

#[test]
fn a_visibility_ends_12_hours_after_the_receipt_at_the_latest() {
    let mut queue = queue(1_209_600);
    queue.send(1, 0);
    queue.received(0, 1, 10 * SECOND);
    let most = 43_200 * SECOND;
    assert_eq!(queue.hold_in_flight((RowId(1), 1), 1, most), Err(VisibilityError::BeyondTotal));
    let Ok(Hold::Held(held)) = queue.hold_in_flight((RowId(1), 1), 1, most - 1) else { panic!("it fits") };
    queue.settle(held.row, Settled::Written(held.record), 1);
    assert_eq!(queue.received(most - 1, 1, 0), []);
    assert_eq!(queue.received(most, 1, 0), [(1, 2)]);
}

#[test]
fn a_message_that_is_too_old_is_not_handed_out() {
    let mut queue = queue(60);
    queue.send(1, 0);
    queue.send(2, 1);
    assert_eq!(queue.hold_expired(MINUTE - 1), []);
    assert_eq!(queue.received(MINUTE, 10, 0), [(2, 1)]);
    assert_eq!(queue.message_count(), 1);
    // A settings' change holds for messages that are there.
    queue.record.settings.retention_seconds = 61;
    assert_eq!(queue.hold_expired(MINUTE + 1), []);
    assert_eq!(queue.hold_expired(MINUTE + 1 + SECOND).len(), 1);
}

#[test]
fn no_more_are_in_flight_and_in_one_receive_than_may_be() {
    let mut queue = queue(60);
    for row in 0..=IN_FLIGHT_MAX as u64 {
        queue.send(row, 0);
    }
    let mut in_flight = 0;
    loop {
        let taken = queue.receive(0, demand(10, MINUTE));
        in_flight += taken.received.len();
        taken.received.iter().for_each(|held| queue.settle(held.row, Settled::Written(held.record), 0));
        if taken.over_limit {
            break;
        }
    }
    assert_eq!((in_flight, queue.figures(0).visible), (IN_FLIGHT_MAX, 1));
    let mut queue = super::tests::queue(60);
    for row in 0..3 {
        let bytes = u32::try_from(RECEIVE_BYTES_MAX / 2).expect("a small number");
        queue.insert(coming(row, MessageRecord { bytes, ..sent(0, 0) }), 0);
    }
    assert_eq!(queue.received(0, 10, 0).len(), 2);
}

#[test]
fn a_message_that_was_received_often_enough_goes_aside_while_there_is_a_dead_letter_queue() {
    let mut queue = queue(60);
    (1..=2).for_each(|row| queue.send(row, 0));
    assert_eq!(queue.received(0, 1, 0), [(1, 1)]);
    let often = Demand { receives_max: Some(1), ..demand(10, 0) };
    let taken = queue.receive(0, often);
    assert_eq!(taken.received.iter().map(|held| held.row.0).collect::<Vec<_>>(), [2]);
    let dead = taken.dead[0];
    assert_eq!((dead.row, dead.record.receives), (RowId(1), 1));
    for held in taken.received.iter().chain(&taken.dead) {
        queue.settle(held.row, Settled::Unchanged, 0);
    }
    // There is none any more.
    assert_eq!(queue.received(0, 10, 0), [(1, 2), (2, 1)]);

    // In the dead-letter queue it counts anew, though what is told goes on.
    let mut other = super::tests::queue(60);
    other.insert(Held { record: dead.record.dead_letter_of(RowId(7), 5), ..dead }, 5);
    let visible = QueueFigures { visible: 1, oldest_age_ms: Some(5), ..QueueFigures::default() };
    assert_eq!(other.figures(5), visible);
    let taken = other.receive(5, often);
    assert_eq!((taken.received[0].record.receives, taken.dead.len()), (2, 0));
}

/// A message as the model sees it.
#[derive(Debug, Clone, Copy)]
struct Modelled {
    row: u64,
    sent_ms: u64,
    visible_ms: u64,
    receives: u32,
    /// Whether it is not in the queue any more.
    is_deleted: bool,
}

#[derive(Debug, Clone)]
enum Step {
    Send { delay_ms: u64 },
    Wait { ms: u64 },
    Receive { max: usize, visibility_ms: u64, receives_max: Option<u32>, is_written: bool },
    Delete { which: usize, receipts_ago: u32, is_written: bool },
    ChangeVisibility { which: usize, receipts_ago: u32, visibility_ms: u64 },
    Expire,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop_oneof![Just(0), 1..20_u64].prop_map(|delay_ms| Step::Send { delay_ms }),
        3 => (1..30_u64).prop_map(|ms| Step::Wait { ms }),
        4 => (1..=10_usize, 0..30_u64, prop::option::weighted(0.7, 1..=3_u32), prop::bool::weighted(0.8)).prop_map(
            |(max, visibility_ms, receives_max, is_written)| {
                Step::Receive { max, visibility_ms, receives_max, is_written }
            }
        ),
        3 => (any::<usize>(), prop_oneof![3 => Just(0), 1 => Just(1)], prop::bool::weighted(0.8))
            .prop_map(|(which, receipts_ago, is_written)| Step::Delete { which, receipts_ago, is_written }),
        2 => (any::<usize>(), prop_oneof![3 => Just(0), 1 => Just(1)], 0..30_u64).prop_map(
            |(which, receipts_ago, visibility_ms)| Step::ChangeVisibility { which, receipts_ago, visibility_ms }
        ),
        1 => Just(Step::Expire),
        // All that is there is too old then.
        1 => Just(Step::Wait { ms: 61 * SECOND }),
    ]
}

#[derive(Debug)]
struct Model {
    now_ms: u64,
    messages: Vec<Modelled>,
    /// The dead-letter queue, and how many messages it should have.
    dead_letters: QueueState,
    dead: usize,
}

impl Default for Model {
    fn default() -> Self {
        Self { now_ms: 0, messages: Vec::new(), dead_letters: queue(60), dead: 0 }
    }
}

impl Model {
    fn present(&self) -> impl Iterator<Item = &Modelled> {
        self.messages.iter().filter(|message| !message.is_deleted)
    }

    fn is_young(&self, message: &Modelled) -> bool {
        message.sent_ms + 60 * SECOND > self.now_ms
    }

    fn find(&mut self, row: RowId) -> &mut Modelled {
        self.messages
            .iter_mut()
            .find(|message| message.row == row.0)
            .expect("nothing comes that was not sent")
    }

    /// Plays a step on both.
    fn play(&mut self, queue: &mut QueueState, step: &Step) -> Result<(), TestCaseError> {
        let now_ms = self.now_ms;
        match *step {
            Step::Send { delay_ms } => {
                let row = self.messages.len() as u64;
                queue.insert(coming(row, sent(now_ms, delay_ms)), now_ms);
                let visible_ms = now_ms + delay_ms;
                self.messages.push(Modelled {
                    row,
                    sent_ms: now_ms,
                    visible_ms,
                    receives: 0,
                    is_deleted: false,
                });
            }
            Step::Wait { ms } => self.now_ms += ms,
            Step::Receive { max, visibility_ms, receives_max, is_written } => {
                let demand = Demand { messages_max: max, visibility_ms, receives_max };
                self.receive(queue, demand, is_written)?;
            }
            Step::Delete { which, receipts_ago, is_written } if !self.messages.is_empty() => {
                let index = which % self.messages.len();
                let message = &mut self.messages[index];
                let Some(receives) = message.receives.checked_sub(receipts_ago).filter(|n| *n > 0) else {
                    return Ok(());
                };
                match queue.hold_received(RowId(message.row), receives, now_ms) {
                    Hold::Held(held) => {
                        prop_assert!(!message.is_deleted && receipts_ago == 0);
                        message.is_deleted = is_written;
                        let settled = if is_written { Settled::Gone } else { Settled::Unchanged };
                        queue.settle(held.row, settled, now_ms);
                    }
                    Hold::Stale => prop_assert!(message.is_deleted || receipts_ago > 0),
                    Hold::Busy | Hold::Expired => prop_assert!(false, "nobody holds it"),
                }
            }
            Step::ChangeVisibility { which, receipts_ago, visibility_ms } if !self.messages.is_empty() => {
                let index = which % self.messages.len();
                let message = &mut self.messages[index];
                let Some(receives) = message.receives.checked_sub(receipts_ago).filter(|n| *n > 0) else {
                    return Ok(());
                };
                let is_latest = !message.is_deleted && receipts_ago == 0;
                let in_flight = message.visible_ms > now_ms;
                match queue.hold_in_flight((RowId(message.row), receives), now_ms, visibility_ms) {
                    Ok(Hold::Held(held)) => {
                        prop_assert!(is_latest && in_flight);
                        message.visible_ms = now_ms + visibility_ms;
                        queue.settle(held.row, Settled::Written(held.record), now_ms);
                    }
                    Err(VisibilityError::NotThere) => prop_assert!(!is_latest),
                    Err(VisibilityError::NotInFlight) => prop_assert!(is_latest && !in_flight),
                    other => prop_assert!(false, "{:?}", other),
                }
            }
            Step::Expire => {
                for held in queue.hold_expired(now_ms) {
                    let message = *self.find(held.row);
                    prop_assert!(!message.is_deleted && !self.is_young(&message));
                    self.find(held.row).is_deleted = true;
                    queue.settle(held.row, Settled::Gone, now_ms);
                }
                prop_assert!(self.present().all(|message| self.is_young(message)));
            }
            Step::Delete { .. } | Step::ChangeVisibility { .. } => {}
        }
        Ok(())
    }

    /// What comes is there, young, visible and counted right; as much comes as there is; the longest visible first. What was
    /// received as often as may be goes into the dead-letter queue, as it is, and nobody else does.
    fn receive(
        &mut self,
        queue: &mut QueueState,
        demand: Demand,
        is_written: bool,
    ) -> Result<(), TestCaseError> {
        let now_ms = self.now_ms;
        let mut ready: Vec<Modelled> = (self.present())
            .filter(|message| message.visible_ms <= now_ms && self.is_young(message))
            .copied()
            .collect();
        ready.sort_unstable_by_key(|message| (message.visible_ms, message.row));
        let (mut wanted, mut dead) = (Vec::new(), Vec::new());
        for message in ready {
            match demand.receives_max.is_some_and(|max| message.receives >= max) {
                _ if wanted.len() == demand.messages_max => break,
                true => dead.push(message.row),
                false => wanted.push(message.row),
            }
        }
        let taken = queue.receive(now_ms, demand);
        let rows = |held: &[Held]| held.iter().map(|held| held.row.0).collect::<Vec<_>>();
        prop_assert_eq!((rows(&taken.received), rows(&taken.dead)), (wanted, dead));
        let gone = if is_written { Settled::Gone } else { Settled::Unchanged };
        for held in &taken.expired {
            let message = *self.find(held.row);
            prop_assert!(!message.is_deleted && !self.is_young(&message));
            self.find(held.row).is_deleted = is_written;
            queue.settle(held.row, gone, now_ms);
        }
        for held in &taken.dead {
            prop_assert_eq!(held.record.receives, self.find(held.row).receives);
            queue.settle(held.row, gone, now_ms);
            if is_written {
                self.find(held.row).is_deleted = true;
                self.dead += 1;
                let record = held.record.dead_letter_of(RowId(1), now_ms);
                self.dead_letters.insert(Held { record, ..*held }, now_ms);
            }
        }
        for held in &taken.received {
            let message = self.find(held.row);
            prop_assert_eq!(held.record.receives, message.receives + 1);
            if is_written {
                message.receives += 1;
                message.visible_ms = now_ms + demand.visibility_ms;
                queue.settle(held.row, Settled::Written(held.record), now_ms);
            } else {
                queue.settle(held.row, Settled::Unchanged, now_ms);
            }
        }
        Ok(())
    }

    fn agrees(&mut self, queue: &mut QueueState) -> Result<(), TestCaseError> {
        let now_ms = self.now_ms;
        prop_assert_eq!(self.dead_letters.figures(now_ms).visible, self.dead);
        let figures = queue.figures(now_ms);
        let count =
            |is_so: &dyn Fn(&Modelled) -> bool| self.present().filter(|message| is_so(message)).count();
        prop_assert_eq!(figures.visible, count(&|message| message.visible_ms <= now_ms));
        prop_assert_eq!(figures.delayed, count(&|it| it.visible_ms > now_ms && it.receives == 0));
        prop_assert_eq!(figures.in_flight, count(&|it| it.visible_ms > now_ms && it.receives > 0));
        prop_assert_eq!(queue.message_count(), self.present().count());
        let oldest = self.present().map(|message| now_ms - message.sent_ms).max();
        prop_assert_eq!(figures.oldest_age_ms, oldest);
        prop_assert_eq!(queue.next_due_ms().is_none_or(|due| due > now_ms), true);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_message_is_lost_or_handed_out_twice_and_receipts_are_counted(steps in prop::collection::vec(step(), 1..120)) {
        let (mut model, mut queue) = (Model::default(), queue(60));
        for step in &steps {
            model.play(&mut queue, step)?;
            model.agrees(&mut queue)?;
        }
    }
}
