//! The hub: its address, who asks, and the addresses of files on it.
//!
//! A file is at `ENDPOINT/REPOSITORY/resolve/REVISION/FILE`, as on <https://huggingface.co> and its mirrors.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use ureq::{
    Agent,
    http::{HeaderValue, Uri},
    tls::{Certificate, RootCerts, TlsConfig, TlsProvider},
};

use crate::LibraryError;

/// Where models are fetched from unless the user says otherwise.
pub const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// How long to wait, and how often to try.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    /// For a connection: its name, its way, its encryption.
    pub(crate) connect: Duration,
    /// For an answer.
    pub(crate) answer: Duration,
    /// For the next bytes of an answer.
    pub(crate) read: Duration,
    /// Before the second try, the third, and so on.
    pub(crate) pauses: Vec<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(15),
            answer: seconds(30),
            read: seconds(30),
            pauses: vec![seconds(1), seconds(3), seconds(9)],
        }
    }
}

/// Where models come from, or the promise that none do.
///
/// Proxies are those of the environment: `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`. Root certificates are the system's, or
/// those in `SSL_CERT_FILE`.
#[derive(Clone)]
pub struct Hub(pub(crate) Option<Online>);

/// A hub that can be asked.
#[derive(Clone)]
pub(crate) struct Online {
    endpoint: String,
    pub(crate) origin: Origin,
    token: Option<String>,
    pub(crate) agent: Agent,
    pub(crate) pace: Pace,
}

impl Hub {
    /// The hub at `endpoint`; whoever has a `token` may fetch gated models. Opens no connection yet.
    ///
    /// The token goes to the endpoint's own host and to no other, and never unencrypted over a network.
    ///
    /// # Errors
    /// When the endpoint is no address, or the token cannot be sent.
    pub fn new(endpoint: &str, token: Option<&str>) -> Result<Self, LibraryError> {
        Self::with_pace(endpoint, token, Pace::default())
    }

    /// The program is off line: every request is refused before a socket or a name is looked at.
    pub fn offline() -> Self {
        Self(None)
    }

    /// Its address; `None` off line.
    pub fn endpoint(&self) -> Option<&str> {
        self.0.as_ref().map(|online| online.endpoint.as_str())
    }

    pub(crate) fn with_pace(endpoint: &str, token: Option<&str>, pace: Pace) -> Result<Self, LibraryError> {
        let endpoint = endpoint.trim().trim_end_matches('/').to_owned();
        let failed = |reason: &str| LibraryError::Endpoint { endpoint: endpoint.clone(), reason: reason.to_owned() };
        let uri: Uri = endpoint.parse().map_err(|error| failed(&format!("{error}")))?;
        let origin = Origin::of(&uri).ok_or_else(|| failed("it begins with neither https:// nor http://"))?;
        if uri.query().is_some() || endpoint.contains(['#', '@']) {
            return Err(failed("it holds more than a host and a path"));
        }
        let token = token.map(str::trim).filter(|token| !token.is_empty()).map(str::to_owned);
        if token.as_ref().is_some_and(|token| HeaderValue::from_str(token).is_err()) {
            return Err(LibraryError::Token);
        }
        let agent = agent(&origin, &pace);
        Ok(Self(Some(Online { endpoint, origin, token, agent, pace })))
    }

    /// The hub, unless the program is off line.
    ///
    /// # Errors
    /// When it is; `what` is named.
    pub(crate) fn online(&self, what: &str) -> Result<&Online, LibraryError> {
        self.0.as_ref().ok_or_else(|| LibraryError::Offline { what: what.to_owned() })
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hub").field(&self.endpoint().unwrap_or("off line")).finish()
    }
}

