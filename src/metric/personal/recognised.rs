//! What a single text could be.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checksums;

/// A kind of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonalKind {
    /// E-mail addresses.
    Email,
    /// Telephone numbers.
    Phone,
    /// Numbers of payment cards.
    Card,
    /// International bank account numbers.
    Iban,
    /// American Social Security numbers.
    Ssn,
    /// British National Insurance numbers.
    Nino,
    /// Spanish DNI and NIE.
    Dni,
    /// Polish PESEL.
    Pesel,
    /// Italian codici fiscali.
    CodiceFiscale,
    /// Dutch BSN.
    Bsn,
    /// Brazilian CPF.
    Cpf,
    /// IP addresses.
    Ip,
}

impl PersonalKind {
    pub const ALL: [Self; 12] = [
        Self::Email,
        Self::Phone,
        Self::Card,
        Self::Iban,
        Self::Ssn,
        Self::Nino,
        Self::Dni,
        Self::Pesel,
        Self::CodiceFiscale,
        Self::Bsn,
        Self::Cpf,
        Self::Ip,
    ];
}

/// What a text has the shape of, and what it is as far as can be told: two bits a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recognised(u32);

impl Recognised {
    /// Whether it has the shape of one.
    pub fn has_shape(self, kind: PersonalKind) -> bool {
        self.0 & (1 << (2 * kind as u32)) != 0
    }

    /// Whether it is one: its check digits are right, or its form is no one else's.
    pub fn is(self, kind: PersonalKind) -> bool {
        self.0 & (2 << (2 * kind as u32)) != 0
    }

    fn note(&mut self, kind: PersonalKind, is_one: bool) {
        self.0 |= if is_one { 3 } else { 1 } << (2 * kind as u32);
    }
}

/// Longer texts are only searched for e-mail addresses, and these only so far.
const LENGTH_MAX: usize = 64;
const SEARCHED_MAX: usize = 4096;

pub(super) fn recognise(text: &str) -> Recognised {
    let (text, mut found) = (text.trim(), Recognised::default());
    email(text, &mut found);
    if text.len() > LENGTH_MAX || !text.is_ascii() || !text.bytes().any(|b| b.is_ascii_digit()) {
        return found;
    }
    let compact: Vec<u8> = text.bytes().filter(|b| !matches!(b, b' ' | b'-' | b'.' | b'/')).map(|b| b.to_ascii_uppercase()).collect();
    phone(text, &mut found);
    match compact.iter().all(u8::is_ascii_digit) {
        true => digits(text, &compact.iter().map(|b| b - b'0').collect::<Vec<u8>>(), &mut found),
        false => letters(&compact, &mut found),
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        // Versions of programs have four small numbers too.
        let is_no_version = match address {
            IpAddr::V4(address) => address.octets().iter().any(|octet| *octet > 31),
            IpAddr::V6(_) => text.len() > 5,
        };
        found.note(PersonalKind::Ip, is_no_version);
    }
    found
}

/// An address is the whole text, or stands somewhere in it.
fn email(text: &str, found: &mut Recognised) {
    let bytes = &text.as_bytes()[..text.len().min(SEARCHED_MAX)];
    for at in memchr::memchr_iter(b'@', bytes) {
        let is_local = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'') || *b >= 0x80;
        let is_domain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-') || *b >= 0x80;
        let local = bytes[..at].iter().rev().take_while(|b| is_local(b)).count();
        let domain = bytes[at + 1..].iter().take_while(|b| is_domain(b)).count();
        let name = bytes[at + 1..at + 1 + domain].trim_ascii_end();
        let name = name.strip_suffix(b".").unwrap_or(name);
        let last = name.rsplit(|b| *b == b'.').next().unwrap_or_default();
        let is_name = name.contains(&b'.') && !name.windows(2).any(|two| two == b"..") && !matches!(name.first(), None | Some(b'.' | b'-'));
        let is_top = last.len() >= 2 && last.iter().all(|b| b.is_ascii_alphabetic() || *b >= 0x80);
        if local > 0 && is_name && is_top {
            found.note(PersonalKind::Email, local == at && at + 1 + name.len() == text.len());
        }
    }
}

