//! Sends requests to a module that is shared, sometimes busy, and has limits: locks, retries and
//! checks.

use crate::{Fault, Nsm, NsmError};
use aws_nitro_enclaves_nsm_api::api::{ErrorCode, Request, Response};
use serde_bytes::ByteBuf;
use std::{
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};
use zeroize::Zeroizing;

/// An [`Nsm`] over `driver`, which carries one request to a module and its response back.
pub(crate) struct SharedModule<D> {
    driver: Mutex<D>,
}

impl<D: FnMut(Request) -> Response> SharedModule<D> {
    pub(crate) fn new(driver: D) -> Self {
        Self { driver: Mutex::new(driver) }
    }

    /// Sends one request at a time. A request that failed inside the module is sent again a few
    /// times.
    fn ask(&self, request: impl Fn() -> Request) -> Result<Response, NsmError> {
        let mut pauses = PAUSES_MILLIS.into_iter();
        loop {
            let response = {
                // The lock is taken for each attempt, so that waiting for the next one does not
                // delay others.
                let mut driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner);
                (*driver)(request())
            };
            let Response::Error(code) = response else { return Ok(response) };
            let fault = Fault::from(code);
            match pauses.next() {
                Some(pause) if fault.may_pass() => thread::sleep(Duration::from_millis(pause)),
                _ => return Err(NsmError::Failed { fault }),
            }
        }
    }

    fn document(&self, request: impl Fn() -> Request) -> Result<Vec<u8>, NsmError> {
        match self.ask(request)? {
            Response::Attestation { document } => {
                within("document", Some(&document), MAX_DOCUMENT)?;
                Ok(document)
            }
            _ => Err(NsmError::OtherAnswer),
        }
    }
}

fn owned(field: Option<&[u8]>) -> Option<ByteBuf> {
    field.map(|bytes| ByteBuf::from(bytes.to_vec()))
}

impl<D: FnMut(Request) -> Response + Send> Nsm for SharedModule<D> {
    fn attest(&self, user_data: Option<&[u8]>, nonce: Option<&[u8]>) -> Result<Vec<u8>, NsmError> {
        within("user_data", user_data, MAX_USER_DATA)?;
        within("nonce", nonce, MAX_NONCE)?;
        self.document(|| Request::Attestation {
            user_data: owned(user_data),
            nonce: owned(nonce),
            // This field is for AWS KMS, which expects an RSA key in it.
            public_key: None,
        })
    }

    fn attest_key(&self, public_key: &[u8]) -> Result<Vec<u8>, NsmError> {
        within("public_key", Some(public_key), MAX_PUBLIC_KEY)?;
        self.document(|| Request::Attestation {
            user_data: None,
            nonce: None,
            public_key: owned(Some(public_key)),
        })
    }

    fn entropy(&self) -> Result<Zeroizing<[u8; 32]>, NsmError> {
        let Response::GetRandom { random } = self.ask(|| Request::GetRandom)? else {
            return Err(NsmError::OtherAnswer);
        };
        let random = Zeroizing::new(random);
        let mut entropy = Zeroizing::new([0; 32]);
        let source = random.get(..32).ok_or(NsmError::NoEntropy { who: "module" })?;
        entropy.copy_from_slice(source);
        Ok(entropy)
    }
}

fn within(field: &'static str, bytes: Option<&[u8]>, most: usize) -> Result<(), NsmError> {
    match bytes.map_or(0, <[u8]>::len) {
        found if found > most => Err(NsmError::TooLong { field, found, most }),
        _ => Ok(()),
    }
}

impl From<ErrorCode> for Fault {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::InvalidArgument => Self::InvalidArgument,
            ErrorCode::InvalidIndex => Self::InvalidIndex,
            ErrorCode::ReadOnlyIndex => Self::ReadOnlyIndex,
            ErrorCode::InvalidOperation => Self::InvalidOperation,
            ErrorCode::BufferTooSmall => Self::BufferTooSmall,
            ErrorCode::InputTooLarge => Self::InputTooLarge,
            ErrorCode::InvalidResponse => Self::InvalidResponse,
            // An error code `Success` in place of a response makes no sense, so it counts as
            // internal.
            ErrorCode::InternalError | ErrorCode::Success => Self::Internal,
        }
    }
}

impl Fault {
    /// Whether the same request may succeed a little later.
    fn may_pass(self) -> bool {
        matches!(self, Self::Internal | Self::InvalidResponse)
    }
}

