//! How text is written: the forms that nearly all values have.

use std::collections::BTreeMap;

use super::candidate::{Candidate, Part};
use super::column::{Column, Kind};
use super::yaml::{code, of_all, shown};

/// Fewer values say nothing about how others are written.
const VALUES_MIN: usize = 30;

/// At least this part of the values has one of the forms that are suggested.
const MOST: f64 = 0.95;

/// More forms than this are no form.
const FORMS_MAX: usize = 4;

/// A form that fewer than this part of the values has is no habit.
const HABIT_MIN: f64 = 0.01;

/// At least this part of the values keeps to a habit of writing.
const HABIT: f64 = 0.97;

/// A form of more runs of characters is not read by anyone.
const RUNS_MAX: usize = 14;

/// So many words in one place of a form are named; where there are more, any may stand there.
const WORDS_MAX: usize = 4;

/// Columns of text for which no set was found (`in_sets`).
pub(super) fn suggest(columns: &[Column], in_sets: &[&str]) -> Vec<Candidate> {
    let is_open = |column: &&Column| column.kind == Kind::Text && column.present >= VALUES_MIN && !in_sets.contains(&column.name.as_str());
    let of_column = |column: &Column| of_forms(column).or_else(|| of_habits(column));
    columns.iter().filter(is_open).filter_map(of_column).collect()
}

/// What a character is, in a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Digit,
    Upper,
    Lower,
    /// A letter without case.
    Letter,
    Other(char),
}

impl Class {
    fn of(c: char) -> Self {
        match c {
            '0'..='9' => Self::Digit,
            _ if c.is_uppercase() => Self::Upper,
            _ if c.is_lowercase() => Self::Lower,
            _ if c.is_alphabetic() => Self::Letter,
            _ => Self::Other(c),
        }
    }

    fn regex(self, is_ascii: bool) -> String {
        match (self, is_ascii) {
            (Self::Digit, _) => "[0-9]".to_owned(),
            (Self::Upper, true) => "[A-Z]".to_owned(),
            (Self::Lower, true) => "[a-z]".to_owned(),
            (Self::Upper, false) => r"\p{Lu}".to_owned(),
            (Self::Lower, false) => r"\p{Ll}".to_owned(),
            (Self::Letter, _) => r"\p{L}".to_owned(),
            (Self::Other(c), _) => escaped(&c.to_string()),
        }
    }
}

/// A text as runs of characters of one class.
fn runs(text: &str) -> Vec<(Class, &str)> {
    let mut found: Vec<(Class, usize, usize)> = Vec::new();
    for (at, c) in text.char_indices() {
        let class = Class::of(c);
        match found.last_mut() {
            Some((last, _, end)) if *last == class => *end = at + c.len_utf8(),
            Some(_) | None => found.push((class, at, at + c.len_utf8())),
        }
    }
    found.into_iter().map(|(class, start, end)| (class, &text[start..end])).collect()
}

/// Texts whose runs are of the same classes.
struct Form<'a> {
    classes: Vec<Class>,
    /// The different texts, each with how often it occurs.
    texts: Vec<(Vec<&'a str>, usize)>,
    /// How often all of them occur.
    times: usize,
    /// The most frequent one.
    such: &'a str,
}

/// Whether a text is too long to be a code.
fn is_long(text: &str) -> bool {
    text.len() > 80
}

/// The forms of a column, the most frequent first.
fn forms(column: &Column) -> Vec<Form<'_>> {
    let mut found: BTreeMap<Vec<Class>, (Form<'_>, usize)> = BTreeMap::new();
    for (at, text) in column.texts.iter().enumerate().filter(|(_, text)| !is_long(text)) {
        let (classes, parts): (Vec<Class>, Vec<&str>) = runs(text).into_iter().unzip();
        let times = column.counts[at] as usize;
        let new = || (Form { classes: classes.clone(), texts: Vec::new(), times: 0, such: text }, 0);
        let (form, most) = found.entry(classes.clone()).or_insert_with(new);
        form.texts.push((parts, times));
        form.times += times;
        if times > *most {
            (form.such, *most) = (text, times);
        }
    }
    let mut found: Vec<Form<'_>> = found.into_values().map(|(form, _)| form).collect();
    found.sort_by(|a, b| b.times.cmp(&a.times).then_with(|| a.classes.cmp(&b.classes)));
    found
}

