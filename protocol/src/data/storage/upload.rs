//! Answers of the host's HTTP interface to uploads, in JSON. They are no evidence of anything.

use crate::merkle::Root;
use serde::{Deserialize, Serialize};

/// How far an upload has come.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UploadStatus {
    /// The blob, by its Merkle root.
    pub root: Root,
    /// Bytes of the whole blob.
    pub size: u64,
    /// Bytes that are durable at the host; the next chunk begins here.
    pub offset: u64,
    /// Whether the host has checked the root and keeps the blob.
    pub complete: bool,
}

/// Why the host declined an HTTP request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// The reason, for programs.
    pub code: ProblemCode,
    /// The reason, for people. It comes from a host that nobody trusts: strip control characters
    /// before printing.
    pub message: String,
    /// The offset at which to continue, with [`ProblemCode::WrongOffset`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The size that was named first, with [`ProblemCode::WrongSize`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// The kinds of [`Problem`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProblemCode {
    /// 400: a malformed name, number or path.
    BadRequest,
    /// 403: not signed by the owner of the blob, or the blob is another party's already.
    Forbidden,
    /// 404: no such upload, object or path.
    NotFound,
    /// 409: the chunk does not begin where the host's bytes end; go on at `offset`.
    WrongOffset,
    /// 409: this blob was begun with another size; delete that upload first if it is wrong.
    WrongSize,
    /// 413: more bytes than the upload's size or the host's limit.
    TooLarge,
    /// 422: the bytes do not have this root; they are discarded.
    WrongRoot,
    /// 429: too many unfinished uploads.
    TooManyUploads,
    /// 503: somebody else writes to this upload; try again.
    Busy,
    /// 507: the operator's quota does not allow this blob.
    QuotaExceeded,
    /// 507: the host's disk is full; what had arrived of the blob is gone.
    DiskFull,
    /// 500: the host's disk failed.
    Io,
}
