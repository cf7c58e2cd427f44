//! A hub on this computer: speaks the layout of addresses of the real one, redirects to a host for large files, and can
//! be told to misbehave.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::REPOSITORY;
use crate::checksum::hex;

/// What the server does wrong, once each, in this order.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// Answers with this status.
    Status(u16),
    /// Cuts the connection after so many bytes of content.
    CutAfter(usize),
    /// Sends one byte at a time, slowly.
    Drip,
    /// Accepts and says nothing.
    Silence,
    /// Promises one byte more than it has.
    LongLength,
    /// Sends the rest even if it is that of another file.
    IgnoreIfRange,
    /// Sends a part from another place than it was asked for.
    WrongRange,
}

/// A file on the server.
#[derive(Clone, Debug)]
pub(super) struct Served {
    pub(super) bytes: Vec<u8>,
    pub(super) tag: Option<String>,
    /// What the hub states of a file that it redirects for: tag and size.
    pub(super) linked: Option<(String, u64)>,
    pub(super) commit: Option<String>,
    pub(super) location: Option<String>,
    pub(super) error_code: Option<&'static str>,
    pub(super) faults: VecDeque<Fault>,
}

impl Served {
    /// A file as the hub keeps small ones, in git.
    pub(super) fn small(bytes: &[u8]) -> Self {
        let mut sha1 = Sha1::new();
        sha1.update(format!("blob {}\0", bytes.len()));
        sha1.update(bytes);
        Self { tag: Some(format!("\"{}\"", hex(&sha1.finalize()))), ..Self::plain(bytes) }
    }

    /// A file as the hub keeps large ones.
    pub(super) fn large(bytes: &[u8]) -> Self {
        Self { tag: Some(format!("\"{}\"", sha256(bytes))), ..Self::plain(bytes) }
    }

    /// A file without a checksum.
    pub(super) fn plain(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            tag: None,
            linked: None,
            commit: None,
            location: None,
            error_code: None,
            faults: VecDeque::new(),
        }
    }

    pub(super) fn with(mut self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.faults.extend(faults);
        self
    }
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// A request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// The part of the path behind `resolve/`, or the whole.
    pub(super) file: String,
    pub(super) authorization: Option<String>,
    pub(super) range: Option<String>,
    pub(super) if_range: Option<String>,
    /// Bytes of content that were sent.
    pub(super) sent: usize,
}

#[derive(Default)]
struct State {
    files: Mutex<BTreeMap<String, Served>>,
    seen: Mutex<Vec<Seen>>,
    connections: Mutex<usize>,
}

/// A server; its threads end with the process.
pub(super) struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

impl Server {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let state = Arc::clone(&server.state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                *state.connections.lock().unwrap() += 1;
                let state = Arc::clone(&state);
                // A client that goes away is part of the tests.
                thread::spawn(move || state.answer(stream).ok());
            }
        });
        server
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts a file of the model onto the hub, on its main branch.
    pub(super) fn serve(&self, file: &str, served: Served) {
        self.serve_at(&format!("/{REPOSITORY}/resolve/main/{file}"), served);
    }

    pub(super) fn serve_at(&self, path: &str, served: Served) {
        self.state.files.lock().unwrap().insert(path.to_owned(), served);
    }

    /// Changes a file that is there.
    pub(super) fn change(&self, file: &str, change: impl FnOnce(&mut Served)) {
        let path = format!("/{REPOSITORY}/resolve/main/{file}");
        change(self.state.files.lock().unwrap().get_mut(&path).unwrap());
    }

    /// Requests for a file, in order.
    pub(super) fn seen(&self, file: &str) -> Vec<Seen> {
        self.state.seen.lock().unwrap().iter().filter(|seen| seen.file == file).cloned().collect()
    }

    pub(super) fn sent(&self, file: &str) -> usize {
        self.seen(file).iter().map(|seen| seen.sent).sum()
    }

    pub(super) fn connections(&self) -> usize {
        *self.state.connections.lock().unwrap()
    }
}

