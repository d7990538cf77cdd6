//! The sheets of a workbook, row by row.

use std::io::Cursor;

use calamine::{DataRef, Ods, Range, Reader, SheetType, Xls, Xlsb, Xlsx};

use super::cells::{Cell, Extent};
use super::unpacked;
use crate::diagnostic::{Code, Fault, nearest};
use crate::source::InputFile;
use crate::source::typed::damaged;

/// So many columns a sheet of Excel or LibreOffice has.
const COLUMNS_MAX: u32 = 16_384;

type Bytes = Cursor<Vec<u8>>;

/// Names of sheets that a message lists.
const NAMES_MAX: usize = 20;

/// A workbook whose parts are read when they are asked for.
pub(super) enum Workbook {
    Xlsx(Box<Xlsx<Bytes>>),
    Xlsb(Box<Xlsb<Bytes>>),
    Xls(Box<Xls<Bytes>>),
    Ods(Box<Ods<Bytes>>),
}

/// Takes the cells of a row that are not empty, by column, ascending; rows come in order.
pub(super) type TakeRow<'a> = dyn FnMut(u32, &[(u32, Cell<'_>)]) -> Result<(), Fault> + 'a;

impl Workbook {
    /// Opens `bytes`, which are the content of `file`.
    ///
    /// # Errors
    /// It is no workbook, or a damaged or encrypted one.
    pub(super) fn open(file: &InputFile, bytes: Vec<u8>) -> Result<Self, Fault> {
        let failed = |e: &dyn std::fmt::Display| {
            let what = format!("{}: not a workbook that can be read: {e}", file.path);
            Fault::new(Code::Damaged, what).hint("it may be cut short, protected by a password, or of another format")
        };
        if bytes.starts_with(b"\xd0\xcf\x11\xe0") {
            return Xls::new(Cursor::new(bytes)).map(|book| Self::Xls(Box::new(book))).map_err(|e| failed(&e));
        }
        let is_archive = bytes.starts_with(b"PK");
        let why = if is_archive { "it is a ZIP archive without a workbook in it" } else { "its first bytes are not those of one" };
        let kind = unpacked::kind(&bytes).filter(|_| is_archive).ok_or_else(|| failed(&why))?;
        let bytes = Cursor::new(bytes);
        match kind {
            unpacked::Kind::Xlsx => Xlsx::new(bytes).map(|book| Self::Xlsx(Box::new(book))).map_err(|e| failed(&e)),
            unpacked::Kind::Xlsb => Xlsb::new(bytes).map(|book| Self::Xlsb(Box::new(book))).map_err(|e| failed(&e)),
            unpacked::Kind::Ods => Ods::new(bytes).map(|book| Self::Ods(Box::new(book))).map_err(|e| failed(&e)),
        }
    }

