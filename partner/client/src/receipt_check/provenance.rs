//! What a page says of a receipt that was checked.

use super::Checked;
use crate::trust::Trust;
use protocol::{
    job::SignedJob,
    page::{self, Asker, Provenance, Source, number},
    receipt::output,
};

impl Checked {
    /// Where `result`, the bytes that the receipt is about, comes from. `asked` is the job whose answer was looked for: the
    /// receipt's own, unless a receiver opened the answer to an earlier one, as `asker` says. `files` are the names of contract
    /// and root for the commands that check it again.
    #[must_use]
    pub fn provenance(
        &self,
        trust: &Trust,
        result: &[u8],
        asked: &SignedJob,
        asker: Option<Asker>,
        files: (String, Option<String>),
    ) -> Provenance {
        let (contract_file, danger_root) = files;
        let registers = self.registers.iter().filter(|(index, _)| **index < 3);
        Provenance {
            simulated: trust.is_simulated(),
            asked_by: asked.analyst().to_owned(),
            output: output(result),
            source: Source::Receipt(page::Checked {
                receipt: self.digest.clone(),
                receivers: asked.job().receivers.clone(),
                data: self.data.clone(),
                root: self.root.clone(),
                registers: registers.map(|(index, pcr)| (*index, pcr.to_string())).collect(),
                attested: number::moment(self.attested_at),
                contract_file,
                danger_root,
            }),
            asker,
        }
    }
}
