//! The tape: all market input of a replay as one sorted sequence of rows of twelve integers.
//!
//! Columns: 0 `at_ns`, 1 kind, 2 instrument, 3 `source_ns`, 4 to 10 values, 11 flags. A [`Tape`] is read and checked
//! once; whoever walks it after that meets only rows that can be true.

use crate::message::Name;
use crate::strategies::Bar;

/// Integers of one row.
pub const COLUMNS: usize = 12;

/// Bit of the flags column: bid above ask.
const FLAG_CROSSED: i64 = 2;

/// What a row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A session begins.
    SessionOpen {
        /// yyyymmdd.
        session_date: i64,
        /// First instant.
        open_ns: i64,
        /// Last instant.
        close_ns: i64,
    },
    /// A session ended.
    SessionClose {
        /// yyyymmdd.
        session_date: i64,
    },
    /// First price of a bar, with the volume the bar will have: for the venue only.
    OpenPrint {
        /// Price.
        price_1e8: i64,
        /// Volume of the whole bar.
        volume_1e8: i64,
    },
    /// A complete bar.
    Bar(Bar),
    /// Best bid and ask; crossed ones are kept and flagged (MD-4).
    Quote {
        /// Bid.
        bid_1e8: i64,
        /// Ask.
        ask_1e8: i64,
        /// Size at the bid.
        bid_size_1e8: i64,
        /// Size at the ask.
        ask_size_1e8: i64,
        /// The bid is above the ask; for the venue only.
        is_crossed: bool,
    },
    /// Somebody's trade.
    Trade {
        /// Price.
        price_1e8: i64,
        /// Quantity.
        size_1e8: i64,
    },
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// When it became known.
    pub at_ns: i64,
    /// Index into the tape's instruments; zero for session rows.
    pub instrument: usize,
    /// What it says.
    pub fact: Fact,
}

/// All rows of a tape, checked.
#[derive(Clone, Debug)]
pub struct Tape {
    instruments: Vec<Name>,
    rows: Vec<Row>,
    bars: usize,
}

impl Tape {
    /// Reads the rows of a tape; `instruments` are its header's, in order.
    ///
    /// # Errors
    /// Text naming the row (`tape_seq`) that cannot be true, with what was expected.
    pub fn read(
        instruments: Vec<Name>,
        cells: impl ExactSizeIterator<Item = i64>,
    ) -> Result<Self, String> {
        if cells.len() % COLUMNS != 0 {
            return Err(format!(
                "a tape must hold whole rows of {COLUMNS} integers, held {} integers",
                cells.len()
            ));
        }
        let mut cells = cells;
        let mut rows = Vec::with_capacity(cells.len() / COLUMNS);
        let mut row = [0_i64; COLUMNS];
        let (mut last_ns, mut bars) = (i64::MIN, 0);
        while cells.len() > 0 {
            row.fill_with(|| cells.next().unwrap_or(0));
            let at = rows.len();
            let read = read_row(&row, instruments.len(), last_ns)
                .map_err(|text| format!("row {at} of the tape: {text}"))?;
            last_ns = read.at_ns;
            bars += usize::from(matches!(read.fact, Fact::Bar(_)));
            rows.push(read);
        }
        Ok(Self {
            instruments,
            rows,
            bars,
        })
    }

    /// Its instruments, in the order of its header.
    pub fn instruments(&self) -> &[Name] {
        &self.instruments
    }

    /// Its rows; the index is the `tape_seq`.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// How many of its rows are bars.
    pub fn bars(&self) -> usize {
        self.bars
    }
}

