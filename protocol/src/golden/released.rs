//! What was released, as it lies beside a receipt.

use super::{Folder, covers, kinds};
use crate::released::{
    Cell, Chosen, Contrasts, Figures, Forms, Place, Released, StepSums, Totals, Trained,
};

kinds!(RELEASED, kind: Released {
    Released::Figures(_) => "figures",
    Released::Place(_) => "place",
    Released::Steps(_) => "steps",
});

#[test]
fn what_was_released_has_the_bytes_it_had() {
    let mut folder = Folder::open("released-v1");
    let trained = Trained {
        noise: true,
        label: Some(-12),
        steps: vec![StepSums(vec![1, -70_000, 1 << 40]), StepSums(vec![0, 2, 3])],
        scores: Some(StepSums(vec![5, -2, 7, 100])),
    };
    let all = [
        Released::Figures(figures()),
        Released::Place(Chosen { noise: true, place: 3 }),
        Released::Steps(trained),
    ];
    covers(RELEASED, all.iter().map(kind));
    for released in &all {
        let file = format!("{}.cbor", kind(released));
        let bytes = folder.file(&file, &released.to_bytes());
        let read = Released::from_bytes(&bytes).unwrap();
        assert_eq!((&read, read.to_bytes()), (released, bytes), "{file}");
    }
    folder.finish();
}

fn figures() -> Figures {
    let totals = Totals { people: 120, sums: vec![-5, 1 << 40], products: vec![99] };
    let mut label = [0; 32];
    label[..4].copy_from_slice(b"main");
    let name = vec![Place::Index(2), Place::Label(label)];
    Figures {
        spread: vec![70, -2],
        contrasts: vec![Contrasts {
            segment: vec![Place::Index(1)],
            sums: vec![Forms { contrast: -7_000, pooled: 1 << 41 }],
            products: vec![Forms { contrast: 12, pooled: -3 }],
        }],
        noise: true,
        cells: vec![Cell { name, totals: totals.clone() }],
        cut: 1,
        other: Some(totals),
        withheld: -3,
        withheld_without_value: Some(2),
        no_consent: Some(57),
    }
}
