//! E-mail addresses: the letters, digits and marks that one may consist of, and UID2's spelling.

use super::IdentityError;

/// UID2's rules: lower case; for gmail.com no dots and nothing from the first plus sign in the part
/// before the at sign. `text` is unwrapped already.
pub(super) fn normalised(text: &str) -> Result<String, IdentityError> {
    // Before lower case: some letters beyond ASCII have an ASCII letter as their lower case.
    if !text.is_ascii() {
        return Err(IdentityError::NotAscii);
    }
    let mut lower = text.to_ascii_lowercase();
    let at = lower.bytes().position(|byte| byte == b'@').ok_or(IdentityError::Email)?;
    let (user, domain) = lower.split_at_checked(at).ok_or(IdentityError::Email)?;
    let domain = domain.get(1..).unwrap_or_default();
    if !is_user(user) || lower.len() > MOST_BYTES {
        return Err(IdentityError::Email);
    }
    if !domain.as_bytes().contains(&b'.') {
        return Err(if is_label(domain.as_bytes()) {
            IdentityError::Domain
        } else {
            IdentityError::Email
        });
    }
    if !is_domain(domain) {
        return Err(IdentityError::Email);
    }
    if is_placeholder(user, domain) {
        return Err(IdentityError::Placeholder);
    }
    if domain != "gmail.com" {
        return Ok(lower);
    }
    let named = user.bytes().position(|byte| byte == b'+').unwrap_or(at);
    let domain = lower.split_off(at);
    lower.truncate(named);
    lower.retain(|c| c != '.');
    if lower.is_empty() {
        return Err(IdentityError::Email);
    }
    lower.push_str(&domain);
    Ok(lower)
}

/// An address as nearly all of them are, in UID2's spelling.
pub(super) struct Usual {
    bytes: [u8; Self::MOST],
    length: usize,
}

impl Usual {
    /// So many bytes are hashed in one block.
    const MOST: usize = 55;

    /// What [`normalised`] makes of `text`; none where that has to decide. Nothing is to be unwrapped of such an address,
    /// and no list of them is one.
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut usual = Self { bytes: [0; Self::MOST], length: text.len() };
        let place = usual.bytes.get_mut(..text.len())?;
        place.copy_from_slice(text.as_bytes());
        place.make_ascii_lowercase();
        let at = place.iter().position(|byte| *byte == b'@')?;
        let (user, domain) = (place.get(..at)?, place.get(at + 1..)?);
        let is_decided = is_usual_user(user) && is_usual_domain(domain);
        if !is_decided || may_be_placeholder(user, domain) {
            return None;
        }
        if domain == b"gmail.com" {
            usual.leave_out_of_user(at)?;
        }
        Some(usual)
    }

    /// Leaves out dots, and what is behind a plus sign, of the part before the at sign; none if nothing is left.
    fn leave_out_of_user(&mut self, at: usize) -> Option<()> {
        let user = self.bytes.get(..at)?;
        let named = user.iter().position(|byte| *byte == b'+').unwrap_or(at);
        let mut kept = 0;
        for from in (0..named).chain(at..self.length) {
            let byte = *self.bytes.get(from)?;
            if byte != b'.' || from > at {
                *self.bytes.get_mut(kept)? = byte;
                kept += 1;
            }
        }
        self.length = kept;
        (self.bytes.first() != Some(&b'@')).then_some(())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Words of letters, digits and marks that are neither taken off around an address nor between two, with single dots
/// between.
fn is_usual_user(user: &[u8]) -> bool {
    let is_dot = |byte: Option<&u8>| byte.is_none_or(|byte| *byte == b'.');
    let known = user.iter().fold(true, |all, byte| all & (class(*byte) != OTHER));
    let dotted = user.windows(2).fold(false, |any, pair| any | (pair == b".."));
    known && !dotted && !is_dot(user.first()) && !is_dot(user.last())
}

/// Labels of a host name, of which the last has letters alone.
fn is_usual_domain(domain: &[u8]) -> bool {
    let Some(dot) = domain.iter().rposition(|byte| *byte == b'.') else { return false };
    let (labels, top) = domain.split_at(dot);
    let is_end = |byte: u8| (byte == b'.') | (byte == b'-');
    let known = labels.iter().fold(true, |all, byte| all & (class(*byte) >= LABEL));
    // No label is empty, and none has a hyphen at an end.
    let broken = domain.windows(2).fold(false, |any, pair| {
        let [one, other] = pair else { return any };
        any | (is_end(*one) & is_end(*other) & ((*one == b'.') | (*other == b'.')))
    });
    let is_alphabetic = top.iter().skip(1).fold(true, |all, byte| all & byte.is_ascii_alphabetic());
    let starts = labels.first().is_some_and(|first| !is_end(*first));
    known && starts && !broken && is_alphabetic && top.len() > 2
}

/// Whether [`is_placeholder`] has to look.
fn may_be_placeholder(user: &[u8], domain: &[u8]) -> bool {
    PLACEHOLDERS.iter().any(|word| word.as_bytes() == user)
        || user == b"test"
        || domain.ends_with(b".invalid")
}

/// What a byte may be in an address.
fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(OTHER)
}

