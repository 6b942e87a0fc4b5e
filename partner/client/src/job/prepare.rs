//! From a template to a signed job whose price is known.

use super::JobError;
use crate::{
    clock,
    custody::{read_job, read_manifests},
    files,
    keys::{self, Identity},
    room::Room,
};
use protocol::{
    contract::Contract,
    digest::Digest,
    job::{Job, JobId, Question, question_from_toml},
    loss::{Delta, Epsilon, Loss, Rho},
    manifest::Manifest,
    message::Status,
    policy::{self, Admitted},
    refusal::{Asked, Refusal},
    sign::{self, Signed},
    time::Time,
};
use std::{
    collections::BTreeMap,
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

/// How to prepare a job.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a caller names what it wants and defaults the rest")]
pub struct Options {
    /// Identity to submit again under; random if none.
    pub id: Option<JobId>,
    /// Where signed jobs are kept, so that submitting one again is byte for byte the same job and
    /// costs nothing twice.
    pub outbox: Option<PathBuf>,
    /// Who gets the result; the analyst alone if none (all that the contract allows if it is none
    /// of them).
    pub receivers: Option<Vec<String>>,
    /// How long the job may wait, in seconds; an hour if none.
    pub valid_seconds: Option<u64>,
}

/// A signed job that the contract permits.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(super) signed: Vec<u8>,
    pub(super) admitted: Admitted,
    pub(super) manifests: Vec<Vec<u8>>,
    pub(super) instance_time: Time,
}

/// Prepares a job for the instance of `room`: reads the template, asks which versions of the
/// datasets are open, admits the job as the instance will, and signs it.
///
/// # Errors
///
/// [`JobError`]; [`JobError::Refused`] in the words the instance would use, before it is asked.
pub async fn prepare(
    room: &mut Room,
    identity: &Identity,
    template: &str,
    options: &Options,
) -> Result<Prepared, JobError> {
    let contract = room.contract().clone();
    let (analysis, question) = question_from_toml(template, &contract)?;
    let status = room.status(identity.signing()).await?;
    let draft = Draft { contract: &contract, instance: room.instance().digest(), identity };
    draft.prepare(analysis, question, &status, options)
}

struct Draft<'a> {
    contract: &'a Contract,
    instance: Digest,
    identity: &'a Identity,
}

impl Draft<'_> {
    fn prepare(
        &self,
        analysis: String,
        question: Question,
        status: &Status,
        options: &Options,
    ) -> Result<Prepared, JobError> {
        let contract = self.contract;
        let analyst = self.identity.party_in(contract)?;
        let id = match options.id {
            Some(id) => id,
            None => JobId(keys::random()?),
        };
        let manifests = self.manifests(&analysis, status)?;
        let fresh = Job {
            contract: contract.digest,
            instance: self.instance,
            id,
            not_after: clock::now().plus_seconds(options.valid_seconds.unwrap_or(VALID_SECONDS)),
            receivers: match &options.receivers {
                Some(receivers) => receivers.clone(),
                None => self.receivers(&analysis, analyst),
            },
            datasets: manifests
                .iter()
                .map(|(name, bytes)| (name.clone(), Digest::of(Manifest::TAG, bytes)))
                .collect(),
            analysis,
            question,
        };
        let path = options.outbox.as_ref().map(|outbox| outbox.join(format!("{id}.job")));
        let kept = path.as_deref().map(|path| self.kept(path, &fresh)).transpose()?.flatten();
        let signed = kept.clone().unwrap_or_else(|| self.identity.signing().sign(&fresh));
        let (job, _) = read_job(contract, &signed).map_err(JobError::Refused)?;
        let manifests: Vec<Vec<u8>> = manifests.into_values().collect();
        let opened = read_manifests(contract, &job, &manifests).map_err(JobError::Refused)?;
        let admitted = policy::admit(contract, &job, analyst, &opened, clock::now())
            .map_err(JobError::refused)?;
        if let (None, Some(path)) = (kept, path) {
            keep(&path, &signed).map_err(|cause| JobError::Outbox { path, cause })?;
        }
        Ok(Prepared { signed, admitted, manifests, instance_time: status.time })
    }

    /// The manifests of the datasets that the analysis reads, as the instance holds them.
    fn manifests(
        &self,
        analysis: &str,
        status: &Status,
    ) -> Result<BTreeMap<String, Vec<u8>>, JobError> {
        let found = self.contract.analyses.get(analysis).ok_or_else(|| {
            let (what, name) = (Asked::Analysis, analysis.to_owned());
            JobError::refused(Refusal::NotPermitted { what, name, owner: None })
        })?;
        let open = |name: &str| {
            let held = status.datasets.iter().find(|open| open.dataset == name);
            let withheld = || {
                let owner = self.contract.datasets.get(name).map(|d| d.owner.clone());
                let (dataset, owner) = (name.to_owned(), owner.unwrap_or_default());
                JobError::refused(Refusal::KeyWithheld { dataset, owner })
            };
            Ok((name.to_owned(), held.ok_or_else(withheld)?.manifest.clone()))
        };
        found.template.datasets().map(open).collect()
    }

    fn receivers(&self, analysis: &str, analyst: &str) -> Vec<String> {
        let allowed = self.contract.analyses.get(analysis).map(|a| a.receivers.clone());
        let allowed = allowed.unwrap_or_default();
        if allowed.iter().any(|name| name == analyst) { vec![analyst.to_owned()] } else { allowed }
    }

    /// The job as it was signed before, if it can still run on this instance.
    fn kept(&self, path: &Path, fresh: &Job) -> Result<Option<Vec<u8>>, JobError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(JobError::Outbox { path: path.to_owned(), cause }),
        };
        let key = self.identity.signing().public();
        let bad = |_| JobError::BadOutbox { path: path.to_owned() };
        let job: Job = sign::open(&bytes, &key).map_err(bad)?;
        if job.contract != fresh.contract || job.id != fresh.id {
            return Err(JobError::BadOutbox { path: path.to_owned() });
        }
        if job.question != fresh.question || job.analysis != fresh.analysis {
            return Err(JobError::OtherQuestion { id: job.id, path: path.to_owned() });
        }
        // Two answers would go by one name, and the host keeps the first.
        if job.instance != fresh.instance {
            return Err(JobError::OtherInstance { id: job.id, path: path.to_owned() });
        }
        // Another version of the data, or too late: signed anew under the same identity.
        let usable = job.datasets == fresh.datasets
            && job.receivers == fresh.receivers
            && clock::now() < job.not_after;
        Ok(usable.then_some(bytes))
    }
}

