//! Roots of trust.

use std::{borrow::Cow, fmt};

use ring::digest;

use crate::pcr::{Hex, hash};

/// The certificate every chain must start at.
#[derive(Clone, Eq, PartialEq)]
pub struct Root {
    pub(crate) der: Cow<'static, [u8]>,
}

impl Root {
    /// AWS Nitro Enclaves Root-G1, of the commercial partition. The only root there is without
    /// [`danger`](crate::danger).
    ///
    /// # Source
    ///
    /// <https://docs.aws.amazon.com/enclaves/latest/user/verify-root.html>, which names the
    /// SHA-256 that a test compares.
    pub const AWS: Self = Self { der: Cow::Borrowed(include_bytes!("../roots/aws-nitro-g1.der")) };

    /// Whether this is AWS's root.
    pub fn is_aws(&self) -> bool {
        *self == Self::AWS
    }

    /// SHA-256 of the certificate.
    pub fn fingerprint(&self) -> [u8; 32] {
        hash(&digest::SHA256, &[&self.der])
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_aws() {
            return f.write_str("AWS Nitro Enclaves Root-G1");
        }
        write!(f, "UNTRUSTED root {}", Hex(&self.fingerprint()))
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fingerprint AWS publishes on the page cited above.
    #[test]
    fn the_aws_root_is_the_published_one() {
        let published = "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b";
        assert_eq!(hex::encode(Root::AWS.fingerprint()), published);
        assert!(Root::AWS.is_aws());
    }
}
