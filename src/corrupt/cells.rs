//! What an error makes of one value that is written as text; none where it would change nothing.

use chrono::{NaiveDate, NaiveDateTime};

use super::random::Random;
use crate::text::{NumberForm, date};

/// The number times 10 to the power of `zeros`, to the digit.
pub(super) fn times_ten(text: &str, zeros: usize, form: NumberForm) -> Option<String> {
    let plain = form.plain(text)?;
    let number: f64 = plain.parse().ok().filter(|x: &f64| x.is_finite() && *x != 0.0)?;
    let digits = plain.strip_prefix(['-', '+']).unwrap_or(&plain);
    if !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Some(written(&(number * 10f64.powi(zeros as i32)).to_string(), form));
    }
    let sign = &plain[..plain.len() - digits.len()];
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (moved, left) = fraction.split_at(zeros.min(fraction.len()));
    let whole = format!("{whole}{moved}{}", "0".repeat(zeros - moved.len()));
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = if fraction.is_empty() { String::new() } else { format!(".{}", if left.is_empty() { "0" } else { left }) };
    Some(written(&format!("{sign}{whole}{fraction}"), form))
}

/// Degrees Celsius as Fahrenheit, with as many decimals.
pub(super) fn fahrenheit(text: &str, form: NumberForm) -> Option<String> {
    let plain = form.plain(text)?;
    let celsius: f64 = plain.parse().ok().filter(|x: &f64| x.is_finite() && *x != -40.0)?;
    let decimals = plain.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    Some(written(&format!("{:.decimals$}", celsius * 1.8 + 32.0), form))
}

/// A number as the data writes it.
fn written(plain: &str, form: NumberForm) -> String {
    plain.replace('.', &form.decimal.to_string())
}

/// A date or time whose seconds since 1970 were taken for milliseconds.
pub(super) fn near_1970(text: &str, format: Option<&str>) -> Option<String> {
    if let Some(format) = format {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
            return Some(thousandth(time)?.format(format).to_string()).filter(|new| new != text);
        }
        let day = NaiveDate::parse_from_str(text, format).ok()?.and_hms_opt(0, 0, 0)?;
        return Some(thousandth(day)?.format(format).to_string()).filter(|new| new != text);
    }
    let day = text.get(..10).filter(|day| date(day).is_some())?;
    let midnight = day.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?;
    let new = format!("{}{}", thousandth(midnight)?.format("%Y-%m-%d"), &text[10..]);
    (new != text).then_some(new)
}

fn thousandth(time: NaiveDateTime) -> Option<NaiveDateTime> {
    chrono::DateTime::from_timestamp(time.and_utc().timestamp() / 1000, 0).map(|time| time.naive_utc())
}

/// One letter wrong, missing, doubled, or changed with the next.
pub(super) fn mistyped(text: &str, random: &mut Random) -> Option<String> {
    let letters: Vec<char> = text.chars().collect();
    let places: Vec<usize> = (0..letters.len()).filter(|&i| letters[i].is_alphabetic()).collect();
    if places.len() < 2 {
        return None;
    }
    let at = places[random.below(places.len())];
    let mut new = letters.clone();
    match random.below(4) {
        0 if letters.get(at + 1).is_some_and(|next| *next != letters[at]) => new.swap(at, at + 1),
        1 => _ = new.remove(at),
        2 => new.insert(at, letters[at]),
        _ => new[at] = other_letter(letters[at], random),
    }
    let new: String = new.into_iter().collect();
    (new != text).then_some(new)
}

fn other_letter(letter: char, random: &mut Random) -> char {
    let lower = letter.to_ascii_lowercase();
    let other = loop {
        let other = char::from(b'a' + random.below(26) as u8);
        if other != lower {
            break other;
        }
    };
    if letter.is_uppercase() { other.to_ascii_uppercase() } else { other }
}

/// A digit that became the letter next to it or like it.
pub(super) fn letter_in_number(text: &str, random: &mut Random) -> Option<String> {
    let digits: Vec<usize> = text.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(i, _)| i).collect();
    let at = *digits.get(random.below(digits.len().max(1)))?;
    let letter = match text.as_bytes()[at] {
        b'0' => 'O',
        b'1' => 'l',
        b'5' => 'S',
        b'8' => 'B',
        _ => 'w',
    };
    let mut new = text.to_owned();
    new.replace_range(at..=at, &letter.to_string());
    Some(new)
}

