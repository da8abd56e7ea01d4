//! What every store does, written once and held against each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;

/// How many audit entries the stores under test keep.
const AUDIT_ENTRIES_KEPT: usize = 20;
const REFUSALS_KEPT: usize = 3;
const KEPT: AuditBounds = AuditBounds { changes_max: AUDIT_ENTRIES_KEPT, refusals_max: REFUSALS_KEPT };

/// A store under test.
struct Subject {
    store: Arc<dyn Store>,
    /// Where it is, if it outlives its process.
    folder: Option<tempfile::TempDir>,
}

impl Subject {
    fn in_memory() -> Self {
        Self { store: Arc::new(MemoryStore::keeping_audit_entries(KEPT)), folder: None }
    }

    #[cfg(feature = "sqlite")]
    fn in_a_file() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::keeping_audit_entries(folder.path(), KEPT).expect("it opens");
        Self { store: Arc::new(store), folder: Some(folder) }
    }

    /// The store after its process ended and began again, where that makes a difference.
    fn reopened(self) -> Self {
        let Self { store, folder } = self;
        #[cfg(feature = "sqlite")]
        if let Some(folder) = folder {
            assert_eq!(Arc::strong_count(&store), 1, "nobody else uses it");
            drop(store);
            let store = SqliteStore::keeping_audit_entries(folder.path(), KEPT);
            return Self { store: Arc::new(store.expect("it opens")), folder: Some(folder) };
        }
        Self { store, folder }
    }

    fn loaded(&self) -> (Vec<Scope>, Position) {
        loaded(&*self.store).expect("it loads")
    }

    async fn put(
        &self,
        scope: &str,
        expected: Option<Position>,
        records: &[(&str, &str)],
    ) -> Result<Position, StoreError> {
        let writes = records.iter().map(|(name, document)| put(name, document)).collect();
        self.store.commit(commit(scope, expected, writes)).await
    }

    /// What the latest entries say was changed.
    async fn audited(&self, limit: usize) -> Vec<String> {
        let latest = self.store.audit(limit).await.expect("it can be read");
        latest.into_iter().map(|entry| entry.resource).collect()
    }
}

/// All of a store, or why it cannot be read.
pub(super) fn loaded(store: &dyn Store) -> Result<(Vec<Scope>, Position), StoreError> {
    let mut scopes = Vec::new();
    let position = store.load(&mut |scope| scopes.push(scope))?;
    Ok((scopes, position))
}

/// A commit whose audit entry names the scope as the resource.
pub(super) fn commit(scope: &str, expected: Option<Position>, writes: Vec<Write>) -> Commit {
    Commit { scope: scope.to_owned(), expected, writes, audit: entry(scope) }
}

pub(super) fn put(name: &str, document: &str) -> Write {
    Write::Put(Record { name: name.to_owned(), document: document.to_owned() })
}

pub(super) fn delete(name: &str) -> Write {
    Write::Delete { name: name.to_owned() }
}

pub(super) fn entry(resource: &str) -> AuditEntry {
    AuditEntry {
        time_ms: u64::MAX,
        principal: "ada".to_owned(),
        action: "UpdateAlias".to_owned(),
        resource: resource.to_owned(),
        source_address: String::new(),
        request_id: "c0ffee".to_owned(),
        result: "Success".to_owned(),
    }
}

/// Names and documents of a scope's records.
fn documents(scope: &Scope) -> Vec<(&str, &str)> {
    scope.records.iter().map(|record| (record.name.as_str(), record.document.as_str())).collect()
}

