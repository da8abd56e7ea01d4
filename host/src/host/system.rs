//! What the system gives this process, held against what the host is set to need, before it starts.
//!
//! The facts are read in one place and judged in another, which is pure. Every finding says what was found, what is needed
//! and which command remedies it.

use std::fs;
use std::path::Path;

use rustix::process::{Resource, getrlimit};
#[cfg(feature = "cli")]
use rustix::process::{Rlimit, setrlimit};

use crate::wasm::{Engine, FIBRE_STACK_BYTES, MEMORY_SLOT_BYTES};

/// How many memory maps the code of one function takes: before, in and behind what can be run.
const MAPS_PER_PROGRAM: u64 = 3;
/// How many an instance takes: two for its stack, four for its memory (before, in and behind what it is initialized with, and
/// what it has not), and those of code that it alone still holds. One with several memories takes the places of several.
const MAPS_PER_INSTANCE: u64 = 6 + MAPS_PER_PROGRAM;
/// How many the process takes beside: threads, the allocator, libraries.
const MAPS_BESIDE: u64 = 4096;
/// How many files the process has open beside connections: the store, logs, packages that are read, workers.
const FILES_BESIDE: u64 = 256;
/// With fewer nothing can be served.
const FILES_MIN: u64 = 64;
/// What the process takes of its address space beside its instances.
const ADDRESS_SPACE_BESIDE_BYTES: u64 = 4 << 30;
/// What of the data folder's disk should be free.
const DISK_FREE_BYTES: u64 = 1 << 30;
/// What the tables of one instance take of what the system commits, in bytes, in a pool.
const TABLES_BYTES: u64 = 2 << 20;
/// The soft limit on open files is not raised beyond this.
#[cfg(feature = "cli")]
const FILES_RAISED_MAX: u64 = 1 << 20;

/// What the system gives this process. What is not known, or not limited, is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) maps_max: Option<u64>,
    pub(crate) files_max: Option<u64>,
    pub(crate) address_space_bytes: Option<u64>,
    /// What may still be committed, where the system keeps account of it (`vm.overcommit_memory=2`).
    pub(crate) commit_left_bytes: Option<u64>,
    pub(crate) disk_free_bytes: Option<u64>,
    pub(crate) has_proc: bool,
    pub(crate) knows_touched_pages: bool,
}

/// What the host is set to need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) instances: u64,
    /// How many functions' code may be in memory.
    pub(crate) programs: u64,
    /// Of clients and of functions' own requests.
    pub(crate) connections: u64,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The host can go on with less.
    Warning(String),
    /// It cannot run so.
    Impossible(String),
}

impl Facts {
    /// What there is now, with that data folder.
    pub(crate) fn read(data_dir: &Path) -> Self {
        let free = rustix::fs::statvfs(data_dir).ok();
        Self {
            maps_max: number("/proc/sys/vm/max_map_count"),
            files_max: getrlimit(Resource::Nofile).current,
            address_space_bytes: getrlimit(Resource::As).current,
            commit_left_bytes: commit_left(),
            disk_free_bytes: free.map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
            has_proc: Path::new("/proc/self/exe").exists(),
            knows_touched_pages: Engine::system_knows_touched_pages(),
        }
    }
}

/// How many instances there can be so that memory maps are never used up: a process that has none left cannot even begin a
/// thread, and is ended by that. As the engine's pool has no more places, one more is refused like any other.
pub(crate) fn instances_that_fit(facts: &Facts, needs: &Needs) -> u64 {
    let beside = needs.maps_beside();
    facts
        .maps_max
        .map_or(needs.instances, |maps| needs.instances.min(maps.saturating_sub(beside) / MAPS_PER_INSTANCE))
}

impl Needs {
    /// The memory maps of all that is no instance.
    fn maps_beside(&self) -> u64 {
        self.programs.saturating_mul(MAPS_PER_PROGRAM).saturating_add(MAPS_BESIDE)
    }
}

/// All that is not as it should be.
pub(crate) fn findings(facts: &Facts, needs: &Needs) -> Vec<Finding> {
    let all = [
        proc_file_system(facts),
        memory_maps(facts, needs),
        files(facts, needs),
        address_space(facts, needs),
        committed_memory(facts, needs),
        disk(facts),
        touched_pages(facts),
    ];
    all.into_iter().flatten().collect()
}

