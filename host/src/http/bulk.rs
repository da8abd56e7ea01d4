//! Large bodies and answers, moved by threads that give way to others.
//!
//! What the system copies between a socket and memory it copies on the thread that asks for it, and for a large body that is a long time:
//! fifty of them would keep all threads from a small request that comes meanwhile. So a connection on which much comes or goes
//! hands its half of the socket to a mover, piece by piece, and gets it back with the piece. Pieces of all connections are moved in
//! turn.

use std::io;
use std::pin::Pin;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::thread;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::oneshot;

use crate::urgency;

/// What is moved at once is moved where it is asked for, up to so many bytes.
const SMALL_BYTES_MAX: usize = 16 << 10;
/// How much is moved in one turn.
const PIECE_BYTES: usize = 64 << 10;

/// The threads that move what is large, of all connections of a server. They end with the last of its clones.
#[derive(Debug, Clone)]
pub(super) struct Movers(Sender<Job>);

/// One half of a socket, on its way to a mover.
#[derive(Debug)]
enum Job {
    Read { half: OwnedReadHalf, piece: Vec<u8>, done: oneshot::Sender<Moved<OwnedReadHalf>> },
    Write { half: OwnedWriteHalf, piece: Vec<u8>, from: usize, done: oneshot::Sender<Moved<OwnedWriteHalf>> },
}

/// A half that comes back, its piece, and how many bytes were moved.
#[derive(Debug)]
struct Moved<Half> {
    half: Half,
    piece: Vec<u8>,
    bytes: io::Result<usize>,
}

/// A connection whose large bodies and answers are moved by others.
#[derive(Debug)]
pub(super) struct Bulk {
    movers: Movers,
    reading: Reading,
    writing: Writing,
}

/// Where the half that is read from is.
#[derive(Debug)]
enum Reading {
    /// Here, and what comes is little.
    Here(OwnedReadHalf),
    /// Here; the last that came was much, so that there may be more, for which there is room.
    More { half: OwnedReadHalf, room: Vec<u8> },
    /// At a mover.
    Away(oneshot::Receiver<Moved<OwnedReadHalf>>),
    /// Here, with a piece that was moved, of which so much was taken.
    Holding { half: OwnedReadHalf, piece: Vec<u8>, taken: usize },
    /// Nowhere: the connection has failed.
    Lost,
}

/// Where the half that is written to is.
#[derive(Debug)]
enum Writing {
    /// Here, and all is written.
    Here(OwnedWriteHalf),
    /// At a mover, which writes a piece from there on.
    Away { from: usize, moved: oneshot::Receiver<Moved<OwnedWriteHalf>> },
    /// Here, with a piece of which so much is written, until the socket takes more.
    Full { half: OwnedWriteHalf, piece: Vec<u8>, written: usize },
    /// Nowhere: the connection has failed.
    Lost,
}

impl Movers {
    /// Starts as many threads as leave half of the cores to others.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start() -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let (jobs, waiting) = mpsc::channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for number in 0..(cores / 2).max(1) {
            let waiting = waiting.clone();
            thread::Builder::new().name(format!("samovar-bulk-{number}")).spawn(move || {
                urgency::give_way();
                serve(&waiting);
            })?;
        }
        Ok(Self(jobs))
    }

    fn read(&self, half: OwnedReadHalf, room: Vec<u8>) -> Reading {
        let (done, moved) = oneshot::channel();
        match self.0.send(Job::Read { half, piece: room, done }) {
            Ok(()) => Reading::Away(moved),
            Err(_no_mover_is_left) => Reading::Lost,
        }
    }

    fn write(&self, half: OwnedWriteHalf, piece: Vec<u8>, from: usize) -> Writing {
        let (done, moved) = oneshot::channel();
        match self.0.send(Job::Write { half, piece, from, done }) {
            Ok(()) => Writing::Away { from, moved },
            Err(_no_mover_is_left) => Writing::Lost,
        }
    }
}

/// Moves piece after piece. There are never more of them than connections have halves.
fn serve(waiting: &Mutex<Receiver<Job>>) {
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(job) = next() {
        // Whoever waited may have gone; then the half goes, too.
        match job {
            Job::Read { half, mut piece, done } => {
                let bytes = half.try_read_buf(&mut piece);
                let _ = done.send(Moved { half, piece, bytes });
            }
            Job::Write { half, piece, from, done } => {
                let bytes = half.try_write(&piece[from..]);
                let _ = done.send(Moved { half, piece, bytes });
            }
        }
    }
}

impl Bulk {
    pub(super) fn new(stream: TcpStream, movers: &Movers) -> Self {
        let (read, write) = stream.into_split();
        Self { movers: movers.clone(), reading: Reading::Here(read), writing: Writing::Here(write) }
    }