fn read_row(row: &[i64; COLUMNS], instruments: usize, last_ns: i64) -> Result<Row, String> {
    let [at_ns, kind, instrument, source_ns, v1, v2, v3, v4, v5, ..] = *row;
    if at_ns < last_ns {
        return Err(format!("rows must ascend by time ({last_ns}), was {at_ns}"));
    }
    let fact = match kind {
        1 => Fact::SessionOpen {
            session_date: v1,
            open_ns: v2,
            close_ns: v3,
        },
        2 => Fact::SessionClose { session_date: v1 },
        3 => Fact::OpenPrint {
            price_1e8: v1,
            volume_1e8: v2,
        },
        4 => Fact::Bar(Bar {
            start_ns: source_ns,
            end_ns: at_ns,
            open_1e8: v1,
            high_1e8: v2,
            low_1e8: v3,
            close_1e8: v4,
            volume_1e8: v5,
        }),
        5 => Fact::Quote {
            bid_1e8: v1,
            ask_1e8: v2,
            bid_size_1e8: v3,
            ask_size_1e8: v4,
            is_crossed: row[COLUMNS - 1] & FLAG_CROSSED != 0,
        },
        6 => Fact::Trade {
            price_1e8: v1,
            size_1e8: v2,
        },
        other => return Err(format!("kind must be 1 to 6, was {other}")),
    };
    check(&fact)?;
    let is_session = matches!(fact, Fact::SessionOpen { .. } | Fact::SessionClose { .. });
    let index = if is_session {
        Some(0)
    } else {
        usize::try_from(instrument).ok()
    };
    let instrument = index
        .filter(|index| is_session || *index < instruments)
        .ok_or_else(|| format!("instrument must be below {instruments}, was {instrument}"))?;
    Ok(Row {
        at_ns,
        instrument,
        fact,
    })
}

fn check(fact: &Fact) -> Result<(), String> {
    match *fact {
        Fact::SessionOpen {
            open_ns, close_ns, ..
        } if open_ns >= close_ns => Err(format!(
            "a session must close after it opened ({open_ns}), closes {close_ns}"
        )),
        Fact::OpenPrint {
            price_1e8: price,
            volume_1e8: size,
        }
        | Fact::Trade {
            price_1e8: price,
            size_1e8: size,
        } if price <= 0 || size < 0 => Err(format!(
            "a price must be above 0 and a volume at least 0, were {price} and {size}"
        )),
        Fact::Bar(bar) if !bar.is_possible() => Err(format!(
            "a bar must have 0 < low <= open, close <= high, a volume of at least 0 and a length, was {bar:?}"
        )),
        Fact::SessionOpen { .. }
        | Fact::SessionClose { .. }
        | Fact::OpenPrint { .. }
        | Fact::Bar(_)
        | Fact::Quote { .. }
        | Fact::Trade { .. } => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: [i64; 12] = [100, 1, -1, 100, 20_200_102, 100, 900, 0, 0, 0, 0, 0];
    const BAR: [i64; 12] = [160, 4, 0, 100, 10, 12, 9, 11, 5, 0, 0, 0];

    fn read(rows: &[[i64; 12]]) -> Result<Tape, String> {
        let cells: Vec<i64> = rows.concat();
        Tape::read(vec!["ES".into()], cells.into_iter())
    }

    #[test]
    fn rows_become_facts() {
        let tape = read(&[OPEN, BAR]).unwrap();
        assert_eq!((tape.rows().len(), tape.bars()), (2, 1));
        assert!(matches!(tape.rows()[1].fact, Fact::Bar(bar) if bar.start_ns == 100));
    }

    #[test]
    fn what_cannot_be_true_is_named() {
        let changed = |column: usize, value: i64| {
            let mut row = BAR;
            row[column] = value;
            read(&[OPEN, row]).unwrap_err()
        };
        assert_eq!(
            changed(0, 99),
            "row 1 of the tape: rows must ascend by time (100), was 99"
        );
        assert!(changed(1, 7).ends_with("kind must be 1 to 6, was 7"));
        assert!(changed(2, 1).ends_with("instrument must be below 1, was 1"));
        assert!(changed(2, -1).ends_with("instrument must be below 1, was -1"));
        assert!(changed(5, 10).contains("close <= high"));
        let short = Tape::read(Vec::new(), vec![1, 2, 3].into_iter());
        assert!(short.unwrap_err().contains("held 3 integers"));
    }
}
