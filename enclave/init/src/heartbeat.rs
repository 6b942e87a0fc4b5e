//! The heartbeat that Nitro expects of an enclave: one byte to the parent, and the same byte back.

use std::{
    io::{self, Read, Write},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};
use vsock::VsockStream;

/// Whether the parent has answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// The parent has answered.
    Heard,
    /// The parent has not answered yet; the attempts go on beside the enclave.
    NotYet,
}

/// Sends the heartbeat, and waits a moment for the answer.
///
/// `nitro-cli` answers at once and calls an enclave that stays silent failed. Under QEMU the answer
/// depends on the vsock device, so an enclave that hears nothing starts all the same: nothing
/// it does later depends on this, and a host can always refuse to carry its bytes.
pub(crate) fn exchange() -> Answer {
    let (done, answered) = mpsc::channel();
    let attempts = move || {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if beat().is_ok() {
                // Nobody receives this if the enclave already runs.
                let _late = done.send(());
                return;
            }
            thread::sleep(PAUSE);
        }
    };
    if thread::Builder::new().spawn(attempts).is_err() {
        return Answer::NotYet;
    }
    match answered.recv_timeout(WAIT) {
        Ok(()) => Answer::Heard,
        Err(_) => Answer::NotYet,
    }
}

fn beat() -> io::Result<()> {
    // The kernel bounds the time to connect: 2 s by default.
    let mut parent = VsockStream::connect_with_cid_port(PARENT_CID, PORT)?;
    parent.set_read_timeout(Some(PAUSE * 20))?;
    parent.set_write_timeout(Some(PAUSE * 20))?;
    parent.write_all(&[BEAT])?;
    let mut answer = [0];
    parent.read_exact(&mut answer)?;
    if answer == [BEAT] { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// Nitro's number for the parent.
const PARENT_CID: u32 = 3;
const PORT: u32 = 9000;
const BEAT: u8 = 0xB7;
/// How long the start of the enclave waits for the answer.
const WAIT: Duration = Duration::from_secs(1);
/// How long the parent may take to begin listening.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::storage::vsock;

    #[test]
    fn speaks_to_the_port_that_the_host_listens_on() {
        assert_eq!(PARENT_CID, vsock::PARENT_CID);
        assert_eq!(PORT, vsock::HEARTBEAT_PORT);
        assert_eq!(BEAT, vsock::HEARTBEAT);
    }
}
