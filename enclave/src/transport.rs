//! How bytes reach the enclave. The shell runs the same on all of them.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    pin::Pin,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};

/// A connection, of whatever kind.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A future that a trait object can return.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where connections come from.
pub trait Listener: Send {
    /// The next connection.
    fn accept(&mut self) -> Later<'_, io::Result<Box<dyn Stream>>>;
}

/// Where the host is asked.
pub(crate) trait Connector: Send + Sync {
    /// A connection to the host.
    fn connect(&self) -> Later<'_, io::Result<Box<dyn Stream>>>;
}

fn boxed(stream: impl Stream + 'static) -> Box<dyn Stream> {
    Box::new(stream)
}

/// Unix sockets: the simulated enclave on one machine.
#[derive(Debug)]
pub struct UnixTransport {
    listener: UnixListener,
}

impl UnixTransport {
    /// Listens at `path`, which the host has cleared.
    ///
    /// # Errors
    ///
    /// As the operating system has it.
    pub fn bind(path: &Path) -> io::Result<Self> {
        if path.exists() {
            std::fs::remove_file(path)?;
        }
        Ok(Self { listener: UnixListener::bind(path)? })
    }
}

impl Listener for UnixTransport {
    fn accept(&mut self) -> Later<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async {
            let (stream, _) = self.listener.accept().await?;
            Ok(boxed(stream))
        })
    }
}

/// TCP on the loopback interface: tests and `glovebox try`.
#[derive(Debug)]
pub struct TcpTransport {
    listener: TcpListener,
}

impl TcpTransport {
    /// Listens on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// As the operating system has it.
    pub async fn bind() -> io::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        Ok((Self { listener }, address))
    }
}

impl Listener for TcpTransport {
    fn accept(&mut self) -> Later<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async {
            let (stream, _) = self.listener.accept().await?;
            Ok(boxed(stream))
        })
    }
}

/// Unix socket of the host.
pub(crate) struct UnixConnector(pub(crate) PathBuf);

impl Connector for UnixConnector {
    fn connect(&self) -> Later<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async {
            let stream = UnixStream::connect(&self.0).await?;
            Ok(boxed(stream))
        })
    }
}

/// TCP address of the host.
pub(crate) struct TcpConnector(pub(crate) SocketAddr);

impl Connector for TcpConnector {
    fn connect(&self) -> Later<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async {
            let stream = TcpStream::connect(self.0).await?;
            Ok(boxed(stream))
        })
    }
}
