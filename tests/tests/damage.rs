//! What is not as it was written is noticed: a host starts with what was committed, or says what is wrong.

use std::path::Path;
use std::process::Command;

use samovar::function::{AliasName, AliasRouting, Tags, VersionNumber};
use samovar::{CreateAlias, CreateFunction, Host, ListFunctions, PublishVersion, StartError};
use samovar_tests::{Handler, function, published};

/// How many bits are flipped, each in a folder of its own.
const CASES: u64 = 100;
const FUNCTIONS: usize = 6;

async fn host_on(folder: &Path) -> Result<Host, StartError> {
    Host::builder().data_dir(folder).instances_max(16).start().await
}

/// All that can be seen of the functions of a host.
fn seen(host: &Host) -> String {
    let mut request = ListFunctions::new(host.region().clone(), 1000);
    request.all_versions = true;
    let mut seen = String::new();
    for version in host.list_functions(&request).items {
        let reference = function(version.name.as_str());
        seen.push_str(&format!("{version:?} {:?}\n", host.tags(&reference)));
        if version.number == VersionNumber::Latest {
            let aliases = host.list_aliases(&reference, None, None, 1000).expect("it is there").items;
            let history = |alias: &samovar::AliasInfo| host.alias_history(&reference, &alias.alias.name);
            for alias in aliases {
                seen.push_str(&format!("{alias:?} {:?}\n", history(&alias)));
            }
        }
    }
    seen
}

/// Changes functions, and says what could be seen after each change. The first was when there was nothing.
async fn change(host: &Host) -> Vec<String> {
    let mut states = vec![seen(host)];
    let package = Handler::default().build();
    for number in 0..FUNCTIONS {
        let name = format!("function-{number}");
        let mut create = CreateFunction::new(function(&name), package.clone());
        create.tags = Tags::new([("team".to_owned(), format!("tea-{number}"))].into()).expect("tags");
        host.create_function(create).await.expect("made");
        states.push(seen(host));
        host.publish_version(&PublishVersion::new(function(&name))).await.expect("published");
        states.push(seen(host));
        let live = AliasName::parse("live").expect("a name");
        let routing = AliasRouting::to(published(1));
        host.create_alias(&CreateAlias::new(function(&name), live, routing)).await.expect("made");
        states.push(seen(host));
    }
    states
}

/// Copies a data folder. Another process does it: one that has SQLite's file open loses its locks when it closes that file
/// elsewhere.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status();
    assert!(copied.expect("cp runs").success());
    // What a crash leaves of it is made anew.
    let _ = std::fs::remove_file(to.join("registry.db-shm"));
}

fn flip(file: &Path, random: &mut fastrand::Rng) -> String {
    let mut bytes = std::fs::read(file).expect("it is there");
    let (at, bit) = (random.usize(0..bytes.len()), random.u32(0..8));
    bytes[at] ^= 1 << bit;
    std::fs::write(file, bytes).expect("written");
    format!("bit {bit} of byte {at} of {}", file.display())
}

#[tokio::test]
async fn one_flipped_bit_is_refused_or_leaves_a_state_that_was_committed() {
    let original = tempfile::tempdir().expect("a folder");
    let host = host_on(original.path()).await.expect("a host");
    let states = change(&host).await;
    let last = states.last().expect("a state");
    // As after a crash: with the log that was not carried over.
    let crashed = tempfile::tempdir().expect("a folder");
    copy(original.path(), crashed.path());
    host.close().await;
    drop(host);
    let log = crashed.path().join("registry.db-wal");
    assert!(log.metadata().expect("a log").len() > 0, "there is something in the log");

    let mut random = fastrand::Rng::with_seed(100);
    let (mut refused, mut earlier, mut same) = (0, 0, 0);
    for case in 0..CASES {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, file) = match case % 2 {
            0 => (original.path(), "registry.db"),
            _ => (crashed.path(), "registry.db-wal"),
        };
        copy(from, folder.path());
        let flipped = flip(&folder.path().join(file), &mut random);
        match host_on(folder.path()).await {
            Err(error @ StartError::Store(_)) => {
                assert!(error.to_string().contains("registry.db"), "{flipped}: {error}");
                refused += 1;
            }
            Err(other) => panic!("{flipped}: {other}"),
            Ok(host) => {
                let found = seen(&host);
                assert!(states.contains(&found), "{flipped}: {found}");
                match found == *last {
                    true => same += 1,
                    false => earlier += 1,
                }
                assert!(
                    file != "registry.db" || found == *last,
                    "{flipped}: an earlier state of a whole file"
                );
                host.close().await;
            }
        }
    }
    println!("{refused} refused, {earlier} with an earlier state, {same} with the last one");
    assert!(refused > 0 && earlier > 0, "the bits hit something");
}

#[tokio::test]
async fn a_damaged_registry_ends_the_server_with_a_message_and_a_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host_on(folder.path()).await.expect("a host");
    change(&host).await;
    host.close().await;
    drop(host);
    let file = folder.path().join("registry.db");
    let mut bytes = std::fs::read(&file).expect("it is there");
    let at = bytes.windows(10).position(|window| window == b"function-3").expect("a name in it");
    bytes[at] = b'g';
    std::fs::write(&file, bytes).expect("written");
    let output = samovar_tests::samovar()
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path())
        .output()
        .expect("it runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("registry.db is damaged"), "{stderr}");
    assert!(output.stdout.is_empty(), "it never listened");
}
