//! What a host keeps of the audit logs of instances.

use super::{Store, StoreError};
use bytes::Bytes;
use hyper::Method;
use protocol::{
    canonical,
    digest::Digest,
    limits,
    storage::{LOGS, ObjectName},
    stored_log::LogPage,
};
use serde::{Deserialize, Deserializer, de::Error as _};

/// An instance whose log the host says it keeps.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct KnownLog {
    /// The instance.
    #[serde(deserialize_with = "digest")]
    pub instance: Digest,
    /// How many records there are.
    pub records: u64,
}

fn digest<'de, D: Deserializer<'de>>(from: D) -> Result<Digest, D::Error> {
    String::deserialize(from)?.parse().map_err(|_| D::Error::custom("no digest of an instance"))
}

impl Store {
    /// The logs that the host says it keeps, the newest first. It may say anything.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn logs(&mut self) -> Result<Vec<KnownLog>, StoreError> {
        let body = self.fetch(Method::GET, "/v1/logs", Bytes::new(), limits::STORE_REPLY).await?;
        let said: Vec<KnownLog> =
            serde_json::from_slice(&body).map_err(|_| StoreError::Protocol)?;
        Ok(said.into_iter().take(limits::LOGS).collect())
    }

    /// The opening of the log of an instance.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn log_opening(&mut self, instance: Digest) -> Result<Vec<u8>, StoreError> {
        let name = ObjectName::log_opening(&instance.to_string());
        let name = name.map_err(|_| StoreError::Protocol)?;
        self.object(name.as_str(), limits::LOG_OPENING.bytes).await
    }

    /// Records of the log of an instance from place `from` on; none behind the last.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn log_page(&mut self, instance: Digest, from: u64) -> Result<LogPage, StoreError> {
        let path = format!("{LOGS}{instance}?from={from}");
        let bytes = self.object(&path, limits::LOG_PAGE.bytes).await?;
        canonical::from_slice_within(&bytes, limits::LOG_PAGE).map_err(|_| StoreError::Protocol)
    }
}
