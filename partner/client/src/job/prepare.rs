//! Makes a signed job with a known price out of a template.

use super::{JobError, wanted::Wanted};
use crate::{
    clock, files,
    keys::{self, Identity},
    room::Room,
};
use protocol::{
    analysis::Price,
    contract::Contract,
    delegation::Authority,
    digest::Digest,
    job::{Job, JobId, JobName, SignedJob},
    loss::{Delta, Epsilon, Loss, Rho},
    manifest,
    message::Status,
    policy::{self, Admitted},
    proof::{Leaves, Sums, Vectors},
    refusal::Refusal,
    tally::Tally,
    time::Time,
    units::Scale,
};
use std::{
    collections::BTreeMap,
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    str::FromStr,
};

/// Options for preparing a job.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a caller names what it wants and defaults the rest")]
pub struct Options {
    /// The job that is submitted again; `None` for a new one.
    pub again: Option<Resubmission>,
    /// The folder of signed jobs. It lets a job be submitted again byte for byte, so that it is not
    /// paid twice.
    pub outbox: Option<PathBuf>,
    /// Who gets the result. `None` stands for the analyst, or for all receivers of the contract if
    /// the analyst is not one of them.
    pub receivers: Option<Vec<String>>,
    /// How long the job may wait, in seconds; `None` for an hour.
    pub valid_seconds: Option<u64>,
}

/// Names the job that is submitted again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "by its name, or by what the caller chose for it")]
pub enum Resubmission {
    /// The job of this name, which must be in the outbox.
    Name(JobName),
    /// The job in the outbox with this id, or a new job with it. An analyst who chooses ids
    /// beforehand can submit again whatever happened.
    Id(JobId),
}

impl FromStr for Resubmission {
    type Err = InvalidAgain;

    fn from_str(text: &str) -> Result<Self, InvalidAgain> {
        let mut id = [0; 16];
        match hex::decode_to_slice(text, &mut id) {
            Ok(()) => Ok(Self::Id(JobId(id))),
            Err(_) => text.parse().map(Self::Name).map_err(|_| InvalidAgain),
        }
    }
}

/// The text names no job.
///
/// Remedy: give the 64 digits that `glovebox job submit` printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "expected the name of a job that was submitted from here (64 hex digits), or an id of your own \
     choosing (32 hex digits)"
)]
pub struct InvalidAgain;

/// A signed job that the contract permits.
#[derive(Clone, Debug)]
pub struct Prepared {
    signed: SignedJob,
    pub(super) admitted: Admitted,
    pub(super) manifests: Vec<Vec<u8>>,
    pub(super) instance_time: Time,
}

/// Prepares a job for the instance of `room`: reads what is wanted, asks which versions of the
/// datasets are open, admits the job as the instance will, and signs it.
///
/// # Errors
///
/// [`JobError`]; [`JobError::Refused`] in the words the instance would use, before it is asked.
pub async fn prepare(
    room: &mut Room,
    identity: &Identity,
    wanted: impl Into<Wanted>,
    options: &Options,
) -> Result<Prepared, JobError> {
    let wanted = wanted.into();
    let contract = room.contract().clone();
    // What is wrong with a text is said before anybody is asked.
    wanted.question(&contract)?;
    let status = room.status(identity).await?;
    let draft = Draft { contract: &contract, instance: room.instance().digest(), identity };
    draft.prepare(&wanted, &status, options)
}

struct Draft<'a> {
    contract: &'a Contract,
    instance: Digest,
    identity: &'a Identity,
}

