//! Lines that are kept and read again, through a data folder of the test's own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::*;
use crate::function::Logging;
use crate::telemetry::{Log, LogFeed, LogSource, Stream};

const GROUP: &str = "/aws/lambda/f";
const REGION: &str = "us-east-1";

/// Logs in a folder that goes with the test.
struct Kept {
    folder: tempfile::TempDir,
    logs: Logs,
}

impl Kept {
    fn new(settings: LogSettings) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let logs = Logs::open(folder.path(), settings).expect("it opens");
        Self { folder, logs }
    }

    /// Ends, and begins anew with what is there.
    async fn again(self, settings: LogSettings) -> Self {
        self.logs.close().await;
        let logs = Logs::open(self.folder.path(), settings).expect("it opens");
        Self { folder: self.folder, logs }
    }

    fn log(&self, stream: &str) -> Log {
        self.log_of(LogSource::example(stream))
    }

    fn log_of(&self, source: Arc<LogSource>) -> Log {
        Log::new(source, LogFeed::new(Some(self.logs.queue().clone())), &Logging::default(), u64::MAX)
    }

    async fn page(&self, request: ReadLogEvents) -> LogEventPage {
        self.logs.events(REGION, request).await.expect("it is read")
    }

    /// The lines of the group but those that instances begin with, page by page from the oldest.
    async fn lines(&self, limit: usize) -> Vec<String> {
        let mut request = ReadLogEvents { limit, ..ReadLogEvents::new(GROUP) };
        let mut lines = Vec::new();
        loop {
            let page = self.page(request.clone()).await;
            assert!(page.events.len() <= limit);
            lines.extend(page.events.into_iter().map(|event| event.message));
            if !page.has_more {
                lines.retain(|line| !line.starts_with("INIT_START"));
                return lines;
            }
            request.from = ReadLogsFrom::After(page.after);
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        let folder = self.folder.path().join(FOLDER).join(REGION).join("=+aws+lambda+f");
        let files = std::fs::read_dir(folder).into_iter().flatten();
        let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
        files.sort();
        files
    }

    fn bytes(&self) -> u64 {
        self.files().iter().map(|file| std::fs::metadata(file).expect("a file").len()).sum()
    }
}

fn write(log: &Log, line: &str) {
    log.writer(Stream::Output).write(format!("{line}\n").as_bytes());
}

fn small() -> LogSettings {
    LogSettings { group_bytes_max: 256 << 10, ..LogSettings::default() }
}

fn numbered(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| format!("line {number}")).collect()
}

#[tokio::test]
async fn lines_are_read_as_they_were_written_whatever_the_page() {
    let kept = Kept::new(LogSettings::default());
    let log = kept.log("s");
    numbered(0..100).iter().for_each(|line| write(&log, line));
    for limit in [1, 7, 101, 102, LOG_PAGE_EVENTS_MAX] {
        assert_eq!(kept.lines(limit).await, numbered(0..100), "{limit} at a time");
    }
}

#[tokio::test]
async fn files_are_their_owners_alone() {
    let kept = Kept::new(LogSettings::default());
    write(&kept.log("s"), "line");
    kept.logs.close().await;
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let [file] = &kept.files()[..] else { panic!("one file") };
    assert_eq!(mode(file), 0o600);
    let above: Vec<u32> = file.ancestors().skip(1).take(3).map(mode).collect();
    assert_eq!(above, [0o700; 3]);
}

#[tokio::test]
async fn a_group_keeps_within_its_bytes_and_loses_its_oldest_lines() {
    let kept = Kept::new(small());
    let log = kept.log("s");
    for round in 0..40 {
        for number in 0..100 {
            write(&log, &format!("{:0>1000}", round * 100 + number));
        }
        kept.logs.shared.queue.settle();
        assert!(kept.bytes() <= small().group_bytes_max + 2000, "{} bytes", kept.bytes());
    }
    let lines = kept.lines(LOG_PAGE_EVENTS_MAX).await;
    let numbers: Vec<usize> = lines.iter().map(|line| line.parse().expect("a number")).collect();
    assert_eq!(numbers.last(), Some(&3999));
    assert!(numbers.windows(2).all(|two| two[0] + 1 == two[1]), "without a gap");
    assert!((150..250).contains(&numbers.len()), "{} lines", numbers.len());
}