fn keep(path: &Path, signed: &[u8]) -> io::Result<()> {
    if let Some(outbox) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(outbox)?;
    }
    files::replace(path, signed)
}

impl Prepared {
    /// Identity of the job: submit it again under the same one if anything goes wrong.
    #[must_use]
    pub fn id(&self) -> JobId {
        self.admitted.job().id
    }

    /// The signed bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.signed
    }

    /// The policy's decision: question, noise and cost.
    #[must_use]
    pub fn admitted(&self) -> &Admitted {
        &self.admitted
    }

    /// Time of the instance when the job was prepared.
    #[must_use]
    pub fn instance_time(&self) -> Time {
        self.instance_time
    }

    /// Price and noise in words that an analyst knows, before anything is spent.
    #[must_use]
    pub fn preview(&self) -> Preview {
        let (job, proven) = (self.admitted.job(), self.admitted.proven());
        let (tally, proof) = (proven.tally(), proven.proof());
        let measures: Vec<_> = match &job.question {
            Question::Lift(lift) => lift.outcomes.iter().map(|it| (&it.name, it.scale)).collect(),
            Question::Table(table) => {
                table.measures.iter().map(|it| (&it.name, it.scale)).collect()
            }
            Question::Choice(_) => Vec::new(),
        };
        let figures = measures.into_iter().zip(&proof.sums).enumerate();
        let figures = figures.map(|(at, ((name, scale), sum))| {
            let unit = 10_f64.powi(-i32::from(scale));
            let square = tally.square_of(at).and_then(|at| proof.products.get(at));
            FigureNoise {
                name: name.clone(),
                sum_sd: sum.sigma.value() * unit,
                sum_sq_sd: square.map(|it| it.sigma.value() * unit * unit),
            }
        });
        let (epsilon, delta) = job.question.epsilon();
        Preview {
            epsilon,
            delta,
            rho: proof.cost.rho(),
            cost: proof.cost.clone(),
            datasets: self.admitted.datasets().to_vec(),
            people_sd: proof.people.sigma.value(),
            people_off: proof.choice.map(|choice| choice.people_off(tally)),
            figures: figures.collect(),
        }
    }
}

/// What a job costs and how noisy its figures will be.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Preview {
    /// ε as asked.
    pub epsilon: Epsilon,
    /// δ at which it is meant.
    pub delta: Delta,
    /// Price.
    pub rho: Rho,
    /// The same as the ledger keeps it.
    pub cost: Loss,
    /// Each of these datasets is charged the whole price.
    pub datasets: Vec<String>,
    /// Standard deviation of the noise on each head count, in people.
    pub people_sd: f64,
    /// For a choice, of which no head count leaves: by how many people it is off at most, with 95 % probability.
    pub people_off: Option<f64>,
    /// By outcome.
    pub figures: Vec<FigureNoise>,
}

/// Noise on the totals of one outcome, in units of its column.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FigureNoise {
    /// Outcome.
    pub name: String,
    /// Standard deviation on the total of an arm.
    pub sum_sd: f64,
    /// Standard deviation on the total of squares; none for a binary outcome.
    pub sum_sq_sd: Option<f64>,
}

const VALID_SECONDS: u64 = 3600;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[test]
    fn a_job_that_was_kept_for_another_instance_is_not_signed_again() {
        let room = Fixture::new();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.job");
        let later = clock::now().plus_seconds(600);
        let job = room.job(&room.instance(1), 1, 1.0, later);
        let signed = room.publisher.signing().sign(&job);
        keep(&path, &signed).unwrap();
        let identity = &room.publisher;
        let kept = |instance: &crate::room::Instance| {
            let draft = Draft { contract: &room.contract, instance: instance.digest(), identity };
            draft.kept(&path, &room.job(instance, 1, 1.0, later))
        };
        assert_eq!(kept(&room.instance(1)).unwrap(), Some(signed.clone()));
        let refused = kept(&room.instance(2)).unwrap_err();
        assert!(matches!(refused, JobError::OtherInstance { id, .. } if id == job.id), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), signed);
    }
}
