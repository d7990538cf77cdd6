//! Reading numbers in the form in which the data writes them. The usual form costs nothing.

use crate::text::NumberForm;

/// A form of numbers.
pub(super) trait Numerals: Copy {
    /// What `read` makes of the number `text`, given to it in the usual form; none where it is no number of this form.
    fn read<T>(self, text: &str, read: impl Fn(&str) -> Option<T>) -> Option<T>;
}

/// The usual form: a point before the fraction, nothing between the digits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain;

impl Numerals for Plain {
    #[inline(always)]
    fn read<T>(self, text: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        read(text)
    }
}

/// Another form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Formed(pub NumberForm);

impl Numerals for Formed {
    fn read<T>(self, text: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        read(&self.0.plain(text)?)
    }
}
