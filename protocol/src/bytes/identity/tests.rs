use super::*;
use base64::{Engine, engine::general_purpose::STANDARD};

fn hash(kind: Identifier, text: &str) -> String {
    STANDARD.encode(match_key(kind, text).unwrap().as_bytes())
}

/// All of UID2's published examples, none left out: `tests/vectors/identifiers-v1`.
#[test]
fn agrees_with_every_published_example() {
    let table = include_str!("../../../tests/vectors/identifiers-v1/uid2.tsv");
    let mut compared = 0;
    for line in table.lines().skip(1) {
        let [raw, normalised, key] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let kind = if raw.starts_with('+') { Identifier::Phone } else { Identifier::Email };
        assert_eq!(hash(kind, raw), key, "{raw}");
        assert_eq!(hash(kind, normalised), key, "{normalised}");
        compared += 1;
    }
    assert_eq!(compared, 15);
}

#[test]
fn spellings_of_one_person_agree() {
    let one = hash(Identifier::Email, "janesaoirse@gmail.com");
    for text in
        [" Jane.Saoirse@gmail.com", "janesaoirse+work@GMAIL.com ", "jane.saoirse+a+b@gmail.com"]
    {
        assert_eq!(hash(Identifier::Email, text), one);
    }
    let other = hash(Identifier::Email, "jane.saoirse+work@example.com");
    assert_ne!(other, hash(Identifier::Email, "janesaoirse@example.com"));
    assert_eq!(
        hash(Identifier::Phone, "+1 (415) 555-0123"),
        hash(Identifier::Phone, "+14155550123")
    );
}

#[test]
fn an_empty_field_is_no_person() {
    assert_eq!(match_key(Identifier::Email, "  ").unwrap(), MatchKey::NONE);
}

#[test]
fn refuses_what_it_would_have_to_guess() {
    for text in ["jane", "@example.com", "jane@", "a b@example.com", "a@b@c", "+@gmail.com"] {
        assert_eq!(match_key(Identifier::Email, text), Err(IdentityError::Email), "{text}");
    }
    for text in ["4155550123", "+1", "+0123456789", "+1415555012x", "+1234567890123456"] {
        assert_eq!(match_key(Identifier::Phone, text), Err(IdentityError::Phone), "{text}");
    }
    match_key(Identifier::Hashed, "AAAA").unwrap_err();
}

fn phone_in(country: &str, text: &str) -> Result<String, IdentityError> {
    let key = match_key_in(Identifier::Phone, text, Some(country.parse().unwrap()))?;
    Ok(STANDARD.encode(key.as_bytes()))
}

/// What came with an address is taken off, whatever it is; twice, too.
#[test]
fn wrappings_are_taken_off() {
    let ann = hash(Identifier::Email, "ann@example.com");
    for text in [
        "\u{200b}ann@example.com",
        "ann@\u{ad}exam\u{200d}ple.com\u{200b}",
        "\u{feff}ann@example.com",
        "\u{202a}ann@example.com\u{202c}",
        "\u{2066}ANN@example.com\u{2069}",
        "'ann@example.com",
        "'ann@example.com'",
        "=\"ann@example.com\"",
        "\"ann@example.com\"",
        "\u{201e}ann@example.com\u{201c}",
        "<ann@example.com>",
        "Ann<ann@example.com>",
        "\"Ann, of B.\" <ann@example.com>;",
        "ann@example.com <ann@example.com>",
        "mailto:ann@example.com",
        "MailTo:ann@example.com?subject=hello",
        "<mailto:ann@example.com>",
        "ann@example.com;",
        "ann@example.com.",
        ",ann@example.com,",
        "ann@example.com;Ann@example.com",
        "ann@example.com, n/a",
        "\u{a0}\tann@example.com\u{3000}",
    ] {
        assert_eq!(hash(Identifier::Email, text), ann, "{text:?}");
    }
    let number = hash(Identifier::Phone, "+492091234567");
    for text in [
        "tel:+49-209-1234567",
        "'+49 209 1234567",
        "=\"+492091234567\"",
        "+49 (0) 209 1234567",
        "+49(0)209/1234567;+49 209 1234567",
        "(+49) 0209 1234567",
        "+49 (0209) 1234567",
        "+49.209.123.45.67",
        "+492091234567.0",
        "\u{202d}+49 209 1234567\u{202c}",
        "+49\u{2011}209\u{2013}1234567",
    ] {
        let key = match_key(Identifier::Phone, text);
        if text.contains('/') {
            assert_eq!(key, Err(IdentityError::Phone), "{text:?}");
        } else {
            assert_eq!(STANDARD.encode(key.unwrap().as_bytes()), number, "{text:?}");
        }
    }
}

