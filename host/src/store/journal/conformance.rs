//! What every journal does, written once and held against each.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::*;

pub(super) const KIND: Kind = Kind(3);

/// A journal under test.
pub(super) struct Subject {
    pub(super) journal: Arc<dyn Journal>,
    /// Where it is, if it outlives its process.
    folder: Option<tempfile::TempDir>,
}

impl Subject {
    pub(super) fn in_memory() -> Self {
        Self { journal: super::super::open_journal(None).expect("it opens"), folder: None }
    }

    #[cfg(feature = "sqlite")]
    pub(super) fn in_a_file() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = super::super::open_journal(Some(folder.path())).expect("it opens");
        Self { journal, folder: Some(folder) }
    }

    /// The journal after its process ended and began again, where that makes a difference.
    pub(super) fn reopened(self) -> Self {
        let Self { journal, folder } = self;
        let Some(folder) = folder else { return Self { journal, folder } };
        assert_eq!(Arc::strong_count(&journal), 1, "nobody else uses it");
        drop(journal);
        let journal = super::super::open_journal(Some(folder.path())).expect("it opens");
        Self { journal, folder: Some(folder) }
    }

    pub(super) async fn write(&self, changes: impl IntoIterator<Item = Change>) -> Result<(), StoreError> {
        self.journal.write(changes.into_iter().collect()).await
    }

    pub(super) fn loaded(&self) -> Vec<Row> {
        loaded(&*self.journal).expect("it loads")
    }

    pub(super) async fn body(&self, id: RowId) -> Option<Bytes> {
        self.journal.body(id).await.expect("it can be read")
    }
}

/// All rows of a journal, in the order of their ids, or why they cannot be read.
pub(crate) fn loaded(journal: &dyn Journal) -> Result<Vec<Row>, StoreError> {
    let rows = Mutex::new(Vec::new());
    journal.load(&|some| {
        assert!(some.is_sorted_by_key(|row| row.id), "each time in the order of their ids");
        rows.lock().expect("no panic").extend(some);
    })?;
    let mut rows = rows.into_inner().expect("no panic");
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

pub(super) fn insert(id: RowId, header: &str, body: Option<&str>) -> Change {
    let body = body.map(|body| Bytes::copy_from_slice(body.as_bytes()));
    Change::Insert { id, kind: KIND, header: header.into(), body }
}

pub(super) fn update(id: RowId, fence: u64, header: &str) -> Change {
    Change::Update { id, fence, header: header.into(), body: BodyChange::Keep }
}

pub(super) fn put_body(id: RowId, fence: u64, body: &str) -> Change {
    let body = BodyChange::Put(Bytes::copy_from_slice(body.as_bytes()));
    Change::Update { id, fence, header: b"with a body".to_vec(), body }
}

fn remove_body(id: RowId, fence: u64) -> Change {
    Change::Update { id, fence, header: b"without".to_vec(), body: BodyChange::Remove }
}

pub(super) fn delete(id: RowId, fence: u64) -> Change {
    Change::Delete { id, fence }
}

/// What tells rows apart: id, fence, header.
fn brief(rows: &[Row]) -> Vec<(u64, u64, &str)> {
    rows.iter().map(|row| (row.id.0, row.fence, std::str::from_utf8(&row.header).expect("text"))).collect()
}

/// Each of these is run for each journal.
macro_rules! every_journal {
    ($($behaviour:ident,)*) => {
        mod in_memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                super::$behaviour(super::Subject::in_memory()).await;
            })*
        }
        #[cfg(feature = "sqlite")]
        mod in_a_file {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                super::$behaviour(super::Subject::in_a_file()).await;
            })*
        }
    };
}

every_journal! {
    a_new_journal_is_empty,
    rows_are_loaded_with_all_they_had,
    a_body_is_read_as_it_was_written_whatever_it_is,
    an_update_writes_header_and_fence_and_leaves_the_body_unless_told_otherwise,
    a_batch_with_a_change_that_does_not_fit_changes_nothing,
    each_change_of_a_batch_sees_those_before_it,
    a_batch_without_changes_is_made,
    of_those_who_settle_a_row_at_once_one_wins,
    a_stale_batch_is_refused_alone_among_others_that_are_made,
    batches_are_made_in_the_order_in_which_they_were_given,
    what_nobody_waits_for_is_written_all_the_same,
    an_id_that_was_written_is_never_given_out_again,
    a_journal_that_is_opened_again_is_the_same,
}

async fn a_new_journal_is_empty(subject: Subject) {
    assert_eq!(subject.loaded(), []);
    assert_eq!(subject.body(RowId(1)).await, None);
    assert_eq!(subject.journal.flushes().changes_waiting, 0);
    assert!(!subject.journal.failed().is_cancelled());
}

