//! Events on a disk that is full, or that they fill themselves.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use samovar_tests::{Api, Handler, Ledger, Sink, guest};
use serde_json::json;
use tokio::time::Instant;

/// How large the disk is.
const DISK_MIB: u64 = 64;

/// A small file system, unmounted when dropped.
struct SmallDisk {
    place: PathBuf,
    _folder: tempfile::TempDir,
}

impl SmallDisk {
    /// None where this user may not mount anything; the reason is printed.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("disk");
        std::fs::create_dir(&place).expect("a folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={DISK_MIB}m"), "samovar-test"]).arg(&place);
        let output = mount.output();
        match output {
            Ok(output) if output.status.success() => Some(Self { place, _folder: folder }),
            other => {
                eprintln!(
                    "no small disk can be mounted here, so what happens on a full one is not tested: {other:?}"
                );
                None
            }
        }
    }

    /// How many bytes are free.
    fn free(&self) -> u64 {
        let disk = rustix::fs::statvfs(&self.place).expect("a file system");
        disk.f_bavail * disk.f_frsize
    }

    /// Takes all the room that there is, and gives it back when the file is removed.
    fn fill(&self) -> PathBuf {
        let path = self.place.join("filler");
        let mut file = File::create(&path).expect("a file");
        for size in [1 << 20, 4096, 1] {
            let block = vec![0; size];
            while file.write_all(&block).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, as the server may just be ending.
        let _ = Command::new("umount").arg("-l").arg(&self.place).status();
    }
}

/// Sends one event, and notes it if it is accepted.
fn send(api: &Api, ledger: &mut Ledger, padding: &str) -> u16 {
    let id = ledger.draw();
    let event = json!({ "id": id, "padding": padding, "ms": 0 });
    let (status, request_id) = api.try_send_event("f", &event).expect("an answer");
    if status == 202 {
        ledger.accept(id, request_id);
    }
    status
}

#[test]
fn a_full_disk_accepts_no_events_and_recovers_by_itself() {
    let Some(disk) = SmallDisk::mount() else { return };
    let mut sink = Sink::start();
    let server = sink.serve(&disk.place.join("data"), &["--idle-seconds", "600"]);
    let api = Api::of(&server);
    assert_eq!(api.create("f", &Handler::default().build()).status, 201);
    api.tell_sink("f");
    let mut ledger = Ledger::default();
    assert_eq!(send(&api, &mut ledger, ""), 202);

    let filler = disk.fill();
    // What the journal has reserved lasts for a while.
    let padding = "x".repeat(30_000);
    let mut last_accepted = 0;
    let mut refused = 0;
    for number in 0..3_000 {
        match send(&api, &mut ledger, &padding) {
            202 => last_accepted = number,
            503 => refused += 1,
            other => panic!("neither accepted nor refused: {other}"),
        }
        if refused >= 50 {
            break;
        }
    }
    println!("full after {last_accepted} more events; {} accepted, {refused} refused", ledger.accepted());
    assert!(refused >= 50, "the disk is never full");
    for _ in 0..20 {
        let answer = api.invoke("f", "{}");
        assert_eq!((answer.status, answer.is_function_error), (200, false), "{answer:?}");
    }

    std::fs::remove_file(filler).expect("it is there");
    let began = Instant::now();
    while send(&api, &mut ledger, &padding) != 202 {
        assert!(began.elapsed() < Duration::from_secs(5), "there is room again, and nothing is accepted");
        std::thread::sleep(Duration::from_millis(10));
    }
    println!("accepted again after {:?}", began.elapsed());
    let found = ledger.check(sink.settle(&ledger, Duration::from_secs(20)), 0);
    assert_eq!(found.expect("all is well").accepted, ledger.accepted());
    assert_eq!(server.terminate(), Some(0));
}

/// They took all of it, and what waited could not come to its end any more, as that takes some room itself.
#[test]
fn events_that_fill_a_disk_leave_room_to_come_to_their_end() {
    let Some(disk) = SmallDisk::mount() else { return };
    let mut sink = Sink::start();
    let arguments = ["--idle-seconds", "600", "--event-time-scale", "600"];
    let server = sink.serve(&disk.place.join("data"), &arguments);
    let api = Api::of(&server);
    assert_eq!(api.create("f", &guest("sleeper")).status, 201);
    api.tell_sink("f");
    let update = json!({ "Timeout": 900 });
    assert_eq!(api.call("PUT", "/2015-03-31/functions/f/configuration", Some(&update)).status, 200);
    let (concurrency, one) =
        ("/2017-10-31/functions/f/concurrency", json!({ "ReservedConcurrentExecutions": 1 }));
    assert_eq!(api.call("PUT", concurrency, Some(&one)).status, 200);
    // Nothing runs beside this one.
    let (status, _) = api.try_send_event("f", &json!({ "ms": 800_000 })).expect("an answer");
    assert_eq!(status, 202);

    let (mut ledger, padding) = (Ledger::default(), "x".repeat(30_000));
    let mut refused = 0;
    while refused < 50 {
        assert!(ledger.accepted() < 3_000, "the disk is never full");
        match send(&api, &mut ledger, &padding) {
            202 => {}
            503 => refused += 1,
            other => panic!("neither accepted nor refused: {other}"),
        }
    }
    println!("{} events fill the disk; {} bytes are free", ledger.accepted(), disk.free());
    assert!(ledger.accepted() > 100, "there was room for more");
    assert!(disk.free() > DISK_MIB << 18, "it is full to the brim");

    assert_eq!(api.call("DELETE", concurrency, None).status, 204);
    let found = ledger.check(sink.settle(&ledger, Duration::from_secs(20)), 0);
    assert_eq!(found.expect("all is well").accepted, ledger.accepted());
    let began = Instant::now();
    while send(&api, &mut ledger, &padding) != 202 {
        assert!(began.elapsed() < Duration::from_secs(5), "there is room again, and nothing is accepted");
        std::thread::sleep(Duration::from_millis(10));
    }
    let found = ledger.check(sink.settle(&ledger, Duration::from_secs(20)), 0);
    assert_eq!(found.expect("all is well").accepted, ledger.accepted());
    // One of them still sleeps.
    server.kill();
}