#[test]
fn what_no_address_consists_of_is_refused_with_its_reason() {
    use IdentityError as E;
    let long = format!("{}@example.com", "a".repeat(65));
    for (text, reason) in [
        ("a@b", E::Domain),
        ("ann@localhost", E::Domain),
        ("\u{430}nn@example.com", E::NotAscii),
        ("\u{212a}ate@example.com", E::NotAscii),
        ("ann\u{ff20}example.com", E::NotAscii),
        ("m\u{fc}ller@example.com", E::NotAscii),
        ("ann@example.com;bob@example.com", E::Several),
        ("ann@example.com bob@example.com", E::Several),
        ("ann@example.com <bob@example.com>", E::Several),
        ("ann..b@example.com", E::Email),
        (".ann@example.com", E::Email),
        ("ann@-example.com", E::Email),
        ("ann@example..com", E::Email),
        ("ann@exam_ple.com", E::Email),
        ("ann@example.c", E::Email),
        ("ann@10.0.0.1", E::Email),
        ("\"a b\"@example.com", E::Email),
        ("mailto:ann%40example.com", E::Email),
        ("ann(home)@example.com", E::Email),
        ("ann@example.com\0", E::Email),
        (long.as_str(), E::Email),
        ("test@test.com", E::Placeholder),
        ("noemail@example.com", E::Placeholder),
        ("ann@shop.invalid", E::Placeholder),
    ] {
        assert_eq!(match_key(Identifier::Email, text), Err(reason), "{text:?}");
    }
    for (text, reason) in [
        ("\u{ff0b}\u{ff14}\u{ff19}2091234567", E::Digits),
        ("+49\u{662}091234567", E::Digits),
        ("4.917e12", E::Float),
        ("+39 (0)6 12345678", E::Trunk),
        ("+1 (0) 415 555 0123", E::Trunk),
        ("+49 209 1234567 ext. 3", E::Phone),
        ("0049 209 1234567", E::Phone),
        ("491711234567.0", E::Phone),
        ("+1 415 555 012", E::Phone),
        ("+49 209 1234567, +49 209 7654321", E::Several),
    ] {
        assert_eq!(match_key(Identifier::Phone, text), Err(reason), "{text:?}");
    }
}

#[test]
fn words_for_nothing_are_nobody() {
    for text in
        ["n/a", "NULL", "None", "unknown", "-", "--", "#N/A", "\\N", "\"\"", "\u{200b}", "'"]
    {
        for kind in [Identifier::Email, Identifier::Phone, Identifier::Hashed] {
            assert_eq!(match_key(kind, text), Ok(MatchKey::NONE), "{text:?}");
        }
    }
}

#[test]
fn national_numbers_are_read_in_a_country_that_was_given() {
    let german = hash(Identifier::Phone, "+491711234567");
    for text in [
        "0171 1234567",
        "0049 171 1234567",
        "491711234567",
        "491711234567.0",
        "4.91711234567e+11",
        "(0)171 1234567",
        "0049 (0)171 1234567",
        "49 (0) 171 1234567",
        "+49 171 1234567",
    ] {
        assert_eq!(phone_in("de", text).as_ref(), Ok(&german), "{text}");
    }
    // A lost zero, or the country's code and too few digits to be sure.
    for text in ["1711234567", "4930123456", "0171", "00171 1234567"] {
        assert!(phone_in("DE", text).is_err(), "{text}");
    }
    for (country, text, expected) in [
        ("GB", "020 7946 0900", "+442079460900"),
        ("US", "(415) 555-0123", "+14155550123"),
        ("US", "1-415-555-0123", "+14155550123"),
        ("US", "011 44 20 7946 0900", "+442079460900"),
        ("FR", "06 12 34 56 78", "+33612345678"),
        ("IT", "06 1234 5678", "+390612345678"),
        ("DK", "12 34 56 78", "+4512345678"),
        ("AU", "(02) 1234 5678", "+61212345678"),
    ] {
        let expected = hash(Identifier::Phone, expected);
        assert_eq!(phone_in(country, text), Ok(expected), "{country} {text}");
    }
    assert_eq!("XX".parse::<Country>(), Err(UnknownCountry));
}

