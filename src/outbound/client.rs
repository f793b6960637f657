//! The HTTP client for untrusted addresses: one bounded request, one bounded answer.
//!
//! It follows no redirect, uses no proxy, keeps no cookie and retries nothing: whoever calls it decides about the
//! next attempt.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use url::Url;

use super::guard::{AddressRules, check_url};
use super::resolve::{CheckedResolver, NothingPermitted};
use crate::secret::Secret;
use crate::trace::{Span, TRACE_PARENT, TRACE_STATE};

/// How much of an answer is read.
pub const MAX_RESPONSE_BYTES: usize = 256 * 1024;

/// Headers that belong to HTTP itself. One of them set by hand could make the receiver see another request than the
/// one that was sent; [`Client::send`] refuses them.
pub const FRAMING_HEADERS: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The longest URL that is sent, query included; many servers take no more in a request line.
const MAX_TARGET_LENGTH: usize = 8 * 1024;

/// How long making a connection (look-up, TCP and TLS) may take; the time-out of the call bounds it as well.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an unused connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// How many unused connections are kept for one host.
const IDLE_PER_HOST: usize = 8;

/// Who we say that we are.
const USER_AGENT: &str = concat!("waybill/", env!("CARGO_PKG_VERSION"));

/// The methods by which a plugin can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
}

impl From<Method> for reqwest::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
        }
    }
}

/// A request.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The URL as it was saved; checked again before the call.
    pub url: String,
    /// Parameters to append to the URL's query.
    pub query: Vec<(String, String)>,
    /// The headers, all of them: the client adds none but `host`, `user-agent`, `accept` and the framing.
    pub headers: Vec<(String, Secret<String>)>,
    /// The body; none is sent if it is empty.
    pub body: Vec<u8>,
    /// How long the whole call may take, the reading of the answer included.
    pub timeout: Duration,
}

/// An answer, whatever its status.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header `Retry-After`, if it is readable text.
    pub retry_after: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Response {
    /// Leaves the body out: it may speak of a consignee.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Response")
            .field("status", &self.status)
            .field("retry_after", &self.retry_after)
            .field("body_length", &self.body.len())
            .finish()
    }
}

/// Why there is no (whole) answer. The messages are for the tenant: they name no address and nothing inside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The request is not allowed to go out; another attempt would end alike.
    #[error("the request was refused: {0}")]
    Refused(String),
    /// There was no whole answer in time.
    #[error("the answer did not come in time")]
    Timeout,
    /// There was no connection; the receiver has not seen the request.
    #[error("no connection could be made: {0}")]
    Connect(ConnectFailure),
    /// The connection broke or did not speak HTTP; the receiver may have seen the request.
    #[error("the connection broke before the answer was complete")]
    Broken,
    /// The answer is longer than [`MAX_RESPONSE_BYTES`]; its status and the bytes up to there are inside.
    #[error("the answer is longer than {} KiB", MAX_RESPONSE_BYTES / 1024)]
    TooLarge(Response),
}

impl SendError {
    /// What it is in a word, for records.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Timeout => "timeout",
            Self::Connect(_) => "connect",
            Self::Broken => "broken",
            Self::TooLarge(_) => "too_large",
        }
    }
}

/// The status that was answered, or in a word why none was.
pub fn status(sent: &Result<Response, SendError>) -> Result<u16, &'static str> {
    match sent {
        Ok(response) | Err(SendError::TooLarge(response)) => Ok(response.status),
        Err(error) => Err(error.kind()),
    }
}

/// The headers that tell the receiver of a call within which trace it is made.
pub fn trace_headers(span: &Span) -> Vec<(String, Secret<String>)> {
    let Some(trace) = span.trace() else { return Vec::new() };
    let parent = (TRACE_PARENT.to_owned(), trace.parent().into());
    let state = trace.state().map(|state| (TRACE_STATE.to_owned(), state.into()));
    std::iter::once(parent).chain(state).collect()
}

/// At which stage a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectFailure {
    /// The host name could not be resolved.
    #[error("the host name was not found")]
    Name,
    /// No TLS session: a bad certificate, say, or no TLS on that port.
    #[error("TLS failed; is the certificate valid?")]
    Tls,
    /// Nothing answered in time.
    #[error("the host did not answer in time")]
    Timeout,
    /// Refused, reset or unreachable.
    #[error("the host could not be reached")]
    Unreachable,
}

/// The client could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// TLS has no usable protocol version.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
    /// The HTTP client refused its settings.
    #[error("cannot set up the HTTP client")]
    Http(#[from] reqwest::Error),
}

