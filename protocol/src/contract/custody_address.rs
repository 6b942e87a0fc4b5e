//! Where a party's custody answers, and under which key.

use crate::sign::PublicKey;
use std::{fmt, net::IpAddr, str::FromStr};

/// `https://host:port#key`, where `key` is the Ed25519 key that the custody's TLS proves, as 44 letters of base64; or
/// `http://host:port` on the machine that asks.
///
/// The key is in the contract, so nobody who stands in between reads question and price, and no certificate authority is
/// believed. Text in the clear goes to a loopback address only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CustodyAddress {
    authority: String,
    key: Option<PublicKey>,
}

impl CustodyAddress {
    /// The address with this key, which the custody at `host:port` has.
    ///
    /// # Errors
    ///
    /// [`NoCustodyAddress`] unless `authority` is a host and a port.
    pub fn pinned(authority: &str, key: PublicKey) -> Result<Self, NoCustodyAddress> {
        match host_of(authority) {
            Some(_) if authority.len() <= MOST => {
                Ok(Self { authority: authority.to_owned(), key: Some(key) })
            }
            _ => Err(NoCustodyAddress),
        }
    }

    /// Host and port, as TCP and HTTP want them.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The key that TLS must prove; without one, text goes in the clear, to this machine.
    #[must_use]
    pub fn key(&self) -> Option<&PublicKey> {
        self.key.as_ref()
    }
}

impl FromStr for CustodyAddress {
    type Err = NoCustodyAddress;

    fn from_str(text: &str) -> Result<Self, NoCustodyAddress> {
        if text.len() > MOST {
            return Err(NoCustodyAddress);
        }
        if let Some(rest) = text.strip_prefix("http://") {
            let host = host_of(rest).ok_or(NoCustodyAddress)?;
            return match is_loopback(host) {
                true => Ok(Self { authority: rest.to_owned(), key: None }),
                false => Err(NoCustodyAddress),
            };
        }
        let rest = text.strip_prefix("https://").ok_or(NoCustodyAddress)?;
        let (authority, key) = rest.split_once('#').ok_or(NoCustodyAddress)?;
        let key: PublicKey = key.parse().map_err(|_| NoCustodyAddress)?;
        Self::pinned(authority, key)
    }
}

impl fmt::Display for CustodyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "https://{}#{key}", self.authority),
            None => write!(f, "http://{}", self.authority),
        }
    }
}

/// The text is not where a custody may answer.
///
/// Remedy: write the address as `glovebox custody serve` prints it, with the key of its certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{CUSTODY_ADDRESS}")]
pub struct NoCustodyAddress;

/// The host of `host:port`, without a user, whom a reader could take for the host.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = authority.rsplit_once(':')?;
    let is_port =
        port.bytes().all(|b| b.is_ascii_digit()) && port.parse().is_ok_and(|port: u16| port > 0);
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match inside {
        Some(inside) => inside.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.len() <= MOST_HOST
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        }
    };
    (is_port && is_host).then_some(inside.unwrap_or(host))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// What a [`CustodyAddress`] looks like, for refusals.
pub const CUSTODY_ADDRESS: &str = "an address such as https://host:7501#KEY (`glovebox custody key` prints KEY), or \
     http://127.0.0.1:7501 on the same machine, of at most 300 characters and without a user";

/// Longest address, in bytes.
const MOST: usize = 300;
/// Longest name of a host, in bytes.
const MOST_HOST: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::tests::signing_key;

    #[test]
    fn an_address_has_a_host_a_port_and_the_key_that_must_answer_there() {
        let key = signing_key(7).public();
        for text in [
            "http://localhost:7501",
            "http://127.0.0.1:1",
            "http://127.9.9.9:1",
            "http://[::1]:7501",
            &format!("https://room.example:7501#{key}"),
            &format!("https://127.0.0.1:7501#{key}"),
            &format!("https://[2001:db8::1]:443#{key}"),
        ] {
            let address: CustodyAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(address.key(), text.starts_with("https").then_some(&key), "{text}");
        }
    }

    #[test]
    fn what_would_go_in_the_clear_over_a_network_is_refused() {
        for text in [
            "http://room.example:7501",
            "http://10.0.0.1:7501",
            "http://0.0.0.0:7501",
            "http://[2001:db8::1]:7501",
            "http://localhost.example:7501",
            "http://127.0.0.1.example:7501",
            // Without its key, whoever stands in between could answer.
            "https://room.example:7501",
            "https://room.example:7501#",
        ] {
            assert_eq!(text.parse::<CustodyAddress>(), Err(NoCustodyAddress), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_address_or_hides_its_host() {
        let key = signing_key(7).public();
        let after = |text: &str| format!("{text}#{key}");
        let long = after(&format!("https://{}:7501", "a".repeat(300)));
        for text in [
            "",
            "http://",
            "http://localhost",
            "http://localhost:0",
            "http://localhost:65536",
            "http://localhost:+1",
            "http://localhost:",
            "http://localhost:7501/",
            "http://localhost@evil.example:7501",
            "http://evil.example@localhost:7501",
            "http://localhost:7501#",
            &after("https://user:pass@host:1"),
            &after("https://a b:1"),
            &after("https://a\u{1b}[2J:1"),
            &after("https://a:1/x"),
            &after("https://a:1?x"),
            &after("https://\u{e9}:1"),
            &after("https://[::1:1"),
            &format!("https://a:1#{}", &key.to_string()[1..]),
            &format!("https://a:1#{key}#{key}"),
            &long,
        ] {
            assert_eq!(text.parse::<CustodyAddress>(), Err(NoCustodyAddress), "{text}");
        }
    }
}