/// A number that begins with a plus, or is written as in North America; anything like it has the shape.
fn phone(text: &str, found: &mut Recognised) {
    let bytes = text.as_bytes();
    let is_part = |b: &u8| b.is_ascii_digit() || matches!(b, b' ' | b'-' | b'.' | b'/' | b'(' | b')');
    let rest = bytes.strip_prefix(b"+").unwrap_or(bytes);
    let digits: Vec<u8> = rest.iter().copied().filter(u8::is_ascii_digit).collect();
    if !rest.iter().all(is_part) || !(7..=15).contains(&digits.len()) || is_day(bytes) {
        return;
    }
    // One decimal point makes a number.
    let is_number = !bytes.starts_with(b"+") && rest.iter().filter(|b| !b.is_ascii_digit()).all(|b| *b == b'.') && rest.contains(&b'.');
    let is_american = american(bytes);
    if is_number && !is_american.unwrap_or(false) {
        return;
    }
    let is_international = bytes.starts_with(b"+") && digits.len() >= 8 && digits[0] != b'0';
    found.note(PersonalKind::Phone, is_international || is_american == Some(true));
}

/// Whether it is written as a day is.
fn is_day(text: &[u8]) -> bool {
    let form: Vec<u8> = text.iter().map(|b| if b.is_ascii_digit() { b'd' } else { *b }).collect();
    matches!(form.as_slice(), b"dddd-dd-dd" | b"dddd/dd/dd" | b"dd-dd-dddd" | b"dd/dd/dddd")
}

/// Of `(ddd) ddd-dddd`, `ddd-ddd-dddd` and `ddd.ddd.dddd`: whether the area and the exchange can be such; none of other forms.
fn american(text: &[u8]) -> Option<bool> {
    let form: Vec<u8> = text.iter().map(|b| if b.is_ascii_digit() { b'd' } else { *b }).collect();
    let (area, exchange) = match form.as_slice() {
        b"(ddd) ddd-dddd" => (1, 6),
        b"(ddd)ddd-dddd" => (1, 5),
        b"ddd-ddd-dddd" | b"ddd.ddd.dddd" => (0, 4),
        _ => return None,
    };
    // Neither begins with 0 or 1, nor ends in 11 (North American Numbering Plan).
    let can_be = |at: usize| text[at] >= b'2' && &text[at + 1..at + 3] != b"11";
    Some(can_be(area) && can_be(exchange))
}

/// Numbers that are told by their digits.
fn digits(text: &str, digits: &[u8], found: &mut Recognised) {
    let is_grouped_as = |form: &str| {
        text.len() == form.len() && text.bytes().zip(form.bytes()).all(|(b, f)| b.is_ascii_digit() == (f == b'd') && (f == b'd' || b == f))
    };
    let is_plain = text.len() == digits.len();
    match digits.len() {
        9 => {
            let is_ssn = is_grouped_as("ddd-dd-dddd");
            if is_ssn || is_plain {
                // No area is 000, 666 or above 899; no group 00, no serial 0000 (Social Security Administration).
                let (area, group) = (&digits[..3], &digits[3..5]);
                let can_be = area != [0, 0, 0] && area != [6, 6, 6] && area[0] != 9 && group != [0, 0] && digits[5..] != [0, 0, 0, 0];
                found.note(PersonalKind::Ssn, is_ssn && can_be);
            }
            if is_plain || is_grouped_as("dddd.dd.ddd") {
                found.note(PersonalKind::Bsn, checksums::bsn(digits));
            }
        }
        11 => {
            if is_plain {
                found.note(PersonalKind::Pesel, checksums::pesel(digits));
            }
            if is_plain || is_grouped_as("ddd.ddd.ddd-dd") {
                found.note(PersonalKind::Cpf, checksums::cpf(digits));
            }
        }
        13..=19 if is_card(digits) && !text.contains(['.', '/']) => found.note(PersonalKind::Card, checksums::luhn(digits)),
        _ => {}
    }
}

/// Whether a number begins as payment cards do, and has as many digits as these.
fn is_card(digits: &[u8]) -> bool {
    let first = digits[..4].iter().fold(0, |all, &d| all * 10 + u32::from(d));
    match first {
        4000..=4999 => matches!(digits.len(), 13 | 16 | 19),
        5100..=5599 | 2221..=2720 => digits.len() == 16,
        3400..=3499 | 3700..=3799 => digits.len() == 15,
        3000..=3059 | 3600..=3699 | 3800..=3999 => digits.len() == 14,
        6011 | 6440..=6599 | 3528..=3589 | 6200..=6299 => (16..=19).contains(&digits.len()),
        _ => false,
    }
}

