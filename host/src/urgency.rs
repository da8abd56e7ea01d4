//! How urgent a thread is among those of the system.

use std::time::Duration;

/// How much less urgent than others a thread is that gives way, in the system's steps: where both want a processor, it gets a third of
/// what they get.
const NICE: i32 = 5;
/// For how long such a thread would like to run at a time: the longest that Linux takes. Whoever wants less and wakes runs at once instead.
const SLICE: Duration = Duration::from_millis(100);

/// Lets threads that mostly sleep run before this one as soon as they wake, those of an embedder's runtime for example. Where the system
/// does not know of it, all are as urgent.
pub(crate) fn give_way() {
    if let Ok(nice) = rustix::process::nice(NICE) {
        prefer_long_slices(nice);
    }
}

/// Since Linux 6.12 a thread may say for how long it would like to run (`sched_runtime` of sched_setattr(2)). Without that, one that
/// computes is left alone for almost a millisecond, whoever wakes meanwhile.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no library has this system call")]
fn prefer_long_slices(nice: i32) {
    // SAFETY: all members are numbers, for which zero is a value.
    let mut attributes: libc::sched_attr = unsafe { std::mem::zeroed() };
    attributes.size = size_of::<libc::sched_attr>() as u32;
    attributes.sched_policy = libc::SCHED_OTHER as u32;
    attributes.sched_nice = nice;
    attributes.sched_runtime = SLICE.as_nanos() as u64;
    // SAFETY: the system reads as many bytes as `size` says, which is this structure, and keeps no pointer to it. An older one
    // refuses what it does not know, or does not look at it; then the thread is as it was.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
}

#[cfg(not(target_os = "linux"))]
fn prefer_long_slices(_nice: i32) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_gives_way_is_less_urgent_than_before() {
        let nice = std::thread::spawn(|| {
            let before = rustix::process::nice(0).expect("it can be asked");
            give_way();
            (before, rustix::process::nice(0).expect("it can be asked"))
        });
        let (before, after) = nice.join().expect("it ends");
        assert_eq!(after, (before + NICE).min(19));
    }
}