impl Draft<'_> {
    fn prepare(
        &self,
        wanted: &Wanted,
        status: &Status,
        options: &Options,
    ) -> Result<Prepared, JobError> {
        let contract = self.contract;
        let (analysis, question) = wanted.question(contract)?;
        let analyst = self.identity.party_in(contract)?;
        let outbox = options.outbox.as_deref();
        let kept = match options.again {
            Some(Resubmission::Name(name)) => Some(self.kept(name, outbox)?),
            Some(Resubmission::Id(id)) => self.kept_with(id, outbox),
            None => None,
        };
        let id = match (&kept, options.again) {
            (Some((job, _)), _) => job.job().id,
            (None, Some(Resubmission::Id(id))) => id,
            (None, _) => JobId(keys::random()?),
        };
        let read = policy::datasets(contract, &analysis, &question).map_err(JobError::refused)?;
        let manifests = self.manifests(read, status)?;
        let fresh = Job {
            contract: contract.digest,
            instance: self.instance,
            id,
            not_after: clock::now().plus_seconds(options.valid_seconds.unwrap_or(VALID_SECONDS)),
            receivers: self.receivers(&analysis, analyst, options.receivers.as_deref())?,
            datasets: manifests
                .iter()
                .filter_map(|(name, bytes)| Some((name.clone(), manifest::digest_of(bytes)?)))
                .collect(),
            analysis,
            question,
            decision: wanted.decision()?,
            checks: wanted.checked().map(SignedJob::name),
        };
        wanted.check_versions(&fresh)?;
        let signed = match kept {
            Some((kept, path)) => {
                self.is_the_same(&kept, &fresh, &path)?;
                // A job that is too late, or that another key signed, is signed anew. It stays the
                // same job.
                let late = clock::now() >= kept.job().not_after;
                let other = *kept.signed_by().key() != self.identity.analyst()?.delegation().key;
                if late || other { self.sign(&fresh)? } else { kept }
            }
            None => self.sign(&fresh)?,
        };
        let (names, manifests): (Vec<String>, Vec<Vec<u8>>) = manifests.into_iter().unzip();
        let opened = signed
            .job()
            .read_manifests(&Authority::at(contract, clock::now()), &manifests)
            .map_err(|refusal| JobError::Refused(refusal).of_manifests(contract, &names))?;
        let admitted = policy::admit(contract, signed.job(), analyst, &opened, clock::now())
            .map_err(JobError::refused)?;
        if let Some(outbox) = &options.outbox {
            let path = outbox.join(file_name(signed.name()));
            keep(&path, signed.as_bytes()).map_err(|cause| JobError::Outbox { path, cause })?;
        }
        Ok(Prepared { signed, admitted, manifests, instance_time: status.time })
    }

    /// The manifests of the datasets that the job reads, as the instance holds them.
    fn manifests(
        &self,
        read: Vec<String>,
        status: &Status,
    ) -> Result<BTreeMap<String, Vec<u8>>, JobError> {
        let open = |dataset: String| {
            let held = status.datasets.iter().find(|open| open.dataset == dataset);
            if let Some(held) = held {
                return Ok((dataset, held.manifest.clone()));
            }
            let owner = self.contract.datasets.get(&dataset).map(|found| found.owner.clone());
            let owner = owner.unwrap_or_default();
            Err(JobError::refused(Refusal::KeyWithheld { dataset, owner }))
        };
        read.into_iter().map(open).collect()
    }

    /// Those that were asked for, if the contract permits them; otherwise the analyst, or all that the contract permits.
    fn receivers(
        &self,
        analysis: &str,
        analyst: &str,
        asked: Option<&[String]>,
    ) -> Result<Vec<String>, JobError> {
        let terms = self.contract.analyses.get(analysis);
        let allowed = terms.map(|terms| terms.receivers.clone()).unwrap_or_default();
        if let Some(asked) = asked {
            return match asked.iter().find(|name| !allowed.contains(name)) {
                None => Ok(asked.to_vec()),
                Some(name) => {
                    let (name, analysis) = (name.clone(), analysis.to_owned());
                    Err(JobError::NoReceiver { name, analysis, allowed })
                }
            };
        }
        let is_allowed = allowed.iter().any(|name| name == analyst);
        Ok(if is_allowed { vec![analyst.to_owned()] } else { allowed })
    }

    fn sign(&self, job: &Job) -> Result<SignedJob, JobError> {
        let authority = Authority::at(self.contract, clock::now());
        SignedJob::sign(&authority, self.identity.analyst()?, job).map_err(JobError::refused)
    }

    /// The job of this name as this party signed it before, and its file.
    fn kept(&self, name: JobName, outbox: Option<&Path>) -> Result<(SignedJob, PathBuf), JobError> {
        let path = outbox.unwrap_or(Path::new("")).join(file_name(name));
        let bytes = match files::read_at_most(&path, MOST_JOB) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(JobError::NotKept { name, path });
            }
            Err(cause) => return Err(JobError::Outbox { path, cause }),
        };
        match SignedJob::open(&Authority::at_any_time(self.contract), bytes) {
            Ok(kept) if kept.name() == name => Ok((kept, path)),
            _ => Err(JobError::BadOutbox { path }),
        }
    }

    /// The job with this id as this party signed it before, and its file.
    fn kept_with(&self, id: JobId, outbox: Option<&Path>) -> Option<(SignedJob, PathBuf)> {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(outbox?)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "job"))
            .collect();
        paths.sort();
        paths.into_iter().find_map(|path| {
            let kept =
                SignedJob::open(&Authority::at_any_time(self.contract), std::fs::read(&path).ok()?)
                    .ok()?;
            let ours = path.file_name()? == file_name(kept.name()).as_str();
            (ours && kept.job().id == id).then_some((kept, path))
        })
    }

    /// Checks that `fresh`, which has the id of `kept`, is the same job.
    fn is_the_same(&self, kept: &SignedJob, fresh: &Job, path: &Path) -> Result<(), JobError> {
        let (name, path, job) = (kept.name(), path.to_owned(), kept.job());
        if kept.analyst() != self.identity.party_in(self.contract)? {
            return Err(JobError::BadOutbox { path });
        }
        let other = |other| JobError::OtherQuestion { name, other, path: path.clone() };
        if job.question != fresh.question || job.analysis != fresh.analysis {
            return Err(other("another question"));
        }
        if job.instance != fresh.instance {
            return Err(JobError::OtherInstance { name, path });
        }
        if job.datasets != fresh.datasets {
            return Err(other("another version of a dataset"));
        }
        if job.receivers != fresh.receivers {
            return Err(other("other receivers"));
        }
        if job.decision != fresh.decision {
            return Err(other("another decision"));
        }
        if job.checks != fresh.checks {
            return Err(other("another job to check"));
        }
        Ok(())
    }
}