async fn rows_are_loaded_with_all_they_had(subject: Subject) {
    let [one, two, three] = [(); 3].map(|()| subject.journal.allocate());
    assert!(one < two && two < three);
    let other = Change::Insert { id: two, kind: Kind(255), header: vec![0xff, 0], body: Some(Bytes::new()) };
    subject.write([insert(three, "three", Some("body"))]).await.expect("written");
    subject.write([other, insert(one, "", None)]).await.expect("written");
    let row =
        |id, kind, header: &[u8], body_bytes| Row { id, kind, fence: 0, header: header.to_vec(), body_bytes };
    let expected = [
        row(one, KIND, b"", None),
        row(two, Kind(255), &[0xff, 0], Some(0)),
        row(three, KIND, b"three", Some(4)),
    ];
    assert_eq!(subject.loaded(), expected);
    assert_eq!(subject.reopened().loaded(), expected);
}

async fn a_body_is_read_as_it_was_written_whatever_it_is(subject: Subject) {
    let bodies = [Bytes::new(), Bytes::from_static(&[0]), Bytes::from(vec![0xa5; 4096]), {
        Bytes::from((0..3_000_000_u32).map(|number| number as u8).collect::<Vec<_>>())
    }];
    let mut written = Vec::new();
    for body in bodies {
        let id = subject.journal.allocate();
        let change = Change::Insert { id, kind: KIND, header: vec![], body: Some(body.clone()) };
        subject.write([change]).await.expect("written");
        written.push((id, body));
    }
    let subject = subject.reopened();
    for (id, body) in written {
        assert!(subject.body(id).await == Some(body), "{id:?} is another");
    }
}

async fn an_update_writes_header_and_fence_and_leaves_the_body_unless_told_otherwise(subject: Subject) {
    let id = subject.journal.allocate();
    subject.write([insert(id, "new", Some("first"))]).await.expect("written");
    subject.write([update(id, 0, "claimed")]).await.expect("written");
    assert_eq!(brief(&subject.loaded()), [(id.0, 1, "claimed")]);
    assert_eq!(subject.body(id).await.as_deref(), Some(&b"first"[..]));
    subject.write([put_body(id, 1, "second")]).await.expect("written");
    assert_eq!(subject.body(id).await.as_deref(), Some(&b"second"[..]));
    assert_eq!(subject.loaded()[0].body_bytes, Some(6));
    subject.write([remove_body(id, 2)]).await.expect("written");
    assert_eq!((subject.body(id).await, subject.loaded()[0].body_bytes), (None, None));
    subject.write([put_body(id, 3, "")]).await.expect("written");
    assert_eq!(subject.body(id).await, Some(Bytes::new()), "an empty body is one");
    assert_eq!(subject.loaded()[0].kind, KIND, "whose it is does not change");
    subject.write([delete(id, 4)]).await.expect("written");
    assert_eq!((subject.body(id).await, subject.loaded()), (None, vec![]));
}

async fn a_batch_with_a_change_that_does_not_fit_changes_nothing(subject: Subject) {
    let [one, two, new, absent] = [(); 4].map(|()| subject.journal.allocate());
    subject.write([insert(one, "one", Some("1")), insert(two, "two", None)]).await.expect("written");
    subject.write([update(two, 0, "two again")]).await.expect("written");
    let before = subject.loaded();
    for wrong in [
        insert(two, "there already", None),
        update(two, 0, "stale"),
        update(two, 2, "of a fence to come"),
        update(absent, 0, "of none"),
        delete(two, 0),
        delete(absent, 0),
    ] {
        let fitting = || [put_body(one, 0, "no"), insert(new, "new", None)];
        assert_eq!(subject.write([wrong.clone()]).await, Err(StoreError::Conflict), "{wrong:?}");
        let last = fitting().into_iter().chain([wrong.clone()]);
        assert_eq!(subject.write(last).await, Err(StoreError::Conflict), "{wrong:?}");
        let first = [wrong.clone()].into_iter().chain(fitting());
        assert_eq!(subject.write(first).await, Err(StoreError::Conflict), "{wrong:?}");
        assert_eq!(subject.loaded(), before);
        assert_eq!(subject.body(one).await.as_deref(), Some(&b"1"[..]));
    }
    assert!(!subject.journal.failed().is_cancelled());
}

async fn each_change_of_a_batch_sees_those_before_it(subject: Subject) {
    let [one, two] = [(); 2].map(|()| subject.journal.allocate());
    let whole_life = [insert(one, "", None), update(one, 0, ""), put_body(one, 1, "body"), delete(one, 2)];
    subject.write(whole_life).await.expect("written");
    assert_eq!(subject.loaded(), []);
    subject.write([insert(two, "", Some("1")), update(two, 0, "claimed")]).await.expect("written");
    let twice = subject.write([update(two, 1, "a"), update(two, 1, "b")]).await;
    assert_eq!(twice, Err(StoreError::Conflict));
    subject.write([update(two, 1, "a"), update(two, 2, "b")]).await.expect("written");
    assert_eq!(brief(&subject.loaded()), [(two.0, 3, "b")]);
    let anew = [delete(two, 3), insert(two, "anew", None)];
    subject.write(anew).await.expect("written");
    assert_eq!((brief(&subject.loaded()), subject.body(two).await), (vec![(two.0, 0, "anew")], None));
}