/// What is dialled before a number inside a country is no part of it, behind the country code either.
#[test]
fn trunk_prefixes_are_taken_off_whatever_they_are() {
    for (text, expected) in [
        ("+36 06 30 123 4567", "+36301234567"),
        ("+36 (06) 1 234 5678", "+3612345678"),
        ("+36 62 123 456", "+3662123456"),
        ("+7 8 912 345 67 89", "+79123456789"),
        ("+7 (8 800) 123-45-67", "+78001234567"),
        ("+7 812 345 67 89", "+78123456789"),
        ("+7 8 701 234 56 78", "+77012345678"),
        ("+370 8 612 34567", "+37061234567"),
        ("+370 (0) 612 34567", "+37061234567"),
        ("+370 0612 34567", "+37061234567"),
        ("+370 800 12345", "+37080012345"),
        ("+375 80 29 123 45 67", "+375291234567"),
        ("+375 8 (029) 123-45-67", "+375291234567"),
        ("+375 8 17 123 45 67", "+375171234567"),
        ("+375 (0)29 123 45 67", "+375291234567"),
        ("+993 8 65 123456", "+99365123456"),
        ("+998 8 90 123 45 67", "+998901234567"),
        ("+992 8 918 12 34 56", "+992918123456"),
        ("+992 00 123 45 67", "+992001234567"),
        ("+995 8 555 12 34 56", "+995555123456"),
        ("+52 1 55 1234 5678", "+525512345678"),
        ("+52 044 55 1234 5678", "+525512345678"),
        ("+55 (0) 11 91234 5678", "+5511912345678"),
        ("+996 0 555 123456", "+996555123456"),
        ("+225 07 12 34 56 78", "+2250712345678"),
        ("+39 06 1234 5678", "+390612345678"),
    ] {
        assert_eq!(hash(Identifier::Phone, text), hash(Identifier::Phone, expected), "{text}");
        let key = match_key(Identifier::Phone, expected).unwrap();
        assert_eq!(key.as_bytes(), &sha256(expected.as_bytes()), "{expected}");
    }
    for (country, text, expected) in [
        ("HU", "06 30 123 4567", "+36301234567"),
        ("HU", "36 30 123 4567", "+36301234567"),
        ("RU", "8 (912) 345-67-89", "+79123456789"),
        ("RU", "812 345 67 89", "+78123456789"),
        ("RU", "7 912 345 67 89", "+79123456789"),
        ("RU", "8 10 49 171 1234567", "+491711234567"),
        ("KZ", "8 701 234 56 78", "+77012345678"),
        ("LT", "8 612 34567", "+37061234567"),
        ("LT", "0 612 34567", "+37061234567"),
        ("LT", "370 612 34567", "+37061234567"),
        ("BY", "8 029 123-45-67", "+375291234567"),
        ("MX", "01 55 1234 5678", "+525512345678"),
        ("TR", "0532 123 45 67", "+905321234567"),
        ("DE", "+36 06 30 123 4567", "+36301234567"),
        ("DE", "0036 06 30 123 4567", "+36301234567"),
    ] {
        assert_eq!(phone_in(country, text), Ok(hash(Identifier::Phone, expected)), "{text}");
    }
}

/// Digits behind a country code that may belong to the number or not are refused, not guessed.
#[test]
fn what_may_or_may_not_be_a_trunk_prefix_is_refused() {
    for text in ["+34 0 612 345 678", "+57 0 312 345 6789", "+241 06 12 34 56", "+49 00171 1234567"]
    {
        let refused = match_key(Identifier::Phone, text);
        assert_eq!(refused, Err(IdentityError::ZeroBehindCode), "{text}");
    }
    for text in [
        "+36 0 30 123 4567",
        "+36 06 30 123 456 789",
        "+7 912 345 67 8",
        "+7 0 912 345 67 89",
        "+370 612 345 678",
        "+375 800 29 123 45 67",
        "+55 0 15 11 91234 5678",
        "+54 0 11 15 1234 5678",
    ] {
        let refused = match_key(Identifier::Phone, text);
        assert_eq!(refused, Err(IdentityError::NoSuchNumber), "{text}");
    }
    for (country, text) in [("HU", "30 123 4567"), ("RU", "912 345 67 8"), ("PL", "0 512 345 678")]
    {
        assert_eq!(phone_in(country, text), Err(IdentityError::National), "{text}");
    }
}

/// A landline without its zero is nobody's number, and would join nobody.
#[test]
fn italian_numbers_begin_with_0_or_3() {
    for text in ["+39 6 1234 5678", "0039 2 1234567", "6 1234 5678", "+39 800 123456"] {
        assert_eq!(phone_in("IT", text), Err(IdentityError::Italian), "{text}");
    }
    assert_eq!(match_key(Identifier::Phone, "+39 6 1234 5678"), Err(IdentityError::Italian));
    for (text, expected) in [
        ("+39 06 1234 5678", "+390612345678"),
        ("+39 333 123 4567", "+393331234567"),
        ("333 123 4567", "+393331234567"),
    ] {
        assert_eq!(phone_in("IT", text), Ok(hash(Identifier::Phone, expected)), "{text}");
    }
}

#[test]
fn hexadecimal_and_base64_are_one_key() {
    let key = match_key(Identifier::Email, "ann@example.com").unwrap();
    let digits = hex::encode(key.as_bytes());
    let texts = [
        STANDARD.encode(key.as_bytes()),
        digits.clone(),
        digits.to_uppercase(),
        format!("\\x{digits}"),
        format!("'{digits}"),
    ];
    for text in texts {
        assert_eq!(match_key(Identifier::Hashed, &text), Ok(key), "{text}");
    }
    assert_eq!(match_key_of_bytes(key.as_bytes()), Ok(key));
    let nothing = hex::encode(sha256(b""));
    assert_eq!(match_key(Identifier::Hashed, &nothing), Err(IdentityError::HashOfNothing));
    for text in ["ann@example.com", &digits[1..], &format!("{}g", &digits[1..])] {
        assert_eq!(match_key(Identifier::Hashed, text), Err(IdentityError::Hashed), "{text}");
    }
}