#[tokio::test]
async fn all_groups_keep_within_the_bytes_of_all() {
    let kept = Kept::new(LogSettings { bytes_max: 1 << 20, ..LogSettings::default() });
    for number in 0..200 {
        let mut source = LogSource::example("s");
        Arc::make_mut(&mut source).group = format!("/g/{number:03}");
        write(&kept.log_of(source), &"x".repeat(8000));
        kept.logs.shared.queue.settle();
    }
    let folder = kept.folder.path().join(FOLDER).join(REGION);
    let groups = std::fs::read_dir(folder).expect("a folder").count();
    assert!((100..=128).contains(&groups), "{groups} groups of 8 KiB each");
    let list =
        kept.logs.groups(REGION, ListLogGroups { prefix: "/g/19".to_owned(), ..Default::default() }).await;
    assert_eq!(list.entries.len(), 10, "the youngest are there");
    let gone = kept.logs.events(REGION, ReadLogEvents::new("/g/000")).await;
    assert!(matches!(gone, Err(LogsError::GroupNotFound { .. })));
}

#[tokio::test]
async fn what_was_kept_is_there_after_a_new_start_and_is_gone_on_with() {
    let mut kept = Kept::new(small());
    for start in 0..5 {
        write(&kept.log("s"), &format!("line {start}"));
        kept = kept.again(small()).await;
        assert_eq!(kept.lines(10).await, numbered(0..start + 1));
    }
    assert_eq!(kept.files().len(), 1, "a start alone begins no new file");
}

#[tokio::test]
async fn a_torn_last_record_is_not_read_and_is_written_over() {
    let kept = Kept::new(small());
    let log = kept.log("s");
    numbered(0..3).iter().for_each(|line| write(&log, line));
    kept.logs.close().await;
    let [file] = &kept.files()[..] else { panic!("one file") };
    let bytes = std::fs::read(file).expect("it is read");
    std::fs::write(file, &bytes[..bytes.len() - 3]).expect("it is written");
    let kept = kept.again(small()).await;
    assert_eq!(kept.lines(10).await, numbered(0..2));
    write(&kept.log("s"), "line 2");
    assert_eq!(kept.lines(10).await, numbered(0..3));
    let kept = kept.again(small()).await;
    assert_eq!(kept.lines(10).await, numbered(0..3));
}

#[tokio::test]
async fn a_file_that_somebody_took_away_is_followed_by_another() {
    let kept = Kept::new(small());
    write(&kept.log("s"), "line 0");
    let kept = kept.again(small()).await;
    std::fs::remove_file(&kept.files()[0]).expect("it was there");
    write(&kept.log("s"), "line 1");
    assert_eq!(kept.lines(10).await, ["line 1"]);
}

#[tokio::test]
async fn the_newest_lines_come_first_from_the_end() {
    let kept = Kept::new(small());
    let log = kept.log("s");
    numbered(0..5000).iter().for_each(|line| write(&log, line));
    let all = kept.lines(LOG_PAGE_EVENTS_MAX).await;
    assert!(kept.files().len() > 3, "they are in several files");
    let mut request = ReadLogEvents { limit: 700, from: ReadLogsFrom::Newest, ..ReadLogEvents::new(GROUP) };
    let mut backwards: Vec<String> = Vec::new();
    loop {
        let page = kept.page(request.clone()).await;
        let lines = page.events.into_iter().map(|event| event.message);
        backwards.splice(0..0, lines.filter(|line| !line.starts_with("INIT_START")));
        if !page.has_more {
            break;
        }
        request.from = ReadLogsFrom::Before(page.before);
    }
    assert_eq!(backwards, all);
}

#[tokio::test]
async fn whoever_reads_on_misses_nothing_and_meets_nothing_twice() {
    let kept = Kept::new(small());
    let log = kept.log("s");
    let mut request = ReadLogEvents::new(GROUP);
    write(&log, "first");
    request.from = ReadLogsFrom::After(kept.page(request.clone()).await.after);
    let mut seen = Vec::new();
    for round in 0..30 {
        numbered(round * 100..round * 100 + 100).iter().for_each(|line| write(&log, line));
        let page = kept.page(request.clone()).await;
        seen.extend(page.events.into_iter().map(|event| event.message));
        request.from = ReadLogsFrom::After(page.after);
    }
    assert_eq!(seen, numbered(0..3000));
    let page = kept.page(request.clone()).await;
    assert_eq!((page.events.len(), ReadLogsFrom::After(page.after)), (0, request.from));
}

