//! Events on a disk that is full.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use samovar_tests::{Api, Handler, Ledger, Sink};
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
    let event = json!({ "id": id, "padding": padding });
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
