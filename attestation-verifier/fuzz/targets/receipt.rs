//! Parses containers and statements; nothing may crash, and nothing may be believed.
#![no_main]

use attestation_verifier::{
    Expected,
    receipt::{Attested, Statement},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(statement) = Statement::parse(bytes) {
        assert_eq!(statement.encode(), bytes);
    }
    let Ok(attested) = Attested::parse(bytes) else { return };
    let expected = Expected::build([(0, [1; 48].into())]);
    assert!(attested.verify(&expected, &[0; 48]).is_err());
});
