use protocol::identity::IdentityError;

/// What is wrong with a row. No variant holds a value: values may be secret.
///
/// Remedy: mend the row in the table, or read it another way with the option that is named; a few bad
/// rows are left out (--max-rejected), and --reject-file keeps them to be mended.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Fields are missing, or there are too many.
    #[error("found {}, the header has {expected}", fields(*found))]
    Fields {
        /// Fields of the row.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// The header, once more.
    #[error("the header again: two files put together?")]
    HeaderAgain,
    /// A rejected row that does not end with where it comes from and why it was rejected.
    #[error(
        "fields were added to this rejected row or taken away: its last two are not glovebox_at, such as line \
         3, and glovebox_reason"
    )]
    NoOrigin,
    /// Bytes that are not text.
    #[error("not UTF-8 (perhaps Windows-1252 or Latin-1: export as UTF-8)")]
    NotUtf8,
    /// A line break inside a field.
    #[error("a line break inside a field, perhaps an unclosed quote")]
    LineBreak,
    /// No identifier of its kind.
    #[error("{0}")]
    Identifier(#[source] IdentityError),
    /// No match key has a value.
    #[error("no identifier: every match key is empty")]
    NoIdentifier,
    /// No name for the person.
    #[error("empty, expected the owner's own name for the person (a row without one is nobody's)")]
    NoPerson,
    /// Not in the group's domain.
    #[error("not in the contract's list, expected one of {}{}", known.join(", "), and_more(*more))]
    NotInDomain {
        /// The first values of the domain, which is public.
        known: Vec<String>,
        /// How many there are beside them.
        more: usize,
    },
    /// No text that fits into a sealed column.
    #[error("longer than 32 bytes, or with a character that cannot be seen")]
    Label,
    /// No number where one is needed.
    #[error("empty, expected a number (--empty COLUMN=0 reads it as 0)")]
    Empty,
    /// Not a plain decimal number.
    #[error(
        "not a number (expected digits with a decimal point and no separators; \
         --decimal and --currency read others)"
    )]
    NotANumber,
    /// Not a number as the owner says that they are written.
    #[error("not a number (expected {expected}; --currency reads amounts with a currency)")]
    NotADecimal {
        /// How they are written.
        expected: &'static str,
    },
    /// A number with something beside it.
    #[error(
        "a number with a currency sign or letters beside it (--currency EUR reads amounts that are marked with \
         EUR or €, and no others)"
    )]
    Marked,
    /// A thousand or three decimals.
    #[error(
        "a thousand, or three decimals? (--decimal either, if nothing stands between thousands)"
    )]
    Ambiguous,
    /// More decimals than the contract says.
    #[error("more than {scale} decimals, the contract's scale (--round rounds)")]
    Decimals {
        /// The most decimals.
        scale: u8,
    },
    /// Beyond 64 bits.
    #[error("too large for 64 bits in units of the contract's scale")]
    TooLarge,
    /// Beyond the digits of a float.
    #[error("a float too large to tell decimals of the contract's scale apart (write a decimal)")]
    FloatTooLarge,
    /// Not a day of the calendar.
    #[error("not a day (expected YYYY-MM-DD; --date reads other formats)")]
    NotADay,
    /// Not a day in a format that was named either.
    #[error("not a day (expected {formats}, as --date says, or YYYY-MM-DD)")]
    NotADayOf {
        /// The formats.
        formats: String,
    },
    /// A day by one format and another day by another.
    #[error("a different day by each --date that fits")]
    AmbiguousDay,
    /// A time within a day.
    #[error("a time other than midnight, expected a day (--date reads a format with a time)")]
    TimeOfDay,
    /// A time with its zone.
    #[error("a time with a zone, expected a day: which day it is depends on the place")]
    Zone,
    /// A day that cannot be told from a missing one.
    #[error("a day before 1970-01-01")]
    DayBefore1970,
    /// Neither yes nor no.
    #[error(
        "neither yes nor no (expected yes, no, y, n, true, false, t, f, 1 or 0; --yes and --no name others)"
    )]
    NotYesOrNo,
    /// A value of a kind that the role has no use for.
    #[error("a value of another kind than the column's role needs")]
    Kind,
}

fn and_more(more: usize) -> String {
    if more == 0 { String::new() } else { format!(" and {more} more") }
}

fn fields(found: usize) -> String {
    if found == 1 { "1 field".to_owned() } else { format!("{found} fields") }
}
