//! Which names lead where: now, and after a cut.
//!
//! A change of names is whole or not there, also that of two names (a rename), as a file system with a journal has it. Ext4 keeps
//! changes in their order; others may not, so here any of them may survive a cut but those that build on one that is lost.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// The number of a file or folder.
pub(super) type Number = u64;

/// A name in a folder.
pub(super) type Place = (Number, OsString);

/// The names, as they are and as they are safe.
#[derive(Debug, Default)]
pub(super) struct Names {
    now: BTreeMap<Place, Number>,
    flushed: BTreeMap<Place, Number>,
    /// What leads from the one to the other, in its order.
    changes: Vec<Change>,
    /// How many changes there ever were.
    made: u64,
}

/// A file or folder gets a name, loses it, or has another instead.
#[derive(Debug, Clone)]
struct Change {
    number: u64,
    subject: Number,
    from: Option<Place>,
    to: Option<Place>,
}

/// How many changes of names a cut took and left, of those that were not flushed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) lost: usize,
    pub(super) kept: usize,
}

impl Names {
    /// Names that are all safe.
    pub(super) fn of(entries: BTreeMap<Place, Number>) -> Self {
        Self { now: entries.clone(), flushed: entries, ..Self::default() }
    }

    pub(super) fn find(&self, folder: Number, name: &OsStr) -> Option<Number> {
        self.now.get(&(folder, name.to_owned())).copied()
    }

    /// What is in a folder.
    pub(super) fn list(&self, folder: Number) -> impl Iterator<Item = (&OsStr, Number)> {
        let names = (folder, OsString::new())..(folder + 1, OsString::new());
        self.now.range(names).map(|((_, name), number)| (name.as_os_str(), *number))
    }

    pub(super) fn add(&mut self, place: Place, subject: Number) {
        self.change(subject, None, Some(place));
    }

    pub(super) fn remove(&mut self, place: Place) {
        if let Some(subject) = self.now.get(&place).copied() {
            self.change(subject, Some(place), None);
        }
    }

    /// Gives another name to what has one; whatever had that name so far has none then.
    pub(super) fn rename(&mut self, from: Place, to: Place) {
        if let Some(subject) = self.now.get(&from).copied() {
            self.change(subject, Some(from), Some(to));
        }
    }

    fn change(&mut self, subject: Number, from: Option<Place>, to: Option<Place>) {
        self.made += 1;
        let change = Change { number: self.made, subject, from, to };
        change.make(&mut self.now);
        self.changes.push(change);
    }

    /// How many changes there ever were.
    pub(super) fn made(&self) -> u64 {
        self.made
    }

    /// Makes those of the first changes safe that a flush of this file or folder promises: that it is there, and of a folder also
    /// what is in it.
    ///
    /// That a new file is there is more than POSIX promises, but the file systems that servers run on do it. Of a renamed one
    /// they do not all, so its folder is to be flushed.
    pub(super) fn flush(&mut self, subject: Number, made: u64) {
        let is_promised = |change: &Change| {
            change.number <= made && (change.is_beginning_of(subject) || change.is_within(subject))
        };
        let mut wanted = vec![false; self.changes.len()];
        for index in (0..wanted.len()).rev() {
            let change = &self.changes[index];
            let later = (index + 1..wanted.len()).filter(|&later| wanted[later]);
            wanted[index] =
                is_promised(change) || later.into_iter().any(|later| self.changes[later].builds_on(change));
        }
        let mut wanted = wanted.into_iter();
        let (flushed, rest) =
            std::mem::take(&mut self.changes).into_iter().partition(|_| wanted.next() == Some(true));
        self.changes = rest;
        let flushed: Vec<Change> = flushed;
        flushed.iter().for_each(|change| change.make(&mut self.flushed));
    }

    /// What a cut leaves.
    pub(super) fn remains(&self, keeps: &mut impl FnMut() -> bool) -> (BTreeMap<Place, Number>, Changes) {
        let mut remains = self.flushed.clone();
        let mut lost = Vec::<&Change>::new();
        for change in &self.changes {
            match !lost.iter().any(|lost| change.builds_on(lost)) && keeps() {
                true => change.make(&mut remains),
                false => lost.push(change),
            }
        }
        (remains, Changes { lost: lost.len(), kept: self.changes.len() - lost.len() })
    }
}

