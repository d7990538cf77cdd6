//! Check digits, each from the definition of whoever gives the numbers out.

/// Luhn's check digit (ISO/IEC 7812-1): payment cards.
pub fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits.iter().rev().enumerate().map(|(i, &d)| u32::from(if i % 2 == 1 { d * 2 / 10 + d * 2 % 10 } else { d })).sum();
    sum.is_multiple_of(10)
}

/// ISO 7064 MOD 97-10 over an IBAN (ISO 13616) without blanks.
pub fn iban(text: &[u8]) -> bool {
    let (head, rest) = text.split_at(4.min(text.len()));
    let remainder = rest.iter().chain(head).try_fold(0u32, |sum, &c| match c {
        b'0'..=b'9' => Some((sum * 10 + u32::from(c - b'0')) % 97),
        b'A'..=b'Z' => Some((sum * 100 + u32::from(c - b'A') + 10) % 97),
        _ => None,
    });
    remainder == Some(1)
}

/// Weighted digits, summed.
fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(&d, w)| u32::from(d) * w).sum()
}

/// A Polish PESEL: a date of birth and a check digit.
pub(super) fn pesel(digits: &[u8]) -> bool {
    let two = |at: usize| digits[at] * 10 + digits[at + 1];
    let (month, day) = (two(2) % 20, two(4));
    // The century is in the month.
    let is_date = two(2) <= 92 && (1..=12).contains(&month) && (1..=31).contains(&day);
    is_date && weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

/// A Dutch BSN: the test by eleven.
pub(super) fn bsn(digits: &[u8]) -> bool {
    let sum = weighted(&digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
    sum > 0 && sum % 11 == u32::from(digits[8])
}

/// A Brazilian CPF: two check digits.
pub(super) fn cpf(digits: &[u8]) -> bool {
    let check = |of: &[u8]| {
        let sum: u32 = of.iter().enumerate().map(|(i, &d)| u32::from(d) * (of.len() as u32 + 1 - i as u32)).sum();
        match sum * 10 % 11 {
            10 => 0,
            rest => rest as u8,
        }
    };
    let is_one_digit = digits.iter().all(|d| *d == digits[0]);
    !is_one_digit && check(&digits[..9]) == digits[9] && check(&digits[..10]) == digits[10]
}

/// The letter of a Spanish DNI or NIE, whose first letter stands for a digit.
pub(super) fn dni(number: u32, letter: u8) -> bool {
    b"TRWAGMYFPDXBNJZSQVHLCKE"[(number % 23) as usize] == letter
}

/// The last letter of an Italian codice fiscale of 16 characters (D.M. 23 December 1976).
pub(super) fn codice_fiscale(text: &[u8]) -> bool {
    const ODD: [u32; 26] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let value = |c: u8| usize::from(if c.is_ascii_digit() { c - b'0' } else { c - b'A' });
    let sum: u32 = text[..15].iter().enumerate().map(|(i, &c)| if i % 2 == 0 { ODD[value(c)] } else { value(c) as u32 }).sum();
    text[15] == b'A' + (sum % 26) as u8
}
