//! Tells when a file that is open changes on disk.

use std::{
    fs,
    path::PathBuf,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, SystemTime},
};

use strandscope_ui::ServiceAnswer;

/// How often files are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// A thread that looks at files now and then; it ends with this.
pub(crate) struct Watch {
    paths: Sender<Vec<PathBuf>>,
}

/// Size and time of change.
type Stamp = Option<(u64, Option<SystemTime>)>;

impl Watch {
    /// Starts with nothing to watch; where no thread can be had, changes are not told.
    pub(crate) fn start(context: egui::Context, answers: Sender<ServiceAnswer>) -> Self {
        let (paths, watched) = channel();
        let work = move || look(&watched, |path| answers.send(ServiceAnswer::Changed(path)).is_ok(), &context);
        if let Err(error) = thread::Builder::new().name("watch".to_owned()).spawn(work) {
            tracing::warn!(%error, "files are not watched");
        }
        Self { paths }
    }

    /// Watches these files in place of those before.
    pub(crate) fn set(&self, paths: Vec<PathBuf>) {
        // The thread has ended only if it could not be started.
        let _ = self.paths.send(paths);
    }
}

fn stamp(path: &PathBuf) -> Stamp {
    fs::metadata(path).ok().map(|metadata| (metadata.len(), metadata.modified().ok()))
}

/// Looks at files until nobody wants to know any more. A change is told once the file has been still for a while, since
/// a program may be writing it.
fn look(watched: &Receiver<Vec<PathBuf>>, tell: impl Fn(PathBuf) -> bool, context: &egui::Context) {
    let mut files: Vec<(PathBuf, Stamp, Stamp)> = Vec::new();
    loop {
        match watched.recv_timeout(if files.is_empty() { Duration::from_secs(3_600) } else { EVERY }) {
            Ok(paths) => {
                let known = |path: &PathBuf| files.iter().find(|file| file.0 == *path).map(|file| file.1);
                let with_stamp = paths.into_iter().map(|path| {
                    let stamp = known(&path).unwrap_or_else(|| stamp(&path));
                    (path, stamp, stamp)
                });
                files = with_stamp.collect();
            }
            Err(RecvTimeoutError::Timeout) => {
                for (path, told, seen) in &mut files {
                    let now = stamp(path);
                    let is_still = *seen == now;
                    *seen = now;
                    if is_still && now != *told && now.is_some() {
                        *told = now;
                        if !tell(path.clone()) {
                            return;
                        }
                        context.request_repaint();
                    }
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_change_is_told_once() {
        let folder = std::env::temp_dir().join(format!("strandscope-watch-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("a.bed");
        fs::write(&path, "chr1\t1\t2\n").unwrap();
        let (answers, told) = channel();
        let watch = Watch::start(egui::Context::default(), answers);
        watch.set(vec![path.clone()]);
        thread::sleep(EVERY / 2);
        fs::write(&path, "chr1\t1\t2\nchr1\t3\t4\n").unwrap();
        let answer = told.recv_timeout(10 * EVERY);
        assert_eq!(answer, Ok(ServiceAnswer::Changed(path)), "told");
        assert!(told.recv_timeout(3 * EVERY).is_err(), "and not again");
        fs::remove_dir_all(&folder).unwrap();
    }
}