    /// Waits until nothing is on its way to the socket any more.
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let (half, piece, written) = match &mut self.writing {
                Writing::Here(_) => return Poll::Ready(Ok(())),
                Writing::Lost => return Poll::Ready(Err(lost())),
                Writing::Away { from, moved } => {
                    let from = *from;
                    let moved = ready!(Pin::new(moved).poll(cx));
                    self.writing = Writing::Lost;
                    let Moved { half, piece, bytes } = moved.map_err(|_| lost())?;
                    match bytes {
                        Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                        Ok(bytes) => (half, piece, from + bytes),
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                            self.writing = Writing::Full { half, piece, written: from };
                            continue;
                        }
                        Err(error) => return Poll::Ready(Err(error)),
                    }
                }
                Writing::Full { half, .. } => {
                    ready!(half.as_ref().poll_write_ready(cx))?;
                    match std::mem::replace(&mut self.writing, Writing::Lost) {
                        Writing::Full { half, piece, written } => (half, piece, written),
                        other => {
                            self.writing = other;
                            continue;
                        }
                    }
                }
            };
            self.writing = match written < piece.len() {
                true => self.movers.write(half, piece, written),
                false => Writing::Here(half),
            };
        }
    }
}

impl AsyncRead for Bulk {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match std::mem::replace(&mut this.reading, Reading::Lost) {
                Reading::Here(mut half) => {
                    let before = to.filled().len();
                    let polled = Pin::new(&mut half).poll_read(cx, to);
                    this.reading = match to.filled().len() - before > SMALL_BYTES_MAX {
                        true => Reading::More { half, room: Vec::with_capacity(PIECE_BYTES) },
                        false => Reading::Here(half),
                    };
                    return polled;
                }
                Reading::More { half, room } => {
                    if half.as_ref().poll_read_ready(cx)?.is_pending() {
                        this.reading = Reading::More { half, room };
                        return Poll::Pending;
                    }
                    this.reading = this.movers.read(half, room);
                }
                Reading::Away(mut moved) => {
                    let Poll::Ready(moved) = Pin::new(&mut moved).poll(cx) else {
                        this.reading = Reading::Away(moved);
                        return Poll::Pending;
                    };
                    let Moved { half, piece, bytes } = moved.map_err(|_| lost())?;
                    this.reading = match bytes {
                        Ok(0) => {
                            this.reading = Reading::Here(half);
                            return Poll::Ready(Ok(()));
                        }
                        Ok(_) => Reading::Holding { half, piece, taken: 0 },
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                            Reading::More { half, room: piece }
                        }
                        Err(error) => return Poll::Ready(Err(error)),
                    };
                }
                Reading::Holding { half, mut piece, taken } => {
                    let bytes = (piece.len() - taken).min(to.remaining());
                    to.put_slice(&piece[taken..taken + bytes]);
                    let (taken, much) = (taken + bytes, piece.len() > SMALL_BYTES_MAX);
                    this.reading = match (taken < piece.len(), much) {
                        (true, _) => Reading::Holding { half, piece, taken },
                        (false, true) => {
                            piece.clear();
                            Reading::More { half, room: piece }
                        }
                        (false, false) => Reading::Here(half),
                    };
                    return Poll::Ready(Ok(()));
                }
                Reading::Lost => return Poll::Ready(Err(lost())),
            }
        }
    }
}

impl AsyncWrite for Bulk {
    /// What is large counts as written once a mover has it; whatever follows waits until it is.
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_written(cx))?;
        match std::mem::replace(&mut this.writing, Writing::Lost) {
            Writing::Here(mut half) if bytes.len() <= SMALL_BYTES_MAX => {
                let polled = Pin::new(&mut half).poll_write(cx, bytes);
                this.writing = Writing::Here(half);
                polled
            }
            Writing::Here(half) => {
                let piece = bytes[..bytes.len().min(PIECE_BYTES)].to_vec();
                let taken = piece.len();
                this.writing = this.movers.write(half, piece, 0);
                Poll::Ready(Ok(taken))
            }
            Writing::Away { .. } | Writing::Full { .. } | Writing::Lost => Poll::Ready(Err(lost())),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_written(cx))?;
        let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
        if let Writing::Here(half) = &mut this.writing
            && bytes <= SMALL_BYTES_MAX
        {
            return Pin::new(half).poll_write_vectored(cx, pieces);
        }
        // The head of an answer may go alone: what follows comes in pieces anyway.
        let first = pieces.iter().find(|piece| !piece.is_empty());
        Pin::new(this).poll_write(cx, first.map_or(&[], |piece| piece))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_written(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_written(cx))?;
        match &mut this.writing {
            Writing::Here(half) => Pin::new(half).poll_shutdown(cx),
            Writing::Away { .. } | Writing::Full { .. } | Writing::Lost => Poll::Ready(Err(lost())),
        }
    }
}

fn lost() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the connection has failed before")
}