/// Another text with letters and digits at the same places.
pub(super) fn unseen(text: &str, random: &mut Random) -> Option<String> {
    let other = |c: char, random: &mut Random| match c {
        c if c.is_alphabetic() => other_letter(c, random),
        c if c.is_ascii_digit() => char::from(b'0' + random.below(10) as u8),
        c => c,
    };
    let new: String = text.chars().map(|c| other(c, random)).collect();
    (new != text).then_some(new)
}

/// The same text as others would write it: the other case, a blank in front; a date with its day first.
pub(super) fn text_otherwise(text: &str) -> Option<String> {
    if let Some(other) = day_first(text) {
        return Some(other);
    }
    let upper = text.to_uppercase();
    let other_case = if upper == text { text.to_lowercase() } else { upper };
    Some(format!(" {other_case}"))
}

/// An ISO date with its day first.
pub(super) fn day_first(text: &str) -> Option<String> {
    let day = text.get(..10).filter(|day| date(day).is_some())?;
    Some(format!("{}/{}/{}{}", &day[8..10], &day[5..7], &day[..4], &text[10..]))
}

/// A number as others would write it: with the other decimal mark, or with a unit behind it.
pub(super) fn number_otherwise(text: &str, form: NumberForm) -> Option<String> {
    let plain = form.plain(text)?;
    plain.parse::<f64>().ok()?;
    let other = if form.decimal == '.' { "," } else { "." };
    Some(match plain.split_once('.') {
        Some((whole, fraction)) => format!("{whole}{other}{fraction}"),
        None => format!("{text} USD"),
    })
}

/// A truth value as others would write it.
pub(super) fn flag_otherwise(text: &str) -> Option<String> {
    Some(if crate::text::boolean(text)? { "yes" } else { "no" }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_moved_to_the_digit() {
        let plain = NumberForm::default();
        let of = |text, zeros| times_ten(text, zeros, plain);
        let expected = [("12.5", 1, "125.0"), ("0.05", 3, "50.0"), ("-7", 3, "-7000"), ("1.2345", 3, "1234.5"), ("0.1", 1, "1.0")];
        for (text, zeros, moved) in expected {
            assert_eq!(of(text, zeros).as_deref(), Some(moved), "{text}");
        }
        assert_eq!((of("0", 1), of("x", 1)), (None, None));
        let german = NumberForm { decimal: ',', thousands: Some('.') };
        assert_eq!(times_ten("1.234,5", 1, german).as_deref(), Some("12345,0"));
        assert_eq!(fahrenheit("21.5", plain).as_deref(), Some("70.7"));
        assert_eq!(fahrenheit("-40", plain), None);
    }

    #[test]
    fn dates_move_to_where_milliseconds_put_them() {
        // `date -u -d @$(($(date -u -d 2026-11-22 +%s) / 1000))`: Wed Jan 21 18:55:12 UTC 1970.
        assert_eq!(near_1970("2026-11-22", None).as_deref(), Some("1970-01-21"));
        assert_eq!(near_1970("2026-11-22T10:00:00Z", None).as_deref(), Some("1970-01-21T10:00:00Z"));
        assert_eq!(near_1970("22.11.2026", Some("%d.%m.%Y")).as_deref(), Some("21.01.1970"));
        assert_eq!((near_1970("soon", None), near_1970("1970-01-01", None)), (None, None));
    }

    #[test]
    fn other_ways_to_write_it_are_other_texts() {
        assert_eq!(text_otherwise("Anna").as_deref(), Some(" ANNA"));
        assert_eq!(text_otherwise("DE").as_deref(), Some(" de"));
        assert_eq!(text_otherwise("2026-01-05").as_deref(), Some("05/01/2026"));
        assert_eq!(number_otherwise("12.5", NumberForm::default()).as_deref(), Some("12,5"));
        assert_eq!(number_otherwise("12", NumberForm::default()).as_deref(), Some("12 USD"));
        assert_eq!(flag_otherwise("true").as_deref(), Some("yes"));
        let mut random = Random::of(1, "x");
        for _ in 0..100 {
            let typed = mistyped("Berlin", &mut random).unwrap_or_default();
            assert!(typed != "Berlin" && typed.len().abs_diff(6) <= 1, "{typed}");
            assert_ne!(unseen("AB-12", &mut random).unwrap_or_default(), "AB-12");
            assert!(letter_in_number("105", &mut random).is_some_and(|new| new.parse::<f64>().is_err()));
        }
    }
}
