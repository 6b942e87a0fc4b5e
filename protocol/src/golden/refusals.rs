//! Every refusal, with everything it can name.

use super::{Folder, covers, kinds, room};
use crate::{
    canonical,
    delegation::{KeyFlaw, KeyKind},
    job::JobName,
    loss::{Delta, Epsilon, Loss},
    manifest::ManifestError,
    message::Reply,
    refusal::{
        Asked, Debit, GrantFlaw, Limit, OrderFlaw, PREPAID, Refusal, RunFlaw, Share, WhichBudget,
    },
    time::Time,
};

kinds!(REFUSALS, refusal: Refusal {
    Refusal::Stranger => "stranger",
    Refusal::Key { .. } => "key",
    Refusal::Elsewhere => "elsewhere",
    Refusal::Replayed => "replayed",
    Refusal::OtherClock { .. } => "other_clock",
    Refusal::RateLimited => "rate_limited",
    Refusal::Busy { .. } => "busy",
    Refusal::Opening { .. } => "opening",
    Refusal::ShareUsed { .. } => "share_used",
    Refusal::Malformed => "malformed",
    Refusal::TooManyJobs { .. } => "too_many_jobs",
    Refusal::ContractExpired { .. } => "contract_expired",
    Refusal::JobExpired { .. } => "job_expired",
    Refusal::Closed => "closed",
    Refusal::NotPermitted { .. } => "not_permitted",
    Refusal::OverLimit { .. } => "over_limit",
    Refusal::Undrawable { .. } => "undrawable",
    Refusal::KeyWithheld { .. } => "key_withheld",
    Refusal::OtherVersion { .. } => "other_version",
    Refusal::OlderOptOuts { .. } => "older_opt_outs",
    Refusal::OldOptOuts { .. } => "old_opt_outs",
    Refusal::BadGrant { .. } => "bad_grant",
    Refusal::NeedsSlice { .. } => "needs_slice",
    Refusal::BudgetExhausted { .. } => "budget_exhausted",
    Refusal::CountersignedBefore { .. } => "countersigned_before",
    Refusal::NotBelieved { .. } => "not_believed",
    Refusal::BadSlice => "bad_slice",
    Refusal::BadOrder { .. } => "bad_order",
    Refusal::Run { .. } => "run",
    Refusal::LogNotStored => "log_not_stored",
    Refusal::Internal => "internal",
});

kinds!(ALL_ASKED, asked: Asked {
    Asked::Analysis => "analysis",
    Asked::Purpose => "purpose",
    Asked::Column => "column",
    Asked::Rows => "rows",
    Asked::Arm => "arm",
    Asked::Analyst => "analyst",
    Asked::Receiver => "receiver",
    Asked::Dataset => "dataset",
    Asked::Closing => "closing",
    Asked::Window => "window",
    Asked::Value => "value",
    Asked::Floor => "floor",
});

kinds!(LIMITS, limit: Limit {
    Limit::Outcomes => "outcomes",
    Limit::ReceiptBytes => "receipt_bytes",
    Limit::ReleasedBytes => "released_bytes",
    Limit::Wait => "wait",
    Limit::Cap => "cap",
    Limit::CapOfColumn => "cap_of_column",
    Limit::Share => "share",
    Limit::Memory => "memory",
    Limit::CellsPerPerson => "cells_per_person",
    Limit::GroupBy => "group_by",
    Limit::Datasets => "datasets",
    Limit::Conditions => "conditions",
    Limit::Values => "values",
    Limit::Edges => "edges",
    Limit::Job => "job",
    Limit::Comparisons => "comparisons",
    Limit::Cells => "cells",
});

kinds!(KEY_FLAWS, key_flaw: KeyFlaw {
    KeyFlaw::Expired { .. } => "expired",
    KeyFlaw::NotYet { .. } => "not_yet",
    KeyFlaw::OtherKind { .. } => "other_kind",
    KeyFlaw::OtherParty { .. } => "other_party",
    KeyFlaw::Withdrawn => "withdrawn",
});

kinds!(SHARES, share: Share {
    Share::Requests => "requests",
    Share::Answers => "answers",
    Share::AnswerBytes => "answer_bytes",
    Share::Withdrawals => "withdrawals",
    Share::Grants => "grants",
});

