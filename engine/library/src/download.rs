//! One file: fetched, taken up again where it was interrupted, and held against its checksum.

use std::{path::Path, time::Duration};

use crate::{
    EntryFile, FileRecord, LibraryError, Step, Verified,
    checksum::{Checksum, digests},
    disk::Disk,
    hub::Online,
    part::{Mark, Part},
    progress::Watched,
    request::{Head, Reply, Request},
    trouble,
};

/// A file to be fetched into a folder.
pub(crate) struct Download<'a> {
    pub(crate) online: &'a Online,
    pub(crate) disk: &'a dyn Disk,
    pub(crate) folder: &'a Path,
    pub(crate) address: String,
    /// What is known of it beforehand.
    pub(crate) wanted: &'a EntryFile,
}

/// What came of it.
pub(crate) enum Outcome {
    /// It is in the folder.
    There {
        record: FileRecord,
        /// The commit it is of, where the hub says so.
        commit: Option<String>,
    },
    /// The hub has none of this name.
    NotThere(LibraryError),
}

/// Times that one try begins anew because what was kept is of another file.
const MOST_RESTARTS: usize = 2;

/// Longest pause that a server may ask for.
const MOST_PATIENCE: Duration = Duration::from_secs(30);

impl Download<'_> {
    /// Fetches it, with a few tries where the trouble may pass.
    ///
    /// # Errors
    /// When it cannot be fetched or is not what it should be, the disk is full, or the user stops it.
    pub(crate) fn run(&self, watched: &mut Watched<'_, '_>) -> Result<Outcome, LibraryError> {
        let mut part = Part::open(self.disk, self.folder, &self.wanted.name, self.wanted.sha256.is_some())?;
        let mut pauses = self.online.pace.pauses.iter();
        loop {
            let before = part.bytes;
            let error = match self.attempt(&mut part, watched) {
                Err(error) if error.may_pass() => error,
                outcome => return outcome,
            };
            if part.bytes > before {
                pauses = self.online.pace.pauses.iter();
            }
            let Some(pause) = pauses.next() else { return Err(error) };
            tracing::debug!(%error, "another try");
            watched.pause(error.retry_after().min(MOST_PATIENCE).max(*pause))?;
        }
    }

    fn attempt(&self, part: &mut Part<'_>, watched: &mut Watched<'_, '_>) -> Result<Outcome, LibraryError> {
        for _ in 0..=MOST_RESTARTS {
            watched.at(Step::Asking, part.bytes)?;
            let if_tag = part.mark.strong_tag().map(str::to_owned);
            let request = Request { address: self.address.clone(), from_byte: part.bytes, if_tag };
            let reply = self.online.ask(request, watched)?;
            if let Some(outcome) = refusal(&reply.head)? {
                return Ok(outcome);
            }
            match self.state(&reply.head, part)? {
                State::Other => part.discard()?,
                State::Whole(mark) => {
                    part.mark = mark;
                    return self.finish(part, &reply.head, watched);
                }
                State::Beginning(mark) => {
                    part.discard()?;
                    return self.receive(part, mark, reply, watched);
                }
                State::Rest(mark) => return self.receive(part, mark, reply, watched),
            }
        }
        Err(self.answer("it sends other parts of the file than it was asked for"))
    }

    /// What the server sends, seen from what is there already.
    fn state(&self, head: &Head, part: &Part<'_>) -> Result<State, LibraryError> {
        if head.content_encoding.as_ref().is_some_and(|encoding| encoding != "identity") {
            return Err(self.answer("it sends the file packed, which was not asked for"));
        }
        let range = head.content_range.as_deref().and_then(Range::parse);
        let total = match head.status {
            200 => head.content_bytes.or(head.stated_bytes).or(self.wanted.size_bytes),
            _ => range.as_ref().and_then(|range| range.total).or(part.mark.total_bytes),
        };
        let mark = Mark::of(head, total);
        let is_same = mark.fits(&part.mark);
        let state = match head.status {
            200 => State::Beginning(mark),
            206 if is_same && part.bytes > 0 && range.is_some_and(|range| range.start == Some(part.bytes)) => {
                State::Rest(mark.or(&part.mark))
            }
            416 if is_same && part.bytes > 0 && total == Some(part.bytes) => State::Whole(mark.or(&part.mark)),
            _ => State::Other,
        };
        match &state {
            State::Beginning(mark) | State::Rest(mark) | State::Whole(mark) => {
                self.check_total(head, mark.total_bytes)?
            }
            State::Other => {}
        }
        Ok(state)
    }

    /// Sizes from different sources must be one.
    fn check_total(&self, head: &Head, total: Option<u64>) -> Result<(), LibraryError> {
        let Some(found) = total else { return Ok(()) };
        match self.wanted.size_bytes.into_iter().chain(head.stated_bytes).find(|expected| *expected != found) {
            Some(expected) => Err(self.length(expected, found)),
            None => Ok(()),
        }
    }

    fn receive(
        &self,
        part: &mut Part<'_>,
        mark: Mark,
        mut reply: Reply,
        watched: &mut Watched<'_, '_>,
    ) -> Result<Outcome, LibraryError> {
        watched.total_bytes = mark.total_bytes;
        part.begin(mark)?;
        let received = self.write_all(part, &mut reply, watched);
        // Kept for the next try, whatever happened.
        let closed = part.close();
        received?;
        closed?;
        match part.mark.total_bytes {
            Some(total) if part.bytes < total => Err(trouble::cut(&self.address)),
            _ => self.finish(part, &reply.head, watched),
        }
    }

    fn write_all(
        &self,
        part: &mut Part<'_>,
        reply: &mut Reply,
        watched: &mut Watched<'_, '_>,
    ) -> Result<(), LibraryError> {
        watched.at(Step::Fetching, part.bytes)?;
        while let Some(bytes) = reply.next(watched)? {
            let after = part.bytes + bytes.len() as u64;
            if let Some(total) = part.mark.total_bytes.filter(|total| after > *total) {
                part.discard()?;
                return Err(self.length(total, after));
            }
            part.write(&bytes)?;
            watched.at(Step::Fetching, part.bytes)?;
        }
        Ok(())
    }

    /// Holds the whole file against its checksum and gives it its name.
    fn finish(&self, part: &mut Part<'_>, head: &Head, watched: &mut Watched<'_, '_>) -> Result<Outcome, LibraryError> {
        let found = digests(&part.path, watched)?;
        let of_catalogue = self.wanted.sha256.clone().map(Checksum::Sha256);
        let verified = match (&of_catalogue, &part.mark.checksum) {
            (Some(_), _) => Verified::Catalogue,
            (None, Some(Checksum::Sha256(_))) => Verified::HubSha256,
            (None, Some(Checksum::GitSha1(_))) => Verified::HubGitSha1,
            (None, None) => Verified::Not,
        };
        if let Some(expected) = of_catalogue.or_else(|| part.mark.checksum.clone()) {
            let found = expected.among(&found);
            if found != expected {
                part.discard()?;
                return Err(self.checksum(&expected, &found));
            }
        }
        let name = self.wanted.name.clone();
        part.finish(&self.folder.join(&name))?;
        let record = FileRecord { name, size_bytes: part.bytes, sha256: found.sha256, verified };
        Ok(Outcome::There { record, commit: head.commit.clone() })
    }

    fn answer(&self, reason: &str) -> LibraryError {
        LibraryError::Answer { address: self.address.clone(), reason: reason.to_owned() }
    }

    fn length(&self, expected: u64, found: u64) -> LibraryError {
        let (file, address) = (self.wanted.name.clone(), self.address.clone());
        LibraryError::Length { file, address, expected, found }
    }

    fn checksum(&self, expected: &Checksum, found: &Checksum) -> LibraryError {
        let (file, address) = (self.wanted.name.clone(), self.address.clone());
        LibraryError::Checksum { file, address, expected: expected.to_string(), found: found.to_string() }
    }
}

