mod checked;
mod codes;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;

use self::codes::List;
use super::facts::SinglePass;
use super::judgement::{Judgement, RowsJudged};
use super::requests::TestHandle;
use super::{Binder, GroupFacts, Judge, RowTest, Rule, Subject, Tested};
use crate::diagnostic::{Code, Fault, Faults};
use crate::metric::Column;
use crate::text;
use crate::yaml::Spanned;

/// Text that cannot be read as what it should be.
///
/// `datetime` is ISO 8601, a date alone or with a time, unless `format` gives another (strftime);
/// `number` is decimal digits with a sign, a point, an exponent; `json` any JSON
/// value; `uuid` the form 8-4-4-4-12; `email` what an HTML form accepts (WHATWG); `url` an
/// absolute URL with a host. `iban`, `card`, `isbn` and `vin` are numbers that check themselves, `country`, `currency` and
/// `language` codes of a list; below. White space around a value is never taken away. An empty text is no
/// date, number or address.
///
/// ISO 8601 is read as `2026-01-31`, or that, then `T`, `t` or a space, then `17:45`, `17:45:01` or
/// `17:45:01.5` (up to nine digits), then nothing, `Z`, `UTC`, `+02`, `+0200` or `+02:00`. With
/// `format: common` a space may stand before the zone, and with `dayfirst` beside it these are dates
/// too: `31/1/2026`, `31-01-2026`, `31.01.2026` with `dayfirst: true`, `1/31/2026` and the like with
/// `dayfirst: false`, alone or with a space and a time as above. The year has four digits. Nothing
/// else is common: no names of months, no `5:45 PM`, no `31/1/26`, no `2026/01/31`.
///
/// Numbers that check themselves, each as its standard writes it:
///
/// - `iban` (ISO 13616): what the IBAN registry says of the country, its length and where digits and letters stand, and check digits
///   that leave 1 when the number is divided by 97 (ISO 7064). In capitals, without blanks or in groups of four (`GB82 WEST 1234 …`).
/// - `card` (ISO/IEC 7812-1): 10 to 19 digits, the last of which is Luhn's check digit; single blanks or hyphens may stand between them.
/// - `isbn` (ISO 2108): 13 digits that begin with 978 or 979, or 10 as up to 2006, the last of which may be `X`; without hyphens, or
///   with one (or a blank) between any two of its parts. 979-0 is printed music. How long each part is, is not asked.
/// - `vin` (ISO 3779): 17 digits and capitals without I, O and Q, the last four of them digits. Its check digit must be right where law
///   demands one: in numbers given out in the United States, Canada, Mexico and China. European ones have none.
///
/// Codes, in the case in which the standard writes them: capitals for countries and currencies, small letters for languages. `format`
/// says which list:
///
/// - `country` (ISO 3166-1, 249 countries as of 2026-01): `alpha2` (`DE`, the default), `alpha3` (`DEU`) or `numeric` (`276`). Codes
///   that anyone may use as he likes, such as `XK`, and reserved ones, such as `UK` and `EU`, are none.
/// - `currency` (ISO 4217, list one of 2026-01-01): `alpha3` (`EUR`, the default) or `numeric` (`978`). Currencies of the past are none.
/// - `language` (ISO 639): `alpha2` (`de`, set 1, the default) or `alpha3` (`deu`, set 3 of 2026-07-15). Codes that only libraries use,
///   such as `ger`, codes of families of languages, and tags such as `de-AT` are none.
///
/// - Missing values: missing text passes, unless `nulls: fail`.
/// - No rows: `no_data`.
///
/// Why: what is stored as text is parsed by whoever comes next, and fails there.
///
/// ```yaml
/// - parse: { column: created, as: datetime, format: "%d.%m.%Y %H:%M" }
/// - parse: { column: joined, as: datetime, format: common, dayfirst: true }
/// - parse: { columns: [payload, context], as: json }
/// - parse: { column: account, as: iban }
/// - parse: { column: country, as: country, format: alpha3 }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Parse {
    /// What the text must be.
    r#as: Kind,
    /// How a `datetime` is written, in strftime's terms, or `common`; which list a code is of: `alpha2`, `alpha3`, `numeric`.
    /// If left out: ISO 8601; for codes see above.
    format: Option<Spanned<String>>,
    /// Of `format: common`: whether the day stands before the month in dates such as `2/3/2026`. Those are no dates if it is left out.
    /// If left out: only ISO 8601 dates are read.
    dayfirst: Option<Spanned<bool>>,
}

/// The format that names several.
const COMMON: &str = "common";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Datetime,
    Number,
    Json,
    Uuid,
    Email,
    Ipv4,
    Ipv6,
    Url,
    Iban,
    Card,
    Isbn,
    Vin,
    Country,
    Currency,
    Language,
}

impl Kind {
    fn a_name(self) -> &'static str {
        match self {
            Self::Datetime => "a date or time",
            Self::Number => "a number",
            Self::Json => "JSON",
            Self::Uuid => "a UUID",
            Self::Email => "an e-mail address",
            Self::Ipv4 => "an IPv4 address",
            Self::Ipv6 => "an IPv6 address",
            Self::Url => "a URL",
            Self::Iban => "an IBAN",
            Self::Card => "a card number",
            Self::Isbn => "an ISBN",
            Self::Vin => "a vehicle identification number",
            Self::Country => "a country code",
            Self::Currency => "a currency code",
            Self::Language => "a language code",
        }
    }
}

/// The pattern of the HTML standard, "valid e-mail address".
static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    let label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
    let pattern = format!(r"^[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{label}(?:\.{label})*$");
    Regex::new(&pattern).expect("the pattern is a constant that tests compile")
});

