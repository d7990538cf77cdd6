//! On which lines rows begin.

use serde::{Deserialize, Serialize};

/// On which line of its unit, from 0, each row begins: stretches of rows that take equally many lines each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineJumps(pub(super) Vec<LineJump>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LineJump {
    row: u32,
    line: u32,
    /// Lines from one row to the next.
    stride: u32,
}

impl LineJumps {
    /// Notes that `row`, the next one, begins on `line`.
    pub fn push(&mut self, row: u32, line: u32) {
        if self.line(row) == line {
            return;
        }
        let stride = match self.0.last_mut() {
            // A stretch of one row takes the stride that the next one shows.
            Some(last) if last.row + 1 == row => {
                last.stride = line - last.line;
                return;
            }
            Some(last) => last.stride,
            None if row == 1 => {
                self.0.push(LineJump { row: 0, line: 0, stride: line });
                return;
            }
            None => 1,
        };
        self.0.push(LineJump { row, line, stride });
    }

    /// The line of `row` in its unit, from 0.
    pub(super) fn line(&self, row: u32) -> u32 {
        match self.0.partition_point(|jump| jump.row <= row) {
            0 => row,
            after => {
                let LineJump { row: from, line, stride } = self.0[after - 1];
                line + (row - from) * stride
            }
        }
    }
}
