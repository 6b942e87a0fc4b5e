use super::*;

/// The eight entries of certificate-transparency's own test tree.
const ENTRIES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];

/// Roots over the first n entries, by a ten-line recursive Python program on hashlib that follows
/// the definition of `MTH` in RFC 9162, section 2.1.1.
const ROOTS: [&str; 9] = [
    "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
    "bec021b4f368e3069134e012c2b4307083d3a9bdd206e24e5f0d86e13d6636655933ec2b413465966817a9c208a11717",
    "5bb2dee9ef43a04695b39c303c106cc141565429a097c1793525825b82cdef9ff4f3cb67da868ddcc20411a85e5525d7",
    "6a69cc480a1d4f96600393b8d3ba0e503cb488435965a32b0133d11c465eec1d5bbad445fd6915b3ac1b8c23fd9e1c33",
    "51f9757afca003d6be8454b50d7d9e44209a0773fa022d7379c7bd798b1e58dae5168ede626e12a83f0b5484e5c746ce",
    "a97ac554f2d839c05566be7d293503dfe1bb12a47c2378b03dfb8495a95425ea437bf38ffe5b42d507c7c40199b34d66",
    "df1b234d4105514bde376a294611508313ef22d666afa6cd9b6bc79f0604044d030f62deabd7b40a0824c9f2398b5436",
    "8c3f9fd7308fd8a7648b5da0dba10b94de407420cfe6ff90f8ac2a59d3c9ee889ae151c658e31d2d1ccc48aadfd2fdc3",
    "1fc2b412be4add13f7de40d0c93669aa599a1175598af58e6b19b176ea1786939216fb5db99df5a084cf2c9ac60c5f5f",
];

/// Roots of `pattern(n)`, by the same program over the SHA-256 of blocks of 65,536 bytes.
const BLOBS: [(usize, &str); 6] = [
    (
        1,
        "8a957239897da5d9dcb3241d8b9f91843ae768872749639c25a2ef8270374f92b66aede0000cf9aa2dd6223112b0db41",
    ),
    (
        65_535,
        "3b1013b9adf69baaa0b57eb139c41924df63a07919c966e8ffaec731782bfed2d532ef060414c5cc5e8f2df4ba2e33ba",
    ),
    (
        65_536,
        "7ddbc1850e8cd6434b4ea65a57b5995f44ad73c6a50af123105dbf45b7f86190eeda13caefd0d3e01f7cbc34a62109b5",
    ),
    (
        65_537,
        "f393728d73d79a300411e04e73dec61397b990e8c60cbe8aed9aecb97b1654b11b30e2a9a346b725ae83abea86d7d40e",
    ),
    (
        131_072,
        "626b18c1a759b72df412d23d048cddbeb4b57928bcacd47fd2bdca040ad3b4fcf537a38a12775c359d37a57088052c82",
    ),
    (
        196_613,
        "539f731bc12f61b73ea80b7fa35fd76af144308763a61c1bf5379ef1d6f0221d549f9c55ae8e5a46309778db2a98e021",
    ),
];

#[test]
fn a_log_has_the_roots_of_an_independent_program() {
    let mut log = MerkleLog::new();
    assert_eq!(log.head().root.to_string(), ROOTS[0]);
    for (entry, (size, root)) in ENTRIES.iter().zip((1..).zip(&ROOTS[1..])) {
        log.append(leaf_hash(&hex::decode(entry).unwrap()));
        assert_eq!((log.head().size, log.head().root.to_string()), (size, (*root).to_owned()));
    }
}

#[test]
fn a_blob_has_the_root_of_an_independent_program() {
    for (length, root) in BLOBS {
        assert_eq!(root_of(&pattern(length)).to_string(), root, "{length} bytes");
    }
}

#[test]
fn the_root_does_not_depend_on_how_the_blob_arrives() {
    let blob = pattern(196_613);
    for piece in [1000, 65_535, 65_536, 65_537, 200_000] {
        let mut builder = MerkleBuilder::new();
        blob.chunks(piece).for_each(|bytes| builder.update(bytes));
        assert_eq!(builder.finish(), root_of(&blob), "pieces of {piece}");
    }
}

#[test]
fn refuses_a_root_in_capitals_or_of_another_length() {
    let root = root_of(b"blob").to_string();
    assert_eq!(root.parse::<Root>().unwrap(), root_of(b"blob"));
    root.to_uppercase().parse::<Root>().unwrap_err();
    root[..94].parse::<Root>().unwrap_err();
    format!("{root}00").parse::<Root>().unwrap_err();
}

#[test]
fn a_root_is_hex_in_json_and_48_bytes_in_cbor() {
    let root = root_of(b"blob");
    assert_eq!(serde_json::to_string(&root).unwrap(), format!("\"{root}\""));
    let mut cbor = Vec::new();
    ciborium::into_writer(&root, &mut cbor).unwrap();
    assert_eq!(cbor[..2], [0x58, 48]);
    assert_eq!(ciborium::from_reader::<Root, _>(&cbor[..]).unwrap(), root);
    cbor[1] = 47;
    ciborium::from_reader::<Root, _>(&cbor[..49]).unwrap_err();
}

/// Byte i is (7 i + ⌊i / 251⌋) mod 256.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| u8::try_from((i * 7 + i / 251) % 256).unwrap()).collect()
}