impl Online {
    /// Address of a file.
    pub(crate) fn address(&self, repository: &str, revision: &str, file: &str) -> String {
        format!("{}/{repository}/resolve/{}/{}", self.endpoint, escaped(revision), escaped(file))
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Whether the token stays at home because anyone on the way could read it.
    pub(crate) fn keeps_token(&self) -> bool {
        self.token.is_some() && !self.origin.is_private()
    }

    /// What goes into `Authorization` for a request to this host.
    pub(crate) fn authorization(&self, to: &Origin) -> Option<String> {
        let token = self.token.as_ref().filter(|_| *to == self.origin && to.is_private())?;
        Some(format!("Bearer {token}"))
    }
}

/// What speaks HTTP.
fn agent(origin: &Origin, pace: &Pace) -> Agent {
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::Specific(Arc::new(root_certificates())))
        .build();
    let mut config = Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        // Followed by hand: the token must not go along, nor encryption be lost.
        .max_redirects(0)
        .user_agent(concat!("strandscope/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(pace.connect))
        .timeout_recv_response(Some(pace.answer))
        .timeout_per_read(Some(pace.read));
    if origin.is_loopback() {
        config = config.proxy(None);
    }
    config.build().new_agent()
}

/// The system's root certificates.
fn root_certificates() -> Vec<Certificate<'static>> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "root certificates could not be read");
    }
    found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect()
}

/// Scheme, host and port: who is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) is_https: bool,
    host: String,
    port: u16,
}

impl Origin {
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let is_https = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let host = uri.host().filter(|host| !host.is_empty())?.to_ascii_lowercase();
        Some(Self { is_https, host, port: uri.port_u16().unwrap_or(if is_https { 443 } else { 80 }) })
    }

    fn is_loopback(&self) -> bool {
        let address = self.host.trim_matches(['[', ']']).parse::<IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// Whether nobody on the way can read what is sent.
    fn is_private(&self) -> bool {
        self.is_https || self.is_loopback()
    }
}

/// Whether this is `owner/name` as the hub has them.
pub(crate) fn is_repository(id: &str) -> bool {
    let is_plain = |part: &str| {
        let letters = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        letters && !part.is_empty() && !part.starts_with('.')
    };
    id.split_once('/').is_some_and(|(owner, name)| is_plain(owner) && is_plain(name))
}

/// Percent-encodes all but letters, digits and what needs no encoding.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(address: &str) -> Origin {
        Origin::of(&address.parse().unwrap()).unwrap()
    }

    #[test]
    fn addresses_are_those_of_the_hub() {
        let hub = Hub::new("https://mirror.example/hf/", None).unwrap();
        let online = hub.online("a model").unwrap();
        assert_eq!(
            online.address("zhihan1996/DNA_bert_3", "refs/pr/1", "config.json"),
            "https://mirror.example/hf/zhihan1996/DNA_bert_3/resolve/refs%2Fpr%2F1/config.json"
        );
        for endpoint in ["huggingface.co", "ftp://huggingface.co", "https://", "https://u:p@host", "https://host?x=1"] {
            let error = Hub::new(endpoint, None).unwrap_err().to_string();
            assert!(error.contains(endpoint.trim_end_matches('/')) && error.contains("HF_ENDPOINT"), "{error}");
        }
    }

    #[test]
    fn the_token_goes_to_the_endpoint_alone_and_never_in_the_clear() {
        let hub = Hub::new("https://huggingface.co", Some(" hf_secret\n")).unwrap();
        let online = hub.online("a model").unwrap();
        assert_eq!(online.authorization(&origin("https://HuggingFace.co:443/x")).as_deref(), Some("Bearer hf_secret"));
        for other in ["https://cdn.huggingface.co", "http://huggingface.co", "https://huggingface.co:8443"] {
            assert_eq!(online.authorization(&origin(other)), None, "{other}");
        }
        let hub = Hub::new("http://mirror.example", Some("hf_secret")).unwrap();
        let online = hub.online("a model").unwrap();
        assert_eq!((online.authorization(&online.origin), online.keeps_token()), (None, true));
        assert!(!format!("{hub:?}").contains("secret"), "{hub:?}");
        assert!(
            matches!(Hub::new(DEFAULT_ENDPOINT, Some("a\nb")), Err(LibraryError::Token)),
            "no header line can hold it"
        );
    }

    #[test]
    fn repositories_are_an_owner_and_a_name() {
        assert!(is_repository("AIRI-Institute/gena-lm-bert-base") && is_repository("a/b.c_d"), "both are");
        for id in ["a", "a/b/c", "/b", "a/", "../b", "a/..", "a b/c", "a/b?x"] {
            assert!(!is_repository(id), "{id}");
        }
    }
}