/// Numbers with letters, without blanks and in capitals.
fn letters(text: &[u8], found: &mut Recognised) {
    let form: Vec<u8> = text
        .iter()
        .map(|b| {
            if b.is_ascii_digit() {
                b'd'
            } else if b.is_ascii_uppercase() {
                b'A'
            } else {
                *b
            }
        })
        .collect();
    match form.as_slice() {
        b"AAddddddA" => {
            let is_first = |b: u8| !b"DFIQUV".contains(&b);
            let is_prefix = is_first(text[0]) && is_first(text[1]) && text[1] != b'O';
            let is_given = ![&b"BG"[..], b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"].contains(&&text[..2]);
            found.note(PersonalKind::Nino, is_prefix && is_given && text[8] <= b'D');
        }
        b"ddddddddA" => found.note(PersonalKind::Dni, checksums::dni(number(&text[..8]), text[8])),
        b"AdddddddA" if matches!(text[0], b'X' | b'Y' | b'Z') => {
            let number = u32::from(text[0] - b'X') * 10_000_000 + number(&text[1..8]);
            found.note(PersonalKind::Dni, checksums::dni(number, text[8]));
        }
        b"AAAAAAddAddAdddA" => found.note(PersonalKind::CodiceFiscale, checksums::codice_fiscale(text)),
        _ => {}
    }
    let is_iban_like = (15..=34).contains(&text.len()) && form.starts_with(b"AAdd") && text.iter().all(u8::is_ascii_alphanumeric);
    if is_iban_like {
        found.note(PersonalKind::Iban, checksums::iban(text));
    }
}

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |all, &d| all * 10 + u32::from(d - b'0'))
}

#[cfg(test)]
mod tests {
    use super::PersonalKind::*;
    use super::*;

    /// Published examples: the issuers' test cards, ISO 13616 and national banks, and the authorities' own specimens.
    #[test]
    fn published_examples_are_recognised_and_one_digit_more_is_not() {
        for (kind, text) in [
            (Email, "ada.lovelace+news@example.co.uk"),
            (Phone, "+44 20 7946 0958"),
            (Phone, "(212) 555-0123"),
            (Card, "4111 1111 1111 1111"),
            (Card, "378282246310005"),
            (Card, "5555-5555-5555-4444"),
            (Card, "30569309025904"),
            (Iban, "GB82 WEST 1234 5698 7654 32"),
            (Iban, "DE89370400440532013000"),
            (Ssn, "219-09-9999"),
            (Nino, "AB123456C"),
            (Dni, "12345678Z"),
            (Dni, "X1234567L"),
            (Pesel, "44051401359"),
            (CodiceFiscale, "RSSMRA85T10A562S"),
            (Bsn, "111222333"),
            (Cpf, "529.982.247-25"),
            (Ip, "192.168.0.1"),
            (Ip, "2001:db8::1"),
        ] {
            assert!(recognise(text).is(kind), "{text} is {kind:?}");
        }
        for (kind, text) in [
            (Card, "4111 1111 1111 1112"),
            (Iban, "GB82 WEST 1234 5698 7654 33"),
            (Ssn, "666-09-9999"),
            (Nino, "QQ123456C"),
            (Dni, "12345678A"),
            (Pesel, "44051401358"),
            (CodiceFiscale, "RSSMRA85T10A562T"),
            (Bsn, "111222334"),
            (Cpf, "529.982.247-26"),
            (Ip, "1.2.3.4"),
        ] {
            let found = recognise(text);
            assert!(found.has_shape(kind) && !found.is(kind), "{text} is no {kind:?}");
        }
    }

    #[test]
    fn other_things_are_none_of_these() {
        for text in ["2026-11-22", "2026-11-22 10:00:00", "12.5", "1234.567890", "+0200", "user@localhost", "@home", "v1.2.3", "a-b", ""] {
            assert_eq!(recognise(text), Recognised::default(), "{text}");
        }
        let within = recognise("please write to ada@example.org, thanks");
        assert!(within.has_shape(Email) && !within.is(Email));
    }
}
