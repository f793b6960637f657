//! What a connection may still read.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes the connection of a request may still read. There is no limit until one is set.
#[derive(Clone, Debug)]
pub(super) struct Allowance(Arc<AtomicUsize>);

impl Allowance {
    const UNLIMITED: usize = usize::MAX;

    /// Limits what is read from now on.
    pub(super) fn limit(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    /// Ends the limit.
    pub(super) fn lift(&self) {
        self.limit(Self::UNLIMITED);
    }

    /// Takes account of what was read.
    fn spend(&self, bytes: usize) -> io::Result<()> {
        // One task reads a connection, and nobody else lowers the number.
        let left = self.0.load(Ordering::Relaxed);
        if left == Self::UNLIMITED {
            return Ok(());
        }
        self.limit(left.saturating_sub(bytes));
        if bytes <= left { Ok(()) } else { Err(io::Error::other("what was sent is too long")) }
    }
}

impl Default for Allowance {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(Self::UNLIMITED)))
    }
}

/// A connection that reads no more than it is allowed to.
#[derive(Debug)]
pub(super) struct Allowed<S> {
    stream: S,
    allowance: Allowance,
}

impl<S> Allowed<S> {
    pub(super) const fn new(stream: S, allowance: Allowance) -> Self {
        Self { stream, allowance }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Allowed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        Poll::Ready(self.allowance.spend(buffer.filled().len().saturating_sub(before)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Allowed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn no_more_is_read_than_is_allowed_until_the_limit_ends() {
        let allowance = Allowance::default();
        let mut stream = Allowed::new(tokio::io::repeat(b'x'), allowance.clone());
        let mut bytes = [0; 100];
        stream.read_exact(&mut bytes).await.unwrap();
        allowance.limit(150);
        stream.read_exact(&mut bytes).await.unwrap();
        assert!(stream.read_exact(&mut bytes).await.unwrap_err().to_string().contains("too long"));
        assert!(stream.read_exact(&mut bytes[..1]).await.is_err());
        allowance.lift();
        stream.read_exact(&mut bytes).await.unwrap();
    }
}