/// The name of a job's file in the outbox.
fn file_name(name: JobName) -> String {
    format!("{name}.job")
}

fn keep(path: &Path, signed: &[u8]) -> io::Result<()> {
    if let Some(outbox) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(outbox)?;
    }
    files::replace(path, signed)
}

impl Prepared {
    /// Name of the job. If anything goes wrong, submit it again by this name.
    #[must_use]
    pub fn name(&self) -> JobName {
        self.signed.name()
    }

    /// The signed bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.signed.as_bytes()
    }

    /// The policy's decision: question, noise and cost.
    #[must_use]
    pub fn admitted(&self) -> &Admitted {
        &self.admitted
    }

    /// The instance's time when the job was prepared.
    #[must_use]
    pub fn instance_time(&self) -> Time {
        self.instance_time
    }

    /// Price and noise in words that an analyst knows, before anything is spent.
    #[must_use]
    pub fn preview(&self) -> Preview {
        let (job, proven) = (self.admitted.job(), self.admitted.proven());
        let (tally, proof) = (proven.tally(), proven.proof());
        let noise = match &proof.leaves {
            Leaves::Place(choice) => PreviewNoise::Place { people_off: choice.people_off(tally) },
            Leaves::Steps(steps) => {
                let (sigma, clip) = match steps.sums {
                    Sums::Everybody { step, .. } => (step.sigma, step.linf),
                    Sums::Drawn(drawn) => (drawn.sigma, drawn.l2),
                };
                PreviewNoise::Steps { count: steps.count, step_sd: sigma.value(), clip }
            }
            Leaves::Figures(vectors) => PreviewNoise::Figures {
                people_sd: vectors.sd_of_people(tally),
                figures: figures(job.question.measures(), tally, vectors),
            },
        };
        let Price { epsilon, delta, .. } = job.question.price();
        Preview {
            epsilon,
            delta,
            rho: proof.cost.rho(),
            cost: proof.cost.clone(),
            datasets: self.admitted.datasets().to_vec(),
            noise,
        }
    }
}

/// The noise on each total, in units of the amount.
fn figures(measures: Vec<(String, Scale)>, tally: &Tally, vectors: &Vectors) -> Vec<FigureNoise> {
    let named = measures.into_iter().enumerate();
    let figures = named.filter_map(|(at, (name, scale))| {
        let unit = 1.0 / scale.units_per_one();
        // Of a contrast the squares of both arms together are known, and those of none.
        let square = tally.square_of(at).filter(|(at, _)| tally.contrast_of_product(*at).is_none());
        let square = square.and_then(|(at, product)| {
            Some(vectors.products.get(at)?.sigma.value() * wide(product.unit()))
        });
        Some(FigureNoise {
            name,
            sum_sds: vectors.sds_of_sum(tally, at)?.map(|sd| sd * unit),
            sum_sq_sd: square.map(|square| square * unit * unit),
        })
    });
    figures.collect()
}

/// What a job costs and how noisy its figures will be.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Preview {
    /// ε that the job asks for.
    pub epsilon: Epsilon,
    /// δ at which ε is meant.
    pub delta: Delta,
    /// Price as ρ.
    pub rho: Rho,
    /// Price as the ledger keeps it.
    pub cost: Loss,
    /// The datasets that are charged: each one the whole price.
    pub datasets: Vec<String>,
    /// How far off the answer will be.
    pub noise: PreviewNoise,
}

/// How far off the answer of a job will be. It is known before there is any data.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever shows it must see another kind of answer")]
pub enum PreviewNoise {
    /// The job releases figures.
    Figures {
        /// Standard deviation of the noise on each head count, in people.
        people_sd: f64,
        /// The noise on what is added up.
        figures: Vec<FigureNoise>,
    },
    /// The job releases one chosen place and no figure.
    Place {
        /// By how many people the chosen place is off the best one at most, with 95 % probability.
        people_off: f64,
    },
    /// The job releases the steps of a training.
    Steps {
        /// How many steps there are.
        count: u32,
        /// Standard deviation of the noise on each sum of a step, in quanta.
        step_sd: f64,
        /// The most that one person moves each of them.
        clip: u64,
    },
}

