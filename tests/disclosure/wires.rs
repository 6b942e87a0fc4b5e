//! What is said: on every wire, and in every log.

use client::address::Address;
use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};

/// Everything that any crate here logs, down to the finest level.
pub(crate) fn log_everything() -> Arc<Mutex<Vec<u8>>> {
    #[derive(Clone)]
    struct Writer(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Writer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let log = Arc::new(Mutex::new(Vec::new()));
    let writer = Writer(Arc::clone(&log));
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    log
}

/// Records what passes, each direction of each connection in one piece, so that no needle is cut.
#[derive(Clone, Default)]
pub(crate) struct Tap(Arc<Mutex<Vec<Vec<u8>>>>);

impl Tap {
    pub(crate) async fn tcp(self, to: SocketAddr) -> Address {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let tap = self.clone();
                tokio::spawn(async move {
                    tap.join(stream, TcpStream::connect(to).await.unwrap()).await;
                });
            }
        });
        format!("https://{address}").parse().unwrap()
    }

    pub(crate) fn unix(self, at: &Path, to: &Path) {
        let listener = UnixListener::bind(at).unwrap();
        let to: PathBuf = to.to_owned();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tap, to) = (self.clone(), to.clone());
                tokio::spawn(async move {
                    tap.join(stream, UnixStream::connect(&to).await.unwrap()).await;
                });
            }
        });
    }

    async fn join<A, B>(&self, one: A, other: B)
    where
        A: AsyncRead + AsyncWrite,
        B: AsyncRead + AsyncWrite,
    {
        let ((from_one, to_one), (from_other, to_other)) =
            (tokio::io::split(one), tokio::io::split(other));
        tokio::join!(self.pass(from_one, to_other), self.pass(from_other, to_one));
    }

    async fn pass(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
        let direction = {
            let mut directions = self.0.lock().unwrap();
            directions.push(Vec::new());
            directions.len() - 1
        };
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            self.0.lock().unwrap()[direction].extend_from_slice(&buffer[..length]);
            if to.write_all(&buffer[..length]).await.is_err() {
                break;
            }
        }
        let _ = to.shutdown().await;
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().concat()
    }
}
