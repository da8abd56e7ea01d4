//! Nothing that was acknowledged is lost: functions outlive crashes of their host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use samovar_tests::{Api, Handler, Reply, Server};
use serde_json::{Value, json};
use tokio::time::Instant;

/// How many changes of functions are acknowledged in all.
const MUTATIONS: usize = 500;
const SEED: u64 = 4;
/// How long a server lives, at most, before it is killed.
const LIFE_MS_MAX: u64 = 40;

/// What there is to know of one function through the API.
#[derive(Debug, Clone, Default, PartialEq)]
struct Known {
    memory_mb: u64,
    code: usize,
    tags: BTreeMap<String, String>,
    /// By number: the description, memory and code of each.
    versions: BTreeMap<u64, (String, u64, usize)>,
    last_number: u64,
    aliases: BTreeMap<String, (u64, Option<(u64, f64)>)>,
    reserved: Option<u64>,
    /// By version.
    provisioned: BTreeMap<u64, u64>,
}

type Ledger = BTreeMap<String, Known>;

/// A change: the request for it, and the function as it is afterwards.
struct Mutation {
    method: &'static str,
    path: String,
    body: Option<Value>,
    function: String,
    after: Option<Known>,
}

#[test]
fn what_was_acknowledged_outlives_kill_9() {
    let folder = tempfile::tempdir().expect("a folder");
    let packages = packages();
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut ledger = Ledger::new();
    let mut starts = Vec::new();
    let mut acknowledged = 0;
    while acknowledged < MUTATIONS {
        let started = Instant::now();
        let server = Server::start_on(folder.path(), &["--quiet"]);
        starts.push(started.elapsed());
        let api = Api::of(&server);
        let life = Duration::from_millis(random.u64(0..LIFE_MS_MAX));
        let killer = std::thread::spawn(move || {
            // The moment of the crash, not a wait for anything.
            std::thread::sleep(life);
            server.kill();
        });
        let mut unanswered = None;
        while acknowledged < MUTATIONS {
            let mutation = mutation(&ledger, &packages, &mut random);
            match api.try_call(mutation.method, &mutation.path, mutation.body.as_ref()) {
                Ok(reply) => {
                    assert!(
                        (200..300).contains(&reply.status),
                        "{} {}: {reply:?}",
                        mutation.method,
                        mutation.path
                    );
                    apply(&mut ledger, &mutation);
                    acknowledged += 1;
                }
                Err(_gone) => {
                    unanswered = Some(mutation);
                    break;
                }
            }
        }
        killer.join().expect("it is killed");
        ledger = surviving(folder.path(), &packages, ledger, unanswered.as_ref());
    }
    starts.sort();
    let median = starts[starts.len() / 2];
    println!(
        "{} crashes; from start to service: median {median:?}, longest {:?}",
        starts.len(),
        starts.last()
    );
    assert!(starts.len() >= 10, "there were crashes: {}", starts.len());
    assert!(median < Duration::from_secs(1), "{starts:?}");
}

/// Starts a server after a crash, and looks at all that it has.
fn surviving(folder: &Path, packages: &[Vec<u8>], before: Ledger, unanswered: Option<&Mutation>) -> Ledger {
    let server = Server::start_on(folder, &["--quiet"]);
    let api = Api::of(&server);
    let found = read(&api, packages);
    let mut after = before.clone();
    if let Some(mutation) = unanswered {
        apply(&mut after, mutation);
    }
    // Numbers of versions are not used again, which nobody can see before the next is published.
    let same = |one: &Ledger| {
        let seen = |known: &Known| Known { last_number: 0, ..known.clone() };
        one.len() == found.len()
            && one.iter().all(|(name, known)| found.get(name).is_some_and(|found| *found == seen(known)))
    };
    assert!(same(&before) || same(&after), "before: {before:#?}\nafter: {after:#?}\nfound: {found:#?}");
    check_packages(&api, folder, &found, packages);
    server.kill();
    if same(&after) { after } else { before }
}

/// Every package that a version refers to is there, and no other.
fn check_packages(api: &Api, folder: &Path, found: &Ledger, packages: &[Vec<u8>]) {
    let mut used = BTreeSet::new();
    for (name, known) in found {
        used.insert(known.code);
        used.extend(known.versions.values().map(|(_, _, code)| *code));
        let answer = api.invoke(name, "{}");
        assert_eq!((answer.status, answer.is_function_error), (200, false), "{name}: {answer:?}");
        for number in known.versions.keys() {
            let answer = api.invoke(&format!("{name}:{number}"), "{}");
            assert_eq!(
                (answer.status, answer.is_function_error),
                (200, false),
                "{name}:{number}: {answer:?}"
            );
        }
    }
    let mut files: Vec<Vec<u8>> = std::fs::read_dir(folder.join("samovar-code/packages"))
        .expect("the folder is there")
        .map(|entry| std::fs::read(entry.expect("an entry").path()).expect("it can be read"))
        .collect();
    let mut wanted: Vec<Vec<u8>> = used.into_iter().map(|code| packages[code].clone()).collect();
    files.sort();
    wanted.sort();
    assert!(files == wanted, "{} packages are there, {} are wanted", files.len(), wanted.len());
}