/// Each of these is run for each store.
macro_rules! every_store {
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

every_store! {
    a_new_store_is_empty,
    scopes_and_records_are_loaded_in_the_order_of_their_names,
    a_change_decided_on_another_generation_is_a_conflict_and_changes_nothing,
    a_commit_happens_whole_and_leaves_other_records_alone,
    a_scope_without_records_is_no_more,
    texts_come_back_as_they_were_written,
    of_those_who_change_a_generation_at_once_one_wins,
    those_who_change_different_scopes_all_win,
    audit_entries_come_newest_first_and_the_oldest_go,
    notes_come_before_the_commit_after_them,
    refusals_take_no_room_from_changes,
    a_store_that_is_opened_again_is_the_same,
    a_backup_is_a_store_that_is_the_same,
    any_changes_lead_where_they_lead_in_a_map,
}

async fn a_new_store_is_empty(subject: Subject) {
    assert_eq!(subject.loaded(), (vec![], Position(0)));
    assert_eq!(subject.store.audit(10).await, Ok(vec![]));
}

async fn scopes_and_records_are_loaded_in_the_order_of_their_names(subject: Subject) {
    for scope in ["b", "a", "ä", "B", "a0", ""] {
        subject
            .put(scope, None, &[("z", ""), ("$LATEST", ""), ("10", ""), ("9", "")])
            .await
            .expect("it commits");
    }
    let (scopes, position) = subject.loaded();
    assert_eq!(position, Position(6));
    let names: Vec<_> = scopes.iter().map(|scope| (scope.name.as_str(), scope.generation.0)).collect();
    assert_eq!(names, [("", 6), ("B", 4), ("a", 2), ("a0", 5), ("b", 1), ("ä", 3)]);
    for scope in &scopes {
        assert_eq!(documents(scope), [("$LATEST", ""), ("10", ""), ("9", ""), ("z", "")]);
    }
}

async fn a_change_decided_on_another_generation_is_a_conflict_and_changes_nothing(subject: Subject) {
    let first = subject.put("hello", None, &[("live", "1")]).await.expect("it commits");
    let second = subject.put("hello", Some(first), &[("live", "2")]).await.expect("it commits");
    assert_eq!((first, second), (Position(1), Position(2)));
    let before = subject.loaded();
    for (scope, wrong) in
        [("hello", Some(first)), ("hello", None), ("hello", Some(Position(3))), ("other", Some(first))]
    {
        let refused = subject.put(scope, wrong, &[("live", "3"), ("new", "3")]).await;
        assert_eq!(refused, Err(StoreError::Conflict), "{scope} {wrong:?}");
    }
    assert_eq!(subject.loaded(), before);
    assert_eq!(
        subject.audited(10).await,
        ["hello", "hello"],
        "a change that did not happen is not said to have"
    );
    assert_eq!(subject.put("hello", Some(second), &[]).await, Ok(Position(3)), "no position was used up");
}

async fn a_commit_happens_whole_and_leaves_other_records_alone(subject: Subject) {
    let first =
        subject.put("hello", None, &[("1", "one"), ("2", "two"), ("3", "three")]).await.expect("it commits");
    subject.put("other", None, &[("1", "its own")]).await.expect("it commits");
    let writes = vec![
        delete("1"),
        put("2", "changed"),
        put("4", "new"),
        delete("never"),
        put("5", "a"),
        put("5", "b"),
    ];
    let third = subject.store.commit(commit("hello", Some(first), writes)).await.expect("it commits");
    let (scopes, position) = subject.loaded();
    assert_eq!((position, third), (Position(3), Position(3)));
    assert_eq!(scopes[0].generation, third);
    assert_eq!(documents(&scopes[0]), [("2", "changed"), ("3", "three"), ("4", "new"), ("5", "b")]);
    assert_eq!((scopes[1].generation, documents(&scopes[1])), (Position(2), vec![("1", "its own")]));
}

async fn a_scope_without_records_is_no_more(subject: Subject) {
    assert_eq!(subject.put("empty", None, &[]).await, Ok(Position(1)));
    let second = subject.put("hello", None, &[("1", ""), ("2", "")]).await.expect("it commits");
    let both = vec![delete("1"), delete("2")];
    let third = subject.store.commit(commit("hello", Some(second), both)).await.expect("it commits");
    assert_eq!(subject.loaded(), (vec![], Position(3)));
    assert_eq!(subject.put("hello", Some(third), &[("1", "")]).await, Err(StoreError::Conflict));
    assert_eq!(
        subject.put("hello", None, &[("1", "")]).await,
        Ok(Position(4)),
        "positions are not used again"
    );
    let subject = subject.reopened();
    assert_eq!(subject.loaded().1, Position(4));
}

async fn texts_come_back_as_they_were_written(subject: Subject) {
    let long = "ß\u{0}🫖".repeat((1 << 20) / 7 + 1);
    let texts = ["", "\u{0}", "a\u{0}b", "'; DROP TABLE record; --", "🫖 Самовар \u{202e}\r\n", &long];
    for (index, text) in texts.into_iter().enumerate() {
        let name = format!("{index}{text}");
        subject.put(&name, None, &[(&name, text)]).await.expect("it commits");
    }
    let subject = subject.reopened();
    let (scopes, _) = subject.loaded();
    assert_eq!(scopes.len(), texts.len());
    for (index, (scope, text)) in scopes.iter().zip(texts).enumerate() {
        let name = format!("{index}{text}");
        assert!(scope.name == name && documents(scope) == [(name.as_str(), text)], "{index} is another");
    }
}

async fn of_those_who_change_a_generation_at_once_one_wins(subject: Subject) {
    let mut generation = None;
    for round in 1..=10 {
        let rivals = (0..8).map(|rival| {
            let store = subject.store.clone();
            tokio::spawn(async move {
                let writes = vec![put("winner", &rival.to_string())];
                (rival, store.commit(commit("hello", generation, writes)).await)
            })
        });
        let mut winners = Vec::new();
        for rival in rivals.collect::<Vec<_>>() {
            match rival.await.expect("it does not panic") {
                (rival, Ok(position)) => winners.push((rival.to_string(), position)),
                (_, Err(error)) => assert_eq!(error, StoreError::Conflict),
            }
        }
        let [(winner, position)] = &winners[..] else { panic!("{winners:?} won") };
        assert_eq!(*position, Position(round));
        assert_eq!(documents(&subject.loaded().0[0]), [("winner", winner.as_str())]);
        generation = Some(*position);
    }
}

async fn those_who_change_different_scopes_all_win(subject: Subject) {
    let writers = (0..8).map(|writer| {
        let store = subject.store.clone();
        tokio::spawn(async move {
            let (scope, mut positions) = (writer.to_string(), Vec::new());
            for count in 0..10 {
                let writes = vec![put("count", &count.to_string())];
                let committed = store.commit(commit(&scope, positions.last().copied(), writes)).await;
                positions.push(committed.expect("nobody else changes it"));
            }
            positions
        })
    });
    let mut positions = BTreeSet::new();
    for writer in writers.collect::<Vec<_>>() {
        positions.extend(writer.await.expect("it does not panic"));
    }
    assert_eq!(positions, (1..=80).map(Position).collect(), "each is used once");
    let (scopes, position) = subject.loaded();
    assert_eq!((scopes.len(), position), (8, Position(80)));
    assert!(scopes.iter().all(|scope| documents(scope) == [("count", "9")]));
}

async fn audit_entries_come_newest_first_and_the_oldest_go(subject: Subject) {
    for number in 1..=AUDIT_ENTRIES_KEPT + 5 {
        subject.put(&number.to_string(), None, &[]).await.expect("it commits");
    }
    let newest_first: Vec<_> = (6..=AUDIT_ENTRIES_KEPT + 5).rev().map(|number| number.to_string()).collect();
    let subject = subject.reopened();
    assert_eq!(subject.audited(usize::MAX).await, newest_first);
    assert_eq!(subject.audited(3).await, newest_first[..3]);
    assert_eq!(subject.audited(0).await, newest_first[..0]);
    assert_eq!(subject.store.audit(1).await, Ok(vec![entry("25")]), "every field is as it was");
}

async fn notes_come_before_the_commit_after_them(subject: Subject) {
    let refused = AuditEntry { result: "ResourceConflictException".to_owned(), ..entry("refused") };
    subject.put("first", None, &[]).await.expect("it commits");
    subject.store.note(refused.clone());
    subject.put("second", None, &[]).await.expect("it commits");
    assert_eq!(subject.audited(10).await, ["second", "refused", "first"]);
    assert_eq!(subject.store.audit(2).await.expect("it can be read")[1], refused);
    assert_eq!(subject.loaded().1, Position(2), "a note is no commit");
    subject.store.note(entry("last"));
    let subject = subject.reopened();
    assert_eq!(subject.audited(1).await, ["last"], "what was noted is written before the store closes");
}

/// Refused requests cost next to nothing, and so many of them as entries were kept left no change in the record.
async fn refusals_take_no_room_from_changes(subject: Subject) {
    let refuse = |numbers: std::ops::Range<usize>| {
        numbers.for_each(|number| subject.store.note(entry(&format!("refused {number}"))));
    };
    refuse(0..2);
    subject.put("first", None, &[]).await.expect("it commits");
    refuse(2..2 * AUDIT_ENTRIES_KEPT);
    subject.put("second", None, &[]).await.expect("it commits");
    refuse(40..41);
    let subject = subject.reopened();
    let latest = ["refused 40", "second", "refused 39", "refused 38", "first"];
    assert_eq!(subject.audited(usize::MAX).await, latest);
    assert_eq!(subject.audited(2).await, latest[..2]);
    for number in 0..AUDIT_ENTRIES_KEPT {
        subject.put(&number.to_string(), None, &[]).await.expect("it commits");
    }
    let all = subject.audited(usize::MAX).await;
    assert_eq!(all.len(), AUDIT_ENTRIES_KEPT + REFUSALS_KEPT);
    assert_eq!(all[AUDIT_ENTRIES_KEPT..], [latest[0], latest[2], latest[3]], "nor do changes from them");
}

async fn a_store_that_is_opened_again_is_the_same(subject: Subject) {
    for scope in 0..20 {
        let records = [("live", "🫖"), ("1", "one")];
        subject.put(&scope.to_string(), None, &records[..1 + scope % 2]).await.expect("it commits");
    }
    let (before, audit) = (subject.loaded(), subject.store.audit(100).await);
    let subject = subject.reopened();
    assert_eq!((subject.loaded(), subject.store.audit(100).await), (before, audit));
    assert_eq!(subject.put("0", Some(Position(1)), &[]).await, Ok(Position(21)));
}

async fn a_backup_is_a_store_that_is_the_same(subject: Subject) {
    subject.put("hello", None, &[("live", "1"), ("1", "one")]).await.expect("it commits");
    let folder = tempfile::tempdir().expect("a folder");
    let made = subject.store.backup(folder.path());
    if subject.folder.is_none() {
        assert!(matches!(made, Err(StoreError::Failed { .. })), "{made:?}");
        return;
    }
    assert_eq!(made, Ok(()));
    #[cfg(feature = "sqlite")]
    {
        let copy = SqliteStore::keeping_audit_entries(folder.path(), KEPT).expect("it opens");
        assert_eq!(loaded(&copy), Ok(subject.loaded()));
        assert_eq!(copy.audit(10).await, subject.store.audit(10).await);
        let refused = subject.store.backup(folder.path());
        assert!(matches!(refused, Err(StoreError::Failed { .. })), "it does not overwrite: {refused:?}");
        assert_eq!(loaded(&copy), Ok(subject.loaded()));
    }
}

async fn any_changes_lead_where_they_lead_in_a_map(mut subject: Subject) {
    let mut random = fastrand::Rng::with_seed(0x5a_30_7a);
    let mut model: BTreeMap<String, (Position, BTreeMap<String, String>)> = BTreeMap::new();
    let mut position = Position(0);
    for step in 0..300 {
        let scope = random.u8(0..6).to_string();
        let known = model.get(&scope).map(|(generation, _)| *generation);
        let expected = if random.u8(0..10) == 0 { Some(Position(random.u64(0..300))) } else { known };
        let mut records = model.get(&scope).map(|(_, records)| records.clone()).unwrap_or_default();
        let writes = (0..random.usize(0..4)).map(|_| any_write(&mut random, step, &mut records)).collect();
        let committed = subject.store.commit(commit(&scope, expected, writes)).await;
        if expected != known {
            assert_eq!(committed, Err(StoreError::Conflict));
            continue;
        }
        position.0 += 1;
        assert_eq!(committed, Ok(position));
        model.remove(&scope);
        if !records.is_empty() {
            model.insert(scope, (position, records));
        }
        if step % 50 == 0 {
            subject = subject.reopened();
        }
        assert_eq!(subject.loaded(), (as_scopes(&model), position));
    }
}

/// A change of one of a few records, made in the model too.
fn any_write(random: &mut fastrand::Rng, step: usize, records: &mut BTreeMap<String, String>) -> Write {
    let name = random.u8(0..3).to_string();
    if random.bool() {
        records.remove(&name);
        return delete(&name);
    }
    records.insert(name.clone(), step.to_string());
    put(&name, &step.to_string())
}

fn as_scopes(model: &BTreeMap<String, (Position, BTreeMap<String, String>)>) -> Vec<Scope> {
    let record =
        |(name, document): (&String, &String)| Record { name: name.clone(), document: document.clone() };
    let scope = |(name, (generation, records)): (&String, &(Position, BTreeMap<String, String>))| Scope {
        name: name.clone(),
        generation: *generation,
        records: records.iter().map(record).collect(),
    };
    model.iter().map(scope).collect()
}
