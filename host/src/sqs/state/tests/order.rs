//! A FIFO queue against a model that keeps a list and looks through all of it each time.

use super::*;
use crate::sqs::fifo::{DeduplicationScope, InGroup};

/// A message as the model sees it.
#[derive(Debug, Clone, Copy)]
struct Modelled {
    row: u64,
    group: u8,
    sent_ms: u64,
    visible_ms: u64,
    receives: u32,
    /// Whether it is not in the queue any more.
    is_deleted: bool,
}

#[derive(Debug, Clone)]
enum Step {
    Send { group: u8 },
    Wait { ms: u64 },
    Receive { max: usize, visibility_ms: u64, receives_max: Option<u32>, is_written: bool },
    Delete { which: usize, is_written: bool },
    ChangeVisibility { which: usize, visibility_ms: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..4_u8).prop_map(|group| Step::Send { group }),
        3 => prop_oneof![8 => 1..30_u64, 1 => Just(61 * SECOND)].prop_map(|ms| Step::Wait { ms }),
        4 => (1..=10_usize, 0..30_u64, prop::option::weighted(0.5, 1..=3_u32), prop::bool::weighted(0.8)).prop_map(
            |(max, visibility_ms, receives_max, is_written)| {
                Step::Receive { max, visibility_ms, receives_max, is_written }
            }
        ),
        4 => (any::<usize>(), prop::bool::weighted(0.8))
            .prop_map(|(which, is_written)| Step::Delete { which, is_written }),
        2 => (any::<usize>(), 0..30_u64)
            .prop_map(|(which, visibility_ms)| Step::ChangeVisibility { which, visibility_ms }),
    ]
}

fn fifo_queue() -> QueueState {
    let arn = QueueArn::parse("arn:aws:sqs:us-east-1:000000000000:q.fifo").expect("an ARN");
    let settings = QueueSettings { retention_seconds: 60, ..QueueSettings::default() };
    QueueState::new(QueueKind::Fifo, QueueRecord::new(&arn, settings, 0), 0)
}

fn ordered(row: u64, group: u8, sent_ms: u64) -> Held {
    let names = (group.to_string(), row.to_string());
    let fifo = InGroup::sent(DeduplicationScope::Queue, &names.0, &names.1, row);
    Held { fifo: Some(fifo), ..coming(row, sent(sent_ms, 0)) }
}

#[derive(Debug, Default)]
struct Model {
    now_ms: u64,
    messages: Vec<Modelled>,
}

impl Model {
    fn present(&self) -> impl Iterator<Item = &Modelled> {
        self.messages.iter().filter(|message| !message.is_deleted)
    }

    /// What a receive is to take out: of each group the first messages as long as none of them is with somebody, the group first whose
    /// first message was sent first.
    fn wanted(&self, demand: Demand) -> [Vec<u64>; 3] {
        let mut groups: Vec<Vec<Modelled>> = (0..4)
            .map(|group| self.present().filter(|message| message.group == group).copied().collect())
            .collect();
        groups.sort_by_key(|group| group.first().map_or(u64::MAX, |message| message.row));
        let [mut received, mut dead, mut expired] = [(); 3].map(|()| Vec::new());
        for group in groups {
            for message in group.iter().take_while(|message| message.visible_ms <= self.now_ms) {
                if received.len() == demand.messages_max {
                    return [received, dead, expired];
                }
                let is_dead = demand.receives_max.is_some_and(|max| message.receives >= max);
                match message.sent_ms + 60 * SECOND <= self.now_ms {
                    true => expired.push(message.row),
                    false if is_dead => dead.push(message.row),
                    false => received.push(message.row),
                }
            }
        }
        [received, dead, expired]
    }

    fn receive(
        &mut self,
        queue: &mut QueueState,
        demand: Demand,
        is_written: bool,
    ) -> Result<(), TestCaseError> {
        let now_ms = self.now_ms;
        let taken = queue.receive(now_ms, demand);
        let rows = |held: &[Held]| held.iter().map(|held| held.row.0).collect::<Vec<_>>();
        let rows = [rows(&taken.received), rows(&taken.dead), rows(&taken.expired)];
        prop_assert_eq!(rows, self.wanted(demand));
        for held in taken.dead.iter().chain(&taken.expired) {
            self.messages[held.row.0 as usize].is_deleted = is_written;
            queue.settle(held.row, if is_written { Settled::Gone } else { Settled::Unchanged }, now_ms);
        }
        for held in &taken.received {
            let settled = match is_written {
                true => Settled::Written(held.record),
                false => Settled::Unchanged,
            };
            if is_written {
                let message = &mut self.messages[held.row.0 as usize];
                message.receives += 1;
                message.visible_ms = now_ms + demand.visibility_ms;
            }
            queue.settle(held.row, settled, now_ms);
        }
        Ok(())
    }

