//! From what values look like to what a column holds: shares against chance, and what its name says.

use crate::metric::personal::{PersonalKind, PersonalOut};

/// A kind of personal data that the column holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Decision {
    pub name: &'static str,
    /// Different values that are such.
    pub values: u64,
    /// What beside the values speaks for it.
    pub because: &'static str,
}

/// What tells one kind from other numbers and texts.
struct Terms {
    /// What the report calls several of them.
    name: &'static str,
    evidence: Evidence,
    /// This share of the column's values must be such.
    share_min: f64,
    /// Words of names that speak of it.
    words: &'static [&'static str],
}

enum Evidence {
    /// Its form is no one else's: one is enough, where the share is.
    Form,
    /// Check digits, which are right by chance in this share of values with the shape.
    Checksum { chance: f64 },
    /// A form that others have too: such a share of the values with the shape must be well-formed. Where the name speaks of it,
    /// the shape will do.
    Shape { well_formed: f64 },
}

/// With a name that speaks of it, this part of the share will do.
const BY_NAME: f64 = 0.1;
/// Chance must explain so many right check digits less often than this.
const BY_CHANCE_MAX: f64 = 1e-6;
const BY_CHANCE_MAX_WITH_NAME: f64 = 1e-3;
/// Fewer values than these are taken for nothing, unless there are no others or the name speaks of it.
const VALUES_MIN: u64 = 3;

fn terms(kind: PersonalKind) -> Terms {
    let of = |name, evidence, share_min, words| Terms { name, evidence, share_min, words };
    let checksum = |chance| Evidence::Checksum { chance };
    match kind {
        PersonalKind::Email => of("e-mail addresses", Evidence::Form, 0.01, &["email", "mail", "emails"]),
        PersonalKind::Phone => of(
            "telephone numbers",
            Evidence::Shape { well_formed: 0.9 },
            0.5,
            &["phone", "telephone", "tel", "mobile", "fax", "handy", "msisdn", "telefon", "whatsapp"],
        ),
        PersonalKind::Card => of("payment card numbers", checksum(0.1), 0.1, &["card", "cc", "pan", "creditcard", "cardnumber"]),
        PersonalKind::Iban => of("IBANs", checksum(1.0 / 97.0), 0.01, &["iban", "account", "bank"]),
        PersonalKind::Ssn => {
            of("Social Security numbers (SSN)", Evidence::Shape { well_formed: 0.98 }, 0.5, &["ssn", "social", "socialsecurity"])
        }
        PersonalKind::Nino => {
            of("National Insurance numbers (NINO)", Evidence::Shape { well_formed: 0.9 }, 0.5, &["nino", "insurance", "ni"])
        }
        PersonalKind::Dni => of("Spanish DNI or NIE", checksum(1.0 / 23.0), 0.1, &["dni", "nie", "nif"]),
        // The date within it is right by chance in less than one in five.
        PersonalKind::Pesel => of("PESEL numbers", checksum(0.02), 0.5, &["pesel"]),
        PersonalKind::CodiceFiscale => of("codici fiscali", checksum(1.0 / 26.0), 0.01, &["fiscale", "cf", "codicefiscale"]),
        PersonalKind::Bsn => of("BSN numbers", checksum(1.0 / 11.0), 0.5, &["bsn", "burgerservicenummer", "sofi"]),
        PersonalKind::Cpf => of("CPF numbers", checksum(0.01), 0.5, &["cpf"]),
        PersonalKind::Ip => of("IP addresses", Evidence::Shape { well_formed: 0.5 }, 0.5, &["ip", "ipaddress", "ipv4", "ipv6"]),
    }
}

/// What of `kinds` the column holds, the most values first.
pub(super) fn decide(column: &str, kinds: &[PersonalKind], found: &PersonalOut) -> Vec<Decision> {
    let words = words(column);
    let wanted = found.found.iter().filter(|(kind, ..)| kinds.contains(kind));
    let mut decided: Vec<Decision> =
        wanted.filter_map(|&(kind, shaped, valid)| is_held(&terms(kind), &words, found.values, shaped, valid)).collect();
    decided.sort_by_key(|decision| std::cmp::Reverse(decision.values));
    decided
}

