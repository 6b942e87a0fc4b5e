//! `glovebox dispute ask`: asks a question once more, as a check of its answer.

use crate::{
    common_args::CommonArgs,
    failure::Failure,
    job::{Asked, CustodyArgs, Opening, ask, is_stored, named::AgainWord},
    profile::RoomWord,
    result::given::{Given, GivenFiles},
    say,
    version::in_dir,
};
use client::job::Wanted;
use protocol::text::in_shell;
use std::{path::PathBuf, process::ExitCode};

/// Ask a question once more, as a check of its answer: paid again, with noise of its own
///
/// Takes the question from the receipt, and asks it of the same versions of the data, which their owners must have granted to the room. The
/// job states which job it checks, for owners, log and receipt. Every owner pays as for any question, since a second draw of noise tells as
/// much as the first; asking the same check again is free, and the same draw. `glovebox dispute compare` then says whether both agree.
#[derive(Debug, clap::Args)]
pub(crate) struct AskAgain {
    /// The folder of the opened result that is doubted
    folder: PathBuf,

    #[command(flatten)]
    common: CommonArgs,

    /// The room: its address, or its name in the party's folder [default: the usual room there]
    #[arg(long)]
    room: Option<RoomWord>,

    /// Open the result into this directory
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    #[command(flatten)]
    custody: CustodyArgs,

    /// Party that may read the result [default: the analyst]
    #[arg(long = "receiver", value_name = "NAME")]
    receivers: Vec<String>,

    /// Submit the check again: by its name, of which the first digits are enough, or by an id that you chose for it (32 hex digits)
    #[arg(long, value_name = "HEX")]
    id: Option<AgainWord>,
}

impl AskAgain {
    pub(super) async fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(self.room.as_ref())?;
        let given = Given::read(&GivenFiles::of(&self.folder), &common)?;
        let checked = given.checked.job;
        let asked = Asked {
            wanted: Wanted::Check(Box::new(checked)),
            file: None,
            addresses: self.custody.addresses()?,
            again: self.id.as_ref().map(|id| id.among_known(&common)).transpose()?,
            receivers: self.receivers.clone(),
            open: Opening::Into(self.output.clone()),
        };
        let ran = ask(&common, &asked, &mut |_| {}).await?;
        say::note(format_args!(
            "Whether both agree: glovebox dispute compare {} {}{}",
            in_shell(&self.folder.display().to_string()),
            in_shell(&self.output.display().to_string()),
            in_dir(&common.dir)
        ));
        is_stored(&ran)
    }
}
