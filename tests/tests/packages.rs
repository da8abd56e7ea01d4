//! Packages that are no functions, sent to a real server: each is refused in time and with its reason, and leaves
//! nothing behind.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use samovar_tests::bad_packages::{BadPackage, bad_packages};
use samovar_tests::{Api, Handler, Server};

/// The fewest packages that make a test of it.
const PACKAGES_MIN: usize = 200;

#[test]
fn every_bad_package_is_refused_in_time_with_its_reason_and_leaves_nothing() {
    let packages = bad_packages();
    assert!(packages.len() >= PACKAGES_MIN, "{} packages", packages.len());
    let names: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(names.len(), packages.len(), "each has a name of its own");

    let server = Server::start_with(&["--quiet"]);
    let api = Api::of(&server);
    let files = files_below(server.data_dir());
    let (mut faults, mut slowest) = (Vec::new(), (Duration::ZERO, ""));
    for (number, package) in packages.iter().enumerate() {
        let function = format!("bad-{number}");
        let (took, fault) = sent(&api, &function, package);
        slowest = slowest.max((took, &package.name));
        faults.extend(fault.map(|fault| format!("{}: {fault}", package.name)));
        assert!(api.is_well(), "the server does not answer after {}", package.name);
        assert_eq!(api.get(&function).status, 404, "{} became a function", package.name);
    }
    println!("{} packages, the slowest refusal took {slowest:?}", packages.len());
    assert!(faults.is_empty(), "{} of {} packages:\n{}", faults.len(), packages.len(), faults.join("\n"));
    assert_eq!(files_below(server.data_dir()), files, "no file of them is left");

    assert_eq!(api.create("good", &Handler::default().build()).status, 201);
    assert_eq!(api.invoke("good", "{}").body, "ok", "a good one runs after all that");
}

/// Sends a package; gives back how long the answer took and what is wrong with it.
fn sent(api: &Api, function: &str, package: &BadPackage) -> (Duration, Option<String>) {
    let start = SystemTime::now();
    let reply = api.create(function, &package.bytes);
    let took = start.elapsed().unwrap_or_default();
    let message = reply.message();
    let missing = package.missing_in(message);
    let fault = match () {
        () if !(400..500).contains(&reply.status) => Some(format!("status {}: {message}", reply.status)),
        () if !reply.error_type.ends_with("Exception") => {
            Some(format!("the error type {:?}", reply.error_type))
        }
        () if message.is_empty() || message.contains('\n') => Some(format!("not one line: {message:?}")),
        () if !missing.is_empty() => Some(format!("no {missing:?} in: {message}")),
        () if took > package.time_max => Some(format!("took {took:?}: {message}")),
        () => None,
    };
    (took, fault)
}

fn files_below(folder: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        match path.is_dir() {
            true => files.extend(files_below(&path)),
            false => files.extend([path]),
        }
    }
    files
}