#[tokio::test]
async fn lines_are_chosen_by_time_stream_request_and_filter() {
    let kept = Kept::new(LogSettings::default());
    let (one, two) = (kept.log("one"), kept.log("two"));
    one.begin(&"a".into(), false);
    write(&one, "ERROR: no tea");
    write(&two, "ERROR: no coffee");
    write(&two, "all well");
    let all = kept.page(ReadLogEvents::new(GROUP)).await.events;
    let chosen = async |change: &dyn Fn(&mut ReadLogEvents)| {
        let mut request = ReadLogEvents::new(GROUP);
        change(&mut request);
        let events = kept.page(request).await.events;
        events.into_iter().map(|event| event.message).collect::<Vec<_>>()
    };
    let of_one = chosen(&|request| request.streams = LogStreamChoice::Named(vec!["one".to_owned()])).await;
    assert_eq!(of_one[1..], ["START RequestId: a Version: 1", "ERROR: no tea"]);
    let of_two = chosen(&|request| request.streams = LogStreamChoice::Prefix("tw".to_owned())).await;
    assert_eq!(of_two.len(), 3);
    let of_a = chosen(&|request| request.request_id = Some("a".to_owned())).await;
    assert_eq!(of_a, of_one[1..]);
    let errors = chosen(&|request| request.filter = LogFilter::parse("ERROR -tea").expect("a pattern")).await;
    assert_eq!(errors, ["ERROR: no coffee"]);
    let (first, last) = (all[0].at_ms, all[all.len() - 1].at_ms);
    assert_eq!(chosen(&|request| request.since_ms = Some(last + 1)).await, [""; 0]);
    assert_eq!(chosen(&|request| request.until_ms = Some(first)).await, [""; 0]);
    let in_time = |request: &mut ReadLogEvents| {
        (request.since_ms, request.until_ms) = (Some(first), Some(last + 1));
    };
    assert_eq!(chosen(&in_time).await.len(), all.len());
}

#[tokio::test]
async fn streams_are_listed_by_name_or_by_their_last_line() {
    let kept = Kept::new(LogSettings::default());
    let logs: Vec<Log> = (0..120).map(|number| kept.log(&format!("s{:03}", number * 7 % 120))).collect();
    logs.iter().for_each(|log| write(log, "line"));
    let mut request = ListLogStreams::new(GROUP);
    let mut names = Vec::new();
    loop {
        let list = kept.logs.streams(REGION, request.clone()).await.expect("it is read");
        request.after = list.entries.last().cloned();
        names.extend(list.entries.into_iter().map(|stream| stream.name));
        if !list.has_more {
            break;
        }
    }
    assert_eq!(names, (0..120).map(|number| format!("s{number:03}")).collect::<Vec<_>>());
    while crate::timestamp::now_ms()
        <= kept.page(ReadLogEvents::new(GROUP)).await.events.last().expect("a line").at_ms
    {}
    write(&logs[50], "the last line");
    let mut request = ListLogStreams::new(GROUP);
    (request.order, request.descending, request.limit) = (LogStreamOrder::LastEventTime, true, 1);
    let list = kept.logs.streams(REGION, request).await.expect("it is read");
    assert_eq!((list.entries[0].name.as_str(), list.has_more), ("s110", true));
    let request = ListLogStreams { prefix: "s11".to_owned(), ..ListLogStreams::new(GROUP) };
    assert_eq!(kept.logs.streams(REGION, request).await.expect("it is read").entries.len(), 10);
}

#[tokio::test]
async fn groups_are_listed_by_name_in_their_region() {
    let kept = Kept::new(LogSettings::default());
    for (region, group) in [(REGION, "b"), (REGION, "a/1"), (REGION, "a/2"), ("eu-west-1", "c")] {
        let mut source = LogSource::example("s");
        let changed = Arc::make_mut(&mut source);
        (changed.region, changed.group) = (region.to_owned(), group.to_owned());
        write(&kept.log_of(source), "line");
    }
    let kept = kept.again(LogSettings::default()).await;
    let listed = async |region: &str, request: ListLogGroups| {
        let list = kept.logs.groups(region, request).await;
        (list.entries.into_iter().map(|group| group.name).collect::<Vec<_>>().join(" "), list.has_more)
    };
    let all = ListLogGroups::default;
    assert_eq!(listed(REGION, all()).await, ("a/1 a/2 b".to_owned(), false));
    assert_eq!(listed("eu-west-1", all()).await.0, "c");
    let prefix = ListLogGroups { prefix: "a/".to_owned(), limit: 1, ..all() };
    assert_eq!(listed(REGION, prefix.clone()).await, ("a/1".to_owned(), true));
    let next = ListLogGroups { after: Some("a/1".to_owned()), ..prefix };
    assert_eq!(listed(REGION, next).await, ("a/2".to_owned(), false));
    assert_eq!(listed(REGION, ListLogGroups { part: "/2".to_owned(), ..all() }).await.0, "a/2");
}