    fn names(&self) -> Vec<String> {
        let sheets = match self {
            Self::Xlsx(book) => book.sheets_metadata(),
            Self::Xlsb(book) => book.sheets_metadata(),
            Self::Xls(book) => book.sheets_metadata(),
            Self::Ods(book) => book.sheets_metadata(),
        };
        sheets.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet).map(|sheet| sheet.name.clone()).collect()
    }

    /// The sheet that is read: the one called or numbered `wanted`, else the only one with data.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub(super) fn sheet(&mut self, file: &InputFile, wanted: Option<&str>) -> Result<String, Fault> {
        let names = self.names();
        let listed = |names: &[String]| {
            let shown: Vec<String> = names.iter().take(NAMES_MAX).map(|name| format!("`{name}`")).collect();
            let more = names.len().saturating_sub(NAMES_MAX);
            if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
        };
        if let Some(wanted) = wanted {
            let numbered = || wanted.parse::<usize>().ok().and_then(|number| names.get(number.checked_sub(1)?));
            return names.iter().find(|name| *name == wanted).or_else(numbered).cloned().ok_or_else(|| {
                let fault = Fault::new(Code::InvalidLayout, format!("{}: there is no sheet `{wanted}`", file.path));
                match nearest(wanted, names.iter().map(String::as_str)) {
                    Some(near) => fault.hint(format!("did you mean `{near}`?")),
                    None => fault.hint(format!("there are {}", listed(&names))),
                }
            });
        }
        let mut with_data = Vec::new();
        for name in &names {
            if names.len() == 1 || self.has_data(file, name)? {
                with_data.push(name.clone());
            }
        }
        match with_data.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(Fault::new(Code::Empty, format!("{}: no sheet of the workbook has a cell with a value", file.path))),
            several => {
                let fault =
                    Fault::new(Code::InvalidLayout, format!("{}: {} sheets have data: {}", file.path, several.len(), listed(several)));
                Err(fault.hint(format!("say which one in the rule file: `source: {{ sheet: \"{}\" }}`", several[0])))
            }
        }
    }

    fn has_data(&mut self, file: &InputFile, sheet: &str) -> Result<bool, Fault> {
        let mut found = false;
        let stop = Fault::new(Code::Internal, "found");
        let read = self.rows(file, sheet, &mut |_, _| {
            found = true;
            Err(stop.clone())
        });
        if found { Ok(true) } else { read.map(|()| false) }
    }

    /// Where the sheet has cells.
    ///
    /// # Errors
    /// It has none, or cannot be read.
    pub(super) fn extent(&mut self, file: &InputFile, sheet: &str) -> Result<Extent, Fault> {
        let mut extent: Option<Extent> = None;
        self.rows(file, sheet, &mut |_, cells| {
            for (column, _) in cells {
                if *column >= COLUMNS_MAX {
                    let what = format!("{}: the sheet `{sheet}` has a cell in column {}", file.path, u64::from(*column) + 1);
                    return Err(Fault::new(Code::TooLarge, what).hint(format!("a sheet has {COLUMNS_MAX} columns at most")));
                }
                extent = Some(extent.map_or_else(|| Extent::of(*column), |extent| extent.with(*column)));
            }
            Ok(())
        })?;
        extent.ok_or_else(|| Fault::new(Code::Empty, format!("{}: the sheet `{sheet}` has no cell with a value", file.path)))
    }

    /// Hands on the rows that have a cell that is not blank.
    ///
    /// # Errors
    /// The sheet cannot be read or is damaged, or `each` fails.
    pub(super) fn rows(&mut self, file: &InputFile, sheet: &str, each: &mut TakeRow<'_>) -> Result<(), Fault> {
        let failed = |e: &dyn std::fmt::Display| damaged(file, &format!("the sheet `{sheet}` cannot be read: {e}"));
        match self {
            Self::Xlsx(book) => {
                let mut reader = book.worksheet_cells_reader(sheet).map_err(|e| failed(&e))?;
                in_rows(file, each, || {
                    let cell = reader.next_cell_with_formula_metadata().map_err(|e| failed(&e))?;
                    Ok(cell.map(|cell| {
                        let is_uncomputed = cell.formula.is_some() && cell.value == DataRef::Empty;
                        (cell.pos, if is_uncomputed { Cell::Uncomputed } else { cell.value.into() })
                    }))
                })
            }
            Self::Xlsb(book) => {
                let mut reader = book.worksheet_cells_reader(sheet).map_err(|e| failed(&e))?;
                in_rows(file, each, || {
                    let cell = reader.next_cell().map_err(|e| failed(&e))?;
                    Ok(cell.map(|cell| (cell.get_position(), cell.get_value().clone().into())))
                })
            }
            Self::Xls(book) => of_range(&book.worksheet_range(sheet).map_err(|e| failed(&e))?, each),
            Self::Ods(book) => of_range(&book.worksheet_range(sheet).map_err(|e| failed(&e))?, each),
        }
    }
}

fn of_range(range: &Range<calamine::Data>, each: &mut TakeRow<'_>) -> Result<(), Fault> {
    let (first_row, first_column) = range.start().unwrap_or_default();
    for (row, cells) in (first_row..).zip(range.rows()) {
        let cells: Vec<(u32, Cell<'_>)> = (first_column..).zip(cells.iter().map(Cell::from)).filter(|(_, cell)| !cell.is_blank()).collect();
        if !cells.is_empty() {
            each(row, &cells)?;
        }
    }
    Ok(())
}

/// Gathers cells that come one by one.
fn in_rows<'a>(
    file: &InputFile,
    each: &mut TakeRow<'_>,
    mut next: impl FnMut() -> Result<Option<((u32, u32), Cell<'a>)>, Fault>,
) -> Result<(), Fault> {
    let mut cells: Vec<(u32, Cell<'a>)> = Vec::new();
    let mut current: Option<u32> = None;
    while let Some(((row, column), cell)) = next()? {
        if current.is_some_and(|current| row < current) {
            return Err(damaged(file, &format!("row {} of the sheet stands behind row {}", row + 1, current.unwrap_or(0) + 1)));
        }
        if let Some(done) = current.filter(|current| *current != row && !cells.is_empty()) {
            each(done, &cells)?;
            cells.clear();
        }
        current = Some(row);
        if cell.is_blank() {
            continue;
        }
        if cells.last().is_some_and(|(last, _)| *last >= column) {
            return Err(damaged(file, &format!("cells of row {} of the sheet stand in no order, or twice", row + 1)));
        }
        cells.push((column, cell));
    }
    match current.filter(|_| !cells.is_empty()) {
        Some(row) => each(row, &cells),
        None => Ok(()),
    }
}