/// The client; a clone shares connections with its original.
#[derive(Clone, Debug)]
#[expect(clippy::disallowed_types, reason = "this is the one place")]
pub struct Client {
    rules: Arc<AddressRules>,
    http: reqwest::Client,
}

impl Client {
    /// A client that follows `rules`. Reads the system's certificates, hence make one and clone it.
    #[expect(clippy::disallowed_types, reason = "this is the one place")]
    pub fn new(rules: AddressRules) -> Result<Self, ClientError> {
        let rules = Arc::new(rules);
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls_config()?)
            .dns_resolver(CheckedResolver::new(Arc::clone(&rules)))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .build()?;
        Ok(Self { rules, http })
    }

    /// Which addresses it may call.
    pub fn rules(&self) -> &AddressRules {
        &self.rules
    }

    /// Sends one request and reads its answer, all within the request's time-out. Any status is an answer.
    pub async fn send(&self, request: Request) -> Result<Response, SendError> {
        let timeout = request.timeout;
        let request = self.prepare(request).map_err(SendError::Refused)?;
        // On the heap: the future of a whole HTTP exchange is large, and workers hold many.
        let exchange = Box::pin(async {
            let response = self.http.execute(request).await.map_err(|error| explain(&error))?;
            read(response).await
        });
        tokio::time::timeout(timeout, exchange).await.unwrap_or(Err(SendError::Timeout))
    }

    /// Checks the request and puts it into the form of the HTTP library; the error is the reason of a refusal.
    fn prepare(&self, request: Request) -> Result<reqwest::Request, String> {
        let mut url = check_url(&request.url, &self.rules)?;
        append_query(&mut url, &request.query)?;
        let mut prepared = reqwest::Request::new(request.method.into(), url);
        *prepared.headers_mut() = header_map(&request.headers)?;
        if !request.body.is_empty() {
            *prepared.body_mut() = Some(request.body.into());
        }
        Ok(prepared)
    }
}

/// TLS with the system's certificates, and with *ring* named here: which cryptography is used must not depend on what
/// some other part of the process has installed.
fn tls_config() -> Result<ClientConfig, rustls::Error> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        // No reason not to start: plugins behind plain http, or none at all, need no certificates.
        tracing::warn!("the system has no CA certificates; calls to https URLs will fail");
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Appends parameters to what query there is.
fn append_query(url: &mut Url, query: &[(String, String)]) -> Result<(), String> {
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    if url.as_str().len() > MAX_TARGET_LENGTH {
        return Err(format!("the URL with its query is longer than {MAX_TARGET_LENGTH} characters"));
    }
    Ok(())
}

/// The headers in the form of the HTTP library, which never shows values that are marked as sensitive.
fn header_map(headers: &[(String, Secret<String>)]) -> Result<HeaderMap, String> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "a header's name is malformed")?;
        if FRAMING_HEADERS.contains(&name.as_str()) {
            return Err(format!("the header {name} cannot be set"));
        }
        let mut value = HeaderValue::from_str(value.expose())
            .map_err(|_| format!("the value of the header {name} is malformed"))?;
        value.set_sensitive(true);
        map.append(name, value);
    }
    Ok(map)
}

/// Reads an answer chunk by chunk, so that a boundless one costs no more than the limit.
async fn read(mut response: reqwest::Response) -> Result<Response, SendError> {
    let status = response.status().as_u16();
    let retry_after =
        response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| explain(&error))? {
        let room = MAX_RESPONSE_BYTES - body.len();
        body.extend(chunk.iter().take(room));
        if chunk.len() > room {
            return Err(SendError::TooLarge(Response { status, retry_after, body }));
        }
    }
    Ok(Response { status, retry_after, body })
}

