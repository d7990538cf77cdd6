//! One number, exact.

use std::cmp::Ordering;
use std::fmt;

/// An integer, a decimal (integer over a power of ten), or a float that is not NaN.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub enum Number {
    Int { value: i128, scale: i8 },
    Float(f64),
}

impl Number {
    pub fn int(value: i128) -> Self {
        Self::Int { value, scale: 0 }
    }

    /// The nearest float.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int { value, scale: 0 } => value as f64,
            Self::Int { value, scale } => scaled_to_f64(value, scale),
            Self::Float(x) => x,
        }
    }
}

impl Number {
    /// The number as text that says its scale: `12`, `0.50`, `12e3`; floats as short as they can be written.
    pub(super) fn written(self) -> String {
        match self {
            Self::Int { value, scale } if scale < 0 => format!("{value}e{}", -i32::from(scale)),
            Self::Int { .. } => self.to_string(),
            Self::Float(x) => decimal(x),
        }
    }

    /// An integer or decimal that [`Number::written`] wrote.
    pub(super) fn read_int(text: &str) -> Option<Self> {
        if let Some((value, exponent)) = text.split_once('e') {
            let scale = exponent.parse::<i8>().ok().and_then(i8::checked_neg).filter(|scale| *scale < 0)?;
            return Some(Self::Int { value: value.parse().ok()?, scale });
        }
        let Some((whole, fraction)) = text.split_once('.') else { return text.parse().ok().map(Self::int) };
        let digits = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit()) && whole.ends_with(|c: char| c.is_ascii_digit());
        let value = format!("{whole}{fraction}").parse().ok().filter(|_| digits)?;
        Some(Self::Int { value, scale: i8::try_from(fraction.len()).ok()? })
    }

    /// A float that [`Number::written`] wrote.
    pub(super) fn read_float(text: &str) -> Option<Self> {
        text.parse::<f64>().ok().filter(|x| !x.is_nan()).map(Self::Float)
    }
}

/// The shorter of two ways to write a float that read back to the same bits.
pub(super) fn decimal(x: f64) -> String {
    let (plain, scientific) = (format!("{x}"), format!("{x:e}"));
    if scientific.len() < plain.len() { scientific } else { plain }
}

/// `value / 10^scale`, rounded once where both fit a float exactly.
pub fn scaled_to_f64(value: i128, scale: i8) -> f64 {
    const EXACT_INTEGER_MAX: u128 = 1 << 53;
    if scale == 0 {
        return value as f64;
    }
    if value.unsigned_abs() <= EXACT_INTEGER_MAX && (0..=22).contains(&scale) {
        return value as f64 / 10f64.powi(i32::from(scale));
    }
    format!("{value}e{}", -i32::from(scale)).parse().expect("digits and an exponent are a number")
}

/// Turns the integers of one column into floats.
#[derive(Debug, Clone, Copy)]
pub struct ToFloat {
    scale: i8,
    /// 10^scale, where a float holds it exactly.
    divisor: Option<f64>,
}

impl ToFloat {
    pub fn new(scale: i8) -> Self {
        Self { scale, divisor: (0..=22).contains(&scale).then(|| 10f64.powi(i32::from(scale))) }
    }

    /// As [`Number::as_f64`], without asking the scale again.
    pub fn convert(&self, value: i128) -> f64 {
        const EXACT_INTEGER_MAX: u64 = 1 << 53;
        match (i64::try_from(value), self.divisor) {
            (Ok(narrow), Some(divisor)) if narrow.unsigned_abs() <= EXACT_INTEGER_MAX => narrow as f64 / divisor,
            _ => scaled_to_f64(value, self.scale),
        }
    }
}

impl Ord for Number {
    /// Numbers of one column share a scale, so integers compare as they are; those of different ones by the nearest floats.
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int { value: a, scale: s }, Self::Int { value: b, scale: t }) if s == t => a.cmp(b),
            _ => self.as_f64().total_cmp(&other.as_f64()),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Float(x) => write!(f, "{x}"),
            Self::Int { value, scale } if scale <= 0 => write!(f, "{value}"),
            Self::Int { value, scale } => {
                let scale = scale as usize;
                let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
                let (whole, fraction) = digits.split_at(digits.len() - scale);
                write!(f, "{}{whole}.{fraction}", if value < 0 { "-" } else { "" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_print_and_convert() {
        let n = Number::Int { value: -5, scale: 2 };
        assert_eq!(n.to_string(), "-0.05");
        assert_eq!(n.as_f64(), -0.05);
        assert_eq!(Number::Int { value: 10494950, scale: 2 }.to_string(), "104949.50");
    }

    #[test]
    fn what_is_written_reads_back_with_its_scale() {
        for (value, scale, text) in
            [(-5, 2, "-0.05"), (7, 0, "7"), (-12, -3, "-12e3"), (0, 1, "0.0"), (i128::MIN, 38, "-1.70141183460469231731687303715884105728")]
        {
            let number = Number::Int { value, scale };
            assert_eq!(number.written(), text);
            let Some(Number::Int { value: read, scale: as_read }) = Number::read_int(text) else { panic!("{text} is a number") };
            assert_eq!((read, as_read), (value, scale), "{text}");
        }
        for text in ["", "1.", "1.x", "e5", "1e300", "1e5e5", ".5", "NaN"] {
            assert!(Number::read_int(text).is_none(), "{text}");
        }
        assert_eq!((decimal(1e300), decimal(0.1), decimal(f64::NEG_INFINITY)), ("1e300".into(), "0.1".into(), "-inf".into()));
    }
}
