//! Ctrl+C: the first one asks the running job to stop, and after less than a second the process ends in any case.

use std::{
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use strandscope_worker::genome::remove_unfinished_files;

use crate::failure::INTERRUPTED;

/// How long a job may take to stop by itself; the contract gives a second in all.
const GRACE: Duration = Duration::from_millis(850);

static ASKED: AtomicUsize = AtomicUsize::new(0);
static DOOMED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Starts listening. Later calls change nothing.
pub(crate) fn listen() {
    let_writes_fail();
    // An error means that somebody listens already, or that there are no signals here: then Ctrl+C ends us at once.
    let _ = ctrlc::set_handler(|| {
        if ASKED.fetch_add(1, Ordering::Relaxed) > 0 {
            leave();
        }
        thread::spawn(|| {
            thread::sleep(GRACE);
            leave();
        });
    });
}

/// A file over the user's size limit gives an error, as a full disk does, instead of ending the process half-way.
#[cfg(unix)]
#[expect(unsafe_code, reason = "the standard library cannot set what a signal does")]
fn let_writes_fail() {
    // SAFETY: ignoring a signal runs no code of ours in its handler, and nothing else here uses this one.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

#[cfg(not(unix))]
fn let_writes_fail() {}

/// Whether Ctrl+C has been pressed.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::Relaxed) > 0
}

/// A file that goes away when the process ends through Ctrl+C; its owner removes it otherwise.
#[derive(Debug)]
pub(crate) struct Doomed(PathBuf);

impl Doomed {
    pub(crate) fn new(path: PathBuf) -> Self {
        lock().push(path.clone());
        Self(path)
    }
}

impl Drop for Doomed {
    fn drop(&mut self) {
        lock().retain(|path| *path != self.0);
    }
}

fn lock() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    DOOMED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn leave() -> ! {
    for path in lock().iter() {
        // What cannot be removed any more is gone already, or not ours to argue with on the way out.
        let _ = std::fs::remove_file(path);
    }
    remove_unfinished_files();
    end(i32::from(INTERRUPTED))
}

/// Ends the process without the farewells of libraries: Mesa's compiler takes down what the engine, still at work,
/// compiles shaders with, and the process would die of it.
#[cfg(unix)]
#[expect(unsafe_code, reason = "the standard library always lets libraries say farewell")]
fn end(code: i32) -> ! {
    // SAFETY: the call does not return, touches no memory of ours, and other threads may go on until it is done.
    unsafe { libc::_exit(code) }
}

#[cfg(not(unix))]
fn end(code: i32) -> ! {
    std::process::exit(code)
}
