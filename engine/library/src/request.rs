//! One request: redirects followed by hand, the answer read on a thread of its own.
//!
//! A blocked read cannot be called off, so whoever waits for an answer waits on a channel and looks up ten times a
//! second whether the user still wants it. A thread whose answer nobody wants any more ends with its next bytes or its
//! time limit.

use std::{
    io::{self, Read},
    sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    thread,
};

use ureq::{
    Body,
    http::{HeaderMap, Response, Uri},
};

use crate::{
    LibraryError,
    hub::{Online, Origin},
    progress::{BEAT, Watched},
    trouble,
};

/// Redirects that are followed.
const MOST_REDIRECTS: usize = 10;

/// Pieces that wait for the disk.
const QUEUE: usize = 8;

/// Largest piece.
const PIECE_BYTES: usize = 1 << 16;

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) address: String,
    /// Only bytes from here on.
    pub(crate) from_byte: u64,
    /// Only if the file still has this tag.
    pub(crate) if_tag: Option<String>,
}

/// What an answer says before its content.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Who gave it at last.
    pub(crate) address: String,
    /// `ETag` of the last answer: for asking whether the file is still the same.
    pub(crate) tag: Option<String>,
    /// The tag that the endpoint itself gives the file: what its checksum is read from.
    pub(crate) stated_tag: Option<String>,
    /// The size that the endpoint itself states.
    pub(crate) stated_bytes: Option<u64>,
    /// The commit that the endpoint took it from.
    pub(crate) commit: Option<String>,
    /// The hub's word for what is missing.
    pub(crate) error_code: Option<String>,
    pub(crate) content_bytes: Option<u64>,
    pub(crate) content_range: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) retry_after: Option<u64>,
}

enum Message {
    Head(Box<Head>),
    Bytes(Vec<u8>),
    End,
    Failed(LibraryError),
}

/// An answer whose content is still on its way.
pub(crate) struct Reply {
    pub(crate) head: Head,
    messages: Receiver<Message>,
    address: String,
}

impl Online {
    /// Sends a request and waits for the head of the answer.
    ///
    /// # Errors
    /// When there is none, or the user stops it.
    pub(crate) fn ask(&self, request: Request, watched: &mut Watched<'_, '_>) -> Result<Reply, LibraryError> {
        let (sender, messages) = mpsc::sync_channel(QUEUE);
        let (online, address) = (self.clone(), request.address.clone());
        let spawned = thread::Builder::new().name("download".to_owned()).spawn(move || {
            if let Err(error) = online.exchange(&request, &sender) {
                // Nobody may be listening any more.
                let _ = sender.send(Message::Failed(error));
            }
        });
        spawned.map_err(|error| trouble::io(&address, &error))?;
        let mut reply = Reply { head: Head::default(), messages, address };
        match reply.message(watched)? {
            Message::Head(head) => reply.head = *head,
            _ => return Err(trouble::cut(&reply.address)),
        }
        Ok(reply)
    }

    /// The whole of it, as seen from the thread.
    fn exchange(&self, request: &Request, sender: &SyncSender<Message>) -> Result<(), LibraryError> {
        let (head, body) = self.follow(request)?;
        let address = head.address.clone();
        if sender.send(Message::Head(Box::new(head))).is_err() {
            return Ok(());
        }
        let mut body = body.into_with_config().limit(u64::MAX).reader();
        loop {
            let mut piece = vec![0; PIECE_BYTES];
            let read = match body.read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map_err(|error| trouble::io(&address, &error))?,
            };
            piece.truncate(read);
            let message = if read == 0 { Message::End } else { Message::Bytes(piece) };
            if sender.send(message).is_err() || read == 0 {
                return Ok(());
            }
        }
    }

    /// Follows redirects to the answer.
    fn follow(&self, request: &Request) -> Result<(Head, Body), LibraryError> {
        let mut head = Head { address: request.address.clone(), ..Head::default() };
        for _ in 0..=MOST_REDIRECTS {
            let response = self.call(&head.address, request)?;
            let (origin, headers) = (self.origin_of(&head.address)?, response.headers());
            head.note_stated(headers, origin == self.origin);
            let status = response.status().as_u16();
            let location = text(headers, "location").filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308));
            let Some(location) = location else {
                head.note_answer(status, headers, origin == self.origin);
                return Ok((head, response.into_body()));
            };
            head.address = self.next_address(&head.address, &origin, &location)?;
        }
        Err(astray(&request.address, &head.address, "and on and on"))
    }

    fn call(&self, address: &str, request: &Request) -> Result<Response<Body>, LibraryError> {
        let mut call = self.agent.get(address).header("accept-encoding", "identity");
        if let Some(authorization) = self.authorization(&self.origin_of(address)?) {
            call = call.header("authorization", authorization);
        }
        if request.from_byte > 0 {
            call = call.header("range", format!("bytes={}-", request.from_byte));
            if let Some(tag) = &request.if_tag {
                call = call.header("if-range", tag);
            }
        }
        call.call().map_err(|error| trouble::explain(address, error))
    }

    fn origin_of(&self, address: &str) -> Result<Origin, LibraryError> {
        let origin = address.parse().ok().and_then(|uri| Origin::of(&uri));
        origin.ok_or_else(|| LibraryError::Answer {
            address: trouble::shown(address),
            reason: "this is no address".to_owned(),
        })
    }

    /// Where a redirect leads, if it may be followed.
    fn next_address(&self, address: &str, from: &Origin, location: &str) -> Result<String, LibraryError> {
        let next = joined(address, location);
        let to = next.parse().ok().and_then(|uri: Uri| Origin::of(&uri));
        match to {
            None => Err(astray(address, &next, "which is no web address")),
            Some(to) if from.is_https && !to.is_https => Err(astray(address, &next, "which is not encrypted")),
            Some(_) => Ok(next),
        }
    }
}