const OTHER: u8 = 0;
/// Before the at sign.
const MARK: u8 = 1;
/// On either side of it: letters, digits, hyphens and dots.
const LABEL: u8 = 2;
static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [OTHER; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.' {
            set(&mut classes, byte, LABEL);
        }
        byte += 1;
    }
    let mut marks: &[u8] = b"!#$%&*+/?^_`{}~";
    while let [mark, rest @ ..] = marks {
        set(&mut classes, *mark, MARK);
        marks = rest;
    }
    classes
}

#[expect(
    clippy::as_conversions,
    clippy::indexing_slicing,
    reason = "a byte is below 256, and the compiler runs this"
)]
const fn set(classes: &mut [u8; 256], byte: u8, class: u8) {
    classes[byte as usize] = class;
}

/// The part before the at sign by RFC 5322: words of these characters with single dots between.
fn is_user(user: &str) -> bool {
    let word = |word: &[u8]| {
        !word.is_empty()
            && word
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(byte))
    };
    user.len() <= MOST_USER_BYTES && user.as_bytes().split(|byte| *byte == b'.').all(word)
}

/// Labels of a host name, the last of which is no number.
fn is_domain(domain: &str) -> bool {
    let mut labels = domain.as_bytes().split(|byte| *byte == b'.');
    let top = labels.clone().next_back().unwrap_or_default();
    let named =
        top.len() >= 2 && (top.iter().all(u8::is_ascii_alphabetic) || top.starts_with(b"xn--"));
    named && labels.all(is_label)
}

fn is_label(label: &[u8]) -> bool {
    (1..=MOST_LABEL_BYTES).contains(&label.len())
        && label.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        && !label.starts_with(b"-")
        && !label.ends_with(b"-")
}

/// Whether shops fill this in where they have no address: all those customers would be one person.
fn is_placeholder(user: &str, domain: &str) -> bool {
    PLACEHOLDERS.contains(&user)
        || domain.ends_with(".invalid")
        || (user == "test" && domain.starts_with("test."))
}

const PLACEHOLDERS: [&str; 13] = [
    "noemail",
    "no-email",
    "no_email",
    "no.email",
    "nomail",
    "none",
    "null",
    "unknown",
    "undefined",
    "noreply",
    "no-reply",
    "donotreply",
    "do-not-reply",
];
/// RFC 5321.
const MOST_BYTES: usize = 254;
const MOST_USER_BYTES: usize = 64;
const MOST_LABEL_BYTES: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn usual_addresses_are_what_they_should_be() {
        for (text, expected) in [
            ("Ann.Lee+x@Example.co.uk", "ann.lee+x@example.co.uk"),
            ("A.n.n+shop+2@GMail.com", "ann@gmail.com"),
            ("a_b-c@x-1.de", "a_b-c@x-1.de"),
        ] {
            assert_eq!(Usual::of(text).unwrap().as_bytes(), expected.as_bytes());
        }
        for text in [
            "",
            "@",
            "a@",
            "@b.de",
            "a@b",
            "a@b.c",
            "a@b.d3",
            "a..b@c.de",
            ".a@c.de",
            "a.@c.de",
            "a@-b.de",
            "a@b-.de",
            "a@b..de",
            "a@b.de.",
            "a'b@c.de",
            "a b@c.de",
            "NoReply@shop.de",
            "no.email@c.de",
            "test@test.de",
            "a@b.INVALID",
            "+x@gmail.com",
            "a@xn--p1ai.xn--p1ai",
            "a@b@c.de",
            "\u{e4}@b.de",
        ] {
            assert!(Usual::of(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_usual_is_what_the_long_way_makes_of_it(
            text in "[a-cA-Z.+_'|-]{0,5}(no-?reply|test|null)?@(gmail|GMAIL|test|[a-z0-9.-]{0,6})\\.?(com|invalid|[a-z0-9-]{0,3})[ .;]?",
        ) {
            if let Some(usual) = Usual::of(&text) {
                prop_assert_eq!(super::super::wrapping::unwrapped(&text), text.as_str());
                prop_assert!(!super::super::says_none(&text));
                let long = normalised(&text);
                prop_assert_eq!(long.as_deref().map(str::as_bytes), Ok(usual.as_bytes()));
            }
        }
    }
}
