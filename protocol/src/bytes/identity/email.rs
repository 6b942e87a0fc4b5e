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
