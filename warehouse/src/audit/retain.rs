//! Retention: whole segments leave the log when the law does not ask for them any longer, behind a signed word on how far they went.

use std::fs::File;

use chrono::{DateTime, Months, Utc};

use crate::audit::checkpoint::{self, Checkpoint};
use crate::audit::event::{Action, Event};
use crate::audit::log::Log;
use crate::audit::segments;
use crate::error::Result;

/// Months below which nobody may go: Garante privacy, decision of 27 November 2008 on system administrators, point 4.5.
pub const FEWEST: u32 = 6;

/// When records grow old enough to go.
pub fn cutoff(now: DateTime<Utc>, months: u32) -> DateTime<Utc> {
    now.checked_sub_months(Months::new(months.max(FEWEST))).unwrap_or(DateTime::UNIX_EPOCH)
}

impl Log {
    /// Removes the oldest segments whose every record is older than `before`, never the newest one. Gives the number of records removed.
    pub fn retire(&mut self, before: DateTime<Utc>) -> Result<u64> {
        let _alone = self.alone()?;
        self.look()?;
        let numbers = segments::numbers(&self.folder)?;
        let (mut gone, mut last) = (Vec::new(), None);
        for number in numbers.iter().take(numbers.len().saturating_sub(1)) {
            match segments::last(&self.folder, *number)? {
                Some(record) if record.time < before.timestamp_micros() => last = Some(record),
                _ => break,
            }
            gone.push(*number);
        }
        let (Some(last), Some(oldest)) = (last, gone.first()) else { return Ok(0) };
        let first = segments::first(&self.folder, *oldest)?.map_or(last.seq, |record| record.seq);
        let count = last.seq - first + 1;
        let why = "termine di conservazione trascorso (Garante privacy, provvedimento 27 novembre 2008)";
        self.write(&[Event::new(Action::Retention, format!("{first}-{}", last.seq)).why(why).count(count)])?;
        // Signed before anything goes: interrupted, the log still tells which records may be missing.
        checkpoint::append(&self.folder, &Checkpoint::sign(&self.key, last.seq, last.hash, Utc::now().timestamp_micros(), true))?;
        self.seal_alone()?;
        for number in gone {
            std::fs::remove_file(segments::path(&self.folder, number))?;
        }
        File::open(&self.folder)?.sync_all()?;
        checkpoint::compact(&self.folder, last.seq)?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_keeps_less_than_the_law_asks() {
        let now = "2026-11-29T10:00:00Z".parse().expect("a moment");
        assert_eq!(cutoff(now, 24).to_rfc3339(), "2024-11-29T10:00:00+00:00");
        assert_eq!(cutoff(now, 0), cutoff(now, FEWEST));
        assert_eq!(cutoff(now, 0).to_rfc3339(), "2026-05-29T10:00:00+00:00");
    }
}