fn proc_file_system(facts: &Facts) -> Option<Finding> {
    let text = "/proc is not mounted: no code can be compiled in a worker, and limits are not known; mount it: \
                mount -t proc proc /proc";
    (!facts.has_proc).then(|| Finding::Warning(text.to_owned()))
}

fn memory_maps(facts: &Facts, needs: &Needs) -> Option<Finding> {
    let found = facts.maps_max?;
    let needed = needs.instances.saturating_mul(MAPS_PER_INSTANCE).saturating_add(needs.maps_beside());
    let remedy = format!("allow more: sysctl -w vm.max_map_count={}", needed.next_power_of_two());
    let instances = needs.instances;
    match instances_that_fit(facts, needs) {
        0 => Some(Finding::Impossible(format!(
            "this process may have {found} memory maps, and {instances} instances may need {needed}; {remedy}"
        ))),
        fit if fit < instances => Some(Finding::Warning(format!(
            "this process may have {found} memory maps, and {instances} instances may need {needed}: there will be {fit} \
             instances at most; {remedy}"
        ))),
        _ => None,
    }
}

fn files(facts: &Facts, needs: &Needs) -> Option<Finding> {
    let found = facts.files_max?;
    let needed = needs.connections.saturating_add(FILES_BESIDE);
    let remedy = format!("allow more: ulimit -n {needed}, or LimitNOFILE={needed} of its systemd unit");
    if found < FILES_MIN {
        let text = format!("this process may open {found} files, and needs at least {FILES_MIN}; {remedy}");
        return Some(Finding::Impossible(text));
    }
    (found < needed).then(|| {
        Finding::Warning(format!(
            "this process may open {found} files, and {} connections need {needed}: what is beyond waits or is refused; {remedy}",
            needs.connections
        ))
    })
}

fn address_space(facts: &Facts, needs: &Needs) -> Option<Finding> {
    let found = facts.address_space_bytes?;
    let slot = (MEMORY_SLOT_BYTES + FIBRE_STACK_BYTES) as u64;
    let (one, all) = (
        slot + ADDRESS_SPACE_BESIDE_BYTES,
        slot.saturating_mul(needs.instances).saturating_add(ADDRESS_SPACE_BESIDE_BYTES),
    );
    let found_mb = found >> 20;
    if found < one {
        return Some(Finding::Impossible(format!(
            "this process may have {found_mb} MiB of address space, and one instance alone needs {} MiB; allow more: \
             ulimit -v unlimited",
            one >> 20
        )));
    }
    (found < all).then(|| {
        Finding::Warning(format!(
            "this process may have {found_mb} MiB of address space, and {} instances reserve {} MiB: fewer will do, and each is \
             made on its own, which is slower; allow more: ulimit -v unlimited",
            needs.instances,
            all >> 20
        ))
    })
}

fn committed_memory(facts: &Facts, needs: &Needs) -> Option<Finding> {
    let found = facts.commit_left_bytes?;
    let needed = needs.instances.saturating_mul(FIBRE_STACK_BYTES as u64 + TABLES_BYTES);
    (found < needed).then(|| {
        Finding::Warning(format!(
            "the system commits no more memory than it has (vm.overcommit_memory=2), {} MiB are left of it, and stacks and \
             tables of {} instances need {} MiB: each is made on its own, which is slower; let it commit more: \
             sysctl -w vm.overcommit_memory=0",
            found >> 20,
            needs.instances,
            needed >> 20
        ))
    })
}

fn disk(facts: &Facts) -> Option<Finding> {
    let found = facts.disk_free_bytes?;
    (found < DISK_FREE_BYTES).then(|| {
        Finding::Warning(format!(
            "the disk of the data folder has {} MiB left, and should have {}: functions cannot be changed once it is full; \
             use a folder of a larger one: samovar serve --data-dir DIR",
            found >> 20,
            DISK_FREE_BYTES >> 20
        ))
    })
}

fn touched_pages(facts: &Facts) -> Option<Finding> {
    let text = "this kernel cannot say which pages were touched (PAGEMAP_SCAN, Linux 6.7 and later can): cold starts take \
                longer; see which it is: uname -r";
    (!facts.knows_touched_pages).then(|| Finding::Warning(text.to_owned()))
}

