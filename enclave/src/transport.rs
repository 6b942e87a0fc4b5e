//! How bytes reach the enclave and the host. The shell is the same on every transport.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};
use tokio_vsock::{VMADDR_CID_ANY, VsockAddr, VsockListener, VsockStream};

/// A connection of any kind.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A future that a trait object can return.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A place where one side listens and the other connects.
pub trait Transport: Send + Sync {
    /// Listens on this transport. Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// As the operating system has it.
    fn listen(&self) -> io::Result<Box<dyn Listener>>;

    /// Connects to the listener on this transport.
    fn connect(&self) -> Later<'_, io::Result<Box<dyn Stream>>>;
}

/// A listener for connections.
pub trait Listener: Send {
    /// Waits for the next connection.
    fn accept(&mut self) -> Later<'_, io::Result<Box<dyn Stream>>>;
}

/// A vsock between an enclave and its parent instance.
#[derive(Clone, Copy, Debug)]
pub struct VsockTransport {
    cid: u32,
    port: u32,
}

impl VsockTransport {
    /// The port of the machine with that context id. A listener listens for every context.
    #[must_use]
    pub fn new(cid: u32, port: u32) -> Self {
        Self { cid, port }
    }
}

impl Transport for VsockTransport {
    fn listen(&self) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(VsockListener::bind(VsockAddr::new(VMADDR_CID_ANY, self.port))?))
    }

    fn connect(&self) -> Later<'_, io::Result<Box<dyn Stream>>> {
        let address = VsockAddr::new(self.cid, self.port);
        Box::pin(async move { Ok(boxed(InPieces(VsockStream::connect(address).await?))) })
    }
}

impl Listener for VsockListener {
    fn accept(&mut self) -> Later<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async { Ok(boxed(InPieces(Self::accept(self).await?.0))) })
    }
}

/// Sends at most [`PIECE`] bytes at once.
///
/// Linux splits a longer packet over several buffers, which is new (6.17, and 6.12 since mid-2025),
/// and not every device reads such a packet: vhost-device-vsock 0.3.0 drops it without a word.
struct InPieces<S>(S);

impl<S: AsyncWrite + Unpin> AsyncWrite for InPieces<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let piece = bytes.get(..PIECE).unwrap_or(bytes);
        Pin::new(&mut self.0).poll_write(context, piece)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for InPieces<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

/// A Unix socket, for a simulated enclave on one machine.
#[derive(Clone, Debug)]
pub struct UnixTransport {
    path: PathBuf,
}

impl UnixTransport {
    /// The socket at `path`.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Listens at `path`, where nothing else may listen.
    ///
    /// # Errors
    ///
    /// As the operating system has it.
    pub fn bind(path: &Path) -> io::Result<UnixListener> {
        if path.exists() {
            std::fs::remove_file(path)?;
        }
        UnixListener::bind(path)
    }
}

impl Transport for UnixTransport {
    fn listen(&self) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(Self::bind(&self.path)?))
    }

    fn connect(&self) -> Later<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async { Ok(boxed(UnixStream::connect(&self.path).await?)) })
    }
}

impl Listener for UnixListener {
    fn accept(&mut self) -> Later<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async { Ok(boxed(Self::accept(self).await?.0)) })
    }
}

/// TCP on the loopback interface, for tests and `glovebox try`.
#[derive(Clone, Copy, Debug)]
pub struct TcpTransport {
    address: SocketAddr,
}

impl TcpTransport {
    /// The transport at that address.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Listens on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// As the operating system has it.
    pub async fn bind() -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }
}

impl Transport for TcpTransport {
    fn listen(&self) -> io::Result<Box<dyn Listener>> {
        let listener = std::net::TcpListener::bind(self.address)?;
        listener.set_nonblocking(true)?;
        Ok(Box::new(TcpListener::from_std(listener)?))
    }

    fn connect(&self) -> Later<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async {
            let stream = TcpStream::connect(self.address).await?;
            // Questions and answers are small and wait for each other.
            stream.set_nodelay(true)?;
            Ok(boxed(stream))
        })
    }
}

impl Listener for TcpListener {
    fn accept(&mut self) -> Later<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async {
            let (stream, _) = Self::accept(self).await?;
            stream.set_nodelay(true)?;
            Ok(boxed(stream))
        })
    }
}

impl Listener for Box<dyn Listener> {
    fn accept(&mut self) -> Later<'_, io::Result<Box<dyn Stream>>> {
        self.as_mut().accept()
    }
}

fn boxed(stream: impl Stream + 'static) -> Box<dyn Stream> {
    Box::new(stream)
}

/// Far below the 32 KiB up to which Linux keeps a packet in one buffer.
const PIECE: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    #[tokio::test]
    async fn sends_no_more_at_once_than_one_buffer_of_the_driver_holds() {
        let (near, mut far) = duplex(1 << 20);
        let mut near = InPieces(near);
        let bytes: Vec<u8> = (0..40_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        assert_eq!(near.write(&bytes).await.unwrap(), PIECE);
        near.write_all(&bytes[PIECE..]).await.unwrap();
        near.shutdown().await.unwrap();
        let mut arrived = Vec::new();
        far.read_to_end(&mut arrived).await.unwrap();
        assert!(arrived == bytes, "nothing is lost between the pieces");
    }
}
