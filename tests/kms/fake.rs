//! A stand-in for AWS KMS: it verifies documents with our own verifier, holds callers to a key policy, and answers in BER, honestly or
//! not.

use aes::{
    Aes256,
    cipher::{Array, BlockCipherEncrypt, KeyInit},
};
use attestation_verifier::{Document, Expected, Pcr, Timestamp, danger};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use rsa::{BoxedUint, PublicKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// What it does in the place of an honest answer.
#[derive(Clone, Debug, Default)]
pub(crate) enum Mischief {
    #[default]
    None,
    /// Seals other bytes to the document's key.
    Forges(Vec<u8>),
    /// Answers with an envelope of an earlier request.
    Repeats,
    /// Flips a bit of the wrapped content key.
    Alters,
    /// Leaves the last byte out.
    Cuts,
    /// Answers with the plaintext, as KMS does without a document.
    Bares,
}

/// A KMS with one key, under whatever name it is asked for.
#[derive(Clone)]
pub(crate) struct FakeKms {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    /// The root that documents are signed under.
    root: PathBuf,
    /// The conditions of the statement that opens.
    conditions: Value,
    wrapped: Vec<(Vec<u8>, BTreeMap<String, String>)>,
    mischief: Mischief,
    envelopes: Vec<Vec<u8>>,
    unwrapped: usize,
}

impl FakeKms {
    /// Serves until the test ends, under a policy as `glovebox kms example` prints it.
    pub(crate) fn start(root: PathBuf, policy: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (wrapped, envelopes) = (Vec::new(), Vec::new());
        let (mischief, conditions) = (Mischief::None, opening(policy));
        let state = State { root, conditions, wrapped, mischief, envelopes, unwrapped: 0 };
        let fake = Self { address, state: Arc::new(Mutex::new(state)) };
        let serving = fake.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                serving.serve(stream);
            }
        });
        fake
    }

    /// Puts another policy in the place of its own.
    pub(crate) fn obeys(&self, policy: &str) {
        self.state.lock().unwrap().conditions = opening(policy);
    }

    pub(crate) fn does(&self, mischief: Mischief) {
        self.state.lock().unwrap().mischief = mischief;
    }

    /// How many data keys it gave out.
    pub(crate) fn unwrapped(&self) -> usize {
        self.state.lock().unwrap().unwrapped
    }

    /// Wraps as `Encrypt` does.
    pub(crate) fn wrap(&self, plain: &[u8], context: BTreeMap<String, String>) -> Vec<u8> {
        let mut state = self.state.lock().unwrap();
        state.wrapped.push((plain.to_vec(), context));
        format!("wrapped {}", state.wrapped.len() - 1).into_bytes()
    }

    /// What was wrapped last: who wrapped it knows it.
    pub(crate) fn wrapped_last(&self) -> Vec<u8> {
        self.state.lock().unwrap().wrapped.last().unwrap().0.clone()
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut target, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let lower = line.trim().to_ascii_lowercase();
            if lower.is_empty() {
                break;
            }
            if let Some(value) = lower.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            if let Some(value) = lower.strip_prefix("x-amz-target: ") {
                target = value.to_owned();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let (status, answer) = match target.as_str() {
            "trentservice.encrypt" => {
                let plain = BASE64.decode(asked["Plaintext"].as_str().unwrap()).unwrap();
                let blob = self.wrap(&plain, context(&asked));
                ("200 OK", json!({"CiphertextBlob": BASE64.encode(blob)}))
            }
            "trentservice.decrypt" => self.state.lock().unwrap().decrypt(&asked),
            other => panic!("{other}"),
        };
        let answer = answer.to_string();
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", answer.len());
        stream.write_all(format!("{head}{answer}").as_bytes()).unwrap();
    }
}

impl State {
    fn decrypt(&mut self, asked: &Value) -> (&'static str, Value) {
        let denied = ("400 Bad Request", json!({"__type": "AccessDeniedException"}));
        let blob = BASE64.decode(asked["CiphertextBlob"].as_str().unwrap()).unwrap();
        let number = String::from_utf8(blob).ok();
        let number = number.and_then(|blob| blob.strip_prefix("wrapped ")?.parse::<usize>().ok());
        let found = number.and_then(|number| self.wrapped.get(number).cloned());
        let context = context(asked);
        // KMS knows a context by its ciphertext: with another one it does not decrypt.
        let Some((plain, _)) = found.filter(|(_, of)| *of == context) else {
            return ("400 Bad Request", json!({"__type": "InvalidCiphertextException"}));
        };
        let document = asked["Recipient"]["AttestationDocument"].as_str().unwrap();
        let document = BASE64.decode(document).unwrap();
        let Some(key) = self.attested(&document, &context) else { return denied };
        let mut envelope = match &self.mischief {
            Mischief::Forges(other) => seal(&key, other),
            _ => seal(&key, &plain),
        };
        match &self.mischief {
            Mischief::Bares => return ("200 OK", json!({"Plaintext": BASE64.encode(plain)})),
            Mischief::Repeats => envelope = self.envelopes.first().unwrap().clone(),
            Mischief::Alters => envelope[200] ^= 1,
            Mischief::Cuts => drop(envelope.pop()),
            Mischief::None | Mischief::Forges(_) => {}
        }
        self.envelopes.push(envelope.clone());
        self.unwrapped += 1;
        ("200 OK", json!({"CiphertextForRecipient": BASE64.encode(envelope)}))
    }

