//! How deep the columns of a footer are nested, found before anything recurses into them.
//!
//! A footer is a struct in Thrift's compact protocol; its field 2 is the list of all parts of the schema, parents before their
//! children, each with the number of its children (field 5). Source: the format's `parquet.thrift`, and Thrift's description of the
//! compact protocol.

use crate::types::LEVELS_MAX;

/// Parts within parts of the deepest schema that is read: a list is two groups, and there is a value in the innermost.
const DEPTH_MAX: usize = 2 * LEVELS_MAX + 1;

/// Structs within structs of a part of the schema itself are few.
const STRUCTS_MAX: usize = 16;

/// Whether the columns are nested deeper than is read. What is damaged is left to the library, which says how.
pub(super) fn is_too_deep(footer: &[u8]) -> bool {
    Compact { rest: footer }.depth().is_some_and(|depth| depth > DEPTH_MAX)
}

struct Compact<'a> {
    rest: &'a [u8],
}

impl Compact<'_> {
    fn depth(&mut self) -> Option<usize> {
        let mut field = 0;
        while let Some(kind) = self.field(&mut field)? {
            if field == 2 && kind == 9 {
                return self.schema_depth();
            }
            self.skip(kind, 0)?;
        }
        None
    }

    /// How many parts the innermost one lies in; the root is none.
    fn schema_depth(&mut self) -> Option<usize> {
        let (parts, _) = self.list()?;
        // The children that are still to come, of each part that is open.
        let (mut open, mut deepest): (Vec<u64>, usize) = (Vec::new(), 0);
        for _ in 0..parts {
            deepest = deepest.max(open.len());
            let children = self.children()?;
            if let Some(left) = open.last_mut() {
                *left -= 1;
            }
            open.push(children);
            while open.last() == Some(&0) {
                open.pop();
            }
        }
        Some(deepest)
    }

    fn children(&mut self) -> Option<u64> {
        let (mut field, mut children) = (0, 0);
        while let Some(kind) = self.field(&mut field)? {
            match (field, kind) {
                // Zigzag: a negative number is none.
                (5, 5) => children = self.number().map(|number| if number % 2 == 0 { number / 2 } else { 0 })?,
                _ => self.skip(kind, 0)?,
            }
        }
        Some(children)
    }

    /// The kind of the next field of a struct, whose number goes into `field`; none at the struct's end.
    #[expect(clippy::option_option, reason = "no more bytes, no more fields")]
    fn field(&mut self, field: &mut u64) -> Option<Option<u8>> {
        let head = self.byte()?;
        if head == 0 {
            return Some(None);
        }
        *field = match head >> 4 {
            0 => self.number()? / 2,
            more => *field + u64::from(more),
        };
        Some(Some(head & 15))
    }

    fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let len = if head >> 4 == 15 { self.number()? } else { u64::from(head >> 4) };
        Some((len, head & 15))
    }

    fn skip(&mut self, kind: u8, structs: usize) -> Option<()> {
        match kind {
            // A field that is true or false says so in its head.
            1 | 2 => {}
            3 => self.pass(1)?,
            4..=6 => _ = self.number()?,
            7 => self.pass(8)?,
            8 => {
                let len = self.number()?;
                self.pass(len)?;
            }
            9 | 10 => {
                let (len, of) = self.list()?;
                for _ in 0..len {
                    // In a list, truth takes a byte.
                    if of <= 2 { self.pass(1)? } else { self.skip(of, structs + 1)? }
                }
            }
            12 if structs < STRUCTS_MAX => {
                let mut field = 0;
                while let Some(kind) = self.field(&mut field)? {
                    self.skip(kind, structs + 1)?;
                }
            }
            // Maps stand nowhere before the schema.
            _ => return None,
        }
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    fn pass(&mut self, bytes: u64) -> Option<()> {
        self.rest = self.rest.get(usize::try_from(bytes).ok()?..)?;
        Some(())
    }

    /// Seven bits a byte, the lowest first.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{RecordBatch, new_null_array};
    use arrow::datatypes::{DataType, Field, Schema};
    use parquet::arrow::ArrowWriter;

    use super::*;

    /// The footer of a file with a flat column, one that is nested so deep, and another flat one.
    fn footer(depth: usize, wrap: impl Fn(DataType) -> DataType) -> Vec<u8> {
        let nested = (0..depth).fold(DataType::Int64, |inner, _| wrap(inner));
        let fields = [("a", DataType::Utf8), ("n", nested), ("z", DataType::Boolean)].map(|(name, of)| Field::new(name, of, true));
        let schema = Arc::new(Schema::new(fields.to_vec()));
        let columns = schema.fields().iter().map(|field| new_null_array(field.data_type(), 1)).collect();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, schema.clone(), None).expect("a writer");
        writer.write(&RecordBatch::try_new(schema, columns).expect("a batch")).expect("written");
        writer.close().expect("closed");
        let end = bytes.len() - 8;
        let len = u32::from_le_bytes(bytes[end..end + 4].try_into().expect("four bytes")) as usize;
        bytes[end - len..end].to_vec()
    }

    fn list(inner: DataType) -> DataType {
        DataType::List(Arc::new(Field::new_list_field(inner, true)))
    }

    fn of_one(inner: DataType) -> DataType {
        DataType::Struct(vec![Field::new("n", inner, true)].into())
    }

    #[test]
    fn the_depth_of_a_schema_is_told_from_its_footer() {
        let depth = |footer: &[u8]| Compact { rest: footer }.depth();
        assert_eq!(depth(&footer(0, list)), Some(1));
        assert_eq!(depth(&footer(LEVELS_MAX, list)), Some(DEPTH_MAX));
        assert_eq!(depth(&footer(10, of_one)), Some(11));
        assert!(!is_too_deep(&footer(LEVELS_MAX, list)) && is_too_deep(&footer(LEVELS_MAX + 1, list)));
    }

    #[test]
    fn damaged_footers_end_the_look() {
        let whole = footer(3, list);
        for end in 0..whole.len() {
            is_too_deep(&whole[..end]);
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0xff;
            is_too_deep(&damaged);
        }
        // A list of 2^63 parts ends with the bytes.
        assert!(!is_too_deep(&[0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]));
    }
}
