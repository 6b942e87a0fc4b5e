//! Starts programs that the kernel ends when the host dies, however it dies.
//!
//! The library has no unsafe code, so it cannot ask for a death signal between fork and exec.
//! Instead `glovebox-host keep` is started, which asks for it and then becomes the program.

use super::Program;
use std::{
    io,
    path::PathBuf,
    process::{self, Stdio},
    sync::{OnceLock, mpsc},
};
use tokio::{process::Child, process::Command, runtime::Handle, sync::oneshot};

/// Starts programs through the binary of `glovebox-host`.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    pub(crate) binary: PathBuf,
}

impl Keeper {
    /// Starts `program`; its output is piped. It is also killed when the returned value is dropped.
    ///
    /// # Errors
    ///
    /// What the system says; a program that cannot be run ends with a message and status 2.
    pub(crate) async fn spawn(&self, program: &Program) -> io::Result<Child> {
        let own = process::id().to_string();
        let mut command = self.command(&["keep", "--parent", &own, "--"], program);
        command.stdin(Stdio::null()).kill_on_drop(true);
        on_lasting_thread(command).await
    }

    /// Runs `program` as soon as the returned value's standard input closes: at the latest when
    /// this process ends. Its output is dropped, since nobody may be left to read it.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) async fn afterwards(&self, program: &Program) -> io::Result<Child> {
        let mut command = self.command(&["keep", "--after", "--"], program);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        on_lasting_thread(command).await
    }

    fn command(&self, arguments: &[&str], program: &Program) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).arg(&program.path).args(&program.arguments);
        // Control-C at the terminal is for the host, which then ends the others in order.
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// The death signal comes when the *thread* that made the child ends (prctl(2)), and a runtime may
/// end its threads; this one lasts as long as the process.
async fn on_lasting_thread(mut command: Command) -> io::Result<Child> {
    static THREAD: OnceLock<mpsc::Sender<Box<dyn FnOnce() + Send>>> = OnceLock::new();
    let thread = THREAD.get_or_init(|| {
        let (sender, jobs) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        std::thread::spawn(move || jobs.into_iter().for_each(|job| job()));
        sender
    });
    let (done, spawned) = oneshot::channel();
    let runtime = Handle::current();
    let job = Box::new(move || {
        let _inside = runtime.enter();
        // If nobody waits any more, the child is dropped, and killed with that.
        let _ = done.send(command.spawn());
    });
    thread.send(job).map_err(|_| io::ErrorKind::BrokenPipe)?;
    spawned.await.map_err(io::Error::other)?
}
