//! Connections: taken one by one, with limits for clients that are slow or large on purpose.

use std::{
    convert::Infallible,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, http::Request, response::Response};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::allowance::{Allowance, Allowed};

/// How long a connection may be silent between requests, and how long the head of a further request may take. Longer than
/// proxies keep theirs, so that none sends into a connection that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// How long the head of a connection's first request may take.
const FIRST_HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of a request's head.
const MAX_HEAD_BYTES: u32 = 32 * 1024;
/// How often the other side of an HTTP/2 connection is asked for a sign of life, and how long it may take for it.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_WITHIN: Duration = Duration::from_secs(15);
/// How many requests a client may have open on one HTTP/2 connection.
const MOST_STREAMS: u32 = 200;
/// How long to wait where there are no file descriptors left, for some to become free.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves until `stopping`, and then lets requests in flight end.
pub async fn serve(listener: TcpListener, router: Router, stopping: CancellationToken) {
    serve_heads(listener, router, stopping, FIRST_HEAD_TIMEOUT).await;
}

/// The same where the head of a connection's first request has so much time to arrive.
async fn serve_heads(listener: TcpListener, router: Router, stopping: CancellationToken, first: Duration) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIMEOUT)
        // Bodies are read and answers are written through buffers of this size as well.
        .max_buf_size(MAX_HEAD_BYTES as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_WITHIN)
        .max_header_list_size(MAX_HEAD_BYTES)
        .max_concurrent_streams(MOST_STREAMS);
    let connections = GracefulShutdown::new();
    loop {
        let stream = tokio::select! {
            biased;
            () = stopping.cancelled() => break,
            stream = accept(&listener) => stream,
        };
        let service = Connection { router: router.clone(), state: State::default() };
        let state = service.state.clone();
        let (builder, watcher, stopping) = (builder.clone(), connections.watcher(), stopping.clone());
        let deadline = Instant::now() + first;
        tokio::spawn(async move {
            // The library waits for the first bytes without a limit, because they tell which version of HTTP it is.
            let mut byte = [0];
            let spoke = tokio::select! {
                spoke = timeout_at(deadline, stream.peek(&mut byte)) => matches!(spoke, Ok(Ok(1))),
                () = stopping.cancelled() => false,
            };
            if !spoke {
                return;
            }
            let stream = TokioIo::new(Allowed::new(stream, state.allowance.clone()));
            let service = TowerToHyperService::new(service);
            let connection = builder.serve_connection_with_upgrades(stream, service);
            let mut connection = pin!(watcher.watch(connection.into_owned()));
            let ended = match timeout_at(deadline, &mut connection).await {
                Ok(ended) => ended,
                Err(_) if state.has_begun() => connection.await,
                Err(_) => return tracing::debug!("a connection without a request was ended"),
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended");
            }
        });
    }
    drop(listener);
    connections.shutdown().await;
}

/// What is known of a connection.
#[derive(Clone, Debug, Default)]
struct State {
    allowance: Allowance,
    /// Whether the head of a request has arrived.
    begun: Arc<AtomicBool>,
}

impl State {
    fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }
}

/// Answers the requests of one connection, which know what it may still read.
#[derive(Clone)]
struct Connection {
    router: Router,
    state: State,
}

impl<B> Service<Request<B>> for Connection
where
    Router: Service<Request<B>, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = <Router as Service<Request<B>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        <Router as Service<Request<B>>>::poll_ready(&mut self.router, context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        self.state.begun.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(self.state.allowance.clone());
        self.router.call(request)
    }
}

/// The next connection.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Otherwise a small answer may wait until the receiver has acknowledged the one before.
                drop(stream.set_nodelay(true));
                return stream;
            }
            // The client has gone before it was taken.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot take connections");
                sleep(PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        time::timeout,
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn who_sends_the_head_of_a_request_too_slowly_is_cut_off_and_others_are_served() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let router = Router::new().fallback(async || "here");
        let server = tokio::spawn(serve_heads(listener, router, stop.clone(), Duration::from_millis(300)));
        let mut silent = TcpStream::connect(address).await.unwrap();
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: ").await.unwrap();
        let mut quick = TcpStream::connect(address).await.unwrap();
        quick.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, quick.read_to_string(&mut answer)).await.expect("quick").unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("here"), "{answer}");
        let mut kept = TcpStream::connect(address).await.unwrap();
        kept.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut head = [0; 12];
        timeout(PATIENCE, kept.read_exact(&mut head)).await.expect("kept").unwrap();
        assert_eq!(&head, b"HTTP/1.1 200");
        let mut rest = Vec::new();
        timeout(PATIENCE, slow.read_to_end(&mut rest)).await.expect("slow").unwrap();
        assert!(!rest.starts_with(b"HTTP/1.1 200"), "{rest:?}");
        assert_eq!(timeout(PATIENCE, silent.read(&mut [0; 8])).await.expect("silent").unwrap(), 0);
        // A connection that had a request may be silent for longer than one that is opened now.
        let mut late = TcpStream::connect(address).await.unwrap();
        assert_eq!(timeout(PATIENCE, late.read(&mut [0; 8])).await.expect("late").unwrap(), 0);
        kept.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answers = String::new();
        timeout(PATIENCE, kept.read_to_string(&mut answers)).await.expect("again").unwrap();
        assert!(answers.contains("HTTP/1.1 200 OK") && answers.ends_with("here"), "{answers}");
        stop.cancel();
        timeout(PATIENCE, server).await.expect("server").unwrap();
    }
}
