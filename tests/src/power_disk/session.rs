//! A mount of the disk: threads that take the kernel's requests and answer them, until it is unmounted.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::io::Errno;

use super::state::{Node, State, now};
use super::wire::{Answer, REQUEST_BYTES_MAX, Request, operation};

/// How many requests are answered at a time: a flush takes time, in which others write.
const THREADS: usize = 4;
/// How long a flush takes: about as long as on the disk of an ordinary virtual machine.
const FLUSH_TIME: Duration = Duration::from_millis(2);

/// What is to be set of a file.
const SET_MODE: u32 = 1;
const SET_USER: u32 = 1 << 1;
const SET_GROUP: u32 = 1 << 2;
const SET_SIZE: u32 = 1 << 3;
const SET_MODIFIED: u32 = 1 << 5;
const SET_MODIFIED_NOW: u32 = 1 << 8;
/// A rename that replaces nothing.
const NO_REPLACE: u32 = 1;

/// A mounted disk, unmounted when dropped.
#[derive(Debug)]
pub(super) struct Session {
    place: PathBuf,
    threads: Vec<JoinHandle<()>>,
}

impl Session {
    /// Mounts a disk on a folder.
    pub(super) fn mount(place: &Path, state: &Arc<Mutex<State>>) -> io::Result<Self> {
        let device = Arc::new(File::options().read(true).write(true).open("/dev/fuse")?);
        let owner = state.locked().node(super::state::ROOT)?.owner;
        // The kernel takes the device by its number in the process that mounts, where it is standard input.
        let options = format!("fd=0,rootmode=40000,user_id={},group_id={}", owner.0, owner.1);
        let mut mount = Command::new("mount");
        mount.args(["-i", "-t", "fuse", "-o", &options, "power-disk"]).arg(place);
        let output = mount.stdin(Stdio::from(device.try_clone()?)).output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let thread = |_| {
            let (device, state) = (device.clone(), state.clone());
            std::thread::spawn(move || answer_all(&device, &state))
        };
        Ok(Self { place: place.to_owned(), threads: (0..THREADS).map(thread).collect() })
    }
}

impl Drop for Session {
    /// At once, and whatever is open: whoever still has something to do with it gets errors.
    fn drop(&mut self) {
        let unmounted = Command::new("umount").args(["-f", "-l"]).arg(&self.place).status();
        match unmounted {
            Ok(status) if status.success() => {
                self.threads.drain(..).for_each(|thread| thread.join().expect("it does not panic"));
            }
            other => eprintln!("{} stays mounted: {other:?}", self.place.display()),
        }
    }
}

/// The state, also after a panic of somebody who had it: it is whole after every statement.
pub(super) trait Locked {
    fn locked(&self) -> MutexGuard<'_, State>;
}

