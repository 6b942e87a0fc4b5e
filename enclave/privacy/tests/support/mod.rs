//! Proven tables, and payments for them.

#[path = "../../../../tests/support/room.rs"]
#[expect(unreachable_pub, reason = "shared by several tests")]
pub(crate) mod room;

use privacy::{Ledger, Paid};
use protocol::contract::Contract;
use protocol::job::OutcomeKind;
use protocol::loss::{Loss, Rho};
use protocol::policy::{Admitted, danger};
use protocol::proof::{self, Proven, Request, Split};
use protocol::tally::{
    Clamp, Dimension, Measure, Population, Product, Quantity, Side, Table, Tally,
};

/// People of the exposures by `dimensions`, with their spend and its squares, clamped to 10.
pub(crate) fn table(dimensions: Vec<Dimension>) -> Tally {
    let table = |name: &str| Table { dataset: name.to_owned(), rows: Vec::new() };
    let of = Quantity::Sum { column: "spend".to_owned() };
    Tally {
        population: Population::First,
        tables: vec![table("exposures"), table("sales")],
        dimensions,
        measures: vec![Measure {
            side: Side::JOINED,
            of,
            rows: Vec::new(),
            clamp: Clamp::up_to(10).unwrap(),
        }],
        products: vec![Product::square(0)],
        cells_per_person: 1,
        ids_per_person: 1,
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: None,
    }
}

pub(crate) fn group(values: u32) -> Dimension {
    Dimension::Group { side: Side::POPULATION, column: "segment".to_owned(), values }
}

/// Cells of fewer than 50 people are withheld; δ of selection is in units of 10⁻¹⁵.
pub(crate) fn proven(tally: Tally, rho: Rho, selection_delta: u64) -> Proven {
    let split = Split { n: 200, sum: 500, products: 300 };
    let request = Request { rho, split, threshold: 50, selection_delta };
    let proof = tally.prove(&request).unwrap();
    proof::check(tally, proof, 50).unwrap()
}

/// Somebody who pays for one question, as often as asked.
pub(crate) struct Payer {
    contract: Contract,
    admitted: Admitted,
}

impl Payer {
    pub(crate) fn new(proven: &Proven) -> Self {
        let contract = room::contract();
        let outcome = room::outcome("visit", OutcomeKind::Binary, 1, 0);
        let admitted = room::admitted(&contract, room::lift(vec![outcome]), 1024);
        let admitted = danger::with_proof(admitted, proven.clone());
        Self { contract, admitted }
    }

    /// From a new ledger that holds enough.
    pub(crate) fn pay(&self) -> Paid {
        self.pay_from(&mut self.ledger())
    }

    pub(crate) fn pay_from(&self, ledger: &mut Ledger) -> Paid {
        ledger.pay(self.admitted.clone(), &self.contract, room::NOW).unwrap()
    }

    /// Can pay some ten thousand times.
    pub(crate) fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::new();
        for dataset in ["exposures", "sales"] {
            let slice = room::slice(
                &self.contract,
                dataset,
                Loss::zcdp(Rho(1 << 46)).with_delta(self.admitted.cost().delta()),
            );
            ledger.accept(&slice, &self.contract, room::NOW).unwrap();
        }
        ledger
    }
}
