//! A hub on this computer, with the addresses of the real one: `/OWNER/NAME/resolve/REVISION/FILE`.

use std::{
    fs,
    io::{BufRead, BufReader, Result, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use sha2::{Digest, Sha256};

/// What the hub does with weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Gives them.
    Plain,
    /// Gives so many bytes and then says nothing more.
    StallsAfter(usize),
    /// Gives other bytes than those it states the checksum of.
    Spoilt,
}

/// A running hub; its thread ends with the process.
pub(super) struct Hub {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    folder: PathBuf,
    manner: Mutex<Manner>,
    /// File and first byte of each request.
    seen: Mutex<Vec<(String, usize)>>,
}

impl Hub {
    /// A hub with one model, `tester/tiny`, in `folder`.
    pub(super) fn start(folder: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State { folder, manner: Mutex::new(Manner::Plain), seen: Mutex::default() });
        let answering = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&answering);
                // A client that goes away is part of the tests.
                thread::spawn(move || state.answer(stream).ok());
            }
        });
        Self { address, state }
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn behave(&self, manner: Manner) {
        *self.state.manner.lock().expect("no panic") = manner;
    }

    /// File and first byte of each request since the last call.
    pub(super) fn take_seen(&self) -> Vec<(String, usize)> {
        std::mem::take(&mut *self.state.seen.lock().expect("no panic"))
    }
}

impl State {
    fn answer(&self, mut stream: TcpStream) -> Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines().map_while(Result::ok);
        let request = lines.next().unwrap_or_default();
        let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        let first = headers
            .iter()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("range: bytes=")?.strip_suffix('-')?.parse().ok());
        let path = request.split(' ').nth(1).unwrap_or_default();
        let file = path.strip_prefix("/tester/tiny/resolve/main/").unwrap_or(path).to_owned();
        let first: usize = first.unwrap_or(0);
        self.seen.lock().expect("no panic").push((file.clone(), first));
        let Ok(mut bytes) = fs::read(self.folder.join(&file)) else {
            return write!(stream, "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        };
        let tag: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let (all, status) = (bytes.len(), if first > 0 { "206 Partial Content" } else { "200 OK" });
        let manner = *self.manner.lock().expect("no panic");
        let is_weights = file.ends_with(".safetensors") || file.ends_with(".bin");
        if is_weights && manner == Manner::Spoilt {
            bytes[all - 1] ^= 1;
        }
        write!(
            stream,
            "HTTP/1.1 {status}\r\nconnection: close\r\netag: \"{tag}\"\r\ncontent-length: {}\r\n\
             content-range: bytes {first}-{}/{all}\r\n\r\n",
            all - first,
            all - 1
        )?;
        match manner {
            Manner::StallsAfter(count) if is_weights => {
                stream.write_all(&bytes[first..count.max(first)])?;
                stream.flush()?;
                // Longer than the test takes to stop the program.
                thread::sleep(Duration::from_secs(20));
                Ok(())
            }
            _ => stream.write_all(&bytes[first..]),
        }
    }
}
