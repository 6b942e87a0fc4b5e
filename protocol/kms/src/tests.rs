//! Envelopes of AWS KMS, one of them with its key, and what comes of them when a byte differs.

use crate::{Envelope, EnvelopeError, MOST_BYTES, RequestKey, ber::Ber};
use aes::{
    Aes256,
    cipher::{Array, BlockCipherEncrypt, KeyInit},
};
use proptest::prelude::*;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use rsa::{BoxedUint, PrivateKey};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// An answer of KMS with "Hello, World" in it, and the key that it was made for.
const HELLO: &[u8] = include_bytes!("../../../tests/vectors/kms-envelopes/enclaver-helloworld.ber");
const HELLO_KEY: &[u8] =
    include_bytes!("../../../tests/vectors/kms-envelopes/enclaver-helloworld.key.der");
const HELLO_PLAIN: &[u8] =
    include_bytes!("../../../tests/vectors/kms-envelopes/enclaver-helloworld.plaintext.bin");
/// Two answers of KMS whose keys nobody kept.
const OTHERS: [&[u8]; 2] = [
    include_bytes!("../../../tests/vectors/kms-envelopes/rustcrypto-kms_1.ber"),
    include_bytes!("../../../tests/vectors/kms-envelopes/rustcrypto-kms_2.ber"),
];

/// The key in the PKCS #8 file beside the envelope.
static KEY: LazyLock<PrivateKey> = LazyLock::new(|| {
    let number = |fields: &mut Ber<'_>| {
        fields.primitive(2, "a number").map(BoxedUint::from_be_slice_vartime)
    };
    let inner = Ber::new(HELLO_KEY)
        .constructed(0x30, "PrivateKeyInfo", |info| {
            info.exactly(&[2, 1, 0], "version")?;
            info.constructed(0x30, "algorithm", |algorithm| {
                algorithm.primitive(6, "rsaEncryption")?;
                algorithm.exactly(&[5, 0], "NULL")
            })?;
            info.primitive(4, "the key")
        })
        .unwrap();
    let numbers = Ber::new(inner).constructed(0x30, "RSAPrivateKey", |fields| {
        fields.exactly(&[2, 1, 0], "version")?;
        (0..8).map(|_| number(fields)).collect::<Result<Vec<_>, _>>()
    });
    let numbers = numbers.unwrap();
    let [e, p, q] = [1, 3, 4].map(|field: usize| numbers[field].clone());
    PrivateKey::from_p_q(p, q, e).unwrap()
});

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([7; 32])
}

fn open(answer: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    let key = RequestKey::take(KEY.clone()).unwrap();
    key.open(answer, &mut rng()).map(|plain| plain.to_vec())
}

/// What an envelope is made of, in the hands of somebody who saw the request.
struct Parts {
    recipient: Vec<u8>,
    wrapped: Vec<u8>,
    iv: Vec<u8>,
    content: Vec<u8>,
}

impl Parts {
    /// Seals `padded`, whole blocks, to the key of the vector.
    fn seal(content_key: &[u8], padded: &[u8]) -> Self {
        let public = KEY.to_public_key();
        let wrapped = public.oaep_encrypt_with_rng::<Sha256, _>(&mut rng(), content_key).unwrap();
        let mut before = [9; 16];
        let mut content = Vec::new();
        let cipher = content_key.try_into().map(|key: [u8; 32]| Aes256::new(&Array::from(key)));
        let cipher = cipher.unwrap_or_else(|_| Aes256::new(&Array::from([0; 32])));
        for block in padded.as_chunks::<16>().0 {
            let mut mixed = Array::from([0; 16]);
            for (to, (byte, mask)) in mixed.iter_mut().zip(block.iter().zip(before)) {
                *to = byte ^ mask;
            }
            cipher.encrypt_block(&mut mixed);
            before = mixed.into();
            content.extend_from_slice(&before);
        }
        let recipient =
            Sha256::digest(RequestKey::take(KEY.clone()).unwrap().public_der()).to_vec();
        Self { recipient, wrapped, iv: vec![9; 16], content }
    }

