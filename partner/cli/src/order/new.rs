//! `glovebox order new`: works out the runs of an order, and signs it.

use super::{plan::Plan, words};
use crate::{common_args::CommonArgs, document, failure::Failure, files, profile::RoomWord, say};
use client::{
    clock,
    keys::{self, Identity},
};
use protocol::{
    contract::Contract,
    delegation::Authority,
    job::{JobId, decision_from_toml, question_from_toml},
    loss::Loss,
    order::{Order, OrderFile, Window, question_digest},
    policy,
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Write and sign a standing order: when its runs are and what each asks is worked out here
///
/// Nothing is spent, and nobody is asked: each owner reads the file (`glovebox order show`) and decides. The page is
/// protocol/spec/order-v1.md.
#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// The order's TOML
    order: PathBuf,

    /// The file to write [default: NAME.order]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The room whose contract it is for, in the party's folder [default: the usual room there]
    #[arg(long)]
    room: Option<RoomWord>,

    #[command(flatten)]
    common: CommonArgs,
}

impl New {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(self.room.as_ref())?;
        let contract = common.contract()?;
        let identity = Identity::load(&common.dir)?;
        crate::keys::warn_of_ends(&identity);
        let plan = Plan::read(&files::read_text(&self.order)?)
            .map_err(|why| files::named(&self.order, why))?;
        let file = sign(&plan, &self.order, &contract, &identity)?;
        let output = self.output.clone();
        let output = output.unwrap_or_else(|| PathBuf::from(format!("{}.order", plan.name)));
        files::write(&output, &file.to_bytes())?;
        document::fields(&serde_json::json!({"file": output}))?;
        say::result(words::page(&contract, &file)?)?;
        say::note(format_args!(
            "Written: {}. Hand it to each owner of the data that it reads.",
            output.display()
        ));
        Ok(ExitCode::SUCCESS)
    }
}

/// The order of a plan, whose job stands beside `path`.
fn sign(
    plan: &Plan,
    path: &Path,
    contract: &Contract,
    identity: &Identity,
) -> Result<OrderFile, Failure> {
    let job = path.parent().unwrap_or(Path::new("")).join(&plan.job);
    let template = files::read_text(&job)?;
    let (mut windows, mut questions) = (Vec::new(), Vec::new());
    let (mut analysis, mut price) = (String::new(), Loss::zero());
    for planned in plan.runs()? {
        let (name, question) = question_from_toml(&planned.fill(&template)?, contract)
            .map_err(|why| files::named(&job, why))?;
        let digest = question_digest(&question);
        if !windows.iter().any(|window: &Window| window.question == digest) {
            let priced = policy::price(contract, &name, &question).map_err(Failure::no)?;
            price = price.max(&priced.proof().cost);
            questions.push(question);
        }
        windows.push(Window { at: planned.at, until: planned.until, question: digest });
        analysis = name;
    }
    let terms = contract.analyses.get(&analysis);
    let analyst = identity.party_in(contract)?;
    let allowed = terms.map(|terms| terms.receivers.clone()).unwrap_or_default();
    let receivers = plan.receivers.clone().unwrap_or_else(|| {
        match allowed.iter().any(|name| name == analyst) {
            true => vec![analyst.to_owned()],
            false => allowed,
        }
    });
    let order = Order {
        contract: contract.digest,
        id: JobId(keys::random()?),
        name: plan.name.clone(),
        purpose: terms.map(|terms| terms.purpose.clone()).unwrap_or_default(),
        analysis,
        receivers,
        attempts: plan.attempts,
        price,
        runs: windows,
        decision: decision_from_toml(&template).map_err(|why| files::named(&job, why))?,
    };
    let key = identity.analyst()?;
    let until = key.delegation().until;
    if let Some((number, _)) = order.numbered().find(|(_, window)| window.until > until) {
        return Err(Failure::no(format!(
            "run {number} may begin after the analyst key has ended at {until}, and would not be believed: delegate one \
             that lasts longer (`glovebox keys delegate`), or order fewer runs"
        )));
    }
    let authority = Authority::at(contract, clock::now());
    let file = OrderFile::sign(&authority, key, &order, &questions).map_err(Failure::no)?;
    policy::admit_order(contract, &file).map_err(Failure::no)?;
    Ok(file)
}
