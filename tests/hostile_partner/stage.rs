//! A room with one honest party, and the other's ways to lie to it.

use crate::{PEOPLE, QUICK, forge::Forged};
use arrow::{
    array::{Array, ArrayRef, FixedSizeBinaryArray, Int32Array, Int64Array, RecordBatch},
    datatypes::{Field, Schema},
};
use client::room::Room;
use parquet::{
    arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions},
    basic::{Compression, Encoding},
    encryption::encrypt::FileEncryptionProperties,
    file::properties::{
        EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion,
    },
};
use protocol::{
    delegation::Authority,
    grant::{Binding, Grant},
    key::DataKey,
    manifest::{Manifest, SignedManifest},
    message::{Body, Reply},
    refusal::{GrantFlaw, Refusal},
    sealed::{self, FOOTER, Values},
};
use sealing::InMemory;
use std::{collections::BTreeMap, sync::Arc, time::Instant};
use tests::{HostileHost, Instance, JOB, Parties, exposures, sales};

/// A room in which the publisher's data is open; the retailer is up to no good.
pub(crate) struct Stage {
    pub(crate) parties: Parties,
    pub(crate) host: Arc<HostileHost>,
    _instance: Instance,
    pub(crate) room: Room,
    /// What an honest retailer would grant.
    pub(crate) honest: InMemory,
    /// A copy of its manifest, to lie from.
    pub(crate) manifest: Manifest,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let parties = Parties::new();
        let host = HostileHost::new(&parties);
        let instance = parties.boot(&host).await;
        let mut room = parties.connect(&instance).await.unwrap();
        let people = parties.seal("exposures", &exposures(PEOPLE), 1);
        host.keep(&people);
        parties.grant(&mut room, "exposures", &people).await.unwrap();
        let honest = parties.seal("sales", &sales(PEOPLE), 1);
        let manifest = honest.manifest.manifest().clone();
        Self { parties, host, _instance: instance, room, honest, manifest }
    }

    /// The parts of the honest file.
    pub(crate) fn forged(&self) -> Forged {
        let dataset = &self.parties.contract.datasets["sales"];
        Forged::of(&self.honest.file, &self.manifest, dataset, &self.honest.keys)
    }

    /// What the instance says to a grant of `file` under a manifest that fits it, but for `lie`.
    pub(crate) async fn offer(&mut self, file: &[u8], lie: impl FnOnce(&mut Manifest)) -> Reply {
        let mut manifest = self.manifest.clone();
        manifest.root = self.host.keep_bytes(file);
        manifest.size = file.len() as u64;
        lie(&mut manifest);
        self.offer_manifest(&manifest).await
    }

    /// Grants past our own client, which would refuse to make most of these grants.
    pub(crate) async fn offer_manifest(&mut self, manifest: &Manifest) -> Reply {
        let (contract, retailer) = (&self.parties.contract, &self.parties.retailer);
        let owner = retailer.root_key();
        let bytes = retailer.sign(manifest).unwrap();
        let authority = Authority::at_any_time(contract);
        let manifest = SignedManifest::open(bytes, &authority, "retailer").unwrap();
        let not_after = client::clock::now().plus_seconds(3600);
        let binding = Binding {
            contract: contract.digest,
            instance: self.room.instance().digest(),
            owner: &owner,
            dataset: "sales",
            manifest: manifest.digest(),
            not_after,
        };
        let used = contract.used_columns("sales").into_iter().map(|column| column.name.as_str());
        let used = used.chain([FOOTER]);
        let keys: BTreeMap<String, DataKey> =
            used.map(|name| (name.to_owned(), self.honest.keys[name].clone())).collect();
        let recipient = self.room.instance().recipient_key().unwrap();
        let mut generator = client::keys::generator().unwrap();
        let (columns, keys) =
            binding.seal(&recipient, &keys, &tests::salt(), None, &mut generator).unwrap();
        let manifest = manifest.as_bytes().to_vec();
        let grant = Grant { dataset: "sales".to_owned(), manifest, columns, keys, not_after };
        let body = Body::Grant { grant, slices: Vec::new() };
        self.room.request(retailer, body).await.unwrap()
    }

    /// Forges a file with one `lie` in it, which must be refused as no sealed file.
    pub(crate) async fn refuses(&mut self, what: &str, lie: impl FnOnce(&mut Forged)) {
        let mut forged = self.forged();
        lie(&mut forged);
        self.refuses_file(what, &forged.write()).await;
    }

    pub(crate) async fn refuses_file(&mut self, what: &str, file: &[u8]) {
        let began = Instant::now();
        let reply = self.offer(&self.as_long_as_honest(file), |_| {}).await;
        assert_eq!(reply, bad(GrantFlaw::Layout), "{what}");
        assert!(began.elapsed() < QUICK, "{what}: took {:?}", began.elapsed());
    }

    /// Bytes that nothing speaks of between the pages and the footer of a short file: the manifest's
    /// check of its size is not to save the reader.
    pub(crate) fn as_long_as_honest(&self, file: &[u8]) -> Vec<u8> {
        Self::with_gap(file, self.honest.file.len().saturating_sub(file.len()))
    }

    /// The file with so many bytes between the pages and the footer.
    pub(crate) fn with_gap(file: &[u8], missing: usize) -> Vec<u8> {
        let (body, end) = file.split_at(file.len() - 8);
        let footer = u32::from_le_bytes(end[..4].try_into().unwrap()) as usize;
        let at = body.len().saturating_sub(footer);
        [&file[..at], &vec![0; missing], &file[at..]].concat()
    }

    pub(crate) async fn refuses_manifest(
        &mut self,
        what: &str,
        flaw: GrantFlaw,
        lie: impl FnOnce(&mut Manifest),
    ) {
        let file = self.honest.file.to_vec();
        assert_eq!(self.offer(&file, lie).await, bad(flaw), "{what}");
    }

    /// Writes the honest values with the parquet crate, after `edit` and with `properties`.
    pub(crate) fn written(
        &self,
        edit: impl FnOnce(&mut Vec<(Field, ArrayRef)>),
        properties: impl FnOnce(WriterPropertiesBuilder) -> WriterPropertiesBuilder,
    ) -> Vec<u8> {
        let keys = &self.honest.keys;
        let mut encryption = FileEncryptionProperties::builder(keys[FOOTER].expose().to_vec())
            .with_footer_key_metadata(sealed::key_metadata(FOOTER))
            .with_aad_prefix(self.manifest.aad_prefix.clone())
            .with_aad_prefix_storage(true);
        let mut columns = self.columns();
        edit(&mut columns);
        for (field, _) in &columns {
            let key = keys.get(field.name()).unwrap_or(&keys[FOOTER]).expose().to_vec();
            let metadata = sealed::key_metadata(field.name());
            encryption = encryption.with_column_key_and_metadata(field.name(), key, metadata);
        }
        write(
            &columns,
            properties(plain().with_file_encryption_properties(encryption.build().unwrap())),
        )
    }

    /// The honest columns in Arrow.
    pub(crate) fn columns(&self) -> Vec<(Field, ArrayRef)> {
        let dataset = &self.parties.contract.datasets["sales"];
        let keys = &self.honest.keys;
        let mut values = sealed::open(&self.honest.file, &self.manifest, dataset, keys).unwrap();
        let column = |name: &String| {
            let array: ArrayRef = match values.remove(name).unwrap() {
                Values::Tags(tags) => {
                    Arc::new(FixedSizeBinaryArray::try_from_iter(tags.iter()).unwrap())
                }
                Values::Labels(labels) => {
                    Arc::new(FixedSizeBinaryArray::try_from_iter(labels.iter()).unwrap())
                }
                Values::Codes(codes) => Arc::new(Int32Array::from(codes)),
                Values::Numbers(numbers) => Arc::new(Int64Array::from(numbers)),
                _ => unreachable!(),
            };
            (Field::new(name, array.data_type().clone(), false), array)
        };
        self.manifest
            .columns
            .iter()
            .map(|c| c.name.clone())
            .collect::<Vec<_>>()
            .iter()
            .map(column)
            .collect()
    }

    /// The publisher's dataset is as open as before; once the retailer is honest, a job runs.
    pub(crate) async fn goes_on(mut self) {
        let status = self.room.status(&self.parties.publisher).await.unwrap();
        let open: Vec<_> = status.datasets.iter().map(|open| open.dataset.as_str()).collect();
        assert_eq!(open, ["exposures"]);
        self.host.keep(&self.honest);
        self.parties.grant(&mut self.room, "sales", &self.honest).await.unwrap();
        let prepared = self.parties.prepare(&mut self.room, JOB).await;
        let ran = self.parties.run(&mut self.room, &prepared).await.unwrap();
        assert!(ran.sealed.is_some());
    }
}

pub(crate) fn bad(why: GrantFlaw) -> Reply {
    Reply::Refused(Refusal::BadGrant { dataset: "sales".to_owned(), why })
}

pub(crate) fn write(columns: &[(Field, ArrayRef)], properties: WriterPropertiesBuilder) -> Vec<u8> {
    let schema = Arc::new(Schema::new(columns.iter().map(|c| c.0.clone()).collect::<Vec<_>>()));
    let arrays = columns.iter().map(|column| Arc::clone(&column.1)).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
    let options = ArrowWriterOptions::new()
        .with_properties(properties.build())
        .with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), schema, options).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// What sealing tells the writer, but for the keys.
pub(crate) fn plain() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::UNCOMPRESSED)
        .set_encoding(Encoding::PLAIN)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_bloom_filter_enabled(false)
}