    /// As BER with `constructed` writing tag and length of what is constructed, and `last` the content.
    fn write(&self, constructed: &dyn Fn(u8, Vec<u8>) -> Vec<u8>, last: &[u8]) -> Vec<u8> {
        let at = |needle: &[u8]| {
            HELLO.windows(needle.len()).position(|window| window == needle).unwrap()
        };
        let algorithm = at(&[0x30, 0x3c]);
        let algorithm = &HELLO[algorithm..algorithm + 62];
        let recipient = [
            &[2, 1, 2][..],
            &definite(0x80, self.recipient.clone()),
            algorithm,
            &definite(4, self.wrapped.clone()),
        ];
        let recipients = constructed(0x31, constructed(0x30, recipient.concat()));
        let cipher = at(&[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a]);
        let cipher = [&HELLO[cipher..cipher + 11], &definite(4, self.iv.clone())].concat();
        let data = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
        let content = constructed(0x30, [&data[..], &constructed(0x30, cipher), last].concat());
        let enveloped = constructed(0x30, [&[2, 1, 2][..], &recipients, &content].concat());
        constructed(0x30, [&HELLO[2..13], &constructed(0xa0, enveloped)].concat())
    }

    /// As KMS writes it, but that every length is open which may be.
    fn open_ended(&self) -> Vec<u8> {
        self.write(&indefinite, &indefinite(0xa0, definite(4, self.content.clone())))
    }
}