    fn play(&mut self, queue: &mut QueueState, step: &Step) -> Result<(), TestCaseError> {
        let now_ms = self.now_ms;
        let named = |which: usize| (!self.messages.is_empty()).then(|| which % self.messages.len());
        match *step {
            Step::Send { group } => {
                let (row, sent_ms) = (self.messages.len() as u64, now_ms);
                queue.insert(ordered(row, group, now_ms), now_ms);
                let message =
                    Modelled { row, group, sent_ms, visible_ms: now_ms, receives: 0, is_deleted: false };
                self.messages.push(message);
            }
            Step::Wait { ms } => self.now_ms += ms,
            Step::Receive { max, visibility_ms, receives_max, is_written } => {
                let demand = Demand { messages_max: max, visibility_ms, receives_max };
                self.receive(queue, demand, is_written)?;
            }
            Step::Delete { which, is_written } => {
                let Some(index) = named(which) else { return Ok(()) };
                let message = &mut self.messages[index];
                match queue.hold_received(RowId(message.row), message.receives, now_ms) {
                    Hold::Held(held) => {
                        prop_assert!(!message.is_deleted && message.visible_ms > now_ms);
                        message.is_deleted = is_written;
                        let settled = if is_written { Settled::Remembered } else { Settled::Unchanged };
                        queue.settle(held.row, settled, now_ms);
                        let once = held.fifo.expect("it has its place").once;
                        prop_assert!(queue.sent(once, now_ms).is_some(), "it is known, deleted or not");
                    }
                    Hold::Expired => prop_assert!(!message.is_deleted && message.visible_ms <= now_ms),
                    Hold::Stale => prop_assert!(message.is_deleted),
                    Hold::Busy => prop_assert!(false, "nobody holds it"),
                }
            }
            Step::ChangeVisibility { which, visibility_ms } => {
                let Some(index) = named(which) else { return Ok(()) };
                let message = &mut self.messages[index];
                let key = (RowId(message.row), message.receives);
                if let Ok(Hold::Held(held)) = queue.hold_in_flight(key, now_ms, visibility_ms) {
                    prop_assert!(!message.is_deleted && message.visible_ms > now_ms);
                    message.visible_ms = now_ms + visibility_ms;
                    queue.settle(held.row, Settled::Written(held.record), now_ms);
                }
            }
        }
        Ok(())
    }

    fn agrees(&self, queue: &mut QueueState) -> Result<(), TestCaseError> {
        let figures = queue.figures(self.now_ms);
        let visible = self.present().filter(|message| message.visible_ms <= self.now_ms).count();
        prop_assert_eq!((figures.visible, figures.delayed), (visible, 0));
        prop_assert_eq!(figures.visible + figures.in_flight, self.present().count());
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_order_of_every_group_is_kept_and_no_message_is_lost(steps in prop::collection::vec(step(), 1..120)) {
        let (mut model, mut queue) = (Model::default(), fifo_queue());
        for step in &steps {
            model.play(&mut queue, step)?;
            model.agrees(&mut queue)?;
        }
    }
}

#[test]
fn what_was_sent_is_known_for_five_minutes_whatever_becomes_of_it() {
    let mut queue = fifo_queue();
    let (deleted, kept) = (ordered(1, 0, 0), ordered(2, 0, 1));
    let once = |held: &Held| held.fifo.expect("it has its place").once;
    queue.insert(deleted, 0);
    queue.insert(kept, 1);
    let taken = queue.receive(1, demand(1, 1000));
    queue.settle(taken.received[0].row, Settled::Remembered, 1);
    assert_eq!(queue.message_count(), 1);
    let known = |queue: &QueueState, now_ms| {
        (queue.sent(once(&deleted), now_ms).is_some(), queue.sent(once(&kept), now_ms).is_some())
    };
    assert_eq!(known(&queue, 5 * MINUTE - 1), (true, true));
    assert_eq!(known(&queue, 5 * MINUTE), (false, true));
    assert_eq!(queue.forget_old(5 * MINUTE - 1), []);
    assert_eq!(queue.forget_old(5 * MINUTE), [(RowId(1), 1)], "its row, as it was written");
    assert_eq!(queue.next_number(1), 3, "beyond all that were given");
    assert_eq!(queue.next_number(9), 9);
    queue.remember(&Held { fifo: deleted.fifo.map(InGroup::gone), ..deleted });
    assert_eq!(queue.forget_all(), [(RowId(1), 0)]);
    assert_eq!(known(&queue, 2), (false, false));
}
