//! The types of an ORC file, looked at before anything recurses into them.
//!
//! A footer lists all types, parents before their children, each with the numbers of its children. The library follows these numbers
//! wherever they lead: in a circle, or to one child from two sides, without end. Source: the format's `orc_proto.proto`.

use std::io::Read;

use bytes::Bytes;
use orc_rust::compression::{Compression, Decompressor};
use orc_rust::proto::r#type::Kind;
use orc_rust::proto::{Footer, PostScript, Type};
use orc_rust::reader::metadata::read_metadata;
use prost::Message;

use super::Content;
use crate::types::LEVELS_MAX;

/// What is wrong with how types are put together.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// They are no tree.
    Tangled,
    TooDeep,
}

/// What is wrong with the types of the file. What is damaged otherwise is left to the library, which says how.
pub(super) fn wrong(content: &Content<'_>) -> Option<Wrong> {
    wrong_in(&footer(content)?.types)
}

fn wrong_in(types: &[Type]) -> Option<Wrong> {
    // How many types each lies in; 0 for the root, and for one that no parent has named so far.
    let mut depths = vec![0; types.len()];
    for (number, parent) in types.iter().enumerate() {
        for &child in &parent.subtypes {
            let child = child as usize;
            match depths.get(child) {
                Some(0) if child > number => depths[child] = depths[number] + 1,
                Some(_) => return Some(Wrong::Tangled),
                None => return None,
            }
            // The root is no level of a column, and there is a value in the innermost.
            if depths[child] > LEVELS_MAX + 1 {
                return Some(Wrong::TooDeep);
            }
        }
    }
    None
}

fn footer(content: &Content<'_>) -> Option<Footer> {
    // The last byte is the length of the postscript.
    let last = content.0.bytes.checked_sub(1)?;
    let len = u64::from(*content.0.read_at(last, 1).ok()?.first()?);
    let start = last.checked_sub(len)?;
    let postscript = PostScript::decode(content.0.read_at(start, usize::try_from(len).ok()?).ok()?.as_slice()).ok()?;
    let len = postscript.footer_length?;
    let bytes = content.0.read_at(start.checked_sub(len)?, usize::try_from(len).ok()?).ok()?;
    let mut footer = Vec::new();
    Decompressor::new(bytes.into(), compression(&postscript)?, Vec::new()).read_to_end(&mut footer).ok()?;
    Footer::decode(footer.as_slice()).ok()
}

/// How the file is compressed, as the library says it: it tells that of nothing but a file, so it is given a small one that is
/// compressed alike.
fn compression(postscript: &PostScript) -> Option<Option<Compression>> {
    let root = Type { kind: Some(Kind::Struct.into()), ..Type::default() };
    let footer = Footer { types: vec![root], ..Footer::default() }.encode_to_vec();
    let mut file = Vec::new();
    if postscript.compression.is_some_and(|kind| kind != 0) {
        // The head of a block that is not compressed: its length, and a bit that says so.
        file.extend(&(u32::try_from(footer.len()).ok()? << 1 | 1).to_le_bytes()[..3]);
    }
    file.extend(footer);
    let footer_length = Some(file.len() as u64);
    let postscript = PostScript { footer_length, metadata_length: Some(0), ..postscript.clone() }.encode_to_vec();
    file.extend(&postscript);
    file.push(u8::try_from(postscript.len()).ok()?);
    read_metadata(&mut Bytes::from(file)).ok().map(|metadata| metadata.compression())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(children: &[&[u32]]) -> Vec<Type> {
        children.iter().map(|subtypes| Type { kind: Some(Kind::Struct.into()), subtypes: subtypes.to_vec(), ..Type::default() }).collect()
    }

    #[test]
    fn types_are_a_tree_that_is_not_too_deep() {
        assert_eq!(wrong_in(&types(&[&[1, 3], &[2], &[], &[]])), None);
        for tangled in [&[&[0][..]][..], &[&[1], &[1]], &[&[1], &[2], &[1]], &[&[1, 2], &[3], &[3], &[]], &[&[1, 1], &[]]] {
            assert_eq!(wrong_in(&types(tangled)), Some(Wrong::Tangled), "{tangled:?}");
        }
        // A chain: each type is the next one's parent.
        let chain = |levels: u32| {
            let numbers: Vec<Vec<u32>> = (1..=levels + 1).map(|child| vec![child]).chain([Vec::new()]).collect();
            types(&numbers.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        assert_eq!((wrong_in(&chain(32)), wrong_in(&chain(33))), (None, Some(Wrong::TooDeep)));
    }
}
