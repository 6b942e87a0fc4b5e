//! The options that say how a table is written.

use crate::failure::Failure;
use protocol::identity::Country;
use sealing::{DateFormat, DecimalSign, Options, Reading, Share};
use std::path::PathBuf;

/// How the table is written, and how many of its rows may be bad.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ReadingArgs {
    /// Name of a column in the file, and in the contract
    #[arg(long, value_name = "FILE=CONTRACT")]
    map: Vec<String>,

    /// Column of the file to leave out, since the contract does not list it
    #[arg(long, value_name = "COLUMN")]
    ignore: Vec<String>,

    /// Country whose national phone numbers are read, such as DE for 0171 1234567
    #[arg(long, value_name = "CODE")]
    country: Option<Country>,

    /// How days are written beside YYYY-MM-DD, such as %d.%m.%Y; %s for seconds since 1970
    #[arg(long, value_name = "FORMAT")]
    date: Vec<DateFormat>,

    /// Word for consent, beside yes, y, true, t and 1
    #[arg(long, value_name = "WORD")]
    yes: Vec<String>,

    /// Word for no consent, beside no, n, false, f and 0
    #[arg(long, value_name = "WORD")]
    no: Vec<String>,

    /// Decimal sign of numbers; comma allows 1.234,50, either has no signs between thousands
    #[arg(long, value_enum, default_value_t = Decimal::Point)]
    decimal: Decimal,

    /// Currency that amounts may be marked with, such as EUR
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,

    /// Round numbers that have more decimals than the contract's scale
    #[arg(long)]
    round: bool,

    /// What an empty field stands for, such as spend=0
    #[arg(long, value_name = "COLUMN=VALUE")]
    empty: Vec<String>,

    /// Match key that may have no good value at all: rows are then sealed by their other match keys
    #[arg(long, value_name = "COLUMN")]
    without_key: Vec<String>,

    /// Percentage of rows that may be bad and left out
    #[arg(long, value_name = "PERCENT", default_value = "1")]
    max_rejected: Share,
}

/// The options as words of a line, where there is no command line.
#[derive(Debug, clap::Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Line {
    #[command(flatten)]
    reading: ReadingArgs,
}

impl ReadingArgs {
    /// Reads the words that would stand on a command line.
    pub(crate) fn of_words(words: &[String]) -> Result<Self, Failure> {
        let line = <Line as clap::Parser>::try_parse_from(words);
        line.map(|line| line.reading)
            .map_err(|why| Failure::unclear(why.to_string().trim().to_owned()))
    }
}

/// The names of these options, without their dashes.
pub(crate) fn names() -> Vec<String> {
    let line = <Line as clap::CommandFactory>::command();
    line.get_arguments().filter_map(|option| option.get_long().map(str::to_owned)).collect()
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum Decimal {
    Point,
    Comma,
    Either,
}

impl ReadingArgs {
    /// The options for sealing, with bad rows written to `reject_file`.
    pub(crate) fn options(&self, reject_file: Option<PathBuf>) -> Result<Options, Failure> {
        let empty = self.empty.iter().map(|text| {
            let pair = text.split_once('=');
            let pair = pair.map(|(column, value)| (column.to_owned(), value.to_owned()));
            pair.ok_or_else(|| Failure::unclear(format!("--empty {text}: expected COLUMN=VALUE")))
        });
        let mut reading = Reading::default();
        reading.map.clone_from(&self.map);
        reading.ignore.clone_from(&self.ignore);
        reading.country = self.country;
        reading.dates.clone_from(&self.date);
        reading.yes.clone_from(&self.yes);
        reading.no.clone_from(&self.no);
        reading.check_words().map_err(Failure::unclear)?;
        reading.decimal_sign = match self.decimal {
            Decimal::Point => DecimalSign::Point,
            Decimal::Comma => DecimalSign::Comma,
            Decimal::Either => DecimalSign::Either,
        };
        reading.currency.clone_from(&self.currency);
        reading.round = self.round;
        reading.empty = empty.collect::<Result<_, _>>()?;
        let mut options = Options::default();
        options.reject_file = reject_file;
        options.max_rejected = self.max_rejected;
        options.without_keys.clone_from(&self.without_key);
        options.reading = reading;
        Ok(options)
    }
}
