//! Numbers that check themselves: each as its standard writes it.

use crate::metric::personal::checksums;

/// What follows the country and the check digits of an IBAN: digits (`n`), capitals (`a`) or either (`c`), as many as stand before
/// the letter. The IBAN registry (ISO 13616), release 101, as SWIFT keeps it; but for Brazil, whose bank code has had letters since
/// a later release.
const BBANS: &str = "\
    AD8n12c AE19n AL8n16c AT16n AZ4a20c BA16n BE12n BG4a6n8c BH4a14c BI23n BR8c15n2c BY4c4n16c CH5n12c CR18n CY8n16c CZ20n DE18n \
    DJ23n DK14n DO4c20n EE16n EG25n ES20n FI14n FK2a12n FO14n FR10n11c2n GB4a14n GE2a16n GI4a15c GL14n GR7n16c GT24c HN4a20n HR17n \
    HU24n IE4a14n IL19n IQ4a15n IS22n IT1a10n12c JO4a4n18c KW4a22c KZ3n13c LB4n20c LC4a24c LI5n12c LT16n LU3n13c LV4a13c LY21n \
    MC10n11c2n MD20c ME18n MK3n10c2n MN16n MR23n MT4a5n18c MU4a19n3a NI4a20n NL4a10n NO11n OM3n16c PK4a16c PL24n PS4a21c PT21n \
    QA4a21c RO4a16c RS18n RU14n15c SA2n18c SC4a20n3a SD14n SE20n SI15n SK20n SM1a10n12c SO19n ST21n SV4a20n TL19n TN20n TR6n16c \
    UA6n19c VA18n VG4a16n XK16n YE4a4n18c";

/// An IBAN (ISO 13616) in capitals: without blanks, or as it is printed, in groups of four with a blank between them.
pub(super) fn is_iban(text: &str) -> bool {
    /// The longest that the standard allows.
    const LENGTH_MAX: usize = 34;
    let mut compact = [0u8; LENGTH_MAX];
    let is_printed = text.as_bytes().get(4) == Some(&b' ');
    let mut len = 0;
    for (i, &b) in text.as_bytes().iter().enumerate() {
        if is_printed && i % 5 == 4 {
            if b != b' ' || i + 1 == text.len() {
                return false;
            }
            continue;
        }
        if len == LENGTH_MAX {
            return false;
        }
        compact[len] = b;
        len += 1;
    }
    let compact = &compact[..len];
    let Some((head, rest)) = compact.split_at_checked(4) else { return false };
    // Check digits are what is left to 98: from 02 to 98.
    let can_be = matches!(head[2..], [b'0', b'2'..=b'9'] | [b'1'..=b'8', b'0'..=b'9'] | [b'9', b'0'..=b'8']);
    can_be && has_form_of_country(&head[..2], rest) && checksums::iban(compact)
}

fn has_form_of_country(country: &[u8], bban: &[u8]) -> bool {
    let form = BBANS.split_ascii_whitespace().find(|entry| entry.as_bytes().starts_with(country));
    let Some(form) = form.filter(|_| country.len() == 2) else { return false };
    let (mut rest, mut count) = (bban, 0);
    for b in form.bytes().skip(2) {
        if b.is_ascii_digit() {
            count = count * 10 + usize::from(b - b'0');
            continue;
        }
        let Some((part, after)) = rest.split_at_checked(count) else { return false };
        let is_one = |c: &u8| match b {
            b'n' => c.is_ascii_digit(),
            b'a' => c.is_ascii_uppercase(),
            _ => c.is_ascii_digit() || c.is_ascii_uppercase(),
        };
        if !part.iter().all(is_one) {
            return false;
        }
        (rest, count) = (after, 0);
    }
    rest.is_empty()
}