    /// The key in a document that the policy permits.
    fn attested(&self, document: &[u8], context: &BTreeMap<String, String>) -> Option<Vec<u8>> {
        let root = danger::root_from_der(&fs::read(&self.root).unwrap()).unwrap();
        let has = |operator: &str, key: &str, value: &String| {
            let listed = &self.conditions[operator][key];
            let all = listed.as_array().cloned().unwrap_or_else(|| vec![listed.clone()]);
            all.contains(&json!(value))
        };
        let permits = |name: &str| {
            let key = format!("kms:EncryptionContext:{name}");
            context.get(name).is_some_and(|value| has("StringEquals", &key, value))
        };
        if !permits("contract") || !permits("dataset") {
            return None;
        }
        let image = "kms:RecipientAttestation:ImageSha384";
        let builds = self.conditions["StringEqualsIgnoreCase"][image].as_array().unwrap();
        let builds = builds.iter().map(|pcr| pcr.as_str().unwrap().parse::<Pcr>().unwrap());
        let expected = Expected::any_of(builds.map(|pcr| BTreeMap::from([(0, pcr)])));
        let expected = expected.root(root).max_age(Duration::from_secs(300));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let now = Timestamp::from_millis(u64::try_from(now).unwrap());
        let believed = Document::parse(document).unwrap().verify(&expected, now).ok()?;
        assert_eq!(
            (believed.user_data(), believed.nonce()),
            (None, None),
            "it answers nobody else"
        );
        believed.public_key().map(<[u8]>::to_vec)
    }
}

fn context(asked: &Value) -> BTreeMap<String, String> {
    serde_json::from_value(asked["EncryptionContext"].clone()).unwrap()
}

/// The conditions of the statement that allows `kms:Decrypt`.
fn opening(policy: &str) -> Value {
    let policy: Value = serde_json::from_str(policy).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let opening = statements.iter().find(|statement| statement["Action"] == "kms:Decrypt");
    opening.unwrap()["Condition"].clone()
}

/// An envelope as KMS writes it: a stored one, with every value replaced.
fn seal(public_der: &[u8], plain: &[u8]) -> Vec<u8> {
    let at = |needle: &[u8]| {
        TEMPLATE.windows(needle.len()).position(|window| window == needle).unwrap() + needle.len()
    };
    let (recipient, wrapped, iv) =
        (at(&[0x80, 0x20]), at(&[0x04, 0x82, 0x01, 0x00]), at(&[0x01, 0x2a, 0x04, 0x10]));
    let mut rng = ChaCha20Rng::from_seed([8; 32]);
    let modulus = BoxedUint::from_be_slice_vartime(&public_der[33..289]);
    let public = PublicKey::new(modulus, BoxedUint::from(65_537_u64)).unwrap();
    let content_key = [5; 32];
    let sealed_key = public.oaep_encrypt_with_rng::<Sha256, _>(&mut rng, &content_key).unwrap();
    let padding = 16 - plain.len() % 16;
    let padded = [plain, &vec![u8::try_from(padding).unwrap(); padding]].concat();
    let (cipher, mut before) = (Aes256::new(&Array::from(content_key)), [9; 16]);
    let mut content = Vec::new();
    for block in padded.as_chunks::<16>().0 {
        let mut mixed = Array::from(before);
        mixed.iter_mut().zip(block).for_each(|(to, byte)| *to ^= byte);
        cipher.encrypt_block(&mut mixed);
        before = mixed.into();
        content.extend_from_slice(&before);
    }
    [
        &TEMPLATE[..recipient],
        Sha256::digest(public_der).as_slice(),
        &TEMPLATE[recipient + 32..wrapped],
        &sealed_key,
        &TEMPLATE[wrapped + 256..iv],
        &[9; 16],
        &[0xa0, 0x80, 0x04, u8::try_from(content.len()).unwrap()],
        &content,
        &[0; 10],
    ]
    .concat()
}

const TEMPLATE: &[u8] = include_bytes!("../vectors/kms-envelopes/enclaver-helloworld.ber");
