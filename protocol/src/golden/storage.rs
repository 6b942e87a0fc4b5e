//! Frames between enclave and host, and what the host says over HTTP.

use super::{Folder, covers, kinds, room};
use crate::{
    merkle::{MerkleLog, leaf_hash, root_of},
    storage::{
        Answer, Ask, Failure, MAX_BODY, Message, ObjectName, Origin, Problem, ProblemCode,
        UploadStatus, decode_frame, encode_frame,
    },
};
use std::fmt::Debug;

kinds!(ASKS, ask: Ask {
    Ask::Contract {} => "contract",
    Ask::Size { .. } => "size",
    Ask::Read { .. } => "read",
    Ask::Put { .. } => "put",
    Ask::Fetch { .. } => "fetch",
    Ask::Unwrap { .. } => "unwrap",
    Ask::Stop {} => "stop",
});

kinds!(ANSWERS, answer: Answer {
    Answer::Contract { .. } => "contract",
    Answer::Size { .. } => "size",
    Answer::Range { .. } => "range",
    Answer::Stored {} => "stored",
    Answer::Object { .. } => "object",
    Answer::Unwrapped { .. } => "unwrapped",
    Answer::Grant { .. } => "grant",
    Answer::Stop { .. } => "stop",
    Answer::Failed { .. } => "failed",
});

kinds!(FAILURES, failure: Failure {
    Failure::NotFound => "not_found",
    Failure::TooLarge => "too_large",
    Failure::Conflict => "conflict",
    Failure::Full => "full",
    Failure::Kms => "kms",
    Failure::Io => "io",
});

kinds!(PROBLEMS, problem: ProblemCode {
    ProblemCode::BadRequest => "bad_request",
    ProblemCode::Forbidden => "forbidden",
    ProblemCode::NotFound => "not_found",
    ProblemCode::WrongOffset => "wrong_offset",
    ProblemCode::WrongSize => "wrong_size",
    ProblemCode::TooLarge => "too_large",
    ProblemCode::WrongRoot => "wrong_root",
    ProblemCode::TooManyUploads => "too_many_uploads",
    ProblemCode::Busy => "busy",
    ProblemCode::QuotaExceeded => "quota_exceeded",
    ProblemCode::DiskFull => "disk_full",
    ProblemCode::Io => "io",
});

const FAILURE: [Failure; 6] = [
    Failure::NotFound,
    Failure::TooLarge,
    Failure::Conflict,
    Failure::Full,
    Failure::Kms,
    Failure::Io,
];
const PROBLEM: [ProblemCode; 12] = [
    ProblemCode::BadRequest,
    ProblemCode::Forbidden,
    ProblemCode::NotFound,
    ProblemCode::WrongOffset,
    ProblemCode::WrongSize,
    ProblemCode::TooLarge,
    ProblemCode::WrongRoot,
    ProblemCode::TooManyUploads,
    ProblemCode::Busy,
    ProblemCode::QuotaExceeded,
    ProblemCode::DiskFull,
    ProblemCode::Io,
];

#[test]
fn frames_have_the_bytes_they_had() {
    let mut folder = Folder::open("storage-v1");
    let blob = root_of(b"blob");
    let result = ObjectName::result("0f", "retailer").unwrap();
    let closing = ObjectName::closing(&room::instance().to_string()).unwrap();
    let of =
        Some(Origin { analyst: "publisher".to_owned(), instance: room::instance(), run: None });
    let asks = [
        Ask::Contract {},
        Ask::Size { blob },
        Ask::Read { blob, length: 1 << 20, offset: 1 << 33 },
        Ask::Put { of, name: result, bytes: b"package.sealed".to_vec().into() },
        Ask::Fetch { name: closing },
        Ask::Unwrap {
            key: "alias/sales".to_owned(),
            dataset: "sales".to_owned(),
            wrapped: b"wrapped".to_vec().into(),
            contract: room::contract().digest,
            document: b"document".to_vec().into(),
        },
        Ask::Stop {},
    ];
    covers(ASKS, asks.iter().map(ask));
    frames(&mut folder, "asks.txt", asks.iter().map(|it| (ask(it).to_owned(), it.clone())));

    let failed = FAILURE.map(|why| Answer::Failed { why });
    let answers = [
        Answer::Contract { bytes: b"contract.signed".to_vec().into() },
        Answer::Size { bytes: 1 << 33 },
        Answer::Range { bytes: b"range".to_vec().into() },
        Answer::Stored {},
        Answer::Object { bytes: b"package.sealed".to_vec().into() },
        Answer::Unwrapped { envelope: b"envelope".to_vec().into() },
        Answer::Grant { bytes: b"sales.kms-grant".to_vec().into() },
        Answer::Stop { now: true },
    ];
    let answers: Vec<_> = answers.into_iter().chain(failed).collect();
    covers(ANSWERS, answers.iter().map(answer));
    covers(FAILURES, FAILURE.iter().map(failure));
    let named = answers.iter().map(|it| match it {
        Answer::Failed { why } => (format!("failed.{}", failure(why)), it.clone()),
        _ => (answer(it).to_owned(), it.clone()),
    });
    frames(&mut folder, "answers.txt", named);
    http(&mut folder);

    let mut log = MerkleLog::new();
    log.append(leaf_hash(b"one"));
    log.append(leaf_hash(b"two"));
    let blocks: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    folder.digests(&[
        ("blob", blob),
        ("empty", root_of(b"")),
        ("four-blocks", root_of(&blocks)),
        ("log-of-two", log.head().root),
    ]);
    folder.finish();
}

fn frames<T: Message + Clone + Debug + PartialEq>(
    folder: &mut Folder,
    file: &str,
    messages: impl Iterator<Item = (String, T)>,
) {
    let messages: Vec<_> = messages.collect();
    let made: Vec<_> = messages
        .iter()
        .map(|(name, message)| (name.clone(), encode_frame(message).unwrap()))
        .collect();
    for ((name, message), bytes) in messages.iter().zip(folder.list(file, &made)) {
        let (read, length) = decode_frame::<T>(&bytes, MAX_BODY).unwrap().unwrap();
        assert_eq!((&read, length), (message, bytes.len()), "{name}");
        assert_eq!(encode_frame(&read).unwrap(), bytes, "{name}");
    }
}

fn http(folder: &mut Folder) {
    let status = UploadStatus { root: root_of(b"blob"), size: 4, offset: 2, complete: false };
    let bytes = folder.file("upload-status.json", &serde_json::to_vec(&status).unwrap());
    assert_eq!(serde_json::from_slice::<UploadStatus>(&bytes).unwrap(), status);
    covers(PROBLEMS, PROBLEM.iter().map(problem));
    let mut text = String::new();
    let problems = PROBLEM.map(|code| Problem {
        code,
        message: problem(&code).replace('_', " "),
        offset: (code == ProblemCode::WrongOffset).then_some(2),
        size: (code == ProblemCode::WrongSize).then_some(4),
    });
    for found in &problems {
        text += &serde_json::to_string(found).unwrap();
        text.push('\n');
    }
    let bytes = folder.file("problems.jsonl", text.as_bytes());
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let read: Vec<Problem> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    assert_eq!(read, problems);
}
