//! The address of a room.

use std::{fmt, str::FromStr};

/// Host and port of a room: `https://host:port`. One port serves the enclave's TLS and the host's
/// store.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// The address as TCP and HTTP want it: `host:port`.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The host without its port.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = || InvalidAddress { text: text.chars().take(80).collect() };
        let rest = text.strip_prefix("https://").unwrap_or(text);
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = rest.rsplit_once(':').ok_or_else(invalid)?;
        let port: u16 = port.parse().map_err(|_| invalid())?;
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
        let inside = host.trim_start_matches('[').trim_end_matches(']');
        let v6 = bracketed && inside.parse::<std::net::Ipv6Addr>().is_ok();
        if host.is_empty() || port == 0 || !(plain || v6) {
            return Err(invalid());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}:{}", self.host, self.port)
    }
}

/// The text is not the address of a room.
///
/// Remedy: write the address that the operator gave, with https:// and its port.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("found \"{text}\", expected the address of a room such as https://room.example:7500")]
pub struct InvalidAddress {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for text in ["https://room.example:7500", "room.example:7500", "https://room.example:7500/"]
        {
            assert_eq!(text.parse::<Address>().unwrap().authority(), "room.example:7500");
        }
        assert_eq!("https://[::1]:7500".parse::<Address>().unwrap().host(), "::1");
    }

    #[test]
    fn refuses_what_is_no_address() {
        for text in ["", "room.example", "http://room:1", "https://a:0", "https://a/b:1", "a:b:1"] {
            text.parse::<Address>().unwrap_err();
        }
    }
}