/// Raises the number of files this process may open to the most that it is allowed; for programs that are a host and nothing
/// else.
#[cfg(feature = "cli")]
pub(crate) fn raise_open_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(FILES_RAISED_MAX).min(FILES_RAISED_MAX);
    if current.is_some_and(|current| current < wanted) {
        // If it cannot be raised, the check says what is missing.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    }
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// What may still be committed, if the system keeps account of it.
fn commit_left() -> Option<u64> {
    const STRICT: u64 = 2;
    number("/proc/sys/vm/overcommit_memory").filter(|&mode| mode == STRICT)?;
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    let kib = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').split_whitespace().next()?.parse::<u64>().ok()
    };
    Some(kib("CommitLimit")?.saturating_sub(kib("Committed_AS")?) << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Facts = Facts {
        maps_max: Some(65_530),
        files_max: Some(20_000),
        address_space_bytes: None,
        commit_left_bytes: None,
        disk_free_bytes: Some(10 << 30),
        has_proc: true,
        knows_touched_pages: true,
    };
    const NEEDS: Needs = Needs { instances: 4000, programs: 8192, connections: 6120 };

    fn warning(facts: Facts) -> String {
        match findings(&facts, &NEEDS).as_slice() {
            [Finding::Warning(text)] => text.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_defaults_fit_a_usual_system() {
        assert_eq!(findings(&GOOD, &NEEDS), []);
    }

    #[test]
    fn each_warning_has_what_was_found_what_is_needed_and_a_command() {
        let maps = warning(Facts { maps_max: Some(46_672), ..GOOD });
        assert!(maps.contains("46672 memory maps, and 4000 instances may need 64672"), "{maps}");
        assert!(maps.contains("there will be 2000 instances at most"), "{maps}");
        assert!(maps.ends_with("sysctl -w vm.max_map_count=65536"), "{maps}");
        let files = warning(Facts { files_max: Some(1024), ..GOOD });
        assert!(
            files.contains("1024 files, and 6120 connections need 6376") && files.contains("ulimit -n 6376")
        );
        let space = warning(Facts { address_space_bytes: Some(100 << 30), ..GOOD });
        assert!(space.contains("102400 MiB") && space.contains("reserve 16396096 MiB"), "{space}");
        assert!(space.ends_with("ulimit -v unlimited"), "{space}");
        let commit = warning(Facts { commit_left_bytes: Some(1 << 30), ..GOOD });
        assert!(commit.contains("1024 MiB are left") && commit.contains("need 16000 MiB"), "{commit}");
        assert!(commit.ends_with("sysctl -w vm.overcommit_memory=0"), "{commit}");
        let disk = warning(Facts { disk_free_bytes: Some(5 << 20), ..GOOD });
        assert!(
            disk.contains("has 5 MiB left, and should have 1024") && disk.contains("--data-dir"),
            "{disk}"
        );
        assert!(warning(Facts { has_proc: false, ..GOOD }).ends_with("mount -t proc proc /proc"));
        assert!(warning(Facts { knows_touched_pages: false, ..GOOD }).contains("Linux 6.7"));
    }

    #[test]
    fn what_cannot_hold_one_instance_or_a_few_files_is_impossible() {
        let impossible = |facts| match findings(&facts, &NEEDS).as_slice() {
            [Finding::Impossible(text)] => text.clone(),
            other => panic!("{other:?}"),
        };
        let space = impossible(Facts { address_space_bytes: Some(8 << 30), ..GOOD });
        assert!(
            space.contains("8192 MiB of address space, and one instance alone needs 8194 MiB"),
            "{space}"
        );
        assert!(impossible(Facts { maps_max: Some(20_000), ..GOOD }).contains("vm.max_map_count=65536"));
        let files = impossible(Facts { files_max: Some(63), ..GOOD });
        assert!(files.contains("may open 63 files, and needs at least 64; allow more: ulimit -n"), "{files}");
    }

    #[test]
    fn what_is_read_of_this_system_is_there() {
        let facts = Facts::read(&std::env::temp_dir());
        assert!(facts.maps_max.is_some_and(|maps| maps > 1000), "{facts:?}");
        assert!(facts.has_proc && facts.disk_free_bytes.is_some_and(|bytes| bytes > 0), "{facts:?}");
    }
}
