use super::*;
use crate::transport::Listener;
use std::sync::Mutex as Shared;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, duplex},
    sync::mpsc,
};

/// Answers as the host's service does: reads a question whole, then answers.
async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), HostError> {
    loop {
        let mut header = [0; 4];
        stream.read_exact(&mut header).await?;
        let mut body = vec![0; body_length(header, MAX_BODY)?];
        stream.read_exact(&mut body).await?;
        let answer = match decode_body(&body)? {
            Ask::Read { length, .. } => {
                Answer::Range { bytes: vec![7; usize::try_from(length).unwrap()].into() }
            }
            Ask::Put { bytes, .. } => Answer::Size { bytes: u64::try_from(bytes.0.len()).unwrap() },
            _ => Answer::Stored {},
        };
        stream.write_all(&encode_frame(&answer)?).await?;
    }
}

async fn serve(mut listener: Box<dyn Listener>) {
    while let Ok(stream) = listener.accept().await {
        tokio::spawn(converse(stream));
    }
}

/// A road so narrow that hardly anything is ever under way on it.
struct Narrow(Shared<mpsc::UnboundedSender<DuplexStream>>);

struct Pipes(mpsc::UnboundedReceiver<DuplexStream>);

fn narrow() -> (Narrow, Pipes) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Narrow(Shared::new(sender)), Pipes(receiver))
}

impl Transport for Narrow {
    fn listen(&self) -> io::Result<Box<dyn Listener>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn connect(&self) -> Later<'_, io::Result<Box<dyn Stream>>> {
        let (near, far) = duplex(WIDTH);
        let sent = self.0.lock().unwrap().send(far);
        Box::pin(async move {
            sent.map_err(|_| io::ErrorKind::ConnectionRefused)?;
            let near: Box<dyn Stream> = Box::new(near);
            Ok(near)
        })
    }
}

impl Listener for Pipes {
    fn accept(&mut self) -> Later<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async {
            let stream = self.0.recv().await.ok_or(io::ErrorKind::NotConnected)?;
            let stream: Box<dyn Stream> = Box::new(stream);
            Ok(stream)
        })
    }
}

/// More than any buffer holds, there and back.
async fn carries_a_conversation(host: &StreamHost) {
    let name = ObjectName::closing("a1").unwrap();
    let put = host.ask(Ask::Put { of: None, name, bytes: vec![1; 3 << 20].into() }).await.unwrap();
    assert_eq!(put, Answer::Size { bytes: 3 << 20 });
    let blob = protocol::merkle::root_of(b"");
    for offset in 0..3 {
        let read = host.ask(Ask::Read { blob, length: MAX_READ, offset }).await.unwrap();
        assert_eq!(read, Answer::Range { bytes: vec![7; 1 << 20].into() });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_transport_carries_the_same_conversation() {
    let folder = std::env::temp_dir().join(format!("glovebox-link-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let unix = UnixTransport::new(folder.join("host.sock"));
    let (free, address) = TcpTransport::bind().await.unwrap();
    drop(free);
    let tcp = TcpTransport::new(address);
    // A socket that a killed program left behind is no obstacle.
    drop(unix.listen().unwrap());
    for (listener, host) in [
        (unix.listen().unwrap(), StreamHost::at(unix.clone())),
        (tcp.listen().unwrap(), StreamHost::at(tcp)),
    ] {
        let served = tokio::spawn(serve(listener));
        carries_a_conversation(&host).await;
        served.abort();
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_side_waits_for_the_other_where_next_to_nothing_fits() {
    let (road, pipes) = narrow();
    tokio::spawn(serve(Box::new(pipes)));
    let host = StreamHost::at(road);
    timeout(Duration::from_secs(60), carries_a_conversation(&host)).await.unwrap();
}

#[tokio::test]
async fn gives_up_on_a_host_that_talks_and_does_not_listen() {
    let (road, mut pipes) = narrow();
    tokio::spawn(async move {
        // It fills the road before it has read a question, and reads none: both ends are full.
        while let Ok(mut stream) = pipes.accept().await {
            tokio::spawn(async move { stream.write_all(&vec![0; 1 << 20]).await });
        }
    });
    let mut host = StreamHost::at(road);
    host.patience = Duration::from_millis(100);
    let name = ObjectName::closing("a1").unwrap();
    let put = host.ask(Ask::Put { of: None, name, bytes: vec![1; 1 << 20].into() }).await;
    assert!(matches!(put, Err(HostError::Silent)), "{put:?}");
}

#[tokio::test]
async fn waits_for_a_host_that_is_late_and_not_for_ever() {
    let (free, address) = TcpTransport::bind().await.unwrap();
    drop(free);
    let late = TcpTransport::new(address);
    let host = StreamHost::at(late);
    let nobody = host.wait(Duration::from_millis(150)).await;
    assert!(matches!(nobody, Err(HostError::Io(_))), "{nobody:?}");
    let coming = tokio::spawn(async move {
        sleep(Duration::from_millis(150)).await;
        serve(late.listen().unwrap()).await;
    });
    host.wait(Duration::from_secs(20)).await.unwrap();
    assert_eq!(host.ask(Ask::Contract {}).await.unwrap(), Answer::Stored {});
    coming.abort();
}

const WIDTH: usize = 64;