fn read(api: &Api, packages: &[Vec<u8>]) -> Ledger {
    let mut ledger = Ledger::new();
    let code_of = |shown: &Value| {
        let digest = &shown["CodeSha256"];
        packages.iter().position(|package| *digest == digest_of(package)).expect("a package of ours")
    };
    for shown in pages(api, "/2015-03-31/functions?FunctionVersion=ALL", "Functions") {
        let name = shown["FunctionName"].as_str().expect("a name");
        let known = ledger.entry(name.to_owned()).or_default();
        let memory_mb = shown["MemorySize"].as_u64().expect("a number");
        match shown["Version"].as_str().expect("a version") {
            "$LATEST" => (known.memory_mb, known.code) = (memory_mb, code_of(&shown)),
            number => {
                let description = shown["Description"].as_str().expect("a text").to_owned();
                let number = number.parse().expect("a number");
                known.versions.insert(number, (description, memory_mb, code_of(&shown)));
            }
        }
    }
    for (name, known) in &mut ledger {
        for alias in pages(api, &format!("/2015-03-31/functions/{name}/aliases?"), "Aliases") {
            let weights = alias["RoutingConfig"]["AdditionalVersionWeights"].as_object();
            let additional = weights.and_then(|weights| weights.iter().next());
            let additional = additional.map(|(version, weight)| {
                (version.parse().expect("a number"), weight.as_f64().expect("a number"))
            });
            let version = alias["FunctionVersion"].as_str().and_then(|text| text.parse().ok());
            let name = alias["Name"].as_str().expect("a name").to_owned();
            known.aliases.insert(name, (version.expect("a number"), additional));
        }
        let reserved = expect(api.call("GET", &format!("/2019-09-30/functions/{name}/concurrency"), None));
        known.reserved = reserved["ReservedConcurrentExecutions"].as_u64();
        let configs = format!("/2019-09-30/functions/{name}/provisioned-concurrency?List=ALL");
        for config in pages(api, &configs, "ProvisionedConcurrencyConfigs") {
            let arn = config["FunctionArn"].as_str().expect("a text");
            let number = arn.rsplit(':').next().and_then(|number| number.parse().ok()).expect("a number");
            let units = config["RequestedProvisionedConcurrentExecutions"].as_u64().expect("a number");
            known.provisioned.insert(number, units);
        }
        let arn = format!("arn:aws:lambda:us-east-1:000000000000:function:{name}").replace(':', "%3A");
        let tags = expect(api.call("GET", &format!("/2017-03-31/tags/{arn}"), None));
        known.tags = serde_json::from_value(tags["Tags"].clone()).expect("texts");
    }
    ledger
}

/// All of a list, page by page.
fn pages(api: &Api, path: &str, member: &str) -> Vec<Value> {
    let (mut all, mut marker) = (Vec::new(), String::new());
    loop {
        let page = expect(api.call("GET", &format!("{path}&MaxItems=7{marker}"), None));
        all.extend(page[member].as_array().expect("a list").iter().cloned());
        match page["NextMarker"].as_str() {
            None => return all,
            Some(next) => marker = format!("&Marker={}", next.replace('+', "%2B").replace('=', "%3D")),
        }
    }
}

fn expect(reply: Reply) -> Value {
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body
}