impl Locked for Mutex<State> {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer_all(device: &File, state: &Mutex<State>) {
    let mut buffer = vec![0; REQUEST_BYTES_MAX];
    loop {
        let read = match (&*device).read(&mut buffer) {
            Ok(count) => Request::of(&buffer[..count]),
            Err(error) => match Errno::from_io_error(&error) {
                // The request was taken back, or there is none.
                Some(Errno::NOENT | Errno::INTR | Errno::AGAIN) => continue,
                // It is unmounted.
                _ => return,
            },
        };
        let Some(request) = read else { return };
        let answer = match request.operation {
            operation::FORGET | operation::BATCH_FORGET | operation::INTERRUPT => continue,
            operation::FSYNC | operation::FSYNCDIR => flush(state, &request),
            _ => carry_out(&mut state.locked(), &request),
        };
        // Whoever asked may have gone.
        let _ = (&*device).write_all(&request.answer(answer));
    }
}

/// Others may read and write meanwhile.
fn flush(state: &Mutex<State>, request: &Request<'_>) -> Result<Answer, Errno> {
    let flush = state.locked().begin_flush(request.node)?;
    // How slow the disk is, not a wait for anything.
    std::thread::sleep(FLUSH_TIME);
    state.locked().end_flush(flush).map(|()| Answer::default())
}

fn carry_out(state: &mut State, request: &Request<'_>) -> Result<Answer, Errno> {
    if state.is_off {
        return Err(Errno::IO);
    }
    let node = request.node;
    match request.operation {
        operation::INIT => Ok(Answer::init(request)),
        operation::LOOKUP => {
            let found = state.find(node, request.name(0))?;
            Ok(Answer::entry(found, state.node(found)?))
        }
        operation::GETATTR => Ok(Answer::node(node, state.node(node)?)),
        operation::SETATTR => set(state, request),
        operation::MKDIR => {
            let folder = Node::new(true, request.short(0), request.owner);
            let made = state.make((node, request.name(8).to_owned()), folder)?;
            Ok(Answer::entry(made, state.node(made)?))
        }
        operation::CREATE => {
            let file = Node::new(false, request.short(4), request.owner);
            let made = state.make((node, request.name(16).to_owned()), file)?;
            Ok(Answer::entry(made, state.node(made)?).opened())
        }
        operation::UNLINK | operation::RMDIR => {
            state.remove((node, request.name(0).to_owned())).map(|()| Answer::default())
        }
        operation::RENAME => rename(state, request, 8, 0),
        operation::RENAME2 => rename(state, request, 16, request.short(8)),
        operation::OPEN | operation::OPENDIR => Ok(Answer::default().opened()),
        operation::READ => {
            let read = state.read(node, request.long(8), request.short(16) as usize)?;
            Ok(Answer::default().bytes(&read))
        }
        operation::WRITE => {
            let data = request.rest(40);
            state.write(node, request.long(8), data)?;
            Ok(Answer::written(data.len()))
        }
        operation::READDIR => list(state, request),
        operation::STATFS => Ok(Answer::room()),
        operation::RELEASE | operation::RELEASEDIR | operation::DESTROY => Ok(Answer::default()),
        // The kernel does without, or does it itself, such as locks.
        _ => Err(Errno::NOSYS),
    }
}

fn set(state: &mut State, request: &Request<'_>) -> Result<Answer, Errno> {
    let (number, what) = (request.node, request.short(0));
    if what & SET_SIZE != 0 {
        state.resize(number, request.long(16))?;
    }
    let node = state.node_mut(number)?;
    if what & SET_MODE != 0 {
        node.mode = request.short(68);
    }
    if what & SET_USER != 0 {
        node.owner.0 = request.short(76);
    }
    if what & SET_GROUP != 0 {
        node.owner.1 = request.short(80);
    }
    if what & SET_MODIFIED_NOW != 0 {
        node.modified = now();
    } else if what & SET_MODIFIED != 0 {
        node.modified = Duration::new(request.long(40), request.short(60));
    }
    Ok(Answer::node(number, node))
}

/// The names begin at one place; what kind of a rename it is stands before them.
fn rename(state: &mut State, request: &Request<'_>, names_at: usize, flags: u32) -> Result<Answer, Errno> {
    if flags & !NO_REPLACE != 0 {
        return Err(Errno::INVAL);
    }
    let (from, to) = request.names(names_at);
    let (from, to) = ((request.node, from.to_owned()), (request.long(0), to.to_owned()));
    state.rename(from, to, flags & NO_REPLACE == 0).map(|()| Answer::default())
}

fn list(state: &State, request: &Request<'_>) -> Result<Answer, Errno> {
    let (after, bytes_max) = (request.long(8), request.short(16) as usize);
    let mut entries = Vec::new();
    for (name, number) in state.list(request.node).filter(|(_, number)| *number > after) {
        entries.push((name, number, state.node(number)?));
    }
    entries.sort_by_key(|(_, number, _)| *number);
    Ok(Answer::list(entries.into_iter(), bytes_max))
}
