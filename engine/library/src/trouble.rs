//! Trouble on the way to a server, in words that say what to do.

use std::{
    error::Error as _,
    io::{self, ErrorKind},
};

use crate::LibraryError;

const NETWORK: &str = "Check the network, a proxy (HTTPS_PROXY) and the spelling of the --endpoint";
const LATER: &str = "Try again: what has been fetched is kept";
const PROXY: &str = "Check the proxy in HTTPS_PROXY or ALL_PROXY";
const CERTIFICATES: &str =
    "Check the clock of this computer and its root certificates; SSL_CERT_FILE names those of a proxy that reads along";

/// An address as people are shown it: what follows a `?` is long, and may be a signature that opens the file to anyone.
pub(crate) fn shown(address: &str) -> String {
    address.split('?').next().unwrap_or_default().to_owned()
}

/// The connection ended before the answer did.
pub(crate) fn cut(address: &str) -> LibraryError {
    unreachable(address, "the connection was cut before the end", LATER, true)
}

/// What the HTTP library says.
pub(crate) fn explain(address: &str, error: ureq::Error) -> LibraryError {
    match error {
        ureq::Error::Io(error) => io(address, &error),
        ureq::Error::Timeout(_) => late(address),
        ureq::Error::HostNotFound => unreachable(address, "the name of the server is not known", NETWORK, false),
        ureq::Error::Rustls(error) => secure(address, &error.to_string()),
        ureq::Error::Tls(reason) => secure(address, reason),
        ureq::Error::ConnectProxyFailed(reason) => {
            unreachable(address, &format!("the proxy refuses: {reason}"), PROXY, false)
        }
        ureq::Error::InvalidProxyUrl => unreachable(address, "the address of the proxy is none", PROXY, false),
        error => LibraryError::Answer { address: shown(address), reason: error.to_string() },
    }
}

/// What the system says.
pub(crate) fn io(address: &str, error: &io::Error) -> LibraryError {
    let inner = error.get_ref();
    if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return secure(address, &error.to_string());
    }
    if inner.is_some_and(|inner| matches!(inner.downcast_ref(), Some(ureq::Error::Timeout(_)))) {
        return late(address);
    }
    let text = error.to_string();
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => late(address),
        ErrorKind::ConnectionRefused => unreachable(address, "the server takes no connections", NETWORK, false),
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable | ErrorKind::NetworkDown => {
            unreachable(address, &format!("there is no way to the server: {text}"), NETWORK, false)
        }
        ErrorKind::UnexpectedEof
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe => cut(address),
        // The standard library has no kind for this.
        _ if text.contains("lookup address") => {
            unreachable(address, &format!("the name of the server is not known: {text}"), NETWORK, false)
        }
        _ => unreachable(address, &with_source(error), NETWORK, true),
    }
}

fn with_source(error: &io::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

fn late(address: &str) -> LibraryError {
    unreachable(address, "the server does not answer in time", LATER, true)
}

fn secure(address: &str, reason: &str) -> LibraryError {
    unreachable(address, &format!("no secure connection: {reason}"), CERTIFICATES, false)
}

fn unreachable(address: &str, reason: &str, remedy: &'static str, may_pass: bool) -> LibraryError {
    LibraryError::Unreachable { address: shown(address), reason: reason.to_owned(), remedy, may_pass }
}