/// Noise on the totals of one outcome, in units of its column.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FigureNoise {
    /// Name of the outcome.
    pub name: String,
    /// Standard deviations of the noise on the total of the test and of the control arm, or of any group twice.
    pub sum_sds: [f64; 2],
    /// Standard deviation of the noise on the total of squares; `None` for a binary outcome.
    pub sum_sq_sd: Option<f64>,
}

const VALID_SECONDS: u64 = 3600;
/// Largest kept job that is read, in bytes: many times what one may have.
const MOST_JOB: u64 = 1 << 20;

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a power of two")]
fn wide(number: u128) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    /// What becomes of a kept job if it is submitted again, with `change`.
    fn again(change: impl FnOnce(&mut Job)) -> Result<(), JobError> {
        let room = Fixture::new();
        let dir = tempfile::tempdir().unwrap();
        let later = clock::now().plus_seconds(600);
        let job = room.job(&room.instance(1), 1, 1.0, later);
        let (contract, identity) = (&room.contract, &room.publisher);
        let signed =
            SignedJob::sign(&Authority::at_any_time(contract), identity.analyst().unwrap(), &job)
                .unwrap();
        let path = dir.path().join(file_name(signed.name()));
        keep(&path, signed.as_bytes()).unwrap();
        let draft = Draft { contract, instance: job.instance, identity };
        let (kept, found) = draft.kept(signed.name(), Some(dir.path())).unwrap();
        assert_eq!((&kept, &found), (&signed, &path));
        assert_eq!(draft.kept_with(job.id, Some(dir.path())), Some((signed.clone(), path.clone())));
        assert_eq!(draft.kept_with(JobId([9; 16]), Some(dir.path())), None);
        let mut fresh = job;
        change(&mut fresh);
        let same = draft.is_the_same(&kept, &fresh, &path);
        assert_eq!(std::fs::read(&path).unwrap(), signed.as_bytes());
        same
    }

    #[test]
    fn a_job_that_was_kept_for_another_instance_is_not_signed_again() {
        let elsewhere = |job: &mut Job| job.instance = Digest::of("test", b"another instance");
        let refused = again(elsewhere).unwrap_err();
        assert!(matches!(refused, JobError::OtherInstance { .. }), "{refused}");
    }

    /// Only the time may differ: whatever else does has another name.
    #[test]
    fn a_job_that_is_submitted_again_is_the_same_but_for_its_time() {
        again(|_| {}).unwrap();
        again(|job| job.not_after = job.not_after.plus_seconds(9)).unwrap();
        let refused = |words: &str, change: fn(&mut Job)| {
            let said = again(change).unwrap_err().to_string();
            assert!(said.contains(words) && said.contains("leave --id out"), "{said}");
        };
        refused("other receivers", |job| job.receivers.push("retailer".to_owned()));
        refused("another version", |job| job.datasets.clear());
        refused("another question", |job| "other".clone_into(&mut job.analysis));
        refused("another decision", |job| job.decision = Some("spring".parse().unwrap()));
        refused("another job to check", |job| job.checks = Some(JobName::from([1; 32])));
    }

    #[test]
    fn a_receiver_whom_the_contract_does_not_name_is_told_whom_it_names() {
        let room = Fixture::new();
        let (contract, identity) = (&room.contract, &room.publisher);
        let draft = Draft { contract, instance: room.instance(1).digest(), identity };
        let (analysis, terms) = contract.analyses.first_key_value().unwrap();
        let named = |name: &str| draft.receivers(analysis, "publisher", Some(&[name.to_owned()]));
        assert_eq!(named(&terms.receivers[0]).unwrap(), terms.receivers[..1]);
        let refused = named("bob").unwrap_err().to_string();
        let listed = terms.receivers.join(", ");
        assert!(refused.contains("no receiver \"bob\"") && refused.contains(&listed), "{refused}");
    }

    #[test]
    fn refuses_to_submit_again_what_was_never_submitted_from_here() {
        let (room, dir) = (Fixture::new(), tempfile::tempdir().unwrap());
        let (contract, identity) = (&room.contract, &room.publisher);
        let draft = Draft { contract, instance: room.instance(1).digest(), identity };
        let refused = draft.kept(JobName::from([7; 32]), Some(dir.path())).unwrap_err();
        assert!(matches!(refused, JobError::NotKept { .. }), "{refused}");
    }
}