kinds!(GRANT_FLAWS, grant_flaw: GrantFlaw {
    GrantFlaw::OutlivesKey => "outlives_key",
    GrantFlaw::Salt => "salt",
    GrantFlaw::Time => "time",
    GrantFlaw::TooLong => "too_long",
    GrantFlaw::Signature => "signature",
    GrantFlaw::Manifest(_) => "manifest",
    GrantFlaw::Columns => "columns",
    GrantFlaw::Keys => "keys",
    GrantFlaw::Missing => "missing",
    GrantFlaw::Altered => "altered",
    GrantFlaw::Layout => "layout",
    GrantFlaw::Older => "older",
    GrantFlaw::OptOuts => "opt_outs",
    GrantFlaw::OlderOptOuts => "older_opt_outs",
});

kinds!(ORDER_FLAWS, order_flaw: OrderFlaw {
    OrderFlaw::Name => "name",
    OrderFlaw::Runs { .. } => "runs",
    OrderFlaw::Attempts { .. } => "attempts",
    OrderFlaw::Purpose => "purpose",
    OrderFlaw::Window { .. } => "window",
    OrderFlaw::AfterContract { .. } => "after_contract",
    OrderFlaw::Questions => "questions",
    OrderFlaw::OverPrice { .. } => "over_price",
});

kinds!(RUN_FLAWS, run_flaw: RunFlaw {
    RunFlaw::NoSuchRun { .. } => "no_such_run",
    RunFlaw::Early { .. } => "early",
    RunFlaw::Late { .. } => "late",
    RunFlaw::OtherQuestion => "other_question",
    RunFlaw::OverPrice => "over_price",
    RunFlaw::Submitted => "submitted",
    RunFlaw::NotAccepted { .. } => "not_accepted",
    RunFlaw::Cancelled { .. } => "cancelled",
    RunFlaw::Suspended { .. } => "suspended",
    RunFlaw::Attempts { .. } => "attempts",
    RunFlaw::OtherVersions => "other_versions",
    RunFlaw::NotNewest { .. } => "not_newest",
    RunFlaw::Answered { .. } => "answered",
});

kinds!(MANIFEST_ERRORS, manifest_error: ManifestError {
    ManifestError::Lineage => "lineage",
    ManifestError::Columns => "columns",
    ManifestError::Declared => "declared",
    ManifestError::Size => "size",
    ManifestError::Prefix => "prefix",
    ManifestError::OptOuts => "opt_outs",
});

kinds!(BUDGETS, which_budget: WhichBudget {
    WhichBudget::Day => "day",
    WhichBudget::Week => "week",
    WhichBudget::Month => "month",
    WhichBudget::Contract => "contract",
    WhichBudget::Lifetime => "lifetime",
    WhichBudget::Ceiling => "ceiling",
});

const ASKED: [Asked; 12] = [
    Asked::Analysis,
    Asked::Purpose,
    Asked::Column,
    Asked::Rows,
    Asked::Arm,
    Asked::Analyst,
    Asked::Receiver,
    Asked::Dataset,
    Asked::Closing,
    Asked::Window,
    Asked::Value,
    Asked::Floor,
];
const LIMIT: [Limit; 17] = [
    Limit::Outcomes,
    Limit::ReceiptBytes,
    Limit::ReleasedBytes,
    Limit::Wait,
    Limit::Cap,
    Limit::CapOfColumn,
    Limit::Share,
    Limit::Memory,
    Limit::CellsPerPerson,
    Limit::GroupBy,
    Limit::Datasets,
    Limit::Conditions,
    Limit::Values,
    Limit::Edges,
    Limit::Job,
    Limit::Comparisons,
    Limit::Cells,
];
const SHARE: [Share; 5] =
    [Share::Requests, Share::Answers, Share::AnswerBytes, Share::Withdrawals, Share::Grants];
const MANIFEST: [ManifestError; 6] = [
    ManifestError::Lineage,
    ManifestError::Columns,
    ManifestError::Declared,
    ManifestError::Size,
    ManifestError::Prefix,
    ManifestError::OptOuts,
];
const FLAW: [GrantFlaw; 13] = [
    GrantFlaw::OutlivesKey,
    GrantFlaw::Salt,
    GrantFlaw::Time,
    GrantFlaw::TooLong,
    GrantFlaw::Signature,
    GrantFlaw::Columns,
    GrantFlaw::Keys,
    GrantFlaw::Missing,
    GrantFlaw::Altered,
    GrantFlaw::Layout,
    GrantFlaw::Older,
    GrantFlaw::OptOuts,
    GrantFlaw::OlderOptOuts,
];
const BUDGET: [WhichBudget; 6] = [
    WhichBudget::Day,
    WhichBudget::Week,
    WhichBudget::Month,
    WhichBudget::Contract,
    WhichBudget::Lifetime,
    WhichBudget::Ceiling,
];

