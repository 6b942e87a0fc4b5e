//! Bodies that are small on the wire and would be large in memory.

use protocol::sign::PublicKey;

/// The head of a request with so long a body.
pub(crate) fn post(path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: e\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// A `COSE_Sign1` of this protocol that claims to be of `signer`.
pub(crate) fn envelope(signer: &PublicKey, payload: &[u8], signature: &[u8; 64]) -> Vec<u8> {
    let length = head32(payload.len());
    let head = match payload.len() {
        0..=0xff => [&[0x58][..], &length[3..]].concat(),
        0x100..=0xffff => [&[0x59][..], &length[2..]].concat(),
        _ => [&[0x5a][..], &length[..]].concat(),
    };
    [
        &b"\x84\x58\x26\xa2\x01\x27\x04\x58\x20"[..],
        signer.as_bytes(),
        b"\xa0",
        &head,
        payload,
        b"\x58\x40",
        signature,
    ]
    .concat()
}

/// Lists of what costs the most, as long as once would be taken, and as long as is taken now.
pub(crate) fn corpus(party: &PublicKey) -> Vec<(String, Vec<u8>)> {
    let mut bodies = Vec::new();
    for length in [4 << 20, 255 << 10] {
        for (name, body) in lists(length) {
            let inside = envelope(party, &body, &[7; 64]);
            let header = [&b"\x84\x5a"[..], &head32(body.len()), &body].concat();
            bodies.push((format!("{length} bytes of {name} in an envelope"), inside));
            bodies.push((format!("{length} bytes of {name} in a header"), header));
            bodies.push((format!("{length} bytes of {name}"), body));
        }
        bodies.push((format!("{length} deep"), vec![0x81; length]));
        bodies.push((format!("{length} tags"), vec![0xc1; length]));
    }
    let genuine = envelope(party, &[0; 100], &[7; 64]);
    for bit in (0..genuine.len() * 8).step_by(97) {
        let mut body = genuine.clone();
        body[bit / 8] ^= 1 << (bit % 8);
        bodies.push((format!("bit {bit} flipped"), body));
    }
    bodies
}

/// What a host may answer with instead of a document or a result: 60 MiB.
pub(crate) fn replies() -> Vec<(String, Vec<u8>)> {
    let length = 60 << 20;
    let texts = [&[0x9a][..], &head32(length), &vec![0x60; length]].concat();
    let granted = [&b"\xa1\x67granted\xa2\x67columns"[..], &texts, b"\x69not_after\x00"].concat();
    let parts = [&[0x9a][..], &head32(length), &vec![0x40; length]].concat();
    let sealed = [&b"\xa2\x65parts"[..], &parts, b"\x6cencapsulated\x40"].concat();
    let accounts = [&b"\xa1\x66status\xa1\x68accounts"[..], &texts].concat();
    vec![
        ("columns".to_owned(), granted),
        ("parts".to_owned(), sealed),
        ("accounts".to_owned(), accounts),
    ]
}

fn lists(length: usize) -> Vec<(&'static str, Vec<u8>)> {
    [
        ("one-entry maps", &b"\xa1\x00\x00"[..]),
        ("one-item lists", b"\x81\x00"),
        ("empty maps", b"\xa0"),
        ("empty texts", b"\x60"),
        ("small numbers", b"\x00"),
        ("pairs of texts", b"\xa1\x61a\x60"),
    ]
    .into_iter()
    .map(|(name, item)| {
        let number = length / item.len();
        (name, [&[0x9a][..], &head32(number), &item.repeat(number)].concat())
    })
    .collect()
}

fn head32(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap().to_be_bytes()
}