fn definite(tag: u8, content: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match content.len() {
        0..=0x7f => vec![tag, length[1]],
        0x80..=0xff => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [head, content].concat()
}

fn indefinite(tag: u8, content: Vec<u8>) -> Vec<u8> {
    [vec![tag, 0x80], content, vec![0, 0]].concat()
}

#[test]
fn opens_what_kms_answered() {
    assert_eq!(open(HELLO).unwrap(), HELLO_PLAIN);
    assert_eq!(HELLO_PLAIN, b"Hello, World");
}

#[test]
fn reads_every_stored_answer_of_kms_and_refuses_those_for_other_keys() {
    for (answer, length) in OTHERS.into_iter().zip([16, 48]) {
        assert_eq!(Envelope::parse(answer).unwrap().content.len(), length);
        assert_eq!(open(answer), Err(EnvelopeError::OtherKey));
    }
}

#[test]
fn a_request_key_opens_what_is_sealed_to_its_public_half() {
    let key = RequestKey::generate(&mut rng()).unwrap();
    let (public, der) = (key.0.to_public_key(), key.public_der());
    assert_eq!(der.len(), 294);
    let (content_key, mut parts) = ([5; 32], Parts::seal(&[5; 32], &[16; 16]));
    parts.wrapped = public.oaep_encrypt_with_rng::<Sha256, _>(&mut rng(), &content_key).unwrap();
    parts.recipient = Sha256::digest(der).to_vec();
    assert_eq!(*key.open(&parts.open_ended(), &mut rng()).unwrap(), []);
}

#[test]
fn every_way_to_say_a_length_is_the_same_envelope() {
    let plain = [&b"thirty-two bytes and then a few!"[..], b"more", &[12; 12]].concat();
    let parts = Parts::seal(&[5; 32], &plain);
    let content = parts.content.clone();
    let (first, rest) = content.split_at(16);
    let forms = [
        parts.open_ended(),
        parts.write(&definite, &definite(0xa0, definite(4, content.clone()))),
        parts.write(&definite, &definite(0x80, content.clone())),
        parts.write(&indefinite, &definite(0x80, content.clone())),
        parts.write(
            &indefinite,
            &indefinite(0xa0, [definite(4, first.to_vec()), definite(4, rest.to_vec())].concat()),
        ),
    ];
    for form in forms {
        assert_eq!(open(&form).unwrap(), b"thirty-two bytes and then a few!more");
    }
}

#[test]
fn every_length_of_padding_is_taken_off_and_every_other_padding_refused() {
    for padding in 0..=255_u8 {
        let mut block = [padding; 16];
        block[0] = padding ^ u8::from(padding != 16);
        let opened = open(&Parts::seal(&[5; 32], &block).open_ended());
        match padding {
            1..=16 => assert_eq!(opened.unwrap(), block[..16 - usize::from(padding)]),
            _ => assert_eq!(opened, Err(EnvelopeError::DoesNotOpen), "{padding}"),
        }
    }
    for place in 1..=6 {
        let mut block = [6; 16];
        block[16 - place] = 7;
        let opened = open(&Parts::seal(&[5; 32], &block).open_ended());
        assert_eq!(opened, Err(EnvelopeError::DoesNotOpen), "byte {place} from the end");
    }
}

#[test]
fn a_content_key_of_another_length_opens_nothing() {
    for length in [0, 16, 31, 33, 64] {
        let envelope = Parts::seal(&vec![5; length], &[16; 16]).open_ended();
        assert_eq!(open(&envelope), Err(EnvelopeError::DoesNotOpen), "{length}");
    }
}

#[test]
fn no_truncation_is_read() {
    for answer in [HELLO, OTHERS[0], OTHERS[1]] {
        for length in 0..answer.len() {
            let cut = Envelope::parse(&answer[..length]);
            assert!(matches!(cut, Err(EnvelopeError::NotThis { .. })), "{length}: {cut:?}");
        }
    }
}

#[test]
fn no_flipped_bit_opens_the_same_envelope() {
    let (vector, content) = (at(&[0x04, 0x10, 0x2c]) + 2, at(&[0x04, 0x10, 0x26]) + 2);
    for byte in 0..HELLO.len() {
        let wrapped = (at(&[0x04, 0x82, 0x01, 0x00])..).contains(&byte) && byte < vector;
        for bit in 0..8 {
            // A bit of each byte of the wrapped key: each is a decryption under RSA.
            if wrapped && bit != byte % 8 {
                continue;
            }
            let mut flipped = HELLO.to_vec();
            flipped[byte] ^= 1 << bit;
            match open(&flipped) {
                Err(_) => {}
                // Nothing but a signature inside tells: KMS gives its answers none.
                Ok(other) => {
                    let unauthenticated = (vector..vector + 16).contains(&byte)
                        || (content..content + 16).contains(&byte);
                    assert!(unauthenticated && other != HELLO_PLAIN, "byte {byte}, bit {bit}");
                }
            }
        }
    }
}

fn at(needle: &[u8]) -> usize {
    HELLO.windows(needle.len()).position(|window| window == needle).unwrap()
}

#[test]
fn says_what_it_expected_and_where() {
    let not = |expected, at| Err(EnvelopeError::NotThis { expected, at });
    assert_eq!(Envelope::parse(b""), not("a CMS ContentInfo", 0));
    assert_eq!(Envelope::parse(b"MIAGCSqGSIb3DQEHA6CA"), not("a CMS ContentInfo", 0));
    let behind = [HELLO, &[0]].concat();
    assert_eq!(Envelope::parse(&behind), Err(EnvelopeError::TooLong { found: 462 }));
    let long = vec![0x30; MOST_BYTES + 1];
    assert_eq!(Envelope::parse(&long), Err(EnvelopeError::TooLong { found: 8193 }));
    let mut sha1 = HELLO.to_vec();
    sha1[at(&[0x30, 0x3c]) + 30] = 3;
    assert_eq!(Envelope::parse(&sha1), not("RSAES-OAEP with SHA-256", 0x41));
    let parts = Parts::seal(&[5; 32], &[16; 16]);
    let uneven = parts.write(&indefinite, &definite(0x80, vec![0; 17]));
    assert_eq!(Envelope::parse(&uneven), Err(EnvelopeError::NotBlocks { found: 17 }));
    let empty = parts.write(&indefinite, &indefinite(0xa0, Vec::new()));
    assert_eq!(Envelope::parse(&empty), Err(EnvelopeError::NotBlocks { found: 0 }));
    let absent = parts.write(&indefinite, &[]);
    assert!(matches!(
        Envelope::parse(&absent),
        Err(EnvelopeError::NotThis { expected: "the encrypted content", .. })
    ));
}

#[test]
fn refuses_a_second_recipient_and_lengths_that_are_not_the_shortest() {
    let parts = Parts::seal(&[5; 32], &[16; 16]);
    let twice = parts.write(
        &|tag, content| definite(tag, if tag == 0x31 { content.repeat(2) } else { content }),
        &definite(0x80, parts.content.clone()),
    );
    assert!(matches!(
        Envelope::parse(&twice),
        Err(EnvelopeError::NotThis { expected: "the end of what is around it", .. })
    ));
    for long in [vec![0x81, 0x10], vec![0x82, 0x00, 0x10], vec![0x83, 0x00, 0x00, 0x10], vec![0x80]]
    {
        let content = [vec![0x80], long, parts.content.clone()].concat();
        let envelope = parts.write(&indefinite, &content);
        assert!(Envelope::parse(&envelope).is_err());
    }
}

#[test]
fn prints_no_key() {
    let key = RequestKey::take(KEY.clone()).unwrap();
    assert_eq!(format!("{key:?}"), "RequestKey(..)");
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = Envelope::parse(&bytes);
    }

    #[test]
    fn no_change_of_an_answer_makes_the_reader_panic(
        places in prop::collection::vec((0..HELLO.len(), any::<u8>()), 1..6),
        cut in 0..HELLO.len(),
    ) {
        let mut changed = HELLO.to_vec();
        for (place, byte) in places {
            changed[place] = byte;
        }
        let _ = Envelope::parse(&changed);
        changed.remove(cut);
        let _ = Envelope::parse(&changed);
    }
}