pub(super) fn all() -> Vec<(String, Refusal)> {
    let named = plain().into_iter().map(|it| (refusal(&it).to_owned(), it));
    let mut all: Vec<_> = named.collect();
    let owner = || Some("retailer".to_owned());
    for what in ASKED {
        let it = Refusal::NotPermitted { what, name: "spend".to_owned(), owner: owner() };
        all.push((format!("not_permitted.{}", asked(&what)), it));
    }
    for found in LIMIT {
        let it = Refusal::OverLimit { limit: found, found: 17, most: 16 };
        all.push((format!("over_limit.{}", limit(&found)), it));
    }
    for used in SHARE {
        let it = Refusal::ShareUsed { party: "publisher".to_owned(), share: used };
        all.push((format!("share_used.{}", share(&used)), it));
    }
    for why in key_flaws() {
        let name = format!("key.{}", key_flaw(&why));
        let (party, kind) = ("publisher".to_owned(), KeyKind::Service);
        all.push((name, Refusal::Key { party, kind, name: "service-1".to_owned(), why }));
    }
    let flaws = FLAW.into_iter().map(|why| (grant_flaw(&why).to_owned(), why));
    let manifests = MANIFEST.into_iter().map(|why| {
        let name = format!("manifest.{}", manifest_error(&why));
        (name, GrantFlaw::Manifest(why))
    });
    for (name, why) in flaws.chain(manifests) {
        let it = Refusal::BadGrant { dataset: "sales".to_owned(), why };
        all.push((format!("bad_grant.{name}"), it));
    }
    for why in order_flaws() {
        all.push((format!("bad_order.{}", order_flaw(&why)), Refusal::BadOrder { why }));
    }
    for why in run_flaws() {
        let name = format!("run.{}", run_flaw(&why));
        all.push((name, Refusal::Run { order: "weekly-lift".to_owned(), number: 3, why }));
    }
    for budget in BUDGET {
        all.push((format!("budget_exhausted.{}", which_budget(&budget)), exhausted(budget)));
    }
    all
}

fn order_flaws() -> [OrderFlaw; 8] {
    [
        OrderFlaw::Name,
        OrderFlaw::Runs { found: 401 },
        OrderFlaw::Attempts { found: 4 },
        OrderFlaw::Purpose,
        OrderFlaw::Window { number: 3 },
        OrderFlaw::AfterContract { number: 3, expires: room::NOW },
        OrderFlaw::Questions,
        OrderFlaw::OverPrice { number: 1 },
    ]
}

fn run_flaws() -> [RunFlaw; 13] {
    let retailer = || "retailer".to_owned();
    [
        RunFlaw::NoSuchRun { runs: 2 },
        RunFlaw::Early { at: room::NOW },
        RunFlaw::Late { until: room::NOW },
        RunFlaw::OtherQuestion,
        RunFlaw::OverPrice,
        RunFlaw::Submitted,
        RunFlaw::NotAccepted { owner: retailer() },
        RunFlaw::Cancelled { by: "publisher".to_owned() },
        RunFlaw::Suspended { owner: retailer() },
        RunFlaw::Attempts { most: 2 },
        RunFlaw::OtherVersions,
        RunFlaw::NotNewest { dataset: "sales".to_owned() },
        RunFlaw::Answered { instance: "a1b2c3d4e5f6".to_owned() },
    ]
}

fn key_flaws() -> [KeyFlaw; 5] {
    [
        KeyFlaw::Expired { until: room::NOW },
        KeyFlaw::NotYet { from: room::NOW },
        KeyFlaw::OtherKind { needed: KeyKind::Analyst },
        KeyFlaw::OtherParty { needed: "retailer".to_owned() },
        KeyFlaw::Withdrawn,
    ]
}