fn is_held(terms: &Terms, words: &[String], values: u64, shaped: u64, valid: u64) -> Option<Decision> {
    let is_named = words.iter().any(|word| terms.words.contains(&word.as_str()));
    let part = |part: u64, of: u64| part as f64 / of.max(1) as f64;
    let share_min = if is_named { terms.share_min * BY_NAME } else { terms.share_min };
    let is_enough = |n: u64| (n >= VALUES_MIN || n > 0 && (is_named || n == values)) && part(n, values) >= share_min;
    let decision = |values, because| Some(Decision { name: terms.name, values, because });
    match terms.evidence {
        Evidence::Form if valid > 0 && part(valid, values) >= share_min => decision(valid, ""),
        Evidence::Form if shaped > 0 && part(shaped, values) >= terms.share_min => decision(shaped, ", within longer texts"),
        Evidence::Checksum { chance } => {
            let (right_min, chance_max) = if is_named { (0.5, BY_CHANCE_MAX_WITH_NAME) } else { (0.8, BY_CHANCE_MAX) };
            let is_right = part(valid, shaped) >= right_min && by_chance(valid, shaped, chance) < chance_max;
            if is_right && is_enough(valid) { decision(valid, ", with the right check digits") } else { None }
        }
        Evidence::Shape { well_formed } if is_enough(valid) && part(valid, shaped) >= well_formed => decision(valid, ""),
        Evidence::Shape { .. } if is_named && part(shaped, values) >= terms.share_min => decision(shaped, ", as the column's name says"),
        Evidence::Form | Evidence::Shape { .. } => None,
    }
}

/// How probable it is at most that so many of `n` values are right where each is with the probability `chance`: Chernoff's bound
/// exp(−n·KL(k/n ‖ p)) (Hoeffding 1963, theorem 1).
fn by_chance(right: u64, n: u64, chance: f64) -> f64 {
    let share = right as f64 / n.max(1) as f64;
    if n == 0 || share <= chance {
        return 1.0;
    }
    let wrong = if share < 1.0 { (1.0 - share) * ((1.0 - share) / (1.0 - chance)).ln() } else { 0.0 };
    (-(n as f64) * (share * (share / chance).ln() + wrong)).exp()
}

/// The words of a name, in lower case: `customerEmail_1` is `customer`, `email`; and the whole without what joins them.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        let is_version = c.is_ascii_digit() && words.last().is_some_and(|word| word == "ipv");
        if !(c.is_alphabetic() || is_version) {
            words.push(String::new());
        } else if c.is_uppercase() && was_lower {
            words.push(c.to_lowercase().collect());
        } else if let Some(last) = words.last_mut() {
            last.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    let whole: String = name.to_lowercase().chars().filter(|c| c.is_alphabetic()).collect();
    words.push(whole);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_word_by_word() {
        assert_eq!(words("customerEmail_1"), ["customer", "email", "customeremail"]);
        assert_eq!(words("E-Mail"), ["e", "mail", "email"]);
        assert_eq!(words("phone number"), ["phone", "number", "phonenumber"]);
        // `telemetry` is not `tel`.
        assert!(!words("telemetry_id").contains(&"tel".to_owned()));
    }

    /// `scipy.stats.binom.sf(k - 1, n, p)` gives the exact ones.
    #[test]
    fn the_bound_is_above_the_exact_probability() {
        for (right, n, chance, exact) in [(6, 6, 0.1, 1e-6), (16, 20, 0.1, 3.2634676e-13), (3, 12, 0.125, 0.18199938)] {
            let bound = by_chance(right, n, chance);
            assert!(bound > 0.999 * exact && bound < 30.0 * exact, "{right} of {n}: {bound}");
        }
        assert_eq!(by_chance(1, 20, 0.1), 1.0);
    }
}
