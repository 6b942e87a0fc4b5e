//! How the host and its enclave reach each other.

use crate::durable::remove_if_there;
use protocol::storage::vsock::{ENCLAVE_PORT, HEARTBEAT};
use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    time::timeout,
};
use tokio_vsock::{VMADDR_CID_ANY, VsockAddr, VsockListener, VsockStream};

/// Where the enclave listens, and where it finds the host.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Transport {
    /// Two sockets in the file system, on one machine.
    Unix {
        /// The socket on which the enclave listens.
        enclave: PathBuf,
        /// The socket on which the host's store listens.
        host: PathBuf,
    },
    /// The socket of vhost-device-vsock. A connection to it begins with `CONNECT port`; those of the
    /// enclave to a port of the host arrive at the socket's name with `_port` behind it.
    Hybrid {
        /// Path of the socket.
        socket: PathBuf,
    },
    /// vsock(7), for a Nitro enclave.
    Vsock {
        /// The enclave's context id.
        cid: u32,
    },
}

/// A connection of any kind.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Transport {
    /// Connects to the enclave's front.
    ///
    /// # Errors
    ///
    /// What the system or vhost-device-vsock says, or that either took too long.
    pub(crate) async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let connected = async {
            let stream: Box<dyn Stream> = match self {
                Self::Unix { enclave, .. } => Box::new(UnixStream::connect(enclave).await?),
                Self::Hybrid { socket } => Box::new(hybrid(socket, ENCLAVE_PORT).await?),
                Self::Vsock { cid } => {
                    Box::new(VsockStream::connect(VsockAddr::new(*cid, ENCLAVE_PORT)).await?)
                }
            };
            Ok(stream)
        };
        timeout(CONNECT, connected).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Listens for the enclave at `port`. With [`Transport::Unix`] there is only one.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn listen(&self, port: u32) -> io::Result<Listener> {
        Ok(match self {
            Self::Unix { host, .. } => {
                // The socket of a host that was killed would still be there.
                remove_if_there(host)?;
                Listener::Unix(UnixListener::bind(host)?)
            }
            Self::Hybrid { socket } => Listener::Unix(UnixListener::bind(port_of(socket, port))?),
            Self::Vsock { cid } => Listener::Vsock {
                listener: VsockListener::bind(VsockAddr::new(VMADDR_CID_ANY, port))?,
                cid: *cid,
            },
        })
    }
}

/// A listener for the enclave's connections.
#[derive(Debug)]
pub(crate) enum Listener {
    Unix(UnixListener),
    Vsock { listener: VsockListener, cid: u32 },
}

impl Listener {
    /// Waits for the next connection.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Unix(listener) => Ok(Box::new(listener.accept().await?.0)),
            Self::Vsock { listener, cid } => loop {
                let (stream, from) = listener.accept().await?;
                // Another enclave of this machine has its own host.
                if from.cid() == *cid {
                    return Ok(Box::new(stream));
                }
            },
        }
    }
}

/// Waits for the enclave to say that it runs, and answers: the convention of Nitro's `init`.
///
/// # Errors
///
/// What the system says.
pub(crate) async fn heartbeat(listener: &Listener) -> io::Result<()> {
    loop {
        let mut stream = listener.accept().await?;
        let mut byte = [0];
        let read = timeout(CONNECT, stream.read_exact(&mut byte)).await;
        if matches!(read, Ok(Ok(_))) && byte == [HEARTBEAT] {
            let answered = timeout(CONNECT, stream.write_all(&[HEARTBEAT])).await;
            // On a busy machine the enclave may have given up this attempt already. It tries again.
            if matches!(answered, Ok(Ok(()))) {
                return Ok(());
            }
        }
    }
}

/// `docs/vsock.md` of Firecracker, which vhost-device-vsock follows.
async fn hybrid(socket: &Path, port: u32) -> io::Result<UnixStream> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(format!("CONNECT {port}\n").as_bytes()).await?;
    // The line is read byte by byte: whatever follows it is the enclave's.
    let mut line = Vec::new();
    while line.len() < HYBRID_LINE {
        match stream.read_u8().await? {
            b'\n' if line.starts_with(b"OK ") => return Ok(stream),
            b'\n' => break,
            byte => line.push(byte),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "found no `OK port` from vhost-device-vsock"))
}

fn port_of(socket: &Path, port: u32) -> PathBuf {
    let mut path = OsString::from(socket);
    path.push(format!("_{port}"));
    path.into()
}

const CONNECT: Duration = Duration::from_secs(10);
const HYBRID_LINE: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hybrid_connection_leaves_what_follows_the_greeting_to_the_enclave() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("vm.vsock");
        let device = UnixListener::bind(&socket).unwrap();
        let device = tokio::spawn(async move {
            let (mut stream, _) = device.accept().await.unwrap();
            let mut asked = [0; 13];
            stream.read_exact(&mut asked).await.unwrap();
            stream.write_all(b"OK 1073741824\nfirst").await.unwrap();
            asked
        });
        let mut stream = Transport::Hybrid { socket }.connect().await.unwrap();
        assert_eq!(&device.await.unwrap(), b"CONNECT 5000\n");
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "first");
    }

    #[tokio::test]
    async fn refuses_a_device_that_does_not_say_ok() {
        for answer in ["", "NO\n", "OK", &"O".repeat(40)] {
            let dir = tempfile::tempdir().unwrap();
            let socket = dir.path().join("vm.vsock");
            let device = UnixListener::bind(&socket).unwrap();
            let connecting = Transport::Hybrid { socket };
            let (refused, ()) = tokio::join!(connecting.connect(), async {
                let (mut stream, _) = device.accept().await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            });
            assert!(refused.is_err(), "accepted {answer:?}");
        }
    }

    #[tokio::test]
    async fn answers_a_heartbeat_after_one_that_was_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let transport = Transport::Hybrid { socket: dir.path().join("vm.vsock") };
        let listener = transport.listen(9000).unwrap();
        let call = async || {
            let mut stream = UnixStream::connect(dir.path().join("vm.vsock_9000")).await.unwrap();
            stream.write_all(&[HEARTBEAT]).await.unwrap();
            stream
        };
        drop(call().await);
        let mut second = call().await;
        heartbeat(&listener).await.unwrap();
        assert_eq!(second.read_u8().await.unwrap(), HEARTBEAT);
    }

    #[tokio::test]
    async fn answers_the_heartbeat_and_ignores_other_callers() {
        let dir = tempfile::tempdir().unwrap();
        let transport = Transport::Hybrid { socket: dir.path().join("vm.vsock") };
        let listener = transport.listen(9000).unwrap();
        let beating = tokio::spawn(async move { heartbeat(&listener).await });
        let call = async |byte: u8| {
            let mut stream = UnixStream::connect(dir.path().join("vm.vsock_9000")).await.unwrap();
            stream.write_all(&[byte]).await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            answer
        };
        assert!(call(0x00).await.is_empty());
        assert_eq!(call(0xb7).await, [0xb7]);
        beating.await.unwrap().unwrap();
    }
}