/// Pauses between attempts, half a second in total. There is one attempt more than pauses.
const PAUSES_MILLIS: [u64; 4] = [5, 20, 100, 400];
/// Limits of the module in bytes: AWS Nitro Enclaves NSM API, `docs/attestation_process.md`.
const MAX_USER_DATA: usize = 512;
const MAX_NONCE: usize = 512;
const MAX_PUBLIC_KEY: usize = 1024;
/// The driver's response buffer: `NSM_RESPONSE_MAX_SIZE` of the kernel's `nsm.c`.
const MAX_DOCUMENT: usize = 0x3000;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    };

    /// Answers with `answers` in turn, and says how often it was asked.
    fn module(answers: Vec<Response>) -> (impl Nsm, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let mut answers = answers.into_iter();
        let driver = move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
            answers.next().expect("asked more often than expected")
        };
        (SharedModule::new(driver), asked)
    }

    fn busy() -> Response {
        Response::Error(ErrorCode::InternalError)
    }

    fn document(length: usize) -> Response {
        Response::Attestation { document: vec![7; length] }
    }

    #[test]
    fn asks_again_while_the_module_is_busy() {
        let (nsm, asked) = module(vec![busy(), busy(), document(9)]);
        assert_eq!(nsm.attest(None, None).unwrap(), [7; 9]);
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn gives_up_on_a_module_that_stays_busy() {
        let (nsm, asked) = module((0..5).map(|_| busy()).collect());
        assert_eq!(nsm.entropy().unwrap_err(), NsmError::Failed { fault: Fault::Internal });
        assert_eq!(asked.load(Ordering::SeqCst), 5);
    }

    #[test]
    fn does_not_repeat_what_cannot_succeed() {
        let (nsm, asked) = module(vec![Response::Error(ErrorCode::InvalidArgument)]);
        let failed = nsm.attest(None, None).unwrap_err();
        assert_eq!(failed, NsmError::Failed { fault: Fault::InvalidArgument });
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn refuses_what_the_module_could_not_take_without_asking_it() {
        let (nsm, asked) = module(vec![document(1)]);
        let flaw = |field| NsmError::TooLong { field, found: 513, most: 512 };
        assert_eq!(nsm.attest(Some(&[0; 513]), None).unwrap_err(), flaw("user_data"));
        assert_eq!(nsm.attest(None, Some(&[0; 513])).unwrap_err(), flaw("nonce"));
        assert_eq!(asked.load(Ordering::SeqCst), 0);
        nsm.attest(Some(&[0; 512]), Some(&[0; 512])).unwrap();
    }

    #[test]
    fn refuses_a_document_longer_than_the_module_can_say() {
        let (nsm, _) = module(vec![document(0x3000), document(0x3001)]);
        nsm.attest(None, None).unwrap();
        let flaw = NsmError::TooLong { field: "document", found: 0x3001, most: 0x3000 };
        assert_eq!(nsm.attest(None, None).unwrap_err(), flaw);
    }

    #[test]
    fn refuses_an_answer_to_another_question() {
        let (nsm, _) = module(vec![Response::LockPCR, document(1)]);
        assert_eq!(nsm.attest(None, None).unwrap_err(), NsmError::OtherAnswer);
        assert_eq!(nsm.entropy().unwrap_err(), NsmError::OtherAnswer);
    }

    #[test]
    fn refuses_fewer_random_bytes_than_a_seed_needs() {
        let random = |length| Response::GetRandom { random: vec![1; length] };
        let (nsm, _) = module(vec![random(0), random(31), random(256)]);
        let flaw = NsmError::NoEntropy { who: "module" };
        assert_eq!(nsm.entropy().unwrap_err(), flaw);
        assert_eq!(nsm.entropy().unwrap_err(), flaw);
        assert_eq!(*nsm.entropy().unwrap(), [1; 32]);
    }

    #[test]
    fn sends_user_data_and_nonce_and_leaves_the_key_to_others() {
        let nsm = SharedModule::new(|request| match request {
            Request::Attestation {
                user_data: Some(data),
                nonce: Some(nonce),
                public_key: None,
            } => Response::Attestation { document: [data.into_vec(), nonce.into_vec()].concat() },
            _ => Response::Error(ErrorCode::InvalidArgument),
        });
        assert_eq!(nsm.attest(Some(b"data"), Some(b"nonce")).unwrap(), b"datanonce");
    }

    #[test]
    fn sends_a_key_alone() {
        let nsm = SharedModule::new(|request| match request {
            Request::Attestation { user_data: None, nonce: None, public_key: Some(key) } => {
                Response::Attestation { document: key.into_vec() }
            }
            _ => Response::Error(ErrorCode::InvalidArgument),
        });
        assert_eq!(nsm.attest_key(b"key").unwrap(), b"key");
        let flaw = NsmError::TooLong { field: "public_key", found: 1025, most: 1024 };
        assert_eq!(nsm.attest_key(&[0; 1025]).unwrap_err(), flaw);
    }

    #[test]
    fn carries_one_request_at_a_time() {
        let inside = AtomicBool::new(false);
        let nsm = SharedModule::new(|_| {
            assert!(!inside.swap(true, Ordering::SeqCst), "two requests at once");
            thread::sleep(Duration::from_millis(1));
            inside.store(false, Ordering::SeqCst);
            document(1)
        });
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..10).for_each(|_| drop(nsm.attest(None, None).unwrap())));
            }
        });
    }

    #[test]
    fn goes_on_after_a_request_that_panicked() {
        let mut first = true;
        let nsm = SharedModule::new(move |_| {
            assert!(!std::mem::take(&mut first), "once");
            document(1)
        });
        thread::scope(|scope| scope.spawn(|| nsm.attest(None, None)).join().unwrap_err());
        nsm.attest(None, None).unwrap();
    }
}
