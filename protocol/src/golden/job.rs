//! The job as an analyst writes it, and as it is signed.

use super::{Folder, covers, kinds, room};
use crate::{
    canonical,
    delegation::Authority,
    job::{
        Alternative, ChoiceOf, Filter, GroupBy, Job, JobName, Multiplicity, OutcomeKind, Question,
        Statistic,
    },
    sign,
};

kinds!(CHOICES, choice: ChoiceOf {
    ChoiceOf::Quantile { .. } => "quantile",
    ChoiceOf::Fullest { .. } => "fullest",
});

kinds!(OUTCOMES, outcome: OutcomeKind {
    OutcomeKind::Binary => "binary",
    OutcomeKind::Count => "count",
    OutcomeKind::Value => "value",
});

kinds!(ALTERNATIVES, alternative: Alternative {
    Alternative::TwoSided => "two_sided",
    Alternative::Greater => "greater",
    Alternative::Less => "less",
});

kinds!(MULTIPLICITIES, multiplicity: Multiplicity {
    Multiplicity::None => "none",
    Multiplicity::Holm => "holm",
    Multiplicity::Bh => "bh",
});

kinds!(GROUPS, group: GroupBy {
    GroupBy::Matched => "matched",
    GroupBy::Column(_) => "column",
    GroupBy::Bins { .. } => "bins",
});

kinds!(FILTERS, filter: Filter {
    Filter::OneOf { .. } => "one_of",
    Filter::Between { .. } => "between",
});

kinds!(STATISTICS, statistic: Statistic {
    Statistic::Rows => "rows",
    Statistic::Sum => "sum",
    Statistic::Distinct => "distinct",
});

/// The names of the files, and the jobs made of them.
pub(super) const FILES: [&str; 6] =
    ["lift", "lift-less", "lift-short", "table", "quantile", "fullest"];

#[test]
fn a_job_has_the_bytes_it_had() {
    let mut folder = Folder::open("job-v1");
    let mut jobs: Vec<Job> = Vec::new();
    let mut digests = Vec::new();
    for (name, id) in FILES.iter().zip(1..) {
        let job = room::job(&folder.by_hand(&format!("{name}.toml")), id);
        let key = room::analyst();
        let bytes = folder.file(&format!("{name}.job"), &key.sign(&job));
        let contract = room::contract();
        let (read, _) = Authority::at(&contract, room::NOW).open::<Job>(&bytes).unwrap();
        assert_eq!((&read, key.sign(&read)), (&job, bytes.clone()), "{name}");
        digests.push((format!("{name}.job"), sign::digest_of(&bytes).to_string()));
        digests.push((format!("{name}.name"), JobName::of("publisher", &job).to_string()));
        let tally = canonical::to_vec(room::admitted(&job).proven().tally());
        digests.push((
            format!("{name}.tally"),
            crate::digest::Digest::of("glovebox tally v1", &tally).to_string(),
        ));
        jobs.push(job);
    }
    // What any job may say beside its question.
    let decided = Job {
        decision: Some("budget of spring".parse().unwrap()),
        checks: Some(JobName::of("publisher", &jobs[0])),
        ..jobs[0].clone()
    };
    let bytes = folder.file("decided.job", &room::analyst().sign(&decided));
    digests.push(("decided.job".to_owned(), sign::digest_of(&bytes).to_string()));
    digests.push(("decided.name".to_owned(), JobName::of("publisher", &decided).to_string()));
    assert_ne!(JobName::of("publisher", &decided), JobName::of("publisher", &jobs[0]));
    folder.digests(&digests);
    folder.finish();
    everything_is_asked(&jobs);
}

fn everything_is_asked(jobs: &[Job]) {
    let (mut lifts, mut tables, mut choices) = (Vec::new(), Vec::new(), Vec::new());
    for job in jobs {
        // Another kind has its bytes beside its sample's: tests/analyses.rs.
        if let Question::Lift(lift) = &job.question {
            lifts.push(lift);
        } else if let Question::Table(table) = &job.question {
            tables.push(table);
        } else if let Question::Choice(choice) = &job.question {
            choices.push(choice);
        }
    }
    covers(ALTERNATIVES, lifts.iter().map(|lift| alternative(&lift.alternative)));
    covers(MULTIPLICITIES, lifts.iter().map(|lift| multiplicity(&lift.multiplicity)));
    let outcomes = lifts.iter().flat_map(|lift| &lift.outcomes);
    covers(OUTCOMES, outcomes.map(|it| outcome(&it.kind)));
    covers(GROUPS, tables.iter().flat_map(|table| &table.group_by).map(group));
    covers(FILTERS, tables.iter().flat_map(|table| &table.rows).map(filter));
    let measures = tables.iter().flat_map(|table| &table.measures);
    covers(STATISTICS, measures.map(|measure| statistic(&measure.statistic)));
    covers(CHOICES, choices.iter().map(|it| choice(&it.of)));
}