impl Change {
    fn make(&self, entries: &mut BTreeMap<Place, Number>) {
        if let Some(from) = &self.from {
            entries.remove(from);
        }
        if let Some(to) = &self.to {
            entries.insert(to.clone(), self.subject);
        }
    }

    fn places(&self) -> impl Iterator<Item = &Place> {
        self.from.iter().chain(&self.to)
    }

    fn is_beginning_of(&self, subject: Number) -> bool {
        self.subject == subject && self.from.is_none()
    }

    fn is_within(&self, folder: Number) -> bool {
        self.places().any(|place| place.0 == folder)
    }

    /// Whether this one, the later, means nothing without the other: they change the same name or the same file, or the one is about
    /// a name in a folder and the other about that folder.
    fn builds_on(&self, earlier: &Self) -> bool {
        self.subject == earlier.subject
            || self.places().any(|place| earlier.places().any(|other| place == other))
            || self.is_within(earlier.subject)
            || earlier.is_within(self.subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Number = 1;

    fn place(folder: Number, name: &str) -> Place {
        (folder, name.into())
    }

    /// The names that a cut leaves which takes all that it may.
    fn left(names: &Names) -> Vec<(String, Number)> {
        let (remains, _) = names.remains(&mut || false);
        remains.into_iter().map(|((_, name), number)| (name.to_string_lossy().into_owned(), number)).collect()
    }

    fn flush(names: &mut Names, subject: Number) {
        names.flush(subject, names.made());
    }

    #[test]
    fn a_flushed_file_is_there_and_its_neighbour_is_not() {
        let mut names = Names::default();
        names.add(place(ROOT, "a"), 2);
        names.add(place(ROOT, "b"), 3);
        assert_eq!(left(&names), []);
        flush(&mut names, 3);
        assert_eq!(left(&names), [("b".to_owned(), 3)]);
        assert_eq!(names.list(ROOT).count(), 2);
    }

    #[test]
    fn a_rename_is_lost_until_its_folder_is_flushed_and_then_whole() {
        let mut names = Names::default();
        names.add(place(ROOT, "old"), 2);
        names.add(place(ROOT, "new"), 3);
        flush(&mut names, ROOT);
        names.rename(place(ROOT, "old"), place(ROOT, "new"));
        flush(&mut names, 2);
        assert_eq!(left(&names), [("new".to_owned(), 3), ("old".to_owned(), 2)]);
        flush(&mut names, ROOT);
        assert_eq!(left(&names), [("new".to_owned(), 2)]);
    }

    #[test]
    fn what_is_flushed_lies_in_folders_that_are_there() {
        let mut names = Names::default();
        names.add(place(ROOT, "folder"), 2);
        names.add(place(2, "inner"), 3);
        names.add(place(3, "file"), 4);
        names.add(place(3, "other"), 5);
        flush(&mut names, 4);
        let found = left(&names).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(found, ["folder", "inner", "file"]);
    }

    #[test]
    fn a_flush_promises_nothing_of_what_came_after_it_began() {
        let mut names = Names::default();
        names.add(place(ROOT, "a"), 2);
        let made = names.made();
        names.add(place(ROOT, "b"), 3);
        names.flush(ROOT, made);
        assert_eq!(left(&names), [("a".to_owned(), 2)]);
    }

    #[test]
    fn nothing_survives_a_cut_that_builds_on_what_does_not() {
        let mut names = Names::default();
        names.add(place(ROOT, "temporary"), 2);
        names.rename(place(ROOT, "temporary"), place(ROOT, "file"));
        names.add(place(ROOT, "other"), 3);
        // The file is lost, so there is nothing to rename; the other is kept.
        let mut coins = [false, true].into_iter();
        let (remains, changes) = names.remains(&mut || coins.next().expect("two are asked for"));
        assert_eq!(remains.into_keys().collect::<Vec<_>>(), [place(ROOT, "other")]);
        assert_eq!(changes, Changes { lost: 2, kept: 1 });
    }

    #[test]
    fn a_removed_name_comes_back_unless_its_folder_is_flushed() {
        let mut names = Names::of([(place(ROOT, "a"), 2)].into());
        names.remove(place(ROOT, "a"));
        assert_eq!(names.find(ROOT, OsStr::new("a")), None);
        assert_eq!(left(&names), [("a".to_owned(), 2)]);
        flush(&mut names, ROOT);
        assert_eq!(left(&names), []);
    }
}