impl Reply {
    /// The next piece of the content; `None` at its end.
    ///
    /// # Errors
    /// When the connection breaks, or the user stops it.
    pub(crate) fn next(&mut self, watched: &mut Watched<'_, '_>) -> Result<Option<Vec<u8>>, LibraryError> {
        match self.message(watched)? {
            Message::Bytes(bytes) => Ok(Some(bytes)),
            _ => Ok(None),
        }
    }

    fn message(&mut self, watched: &mut Watched<'_, '_>) -> Result<Message, LibraryError> {
        loop {
            match self.messages.recv_timeout(BEAT) {
                Ok(Message::Failed(error)) => return Err(error),
                Ok(message) => return Ok(message),
                Err(RecvTimeoutError::Timeout) => watched.tell()?,
                Err(RecvTimeoutError::Disconnected) => return Err(trouble::cut(&self.address)),
            }
        }
    }
}

impl Head {
    /// What only the endpoint itself is believed.
    fn note_stated(&mut self, headers: &HeaderMap, of_endpoint: bool) {
        if of_endpoint {
            self.stated_tag = self.stated_tag.take().or_else(|| text(headers, "x-linked-etag"));
            self.stated_bytes = self.stated_bytes.or_else(|| number(headers, "x-linked-size"));
            self.commit = self.commit.take().or_else(|| text(headers, "x-repo-commit"));
            self.error_code = text(headers, "x-error-code");
        }
    }

    fn note_answer(&mut self, status: u16, headers: &HeaderMap, of_endpoint: bool) {
        self.status = status;
        self.tag = text(headers, "etag");
        if of_endpoint {
            self.stated_tag = self.stated_tag.take().or_else(|| self.tag.clone());
        }
        self.content_bytes = number(headers, "content-length");
        self.content_range = text(headers, "content-range");
        self.content_encoding = text(headers, "content-encoding");
        self.retry_after = number(headers, "retry-after");
    }
}

/// The server leads where it is not followed.
fn astray(address: &str, to: &str, why: &str) -> LibraryError {
    let reason = format!("the server leads on to {}, {why}", trouble::shown(to));
    LibraryError::Answer { address: trouble::shown(address), reason }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.trim().to_owned())
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.parse().ok()
}

/// A `Location`, which may leave out what stays the same.
fn joined(address: &str, location: &str) -> String {
    let location = location.split('#').next().unwrap_or_default();
    let (scheme, rest) = address.split_once("://").unwrap_or(("https", address));
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let path = rest.split('?').next().unwrap_or_default();
    let folder = path.rsplit_once('/').map_or(host, |(folder, _)| folder);
    if location.contains("://") {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{host}{location}")
    } else if location.starts_with('?') {
        format!("{scheme}://{path}{location}")
    } else {
        format!("{scheme}://{folder}/{location}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_leaves_out_what_stays_the_same() {
        let from = "https://hub.example/a/b/resolve/main/x.bin?download=1";
        for (location, address) in [
            ("http://cdn.example/y?s=a/b://c", "http://cdn.example/y?s=a/b://c"),
            ("//cdn.example/y", "https://cdn.example/y"),
            ("/api/y#z", "https://hub.example/api/y"),
            ("y", "https://hub.example/a/b/resolve/main/y"),
            ("?v=2", "https://hub.example/a/b/resolve/main/x.bin?v=2"),
        ] {
            assert_eq!(joined(from, location), address, "{location}");
        }
        assert_eq!(joined("http://hub.example", "y"), "http://hub.example/y");
    }

    #[test]
    fn encryption_is_not_lost_on_the_way() {
        let hub = crate::Hub::new("https://hub.example", None).unwrap();
        let online = hub.online("a model").unwrap();
        let next = |location: &str| online.next_address("https://hub.example/x", &online.origin, location);
        assert_eq!(next("https://cdn.example/y").unwrap(), "https://cdn.example/y");
        assert!(next("http://cdn.example/y").unwrap_err().to_string().contains("not encrypted"), "downgraded");
        assert!(next("file:///etc/passwd").unwrap_err().to_string().contains("no web address"), "no web address");
    }
}
