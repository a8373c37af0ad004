//! Which rows of a batch repeat a text that came before: texts read from one dictionary of a Parquet file are equal views, so that to tell
//! them apart costs less than to hash or to compare them.

use arrow::array::{Array, StringViewArray, UInt32Array};

/// Texts that are told apart at once; one that loses its place to another counts as new when it comes again: slower, not wrong.
const SLOTS: usize = 256;

/// The rows of a batch by what they hold.
pub struct Repeats {
    /// A row for each text, the missing one included. The same text may be there twice.
    pub first: UInt32Array,
    /// For each row of the batch, the place in `first` of one that holds the same.
    pub which: Vec<u32>,
}

/// Nothing when few texts are repeated.
pub fn repeats(texts: &StringViewArray) -> Option<Repeats> {
    let most = texts.len() / 2;
    let mut slots = [(0_u128, u32::MAX); SLOTS];
    let mut missing = u32::MAX;
    let (mut first, mut which) = (Vec::new(), Vec::with_capacity(texts.len()));
    let nulls = texts.nulls().filter(|nulls| nulls.null_count() > 0);
    // Tables are sorted: a text often stands below itself.
    let mut before = (0_u128, u32::MAX);
    for (row, view) in texts.views().iter().enumerate() {
        // The view of a missing text says nothing: it may be that of an empty one.
        let is_missing = nulls.is_some_and(|nulls| nulls.is_null(row));
        if !is_missing && *view == before.0 && before.1 != u32::MAX {
            which.push(before.1);
            continue;
        }
        let slot = if is_missing {
            &mut missing
        } else {
            let mixed = ((*view >> 64) as u64 ^ *view as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let slot = &mut slots[(mixed >> 56) as usize % SLOTS];
            if slot.0 != *view {
                *slot = (*view, u32::MAX);
            }
            &mut slot.1
        };
        if *slot == u32::MAX {
            *slot = u32::try_from(first.len()).ok()?;
            first.push(u32::try_from(row).ok()?);
            if first.len() > most {
                return None;
            }
        }
        which.push(*slot);
        if !is_missing {
            before = (*view, *slot);
        }
    }
    Some(Repeats { first: first.into(), which })
}

/// The same of two columns together.
pub fn both(one: Repeats, other: Repeats) -> Option<Repeats> {
    /// Pairs that are told apart: their table must stay within the processor's cache.
    const PAIRS: usize = 1 << 16;
    let width = other.first.len();
    let size = one.first.len().checked_mul(width).filter(|size| *size <= PAIRS)?;
    let mut places = vec![u32::MAX; size];
    let mut first = Vec::new();
    let mut which = one.which;
    for (row, (place, second)) in which.iter_mut().zip(other.which).enumerate() {
        let pair = &mut places[*place as usize * width + second as usize];
        if *pair == u32::MAX {
            *pair = u32::try_from(first.len()).ok()?;
            first.push(u32::try_from(row).ok()?);
        }
        *place = *pair;
    }
    Some(Repeats { first: first.into(), which })
}