/// What an error of the HTTP library means, without the addresses and paths that it speaks of.
fn explain(error: &reqwest::Error) -> SendError {
    let caused_by = |is_cause: fn(&(dyn Error + 'static)) -> bool| causes(error).any(is_cause);
    if caused_by(<dyn Error>::is::<NothingPermitted>) {
        SendError::Refused(NothingPermitted.to_string())
    } else if error.is_dns() {
        SendError::Connect(ConnectFailure::Name)
    } else if error.is_connect() && caused_by(is_tls) {
        SendError::Connect(ConnectFailure::Tls)
    } else if error.is_connect() && error.is_timeout() {
        SendError::Connect(ConnectFailure::Timeout)
    } else if error.is_connect() {
        SendError::Connect(ConnectFailure::Unreachable)
    } else if error.is_timeout() {
        SendError::Timeout
    } else if error.is_builder() {
        SendError::Refused("the request is malformed".to_owned())
    } else {
        SendError::Broken
    }
}

/// An error and everything that caused it.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Whether an error is one of TLS; these travel inside of input-output errors, which do not name them as their source.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    error.is::<rustls::Error>()
        || error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .is_some_and(|inner| is_tls(inner as &(dyn Error + 'static)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc;

    use super::*;

    /// A server that reads a request on each connection, reports it, writes `answer` and does as `end` says.
    struct Server {
        address: SocketAddr,
        requests: mpsc::UnboundedReceiver<String>,
    }

    /// What a server does after its answer.
    #[derive(Clone, Copy)]
    enum End {
        Close,
        Hang,
    }

    impl Server {
        async fn start(answer: impl Into<Vec<u8>>, end: End) -> Self {
            let answer = answer.into();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let (report, requests) = mpsc::unbounded_channel();
            tokio::spawn(async move {
                loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    let request = read_request(&mut stream).await;
                    let _ = report.send(request);
                    let _ = stream.write_all(&answer).await;
                    match end {
                        End::Close => {}
                        End::Hang => std::future::pending().await,
                    }
                }
            });
            Self { address, requests }
        }

        fn url(&self) -> String {
            format!("http://{}/check", self.address)
        }
    }

    /// Reads until the header ends, and then as much as `content-length` says.
    async fn read_request(stream: &mut TcpStream) -> String {
        let mut bytes = Vec::new();
        loop {
            let mut buffer = [0; 4096];
            let length = stream.read(&mut buffer).await.unwrap_or(0);
            bytes.extend_from_slice(&buffer[..length]);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let wanted = text.split_once("\r\n\r\n").map(|(head, body)| {
                let declared = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                (body.len(), declared.map_or(0, |length| length.parse().unwrap()))
            });
            if length == 0 || wanted.is_some_and(|(got, declared)| got >= declared) {
                return text;
            }
        }
    }

    fn client() -> Client {
        client_allowing(&["127.0.0.0/8", "::1/128"])
    }

    fn client_allowing(networks: &[&str]) -> Client {
        let allowed = networks.iter().map(|network| network.parse().unwrap()).collect();
        Client::new(AddressRules { allowed }).unwrap()
    }

    fn request(url: impl Into<String>) -> Request {
        Request {
            method: Method::Post,
            url: url.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: b"{}".to_vec(),
            timeout: Duration::from_secs(20),
        }
    }

    fn header(name: &str, value: &str) -> (String, Secret<String>) {
        (name.to_owned(), Secret::new(value.to_owned()))
    }

    async fn answer_to(answer: impl Into<Vec<u8>>) -> Result<Response, SendError> {
        let server = Server::start(answer, End::Close).await;
        client().send(request(server.url())).await
    }

    #[tokio::test]
    async fn a_request_goes_out_whole_and_its_answer_comes_back() {
        let mut server =
            Server::start("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy", End::Close)
                .await;
        let mut request = request(server.url() + "?a=1");
        request.query = vec![("order id".to_owned(), "ord_1&2".to_owned())];
        request.headers = vec![header("X-Key", "hunter2"), header("content-type", "application/json")];
        let response = client().send(request).await.unwrap();
        let expected = Response { status: 503, retry_after: Some("7".to_owned()), body: b"busy".to_vec() };
        assert_eq!(response, expected);

        let seen = server.requests.recv().await.unwrap();
        assert!(seen.starts_with("POST /check?a=1&order+id=ord_1%262 HTTP/1.1\r\n"), "{seen}");
        assert!(
            seen.contains("x-key: hunter2\r\n") && seen.contains("content-type: application/json\r\n"),
            "{seen}"
        );
        assert!(seen.contains(&format!("host: {}\r\n", server.address)), "{seen}");
        assert!(seen.contains(&format!("user-agent: {USER_AGENT}\r\n")), "{seen}");
        assert!(seen.ends_with("\r\n\r\n{}"), "{seen}");
    }

    #[tokio::test]
    async fn a_get_has_no_body() {
        let mut server = Server::start("HTTP/1.1 204 No Content\r\n\r\n", End::Close).await;
        let get = Request { method: Method::Get, body: Vec::new(), ..request(server.url()) };
        assert_eq!(client().send(get).await.unwrap().status, 204);
        let seen = server.requests.recv().await.unwrap();
        assert!(seen.starts_with("GET /check HTTP/1.1\r\n") && !seen.contains("content-length"), "{seen}");
    }

    #[tokio::test]
    async fn an_address_that_is_not_allowed_is_never_dialled() {
        let mut server = Server::start("HTTP/1.1 200 OK\r\n\r\n", End::Close).await;
        let port = server.address.port();
        let client = client_allowing(&[]);
        for host in ["127.0.0.1", "127.1", "2130706433", "[::ffff:127.0.0.1]", "localhost", "LOCALHOST"] {
            let error = client.send(request(format!("http://{host}:{port}/"))).await.unwrap_err();
            assert!(matches!(error, SendError::Refused(_)), "{host}: {error:?}");
        }
        assert!(server.requests.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_name_is_dialled_at_its_permitted_addresses() {
        let server = Server::start("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", End::Close).await;
        let url = format!("http://localhost:{}/", server.address.port());
        assert_eq!(client_allowing(&["127.0.0.0/8"]).send(request(url)).await.unwrap().status, 200);
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        let mut server = Server::start(
            "HTTP/1.1 307 Elsewhere\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n",
            End::Close,
        )
        .await;
        assert_eq!(client().send(request(server.url())).await.unwrap().status, 307);
        assert!(server.requests.recv().await.is_some());
        assert!(server.requests.try_recv().is_err());
    }

    #[tokio::test]
    async fn the_time_out_bounds_the_wait_for_an_answer_and_the_reading_of_it() {
        for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"] {
            let server = Server::start(answer, End::Hang).await;
            let impatient = Request { timeout: Duration::from_millis(200), ..request(server.url()) };
            assert_eq!(client().send(impatient).await, Err(SendError::Timeout), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_breaks_is_broken() {
        for answer in [
            "",
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
            "this is not HTTP\r\n\r\n",
        ] {
            assert_eq!(answer_to(answer).await, Err(SendError::Broken), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_is_read_up_to_the_limit() {
        let answer = |length: usize| {
            let mut answer = b"HTTP/1.1 409 Conflict\r\n\r\n".to_vec();
            answer.resize(answer.len() + length, b'x');
            answer
        };
        let whole = answer_to(answer(MAX_RESPONSE_BYTES)).await.unwrap();
        assert_eq!((whole.status, whole.body.len()), (409, MAX_RESPONSE_BYTES));

        let Err(SendError::TooLarge(cut)) = answer_to(answer(MAX_RESPONSE_BYTES + 1)).await else {
            panic!("one byte too many must be too large");
        };
        assert_eq!((cut.status, cut.body.len()), (409, MAX_RESPONSE_BYTES));
    }

    #[tokio::test]
    async fn a_connection_that_cannot_be_made_says_at_which_stage() {
        let closed = {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap()
        };
        let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let plain_address = plain.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = plain.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 400 No TLS here\r\n\r\n").await.unwrap();
            // Read on, so that the answer is not lost in a reset.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        });
        for (url, expected) in [
            (format!("http://{closed}/"), ConnectFailure::Unreachable),
            (format!("https://{plain_address}/"), ConnectFailure::Tls),
            ("http://no-such-host.invalid/".to_owned(), ConnectFailure::Name),
        ] {
            let error = client().send(request(url.as_str())).await.unwrap_err();
            assert_eq!(error, SendError::Connect(expected), "{url}");
            assert!(!error.to_string().contains("127.0.0.1"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_header_that_could_bend_the_request_is_refused() {
        for (name, value) in [
            ("Host", "internal.example"),
            ("content-length", "0"),
            ("Transfer-Encoding", "chunked"),
            ("x key", "1"),
            ("x-key", "1\r\nx-other: 2"),
            ("", "1"),
        ] {
            let bent = Request { headers: vec![header(name, value)], ..request("http://127.0.0.1:1/") };
            let error = client().send(bent).await.unwrap_err();
            assert!(matches!(error, SendError::Refused(_)), "{name}: {error:?}");
            assert!(!error.to_string().contains("x-other"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_query_that_is_too_long_is_refused() {
        let mut long = request("http://127.0.0.1:1/");
        long.query = vec![("q".to_owned(), "x".repeat(MAX_TARGET_LENGTH))];
        assert!(matches!(client().send(long).await, Err(SendError::Refused(_))));
    }

    #[tokio::test]
    async fn a_response_prints_without_its_body() {
        let response = answer_to("HTTP/1.1 200 OK\r\n\r\nAnna Schmidt").await.unwrap();
        assert_eq!(format!("{response:?}"), "Response { status: 200, retry_after: None, body_length: 12 }");
    }
}
