//! Connections: taken one by one, with time limits for clients that are slow on purpose.

use std::{io, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// How long the head of a request may take to arrive; a connection may also be silent for that long between requests,
/// and is closed then. Longer than proxies keep theirs, so that none sends into a connection that is being closed.
const HEAD_WITHIN: Duration = Duration::from_secs(75);
/// How often the other side of an HTTP/2 connection is asked for a sign of life, and how long it may take for it.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_WITHIN: Duration = Duration::from_secs(15);
/// How many requests a client may have open on one HTTP/2 connection.
const MOST_STREAMS: u32 = 200;
/// How long to wait where there are no file descriptors left, for some to become free.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves until `stopping`, and then lets requests in flight end.
pub async fn serve(listener: TcpListener, router: Router, stopping: CancellationToken) {
    serve_heads(listener, router, stopping, HEAD_WITHIN).await;
}

/// The same where the head of a request has so much time to arrive.
async fn serve_heads(listener: TcpListener, router: Router, stopping: CancellationToken, within: Duration) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(within);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_WITHIN)
        .max_concurrent_streams(MOST_STREAMS)
        .enable_connect_protocol();
    let connections = GracefulShutdown::new();
    loop {
        let stream = tokio::select! {
            biased;
            () = stopping.cancelled() => break,
            stream = accept(&listener) => stream,
        };
        let service = TowerToHyperService::new(router.clone());
        let (builder, watcher, stopping) = (builder.clone(), connections.watcher(), stopping.clone());
        tokio::spawn(async move {
            // The library waits for the first bytes without a limit, because they tell which version of HTTP it is.
            let mut first = [0];
            let spoke = tokio::select! {
                spoke = timeout(within, stream.peek(&mut first)) => matches!(spoke, Ok(Ok(1))),
                () = stopping.cancelled() => false,
            };
            if !spoke {
                return;
            }
            let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
            if let Err(error) = watcher.watch(connection.into_owned()).await {
                tracing::debug!(%error, "a connection ended");
            }
        });
    }
    drop(listener);
    connections.shutdown().await;
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
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

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
        let mut rest = Vec::new();
        timeout(PATIENCE, slow.read_to_end(&mut rest)).await.expect("slow").unwrap();
        assert!(!rest.starts_with(b"HTTP/1.1 200"), "{rest:?}");
        assert_eq!(timeout(PATIENCE, silent.read(&mut [0; 8])).await.expect("silent").unwrap(), 0);
        stop.cancel();
        timeout(PATIENCE, server).await.expect("server").unwrap();
    }
}
