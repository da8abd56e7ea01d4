//! Works on files as it is told. `/tmp` is its own and kept while it is warm; `/var/task` is its package, for reading only.

use samovar_sdk::{Error, LambdaEvent, run, service_fn, tokio};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Task {
    Write {
        path: String,
        text: String,
    },
    Append {
        path: String,
        text: String,
    },
    Read(String),
    List(String),
    Look(String),
    MakeFolder(String),
    Remove(String),
    Rename {
        from: String,
        to: String,
    },
    Link {
        to: String,
        path: String,
    },
    /// Writes so many megabytes, or as many as there is room for.
    Fill {
        path: String,
        megabytes: usize,
    },
    /// Makes so many empty files, or as many as there is room for.
    Empty {
        folder: String,
        files: usize,
    },
    /// Writes a file that has lost its name, and reads it again.
    Scratch {
        path: String,
        megabytes: usize,
    },
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(work)).await
}

/// An error of a file is an answer too: it harms nothing.
async fn work(event: LambdaEvent<Task>) -> Result<Value, Error> {
    Ok(done(event.payload).unwrap_or_else(|error| json!({ "error": format!("{:?}", error.kind()) })))
}

fn done(task: Task) -> io::Result<Value> {
    match task {
        Task::Write { path, text } => fs::write(path, &text).map(|()| json!({ "written": text.len() })),
        Task::Append { path, text } => {
            OpenOptions::new().append(true).open(path)?.write_all(text.as_bytes())?;
            Ok(json!({ "written": text.len() }))
        }
        Task::Read(path) => fs::read_to_string(path).map(|text| json!({ "text": text })),
        Task::List(path) => list(&path).map(|names| json!({ "names": names })),
        Task::Look(path) => look(&path),
        Task::MakeFolder(path) => fs::create_dir_all(path).map(|()| json!({})),
        Task::Remove(path) => match fs::symlink_metadata(&path)?.is_dir() {
            true => fs::remove_dir_all(path).map(|()| json!({})),
            false => fs::remove_file(path).map(|()| json!({})),
        },
        Task::Rename { from, to } => fs::rename(from, to).map(|()| json!({})),
        #[expect(deprecated, reason = "what replaced it is not stable on every target")]
        Task::Link { to, path } => fs::soft_link(to, path).map(|()| json!({})),
        Task::Fill { path, megabytes } => {
            Ok(json!({ "megabytes": fill(&mut File::create(path)?, megabytes) }))
        }
        Task::Empty { folder, files } => {
            let made = (0..files).take_while(|file| File::create_new(format!("{folder}/{file}")).is_ok());
            Ok(json!({ "files": made.count() }))
        }
        Task::Scratch { path, megabytes } => scratch(&path, megabytes),
    }
}

fn list(path: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn look(path: &str) -> io::Result<Value> {
    let (it, target) = (fs::symlink_metadata(path)?, fs::metadata(path)?);
    Ok(json!({ "link": it.is_symlink(), "folder": target.is_dir(), "bytes": target.len() }))
}

/// Gives back how many whole megabytes were written.
fn fill(file: &mut File, megabytes: usize) -> usize {
    let megabyte = vec![b'x'; 1024 * 1024];
    (0..megabytes).take_while(|_| file.write_all(&megabyte).is_ok()).count()
}

fn scratch(path: &str, megabytes: usize) -> io::Result<Value> {
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
    fs::remove_file(path)?;
    let written = fill(&mut file, megabytes);
    file.seek(SeekFrom::Start(0))?;
    let mut read = 0;
    let mut buffer = vec![0; 1024 * 1024];
    while let bytes @ 1.. = file.read(&mut buffer)? {
        read += bytes;
    }
    Ok(json!({ "megabytes": written, "read": read / (1024 * 1024), "named": fs::exists(path)? }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;

    #[test]
    fn what_is_written_is_read_again_on_any_disk() {
        let path = std::env::temp_dir().join(format!("samovar-files-{}", std::process::id()));
        let path = path.to_str().expect("a plain path");
        let mut service = service_fn(work);
        let mut tell = |task| testing::invoke(&mut service, task).expect("an answer");
        assert_eq!(tell(json!({ "write": { "path": path, "text": "tea" } })), json!({ "written": 3 }));
        assert_eq!(tell(json!({ "read": path })), json!({ "text": "tea" }));
        assert_eq!(tell(json!({ "remove": path })), json!({}));
        assert_eq!(tell(json!({ "read": path })), json!({ "error": "NotFound" }));
    }
}
