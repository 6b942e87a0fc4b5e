//! E-mail addresses: the letters, digits and marks that one may consist of, and UID2's spelling.

use super::IdentityError;

/// UID2's rules: lower case; for gmail.com no dots and nothing from the first plus sign in the part
/// before the at sign. `text` is unwrapped already.
pub(super) fn normalised(text: &str) -> Result<String, IdentityError> {
    // Before lower case: some letters beyond ASCII have an ASCII letter as their lower case.
    if !text.is_ascii() {
        return Err(IdentityError::NotAscii);
    }
    let lower = text.to_ascii_lowercase();
    let (user, domain) = lower.split_once('@').ok_or(IdentityError::Email)?;
    if !is_user(user) || lower.len() > MOST_BYTES {
        return Err(IdentityError::Email);
    }
    if !domain.contains('.') {
        return Err(if is_label(domain) { IdentityError::Domain } else { IdentityError::Email });
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
    let plain: String = user.chars().take_while(|&c| c != '+').filter(|&c| c != '.').collect();
    if plain.is_empty() {
        return Err(IdentityError::Email);
    }
    Ok(format!("{plain}@{domain}"))
}

/// The part before the at sign by RFC 5322: words of these characters with single dots between.
fn is_user(user: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte))
    };
    user.len() <= MOST_USER_BYTES && user.split('.').all(word)
}

/// Labels of a host name, the last of which is no number.
fn is_domain(domain: &str) -> bool {
    let top = domain.rsplit('.').next().unwrap_or_default();
    let named = top.len() >= 2
        && (top.bytes().all(|byte| byte.is_ascii_alphabetic()) || top.starts_with("xn--"));
    named && domain.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=MOST_LABEL_BYTES).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
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