/// The digits of a text that has nothing else but single blanks or single hyphens between them, never both; and how many of these.
fn digits<const MAX: usize>(text: &str) -> Option<([u8; MAX], usize, usize)> {
    let (mut digits, mut len, mut separator, mut separators) = ([0u8; MAX], 0, None, 0);
    let bytes = text.as_bytes();
    for (i, &b) in bytes.iter().enumerate() {
        match b {
            b'0'..=b'9' if len < MAX => {
                digits[len] = b - b'0';
                len += 1;
            }
            b' ' | b'-' if i > 0 && i + 1 < bytes.len() && bytes[i - 1].is_ascii_digit() && *separator.get_or_insert(b) == b => {
                separators += 1;
            }
            _ => return None,
        }
    }
    Some((digits, len, separators))
}

/// The number of a payment card: 10 to 19 digits (ISO/IEC 7812-1:2017), the last of which is Luhn's check digit.
pub(super) fn is_card(text: &str) -> bool {
    digits::<19>(text).is_some_and(|(digits, len, _)| len >= 10 && checksums::luhn(&digits[..len]))
}

/// An ISBN of 13 digits (ISO 2108:2017), or of 10 as up to 2006: without hyphens, or with one between any two of its parts.
pub(super) fn is_isbn(text: &str) -> bool {
    is_isbn_13(text) || is_isbn_10(text)
}

fn is_isbn_13(text: &str) -> bool {
    let Some((digits, 13, separators)) = digits::<13>(text) else { return false };
    // Three digits, group, publisher, title, check digit.
    let bytes = text.as_bytes();
    let has_parts = separators == 4 && !bytes[3].is_ascii_digit() && !bytes[bytes.len() - 2].is_ascii_digit();
    // 979-0 is printed music (ISO 10957).
    let is_book = digits[..3] == [9, 7, 8] || (digits[..3] == [9, 7, 9] && digits[3] != 0);
    let sum: u32 = digits.iter().enumerate().map(|(i, &d)| u32::from(d) * if i % 2 == 0 { 1 } else { 3 }).sum();
    (separators == 0 || has_parts) && is_book && sum.is_multiple_of(10)
}

fn is_isbn_10(text: &str) -> bool {
    let Some((last, head)) = text.as_bytes().split_last() else { return false };
    let check = match last {
        b'0'..=b'9' => u32::from(last - b'0'),
        b'X' => 10,
        _ => return false,
    };
    // Group, publisher, title, check digit: what stands before the last separator has two more.
    let head = &text[..head.len()];
    let (number, is_parted) = match head.strip_suffix(['-', ' ']) {
        Some(number) => (number, true),
        None => (head, false),
    };
    let Some((digits, 9, separators)) = digits::<9>(number) else { return false };
    let is_alike = !is_parted || number.bytes().find(|b| !b.is_ascii_digit()) == head.bytes().last();
    let sum: u32 = digits.iter().zip((2..=10).rev()).map(|(&d, weight)| u32::from(d) * weight).sum();
    separators == if is_parted { 2 } else { 0 } && is_alike && (sum + check).is_multiple_of(11)
}

/// A vehicle identification number (ISO 3779): 17 digits and capitals without I, O and Q, the last four of them digits. Where law demands
/// a check digit at its ninth place, it must be right: in the United States and Canada (49 CFR 565), Mexico and China.
pub(super) fn is_vin(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let Ok(vin) = <&[u8; 17]>::try_from(text.as_bytes()) else { return false };
    let mut sum = 0;
    for (&c, weight) in vin.iter().zip(WEIGHTS) {
        let value = match c {
            b'0'..=b'9' => c - b'0',
            b'A'..=b'H' => c - b'A' + 1,
            b'J'..=b'N' | b'P' | b'R' => c - b'J' + 1,
            b'S'..=b'Z' => c - b'S' + 2,
            _ => return false,
        };
        sum += u32::from(value) * weight;
    }
    let check = if sum % 11 == 10 { b'X' } else { b'0' + (sum % 11) as u8 };
    let has_check_digit = match vin[0] {
        b'1' | b'2' | b'4' | b'5' | b'L' => true,
        b'3' => vin[1].is_ascii_uppercase() && vin[1] < b'X',
        b'7' => vin[1] >= b'F' || vin[1].is_ascii_digit(),
        _ => false,
    };
    vin[13..].iter().all(u8::is_ascii_digit) && (!has_check_digit || vin[8] == check)
}