async fn a_batch_without_changes_is_made(subject: Subject) {
    assert_eq!(subject.write([]).await, Ok(()));
    assert_eq!(subject.loaded(), []);
}

/// Two who hold the same event settle it: its outcome, and what is to be delivered of it, are written once.
async fn of_those_who_settle_a_row_at_once_one_wins(subject: Subject) {
    let id = subject.journal.allocate();
    subject.write([insert(id, "", None)]).await.expect("written");
    for fence in 0..10 {
        let rivals = (0..8).map(|rival| {
            let journal = subject.journal.clone();
            tokio::spawn(async move {
                let delivery = insert(journal.allocate(), "delivery", None);
                journal.write(vec![update(id, fence, &format!("settled by {rival}")), delivery]).await
            })
        });
        let mut outcomes = Vec::new();
        for rival in rivals.collect::<Vec<_>>() {
            outcomes.push(rival.await.expect("it does not panic"));
        }
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(StoreError::Conflict))));
        assert_eq!(subject.loaded().len() as u64, 2 + fence);
    }
}

/// They are queued at once, so that they are flushed together.
async fn a_stale_batch_is_refused_alone_among_others_that_are_made(subject: Subject) {
    let ids: Vec<_> = (0..300).map(|_| subject.journal.allocate()).collect();
    subject.write(ids.iter().map(|id| insert(*id, "", Some("body")))).await.expect("written");
    let stale = |index: usize| index % 3 == 1;
    let batches = ids.iter().enumerate().map(|(index, id)| {
        let fence = if stale(index) { 7 } else { 0 };
        subject.journal.write(vec![update(*id, fence, "claimed")])
    });
    for (index, outcome) in batches.collect::<Vec<_>>().into_iter().enumerate() {
        let expected = if stale(index) { Err(StoreError::Conflict) } else { Ok(()) };
        assert_eq!(outcome.await, expected, "{index}");
    }
    let subject = subject.reopened();
    for (index, row) in subject.loaded().iter().enumerate() {
        let expected = if stale(index) { (0, &b""[..]) } else { (1, &b"claimed"[..]) };
        assert_eq!((row.fence, &row.header[..], row.body_bytes), (expected.0, expected.1, Some(4)));
    }
}

async fn batches_are_made_in_the_order_in_which_they_were_given(subject: Subject) {
    let id = subject.journal.allocate();
    let first = subject.journal.write(vec![insert(id, "0", None)]);
    let later = (0..500).map(|fence| subject.journal.write(vec![update(id, fence, &format!("{fence}"))]));
    for (number, outcome) in std::iter::once(first).chain(later).collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(outcome.await, Ok(()), "{number}");
    }
    assert_eq!(brief(&subject.loaded()), [(id.0, 500, "499")]);
}

async fn what_nobody_waits_for_is_written_all_the_same(subject: Subject) {
    let ids: Vec<_> = (0..50).map(|_| subject.journal.allocate()).collect();
    ids.iter().for_each(|id| drop(subject.journal.write(vec![insert(*id, "", None)])));
    assert_eq!(subject.reopened().loaded().len(), 50);
}

async fn an_id_that_was_written_is_never_given_out_again(subject: Subject) {
    let ids: Vec<_> = (0..10).map(|_| subject.journal.allocate()).collect();
    subject.write([insert(ids[3], "", None), insert(ids[7], "", None)]).await.expect("written");
    subject.write([delete(ids[7], 0)]).await.expect("written");
    let subject = subject.reopened();
    assert!(subject.journal.allocate() > ids[7], "its row is gone, but it was there");
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let journal = subject.journal.clone();
            std::thread::spawn(move || (0..1000).map(|_| journal.allocate()).collect::<Vec<_>>())
        })
        .collect();
    let mut all = BTreeSet::new();
    for thread in threads {
        let ids = thread.join().expect("it does not panic");
        assert!(ids.is_sorted());
        all.extend(ids);
    }
    assert_eq!(all.len(), 4000);
}

async fn a_journal_that_is_opened_again_is_the_same(subject: Subject) {
    for number in 0..40_u64 {
        let id = subject.journal.allocate();
        subject
            .write([insert(id, &number.to_string(), (number % 2 == 0).then_some("body"))])
            .await
            .expect("written");
        match number % 4 {
            0 => subject.write([delete(id, 0)]).await.expect("written"),
            1 => subject.write([update(id, 0, "updated")]).await.expect("written"),
            _ => {}
        }
    }
    let before = subject.loaded();
    assert_eq!(before.len(), 30);
    assert_eq!(subject.reopened().loaded(), before);
}