/// Those that name nothing of a closed list.
fn plain() -> Vec<Refusal> {
    let (dataset, owner) = ("sales".to_owned(), "retailer".to_owned());
    vec![
        Refusal::Stranger,
        Refusal::Elsewhere,
        Refusal::Replayed,
        Refusal::OtherClock { sent: Time(room::NOW.0 + 3_600_000), here: room::NOW },
        Refusal::RateLimited,
        Refusal::Busy { party: "publisher".to_owned() },
        Refusal::Opening { dataset: dataset.clone() },
        Refusal::Malformed,
        Refusal::TooManyJobs {
            analyst: "publisher".to_owned(),
            purpose: "measurement".to_owned(),
            most: 12,
            next: room::NOW,
        },
        Refusal::ContractExpired { expired: room::NOW },
        Refusal::JobExpired { not_after: room::NOW },
        Refusal::Closed,
        Refusal::Undrawable {
            figure: "spend".to_owned(),
            cap: 2_147_483_648,
            scale: crate::units::Scale::new(2).unwrap(),
            epsilon: Epsilon::new(0.001).unwrap(),
            largest: Some(123_456),
            least: Some(Epsilon::new(0.02).unwrap()),
        },
        Refusal::KeyWithheld { dataset: dataset.clone(), owner: owner.clone() },
        Refusal::OtherVersion { dataset: dataset.clone(), owner: owner.clone() },
        Refusal::OlderOptOuts { dataset: dataset.clone(), owner: owner.clone() },
        Refusal::OldOptOuts { dataset: dataset.clone(), owner: owner.clone(), days: 30 },
        Refusal::NeedsSlice {
            dataset,
            owner: owner.clone(),
            cost: room::loss(),
            left: Loss::zero(),
            others: vec!["publisher".to_owned()],
        },
        Refusal::CountersignedBefore {
            dataset: "sales".to_owned(),
            owner: owner.clone(),
            period: "2026-11-22".to_owned(),
        },
        Refusal::NotBelieved { owner },
        Refusal::BadSlice,
        Refusal::LogNotStored,
        Refusal::Internal,
    ]
}

fn exhausted(budget: WhichBudget) -> Refusal {
    let debit = |analyst: Option<&str>, analysis: &str| Debit {
        analyst: analyst.map(str::to_owned),
        analysis: analysis.to_owned(),
        jobs: 1,
        latest: analyst.iter().map(|_| JobName::from([9; 32])).collect(),
        loss: room::loss(),
    };
    Refusal::BudgetExhausted {
        dataset: "sales".to_owned(),
        owner: "retailer".to_owned(),
        purpose: "measurement".to_owned(),
        budget,
        cost: room::loss(),
        left: Loss::zero(),
        delta: Delta::new(1e-6).unwrap(),
        debits: vec![debit(Some("publisher"), "lift"), debit(None, PREPAID)],
        returned: Loss::zero(),
    }
}

/// Writes `refusals.txt`: each as a whole reply.
pub(super) fn write(folder: &mut Folder) {
    let all = all();
    covers(REFUSALS, all.iter().map(|(_, it)| refusal(it)));
    covers(ALL_ASKED, ASKED.iter().map(asked));
    covers(LIMITS, LIMIT.iter().map(limit));
    covers(KEY_FLAWS, key_flaws().iter().map(key_flaw));
    covers(SHARES, SHARE.iter().map(share));
    covers(GRANT_FLAWS, FLAW.iter().map(grant_flaw).chain(["manifest"]));
    covers(ORDER_FLAWS, order_flaws().iter().map(order_flaw));
    covers(RUN_FLAWS, run_flaws().iter().map(run_flaw));
    covers(MANIFEST_ERRORS, MANIFEST.iter().map(manifest_error));
    covers(BUDGETS, BUDGET.iter().map(which_budget));
    let replies: Vec<_> =
        all.into_iter().map(|(name, refusal)| (name, Reply::Refused(refusal))).collect();
    let made: Vec<_> =
        replies.iter().map(|(name, reply)| (name.clone(), canonical::to_vec(reply))).collect();
    for ((name, reply), bytes) in replies.iter().zip(folder.list("refusals.txt", &made)) {
        let read: Reply = canonical::from_slice(&bytes).unwrap();
        assert_eq!((&read, canonical::to_vec(&read)), (reply, bytes), "{name}");
    }
}