impl Form<'_> {
    /// The expression for the texts of this form, but for those that are written unusually.
    fn regex(&self) -> String {
        let is_ascii = self.such.is_ascii();
        let one = |(at, class): (usize, &Class)| self.of_run(at, *class, is_ascii);
        format!("^{}$", self.classes.iter().enumerate().map(one).collect::<String>())
    }

    fn of_run(&self, at: usize, class: Class, is_ascii: bool) -> String {
        /// A number of more digits than this is of any length.
        const LENGTH_SHOWN_MAX: usize = 12;
        let tally = |key: &dyn Fn(&str) -> String| {
            let mut times: BTreeMap<String, usize> = BTreeMap::new();
            self.texts.iter().for_each(|(parts, n)| *times.entry(key(parts[at])).or_default() += n);
            times
        };
        if matches!(class, Class::Other(_)) || self.texts.len() >= 5 {
            let words = tally(&|part| part.to_owned());
            let usual: Vec<&String> = words.iter().filter(|(_, n)| **n * 50 >= self.times && **n >= 5).map(|(word, _)| word).collect();
            let of_usual: usize = usual.iter().map(|word| words[*word]).sum();
            let is_letters = matches!(class, Class::Upper | Class::Lower | Class::Letter | Class::Other(_));
            if is_letters && (1..=WORDS_MAX).contains(&usual.len()) && of_usual * 50 >= self.times * 49 {
                let each: Vec<String> = usual.iter().map(|word| escaped(word)).collect();
                return if each.len() == 1 { each[0].clone() } else { format!("(?:{})", each.join("|")) };
            }
        }
        let lengths = tally(&|part| format!("{:08}", part.chars().count()));
        let most = lengths.values().max().copied().unwrap_or(0);
        // Now and then a character is left out or typed twice; a length of its own comes more often.
        let is_own = |n: usize| n == most || (n >= 3 && n * 250 >= self.times);
        let own: Vec<usize> = lengths.iter().filter(|(_, n)| is_own(**n)).filter_map(|(length, _)| length.parse().ok()).collect();
        let (least, greatest) = (own.first().copied().unwrap_or(1), own.last().copied().unwrap_or(1));
        let one = class.regex(is_ascii);
        match (least, greatest) {
            (1, 1) => one,
            (least, greatest) if least == greatest => format!("{one}{{{least}}}"),
            (_, greatest) if class == Class::Digit && greatest <= LENGTH_SHOWN_MAX => format!("{one}{{{least},{greatest}}}"),
            (_, _) => format!("{one}+"),
        }
    }
}

/// A text as an expression that it alone matches.
fn escaped(text: &str) -> String {
    regex::escape(text).replace("\\-", "-").replace("\\#", "#").replace("\\&", "&").replace("\\~", "~")
}

