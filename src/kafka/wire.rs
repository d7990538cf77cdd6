//! How the protocol writes values: numbers with the highest byte first, texts after their lengths, arrays after their counts.

use std::fmt;

/// An answer that ends too early, or says what no answer can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Garbled(pub(super) &'static str);

impl fmt::Display for Garbled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The body of a request in the making.
#[derive(Debug, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn i8(&mut self, value: i8) -> &mut Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn i16(&mut self, value: i16) -> &mut Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn i32(&mut self, value: i32) -> &mut Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn i64(&mut self, value: i64) -> &mut Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    /// Texts here are names and short words, so their lengths fit.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.i16(text.len() as i16);
        self.0.extend(text.as_bytes());
        self
    }

    pub(super) fn no_text(&mut self) -> &mut Self {
        self.i16(-1)
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.i32(bytes.len() as i32);
        self.0.extend(bytes);
        self
    }

    pub(super) fn array<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T)) -> &mut Self {
        self.i32(items.len() as i32);
        items.iter().for_each(|item| each(self, item));
        self
    }

    /// Zigzag: small numbers of either sign are short.
    pub(super) fn varint(&mut self, value: i64) -> &mut Self {
        let mut rest = ((value << 1) ^ (value >> 63)) as u64;
        while rest >= 0x80 {
            self.0.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.0.push(rest as u8);
        self
    }

    /// Bytes after their length as a varint; `None` is the length -1.
    pub(super) fn var_bytes(&mut self, bytes: Option<&[u8]>) -> &mut Self {
        match bytes {
            Some(bytes) => {
                self.varint(bytes.len() as i64);
                self.0.extend(bytes);
                self
            }
            None => self.varint(-1),
        }
    }
}

/// What is left to read of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parser<'a>(pub(super) &'a [u8]);

impl<'a> Parser<'a> {
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Garbled> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Garbled("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], Garbled> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(Garbled("it ends too early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn i8(&mut self) -> Result<i8, Garbled> {
        self.number().map(i8::from_be_bytes)
    }

    pub(super) fn i16(&mut self) -> Result<i16, Garbled> {
        self.number().map(i16::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, Garbled> {
        self.number().map(i32::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Garbled> {
        self.number().map(u32::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, Garbled> {
        self.number().map(i64::from_be_bytes)
    }

    pub(super) fn text(&mut self) -> Result<Option<&'a str>, Garbled> {
        match usize::try_from(self.i16()?) {
            Ok(length) => std::str::from_utf8(self.take(length)?).map(Some).map_err(|_| Garbled("a text in it is not UTF-8")),
            Err(_) => Ok(None),
        }
    }

    pub(super) fn name(&mut self) -> Result<&'a str, Garbled> {
        self.text()?.ok_or(Garbled("a name in it is missing"))
    }

    /// Bytes after their length; none at all are no bytes.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Garbled> {
        let length = self.i32()?;
        usize::try_from(length).map_or(Ok(&[] as &[u8]), |length| self.take(length))
    }

    pub(super) fn array<T>(&mut self, mut each: impl FnMut(&mut Self) -> Result<T, Garbled>) -> Result<Vec<T>, Garbled> {
        // A count says nothing of memory: every item is read before the next one is believed.
        (0..self.i32()?).map(|_| each(self)).collect()
    }

    pub(super) fn varint(&mut self) -> Result<i64, Garbled> {
        let mut value = 0u64;
        for (i, byte) in self.0.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                self.0 = &self.0[i + 1..];
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err(Garbled("a number in it does not end"))
    }

    /// Bytes after their length as a varint; a negative one means none.
    pub(super) fn var_bytes(&mut self) -> Result<Option<&'a [u8]>, Garbled> {
        let length = self.varint()?;
        usize::try_from(length).map_or(Ok(None), |length| self.take(length).map(Some))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_size_come_back() {
        for value in [0, -1, 1, 63, -64, 64, 300, i64::from(i32::MIN), i64::MAX, i64::MIN] {
            let mut writer = Writer::default();
            writer.varint(value);
            assert_eq!(Parser(&writer.0).varint(), Ok(value));
        }
    }

    #[test]
    fn what_is_cut_short_is_no_answer() {
        assert!(Parser(&[0x80]).varint().is_err());
        assert!(Parser(&[0, 5, b'a']).text().is_err());
        assert!(Parser(&[0x7f, 0xff, 0xff, 0xff]).array(|p| p.i64()).is_err());
    }
}
