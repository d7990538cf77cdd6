use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;

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
/// absolute URL with a host. White space around a value is never taken away. An empty text is no
/// date, number or address.
///
/// ISO 8601 is read as `2026-01-31`, or that, then `T`, `t` or a space, then `17:45`, `17:45:01` or
/// `17:45:01.5` (up to nine digits), then nothing, `Z`, `UTC`, `+02`, `+0200` or `+02:00`. With
/// `format: common` a space may stand before the zone, and with `dayfirst` beside it these are dates
/// too: `31/1/2026`, `31-01-2026`, `31.01.2026` with `dayfirst: true`, `1/31/2026` and the like with
/// `dayfirst: false`, alone or with a space and a time as above. The year has four digits. Nothing
/// else is common: no names of months, no `5:45 PM`, no `31/1/26`, no `2026/01/31`.
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
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Parse {
    /// What the text must be.
    r#as: Kind,
    /// How a `datetime` is written, in strftime's terms; or `common`. If left out: ISO 8601.
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
        if let Some(format) = &self.format {
            if self.r#as != Kind::Datetime {
                faults.push(to.fault_at(format, Code::MisplacedWord, "`format` is for `as: datetime`"));
            } else if format.value != COMMON && !super::schema::is_strftime(&format.value) {
                let what = format!("`{}` is not a strftime format", format.value);
                faults.push(to.fault_at(format, Code::InvalidValue, what).hint("such as `%d.%m.%Y %H:%M`, or `common`"));
            }
        }
        let form = match &self.format {
            None => Form::Iso,
            Some(format) if format.value == COMMON => Form::Common(self.dayfirst.as_ref().map(|d| d.value)),
            Some(format) => Form::Strftime(format.value.clone()),
        };
        if let (Some(dayfirst), Form::Iso | Form::Strftime(_)) = (&self.dayfirst, &form) {
            let fault = to.fault_at(dayfirst, Code::MisplacedWord, "`dayfirst` is for `format: common`");
            faults.push(fault.hint("elsewhere the format says where the day stands"));
        }
        faults.or_ok(())?;
        let name = self.r#as.a_name();
        let says = match &form {
            Form::Strftime(format) => format!("not {name} in the form `{format}`"),
            Form::Common(Some(true)) => format!("not {name} in a common form, day first"),
            Form::Common(Some(false)) => format!("not {name} in a common form, month first"),
            Form::Common(None) => format!("not {name} in a common form"),
            Form::Iso => format!("not {name}"),
        };
        let test = to.row_test(ParseTest { kind: self.r#as, form }, &[column.index]);
        Ok(Box::new(ParseCheck { test, says }))
    }
}

/// How a date or time is written.
enum Form {
    Iso,
    Strftime(String),
    /// See [`text::common`].
    Common(Option<bool>),
}

struct ParseTest {
    kind: Kind,
    form: Form,
}

impl ParseTest {
    fn reads(&self, text: &str) -> bool {
        match (self.kind, &self.form) {
            (Kind::Datetime, Form::Common(day_first)) => text::common(text, *day_first).is_some(),
            (Kind::Datetime, Form::Strftime(format)) => text::timestamp_in(text, format).is_some() || text::date_in(text, format).is_some(),
            (Kind::Datetime, Form::Iso) => text::timestamp(text).is_some(),
            (Kind::Number, _) => text.bytes().any(|b| b.is_ascii_digit()) && text::float(text).is_some(),
            (Kind::Json, _) => crate::json::is_value(text),
            (Kind::Uuid, _) => is_uuid(text),
            (Kind::Email, _) => EMAIL.is_match(text),
            (Kind::Ipv4, _) => text.parse::<Ipv4Addr>().is_ok(),
            (Kind::Ipv6, _) => text.parse::<Ipv6Addr>().is_ok(),
            (Kind::Url, _) => text.trim() == text && url::Url::parse(text).is_ok_and(|url| url.has_host()),
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