/// A change that is possible, of any kind.
fn mutation(ledger: &Ledger, packages: &[Vec<u8>], random: &mut fastrand::Rng) -> Mutation {
    let name = format!("function-{}", random.u32(0..8));
    let path = format!("/2015-03-31/functions/{name}");
    let Some(known) = ledger.get(&name) else {
        let code = random.usize(0..packages.len());
        let body = json!({
            "FunctionName": name, "Role": "arn:aws:iam::000000000000:role/any", "Runtime": "provided.al2023",
            "Handler": "bootstrap", "Code": { "ZipFile": BASE64_STANDARD.encode(&packages[code]) },
            "Tags": { "made": "here" },
        });
        let tags = BTreeMap::from([("made".to_owned(), "here".to_owned())]);
        let after = Some(Known { memory_mb: 128, code, tags, ..Known::default() });
        let path = "/2015-03-31/functions".to_owned();
        return Mutation { method: "POST", path, body: Some(body), function: name, after };
    };
    let mut after = known.clone();
    let version = random.choice(known.versions.keys().copied().collect::<Vec<_>>());
    let alias = format!("alias-{}", random.u32(0..3));
    let (method, path, body) = match (random.u32(0..23), version) {
        (0, _) => return Mutation { method: "DELETE", path, body: None, function: name, after: None },
        (1..=3, _) => {
            after.memory_mb = random.u64(128..1024);
            ("PUT", format!("{path}/configuration"), Some(json!({ "MemorySize": after.memory_mb })))
        }
        (4..=5, _) => {
            after.code = random.usize(0..packages.len());
            let package = BASE64_STANDARD.encode(&packages[after.code]);
            ("PUT", format!("{path}/code"), Some(json!({ "ZipFile": package })))
        }
        (6..=7, _) => {
            let (key, value) = (format!("key-{}", random.u32(0..4)), random.u64(..).to_string());
            after.tags.insert(key.clone(), value.clone());
            ("POST", tags_path(&name), Some(json!({ "Tags": { key: value } })))
        }
        (8, _) => {
            let key = format!("key-{}", random.u32(0..4));
            after.tags.remove(&key);
            ("DELETE", format!("{}?tagKeys={key}", tags_path(&name)), None)
        }
        (9, Some(number))
            if known.aliases.values().all(|to| to.0 != number && to.1.is_none_or(|to| to.0 != number)) =>
        {
            after.versions.remove(&number);
            after.provisioned.remove(&number);
            ("DELETE", format!("{path}?Qualifier={number}"), None)
        }
        (10, _) => {
            after.aliases.remove(&alias);
            ("DELETE", format!("{path}/aliases/{alias}"), None)
        }
        (11..=16, Some(number)) => lead(&mut after, &path, alias, number, random),
        (20, _) if known.provisioned.is_empty() => reserve(&mut after, &name, random),
        (21..=22, Some(number)) if known.reserved.is_none() => provision(&mut after, &name, number, random),
        // A description of its own makes it differ from the version before.
        _ => {
            let description = format!("number {}", random.u64(..));
            let same = known
                .versions
                .get(&known.last_number)
                .is_some_and(|(_, memory_mb, code)| (*memory_mb, *code) == (known.memory_mb, known.code));
            if !same {
                after.last_number += 1;
                after.versions.insert(after.last_number, (description.clone(), known.memory_mb, known.code));
            }
            ("POST", format!("{path}/versions"), Some(json!({ "Description": description })))
        }
    };
    Mutation { method, path, body, function: name, after: Some(after) }
}

/// Leads an alias to a version, or to two.
fn lead(
    after: &mut Known,
    path: &str,
    alias: String,
    number: u64,
    random: &mut fastrand::Rng,
) -> (&'static str, String, Option<Value>) {
    let other = after.versions.keys().copied().find(|other| *other != number && random.bool());
    let additional = other.map(|other| (other, f64::from(random.u32(0..100)) / 100.0));
    let weights = additional.map(|(version, weight)| (version.to_string(), json!(weight)));
    let weights: serde_json::Map<String, Value> = weights.into_iter().collect();
    let mut body = json!({
        "FunctionVersion": number.to_string(), "RoutingConfig": { "AdditionalVersionWeights": weights },
    });
    match after.aliases.insert(alias.clone(), (number, additional)) {
        Some(_) => ("PUT", format!("{path}/aliases/{alias}"), Some(body)),
        None => {
            body["Name"] = json!(alias);
            ("POST", format!("{path}/aliases"), Some(body))
        }
    }
}

/// Reserves concurrency, or gives back what was reserved.
fn reserve(
    after: &mut Known,
    name: &str,
    random: &mut fastrand::Rng,
) -> (&'static str, String, Option<Value>) {
    let path = format!("/2017-10-31/functions/{name}/concurrency");
    match after.reserved.take() {
        Some(_) => ("DELETE", path, None),
        None => {
            let units = random.u64(1..20);
            after.reserved = Some(units);
            ("PUT", path, Some(json!({ "ReservedConcurrentExecutions": units })))
        }
    }
}

/// Has instances of a version provisioned, or takes them away.
fn provision(
    after: &mut Known,
    name: &str,
    number: u64,
    random: &mut fastrand::Rng,
) -> (&'static str, String, Option<Value>) {
    let path = format!("/2019-09-30/functions/{name}/provisioned-concurrency?Qualifier={number}");
    match after.provisioned.remove(&number) {
        Some(_) => ("DELETE", path, None),
        None => {
            let units = random.u64(1..4);
            after.provisioned.insert(number, units);
            ("PUT", path, Some(json!({ "ProvisionedConcurrentExecutions": units })))
        }
    }
}

fn apply(ledger: &mut Ledger, mutation: &Mutation) {
    match &mutation.after {
        Some(after) => ledger.insert(mutation.function.clone(), after.clone()),
        None => ledger.remove(&mutation.function),
    };
}

fn tags_path(name: &str) -> String {
    format!("/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3A{name}")
}

/// Components that differ.
fn packages() -> Vec<Vec<u8>> {
    ["", "(func $a)", "(func $a) (func $b)"]
        .map(|more| Handler { more, ..Handler::default() }.build())
        .to_vec()
}

fn digest_of(package: &[u8]) -> String {
    BASE64_STANDARD.encode(samovar::CodeDigest::of(package).bytes())
}
