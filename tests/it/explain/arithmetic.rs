//! A calculator for the expressions that explanations show: Python's operators, its mathematics, and some of scipy.stats.

use statrs::distribution::{ChiSquared, ContinuousCDF, Normal};

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Number(f64),
    Truth(bool),
    Text(String),
}

/// What an expression comes to.
///
/// # Errors
/// It is none.
pub fn evaluate(text: &str) -> Result<Value, String> {
    let mut rest = Rest(text.trim());
    let value = rest.any()?;
    if rest.0.is_empty() { Ok(value) } else { Err(format!("`{}` is left of `{text}`", rest.0)) }
}

/// What is not read yet.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    /// Takes `sign`, if it stands next.
    fn takes(&mut self, sign: &str) -> bool {
        match self.0.strip_prefix(sign) {
            Some(rest) => {
                self.0 = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn any(&mut self) -> Result<Value, String> {
        let mut value = self.all()?;
        while self.takes("or ") {
            value = Value::Truth(truth(value)? | truth(self.all()?)?);
        }
        Ok(value)
    }

    fn all(&mut self) -> Result<Value, String> {
        let mut value = self.compared()?;
        while self.takes("and ") {
            value = Value::Truth(truth(value)? & truth(self.compared()?)?);
        }
        Ok(value)
    }

    fn compared(&mut self) -> Result<Value, String> {
        let left = self.sum()?;
        for (sign, holds) in
            [(">=", [false, true, true]), ("<=", [true, true, false]), (">", [false, false, true]), ("<", [true, false, false])]
        {
            if self.takes(sign) {
                let order = match (&left, &self.sum()?) {
                    (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
                    (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
                    other => return Err(format!("{other:?} do not compare")),
                };
                let order = order.ok_or("not a number")?;
                return Ok(Value::Truth(holds[(order as i8 + 1) as usize]));
            }
        }
        Ok(left)
    }

    fn sum(&mut self) -> Result<Value, String> {
        let mut value = self.product()?;
        loop {
            if self.takes("+ ") {
                value = Value::Number(number(value)? + number(self.product()?)?);
            } else if self.takes("- ") {
                value = Value::Number(number(value)? - number(self.product()?)?);
            } else {
                return Ok(value);
            }
        }
    }

    fn product(&mut self) -> Result<Value, String> {
        let mut value = self.power()?;
        loop {
            if self.takes("* ") {
                value = Value::Number(number(value)? * number(self.power()?)?);
            } else if self.takes("/ ") {
                value = Value::Number(number(value)? / number(self.power()?)?);
            } else {
                return Ok(value);
            }
        }
    }

    fn power(&mut self) -> Result<Value, String> {
        let value = self.whole()?;
        if self.takes("**") { Ok(Value::Number(number(value)?.powf(number(self.whole()?)?))) } else { Ok(value) }
    }

    fn whole(&mut self) -> Result<Value, String> {
        if self.takes("(") {
            let value = self.any()?;
            return if self.takes(")") { Ok(value) } else { Err(format!("no `)` before `{}`", self.0)) };
        }
        if let Some(text) = self.0.strip_prefix('\'') {
            let (text, rest) = text.split_once('\'').ok_or("no end of the text")?;
            self.0 = rest.trim_start();
            return Ok(Value::Text(text.to_owned()));
        }
        if self.0.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return self.called();
        }
        let is_part = |(at, c): (usize, char)| {
            let sign_fits = at == 0 || self.0[..at].ends_with('e');
            !(c.is_ascii_digit() || c == '.' || c == 'e' || (c == '-' && sign_fits))
        };
        let end = self.0.char_indices().position(is_part).unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at(end);
        let value = digits.parse().map_err(|_| format!("`{}` is no number", self.0))?;
        self.0 = rest.trim_start();
        Ok(Value::Number(value))
    }

    fn called(&mut self) -> Result<Value, String> {
        let end = self.0.find('(').ok_or("a name that calls nothing")?;
        let (name, rest) = self.0.split_at(end);
        self.0 = rest[1..].trim_start();
        let mut arguments = vec![number(self.any()?)?];
        while self.takes(",") {
            arguments.push(number(self.any()?)?);
        }
        if !self.takes(")") {
            return Err(format!("no `)` before `{}`", self.0));
        }
        call(name, &arguments).map(Value::Number)
    }
}

fn call(name: &str, arguments: &[f64]) -> Result<f64, String> {
    let chi2 = |freedom: f64| ChiSquared::new(freedom).map_err(|e| e.to_string());
    Ok(match (name, arguments) {
        ("abs", [x]) => x.abs(),
        ("sqrt", [x]) => x.sqrt(),
        ("exp", [x]) => x.exp(),
        ("log", [x]) => x.ln(),
        ("log2", [x]) => x.log2(),
        ("round", [x]) => x.round_ties_even(),
        ("min", all) => all.iter().copied().fold(f64::INFINITY, f64::min),
        ("max", all) => all.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ("norm.sf", [x]) => Normal::standard().sf(*x),
        ("norm.ppf", [p]) => Normal::standard().inverse_cdf(*p),
        ("chi2.sf", [x, freedom]) => chi2(*freedom)?.sf(*x),
        ("chi2.ppf", [p, freedom]) => chi2(*freedom)?.inverse_cdf(*p),
        ("kstwo.sf", [d, n]) => sluicegate::statistics::kolmogorov_sf(*n as u64, *d),
        other => return Err(format!("{other:?} is no function")),
    })
}

fn number(value: Value) -> Result<f64, String> {
    match value {
        Value::Number(x) => Ok(x),
        Value::Truth(_) | Value::Text(_) => Err(format!("{value:?} is no number")),
    }
}

fn truth(value: Value) -> Result<bool, String> {
    match value {
        Value::Truth(holds) => Ok(holds),
        Value::Number(_) | Value::Text(_) => Err(format!("{value:?} is no truth")),
    }
}

#[test]
fn it_reckons_as_python_does() {
    // python3 -c "from math import *; print(…)"
    for (text, value) in [
        ("(1 - 3) * 2 / 4**2", -0.25),
        ("1e-4 + sqrt(4) - (-2)", 4.0001),
        ("max(0.05, 0.0001) * log(0.5 / 0.25)", 0.034_657_359_027_997_26),
        ("round(2.5) + round(3.5)", 6.0),
    ] {
        assert_eq!(evaluate(text), Ok(Value::Number(value)), "{text}");
    }
    assert_eq!(evaluate("2 / 4 > 0.25 and '2026-01-01' < '2026-02-01'"), Ok(Value::Truth(true)));
    assert!(evaluate("2 +").is_err() && evaluate("x(1)").is_err());
}