/// What the server sends.
enum State {
    /// The file from its beginning.
    Beginning(Mark),
    /// The rest of what is there.
    Rest(Mark),
    /// Nothing: all is there.
    Whole(Mark),
    /// Something that does not fit what is there.
    Other,
}

/// `Content-Range: bytes 5-9/10`, or `bytes */10`.
struct Range {
    start: Option<u64>,
    total: Option<u64>,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let (range, total) = text.strip_prefix("bytes")?.trim().split_once('/')?;
        let start = range.split_once('-').and_then(|(start, _)| start.trim().parse().ok());
        Some(Self { start, total: total.trim().parse().ok() })
    }
}

/// What a status other than that of content means; `None` where there is content.
fn refusal(head: &Head) -> Result<Option<Outcome>, LibraryError> {
    let address = trouble::shown(&head.address);
    let status = head.status;
    match status {
        200 | 206 | 416 => Ok(None),
        401 | 403 => Err(LibraryError::Refused { address, status }),
        404 | 410 => {
            let (reason, is_file) = match head.error_code.as_deref() {
                Some("RepoNotFound") => ("the hub has no such model", false),
                Some("RevisionNotFound") => ("the model has no such revision", false),
                _ => ("there is no such file", true),
            };
            let error = LibraryError::NotFound { address, reason: reason.to_owned() };
            if is_file { Ok(Some(Outcome::NotThere(error))) } else { Err(error) }
        }
        _ => Err(LibraryError::Status { address, status, retry_after: head.retry_after }),
    }
}