impl Rule for Parse {
    const NAME: &'static str = "parse";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = true;

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let column = to.column();
        let mut faults = Faults::default();
        faults.0.extend(to.not_text(Self::NAME, &column));
        let form = faults.take(self.form(to));
        if let (Some(dayfirst), Some(form)) = (&self.dayfirst, &form)
            && !matches!(form, Form::Common(_))
        {
            let fault = to.fault_at(dayfirst, Code::MisplacedWord, "`dayfirst` is for `format: common`");
            faults.push(fault.hint("elsewhere the format says where the day stands"));
        }
        let Some(form) = form else { return Err(faults) };
        faults.or_ok(())?;
        let name = self.r#as.a_name();
        let says = match &form {
            Form::Strftime(format) => format!("not {name} in the form `{format}`"),
            Form::Common(Some(true)) => format!("not {name} in a common form, day first"),
            Form::Common(Some(false)) => format!("not {name} in a common form, month first"),
            Form::Common(None) => format!("not {name} in a common form"),
            Form::Whole(_) => format!("not {name}"),
            Form::Listed(list) => format!("not {name} ({})", list.name),
        };
        let test = to.row_test(ParseTest { form }, &[column.index]);
        Ok(Box::new(ParseCheck { test, says }))
    }
}

impl Parse {
    /// How the text must be written.
    fn form(&self, to: &Binder<'_>) -> Result<Form, Fault> {
        let whole = |reads: fn(&str) -> bool| match &self.format {
            None => Ok(Form::Whole(reads)),
            Some(format) => {
                let what = "`format` is for `as: datetime`, `country`, `currency` and `language`";
                Err(to.fault_at(format, Code::MisplacedWord, what))
            }
        };
        match self.r#as {
            Kind::Datetime => match &self.format {
                None => Ok(Form::Whole(|text| text::timestamp(text).is_some())),
                Some(format) if format.value == COMMON => Ok(Form::Common(self.dayfirst.as_ref().map(|d| d.value))),
                Some(format) if super::schema::is_strftime(&format.value) => Ok(Form::Strftime(format.value.clone())),
                Some(format) => {
                    let what = format!("`{}` is not a strftime format", format.value);
                    Err(to.fault_at(format, Code::InvalidValue, what).hint("such as `%d.%m.%Y %H:%M`, or `common`"))
                }
            },
            Kind::Number => whole(|text| text.bytes().any(|b| b.is_ascii_digit()) && text::float(text).is_some()),
            Kind::Json => whole(crate::json::is_value),
            Kind::Uuid => whole(is_uuid),
            Kind::Email => whole(|text| EMAIL.is_match(text)),
            Kind::Ipv4 => whole(|text| text.parse::<Ipv4Addr>().is_ok()),
            Kind::Ipv6 => whole(|text| text.parse::<Ipv6Addr>().is_ok()),
            Kind::Url => whole(|text| text.trim() == text && url::Url::parse(text).is_ok_and(|url| url.has_host())),
            Kind::Iban => whole(checked::is_iban),
            Kind::Card => whole(checked::is_card),
            Kind::Isbn => whole(checked::is_isbn),
            Kind::Vin => whole(checked::is_vin),
            Kind::Country => self.list(&codes::COUNTRIES, to),
            Kind::Currency => self.list(&codes::CURRENCIES, to),
            Kind::Language => self.list(&codes::LANGUAGES, to),
        }
    }

    /// The list of codes that `format` names; the first if it names none.
    fn list(&self, lists: &'static [List], to: &Binder<'_>) -> Result<Form, Fault> {
        let Some(format) = &self.format else { return Ok(Form::Listed(&lists[0])) };
        lists.iter().find(|list| list.format == format.value).map(Form::Listed).ok_or_else(|| {
            let formats: Vec<String> = lists.iter().map(|list| format!("`{}`", list.format)).collect();
            let what =
                format!("`{}` is no format of {}s", format.value, self.r#as.a_name().split_once(' ').map_or("code", |(_, name)| name));
            to.fault_at(format, Code::InvalidValue, what).hint(format!("write {}", formats.join(" or ")))
        })
    }
}

/// How a text is written.
enum Form {
    /// In the one way there is.
    Whole(fn(&str) -> bool),
    Strftime(String),
    /// See [`text::common`].
    Common(Option<bool>),
    Listed(&'static List),
}

struct ParseTest {
    form: Form,
}

impl ParseTest {
    fn reads(&self, text: &str) -> bool {
        match &self.form {
            Form::Whole(reads) => reads(text),
            Form::Common(day_first) => text::common(text, *day_first).is_some(),
            Form::Strftime(format) => text::timestamp_in(text, format).is_some() || text::date_in(text, format).is_some(),
            Form::Listed(list) => list.codes.contains(text),
        }
    }
}

fn is_uuid(text: &str) -> bool {
    let at = |i: usize| matches!(i, 8 | 13 | 18 | 23);
    text.len() == 36 && text.bytes().enumerate().all(|(i, b)| if at(i) { b == b'-' } else { b.is_ascii_hexdigit() })
}

impl RowTest for ParseTest {
    fn test(&self, columns: &[&Column], _: usize) -> Tested {
        let fails = columns[0].texts_for_which(|text| !self.reads(text)).expect("the rule binds to text alone");
        Tested { fails, unknown: columns[0].missing().clone() }
    }
}

#[derive(Clone)]
struct ParseCheck {
    test: TestHandle,
    says: String,
}

impl SinglePass for ParseCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        Ok(Judgement::Rows(RowsJudged::of_test(facts.test(self.test), &self.says)))
    }
}