/// The few forms that nearly all values have: of codes, numbers with units, times.
fn of_forms(column: &Column) -> Option<Candidate> {
    let is_code = |text: &String| text.len() <= 4 || (!is_long(text) && text.contains(|c: char| c.is_ascii_digit()));
    let codes: u32 = (0..column.distinct()).filter(|&at| is_code(&column.texts[at])).map(|at| column.counts[at]).sum();
    if (codes as usize) * 10 < column.present * 9 {
        return None;
    }
    let found = forms(column);
    let is_usual = |form: &&Form<'_>| form.times as f64 >= HABIT_MIN * column.present as f64 && form.times >= 5;
    let usual: Vec<&Form<'_>> = found.iter().take_while(is_usual).collect();
    if usual.is_empty() || usual.len() > FORMS_MAX || usual.iter().any(|form| form.classes.len() > RUNS_MAX) {
        return None;
    }
    let mut regexes: Vec<String> = usual.iter().map(|form| form.regex()).collect();
    regexes.sort();
    regexes.dedup();
    let all = regex::RegexSet::new(&regexes).ok()?;
    let others: Vec<usize> = (0..column.distinct()).filter(|&at| !all.is_match(&column.texts[at])).collect();
    let those = column.present - others.iter().map(|&at| column.counts[at] as usize).sum::<usize>();
    // Many rare ones beside the usual ones: there are more than were seen.
    if (those as f64) < MOST * column.present as f64 {
        return None;
    }
    let written: Vec<String> = regexes.iter().map(|regex| code(regex)).collect();
    let written = if written.len() == 1 { written[0].clone() } else { format!("[{}]", written.join(", ")) };
    // An example is one that fits: the first text of a form may be longer than the others.
    let fits = (0..column.distinct()).filter(|&at| all.is_match(&column.texts[at]));
    let usually = fits.max_by_key(|&at| (column.counts[at], std::cmp::Reverse(at))).map(|at| column.texts[at].as_str());
    let example = |form: &&Form<'_>| if all.is_match(form.such) { form.such.to_owned() } else { usually.unwrap_or(form.such).to_owned() };
    let mut such: Vec<String> = usual.iter().map(|form| shown(&example(form))).collect();
    such.dedup();
    let mut why = format!("{}: {} are written like {}", shown(&column.name), of_all(those, column.present, "value"), such.join(" or "));
    match others.iter().copied().max_by_key(|&at| (column.counts[at], std::cmp::Reverse(at))) {
        Some(other) => why.push_str(&format!(", not like {}.", shown(&column.texts[other]))),
        None => why.push('.'),
    }
    let expected = (column.present - those) as f64 / column.codes.len() as f64;
    Some(Candidate::about(Part::Formats, "pattern", &column.name, vec![("regex", written)], why, expected))
}

/// A habit of writing: an expression, what it says, whether it can be asked of a text.
type Habit = (&'static str, &'static str, fn(&str) -> bool);

/// Habits, each with others that it makes needless.
const HABITS: [Habit; 6] = [
    (r"^\S+( \S+)*$", "single blanks between words and none at the ends", |text| {
        !text.is_empty() && text.split(' ').all(|word| !word.is_empty() && !word.contains(char::is_whitespace))
    }),
    (r"^\P{Ll}+$", "no small letters", |text| !text.is_empty() && !text.contains(char::is_lowercase)),
    (r"^\P{Lu}+$", "no capitals", |text| !text.is_empty() && !text.contains(char::is_uppercase)),
    (r"^\P{Ll}*\p{Lu}", "a capital at the beginning", |text| text.chars().find(|c| c.is_alphabetic()).is_some_and(|c| c.is_uppercase())),
    (r"\p{Ll}", "small letters", |text| text.contains(char::is_lowercase)),
    (r"^[^0-9]+$", "no digits", |text| !text.is_empty() && !text.contains(|c: char| c.is_ascii_digit())),
];

/// What nearly all texts keep to.
fn of_habits(column: &Column) -> Option<Candidate> {
    if column.distinct() < 5 {
        return None;
    }
    let times = |holds: &dyn Fn(&str) -> bool| {
        (0..column.distinct()).filter(|&at| holds(&column.texts[at])).map(|at| column.counts[at] as usize).sum::<usize>()
    };
    let with_letters = times(&|text| text.contains(char::is_alphabetic));
    if (with_letters as f64) < HABIT * column.present as f64 {
        return None;
    }
    let kept: Vec<&Habit> = HABITS.iter().filter(|(_, _, holds)| times(holds) as f64 >= HABIT * column.present as f64).collect();
    if kept.is_empty() {
        return None;
    }
    let all = times(&|text| kept.iter().all(|(_, _, holds)| holds(text)));
    if (all as f64) < MOST * column.present as f64 {
        return None;
    }
    let said: Vec<&str> = kept.iter().map(|(_, said, _)| *said).collect();
    let said = match said.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    };
    let why = format!("{}: {} keep to this: {said}.", shown(&column.name), of_all(all, column.present, "text"));
    let regexes: Vec<String> = kept.iter().map(|(regex, ..)| code(regex)).collect();
    let words = match regexes.len() {
        1 => vec![("regex", regexes[0].clone())],
        _ => vec![("regex", format!("[{}]", regexes.join(", "))), ("match", "all".to_owned())],
    };
    let expected = (column.present - all) as f64 / column.codes.len() as f64;
    Some(Candidate::about(Part::Formats, "pattern", &column.name, words, why, expected))
}