#[tokio::test]
async fn more_groups_than_open_files_are_written_all_the_same() {
    let kept = Kept::new(LogSettings::default());
    let logs: Vec<Log> = (0..200)
        .map(|number| {
            let mut source = LogSource::example("s");
            Arc::make_mut(&mut source).group = format!("/g/{number}");
            kept.log_of(source)
        })
        .collect();
    for round in 0..3 {
        logs.iter().for_each(|log| write(log, &format!("line {round}")));
    }
    for number in 0..200 {
        let page = kept.page(ReadLogEvents::new(format!("/g/{number}"))).await;
        let lines: Vec<_> = page.events.into_iter().skip(1).map(|event| event.message).collect();
        assert_eq!(lines, numbered(0..3), "group {number}");
    }
}

#[tokio::test]
async fn a_group_that_could_not_be_written_is_written_again_when_it_can() {
    let kept = Kept::new(small());
    let folder = kept.folder.path().join(FOLDER).join(REGION).join("=+aws+lambda+f");
    std::fs::create_dir(folder.parent().expect("a region")).expect("it is made");
    std::fs::write(&folder, "in its place").expect("it is written");
    let log = kept.log("s");
    write(&log, "lost");
    let read = kept.logs.events(REGION, ReadLogEvents::new(GROUP)).await;
    assert!(matches!(read, Err(LogsError::GroupNotFound { .. })), "{read:?}");
    std::fs::remove_file(&folder).expect("it is there");
    while kept.logs.events(REGION, ReadLogEvents::new(GROUP)).await.is_err() {
        write(&log, "again");
    }
    let lines = kept.lines(LOG_PAGE_EVENTS_MAX).await;
    assert!(lines.iter().all(|line| line == "again"), "{lines:?}");
}

/// A copy of a group's folder counted and never went, and everything else was let go for it.
#[tokio::test]
async fn a_folder_that_somebody_copied_takes_no_room_from_others() {
    let kept = Kept::new(LogSettings::default());
    let log = kept.log("s");
    let text = "x".repeat(8000);
    (0..200).for_each(|_| write(&log, &text));
    let lines = kept.lines(LOG_PAGE_EVENTS_MAX).await;
    kept.logs.close().await;
    let own = kept.files();
    let copy = own[0].parent().and_then(Path::parent).expect("a region").join("copy");
    std::fs::create_dir(&copy).expect("it is made");
    for file in &own {
        std::fs::copy(file, copy.join(file.file_name().expect("a file"))).expect("it is copied");
    }
    let both = 2 * kept.bytes();
    let kept = kept.again(LogSettings { bytes_max: both - both / 4, ..LogSettings::default() }).await;
    write(&kept.log("s"), "one more");
    let after = kept.lines(LOG_PAGE_EVENTS_MAX).await;
    assert_eq!(after.len(), lines.len() + 1, "none of them had to go");
    assert_eq!(std::fs::read_dir(&copy).expect("it is there").count(), own.len());
}

#[tokio::test]
async fn a_file_of_another_group_is_not_read_as_this_ones() {
    let kept = Kept::new(LogSettings::default());
    write(&kept.log("s"), "line 0");
    let mut other = LogSource::example("s");
    Arc::make_mut(&mut other).group = "/aws/lambda/g".to_owned();
    write(&kept.log_of(other), "of another");
    kept.logs.close().await;
    let own = kept.files();
    let folder = own[0].parent().expect("a folder");
    let others = std::fs::read_dir(folder.with_file_name("=+aws+lambda+g")).expect("it is there");
    let file = others.last().expect("a file").expect("a file").path();
    std::fs::copy(file, folder.join("00000000000000000001.log")).expect("it is copied");
    let kept = kept.again(LogSettings::default()).await;
    assert_eq!(kept.lines(10).await, ["line 0"]);
}