impl State {
    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let line = lines.next().unwrap_or_else(|| Ok(String::new()))?;
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut headers = BTreeMap::new();
        for line in lines {
            let line = line?;
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let file = path.split_once("/resolve/main/").map_or(path.as_str(), |(_, file)| file).to_owned();
        let header = |name: &str| headers.get(name).cloned();
        let (range, if_range) = (header("range"), header("if-range"));
        let mut seen = Seen { file, authorization: header("authorization"), range, if_range, sent: 0 };
        let place = {
            let mut all = self.seen.lock().unwrap();
            all.push(seen.clone());
            all.len() - 1
        };
        let served = self.take(&path);
        let written = write_answer(&mut stream, served, &mut seen);
        self.seen.lock().unwrap()[place].sent = seen.sent;
        written
    }

    /// The file, with the next of its faults alone.
    fn take(&self, path: &str) -> Option<Served> {
        let mut files = self.files.lock().unwrap();
        let served = files.get_mut(path)?;
        let fault = served.faults.pop_front();
        Some(Served { faults: fault.into_iter().collect(), ..served.clone() })
    }
}

fn write_answer(stream: &mut TcpStream, served: Option<Served>, seen: &mut Seen) -> std::io::Result<()> {
    let Some(mut served) = served else {
        return write!(stream, "HTTP/1.1 404 Not Found\r\n{CLOSE}content-length: 0\r\n\r\n");
    };
    let fault = served.faults.pop_front();
    match fault {
        Some(Fault::Silence) => {
            thread::sleep(Duration::from_secs(5));
            return Ok(());
        }
        Some(Fault::Status(status)) => {
            let code = served.error_code.map_or(String::new(), |code| format!("x-error-code: {code}\r\n"));
            return write!(stream, "HTTP/1.1 {status} Fault\r\n{CLOSE}{code}content-length: 0\r\n\r\n");
        }
        _ => {}
    }
    let mut head = String::from(CLOSE);
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    };
    add("x-repo-commit", served.commit.clone());
    add("x-linked-etag", served.linked.as_ref().map(|(tag, _)| tag.clone()));
    add("x-linked-size", served.linked.as_ref().map(|(_, size)| size.to_string()));
    if let Some(location) = served.location {
        return write!(stream, "HTTP/1.1 302 Found\r\n{head}location: {location}\r\ncontent-length: 0\r\n\r\n");
    }
    add("etag", served.tag.clone());
    let total = served.bytes.len();
    let asked = seen.range.as_ref().and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let ignores = matches!(fault, Some(Fault::IgnoreIfRange));
    let from = asked.filter(|_| ignores || seen.if_range.is_none() || seen.if_range == served.tag);
    let (status, from) = match from {
        Some(from) if from >= total => {
            return write!(
                stream,
                "HTTP/1.1 416 No\r\n{head}content-range: bytes */{total}\r\ncontent-length: 0\r\n\r\n"
            );
        }
        Some(from) => {
            let from = if matches!(fault, Some(Fault::WrongRange)) { from - 1 } else { from };
            head.push_str(&format!("content-range: bytes {from}-{}/{total}\r\n", total - 1));
            (206, from)
        }
        None => (200, 0),
    };
    let content = &served.bytes[from..];
    let promised = content.len() + usize::from(matches!(fault, Some(Fault::LongLength)));
    write!(stream, "HTTP/1.1 {status} OK\r\n{head}content-length: {promised}\r\n\r\n")?;
    write_content(stream, content, fault.as_ref(), seen)
}

fn write_content(
    stream: &mut TcpStream,
    content: &[u8],
    fault: Option<&Fault>,
    seen: &mut Seen,
) -> std::io::Result<()> {
    match fault {
        Some(Fault::Drip) => {
            for byte in content {
                stream.write_all(&[*byte])?;
                seen.sent += 1;
                thread::sleep(Duration::from_millis(50));
            }
        }
        Some(Fault::CutAfter(bytes)) => {
            stream.write_all(&content[..*bytes])?;
            seen.sent = *bytes;
        }
        _ => {
            stream.write_all(content)?;
            seen.sent = content.len();
        }
    }
    stream.flush()
}

const CLOSE: &str = "connection: close\r\n";
