//! The log under every way of being changed, and under crashes.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::audit::reader::Reader;
use crate::audit::record::{BEGINNING, Record};
use crate::audit::verify::{Broken, Reason, Whole};

mod keeping;

/// A log in a folder that goes away with the test.
struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("folder") }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("audit")
    }

    fn key(&self) -> PathBuf {
        self.dir.path().join("tls/audit.key")
    }

    fn open(&self) -> Log {
        Log::open(&self.folder(), &self.key()).expect("log")
    }

    /// A log of so many records in small segments, signed at its end.
    fn filled(count: u64) -> Self {
        let world = Self::new();
        let mut log = world.open().with_segments_of(1_500);
        for i in 0..count {
            log.append(&[event(i)]).expect("recorded");
        }
        log.seal().expect("signed");
        world
    }

    fn verdict(&self) -> Verdict {
        self.verdict_with(&[])
    }

    fn verdict_with(&self, anchors: &[Checkpoint]) -> Verdict {
        let key = key::PublicKey::of_key(&self.key()).expect("key").expect("there");
        verify(&self.folder(), &key, anchors).expect("read")
    }

    fn broken(&self) -> Broken {
        match self.verdict() {
            Verdict::Broken(broken) => broken,
            Verdict::Whole(whole) => panic!("found whole: {whole:?}"),
        }
    }

    fn whole(&self) -> Whole {
        match self.verdict() {
            Verdict::Whole(whole) => whole,
            Verdict::Broken(broken) => panic!("found broken: {broken:?}"),
        }
    }

    fn segments(&self) -> Vec<PathBuf> {
        segments::numbers(&self.folder()).expect("segments").into_iter().map(|n| segments::path(&self.folder(), n)).collect()
    }

    fn records(&self) -> Vec<Record> {
        Reader::new(&self.folder(), 1).some(usize::MAX).expect("records")
    }

    /// The whole log as lines, and back into one segment.
    fn lines(&self) -> Vec<Vec<u8>> {
        self.records().iter().map(Record::line).collect()
    }

    fn rewrite(&self, lines: &[Vec<u8>]) {
        for segment in self.segments() {
            fs::remove_file(segment).expect("removed");
        }
        fs::write(segments::path(&self.folder(), 1), lines.concat()).expect("written");
    }
}

fn event(i: u64) -> Event {
    Event::new(Action::Read, format!("sigess.casi, prova {i}")).account("distretto_rm_5_1").why("è una prova").count(i)
}

#[test]
fn what_was_recorded_is_whole_and_read_in_its_order() {
    let world = World::filled(20);
    assert!(world.segments().len() > 3, "several segments");
    assert_eq!(world.whole(), Whole { records: 20, first: 1, last: 20, sealed: 20, checkpoints: 1 });
    let records = world.records();
    assert!(records.iter().enumerate().all(|(i, r)| r.seq == i as u64 + 1 && r.count == Some(i as u64)));
    assert_eq!(records[0].prev, BEGINNING);
    let mut reader = Reader::new(&world.folder(), 8);
    let seqs = |records: Vec<Record>| records.iter().map(|r| r.seq).collect::<Vec<_>>();
    assert_eq!(seqs(reader.some(3).expect("some")), [8, 9, 10]);
    assert_eq!(seqs(reader.some(100).expect("some")), (11..=20).collect::<Vec<_>>());
    assert!(!reader.behind().expect("looked"));
    world.open().append(&[event(21)]).expect("recorded");
    assert!(reader.behind().expect("looked"));
    assert_eq!(seqs(reader.some(100).expect("some")), [21]);
}

#[test]
fn any_changed_byte_of_any_record_names_that_record() {
    let world = World::filled(5);
    let mut seq = 0;
    for segment in world.segments() {
        let bytes = fs::read(&segment).expect("bytes");
        let mut start = 0;
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            seq += 1;
            for at in start..start + line.len() {
                for flip in [0x01, 0x20, 0x80] {
                    let mut changed = bytes.clone();
                    changed[at] ^= flip;
                    fs::write(&segment, &changed).expect("written");
                    let broken = world.broken();
                    let place = (broken.seq, broken.file.as_str(), broken.offset);
                    assert_eq!(place, (seq, segment.file_name().and_then(|n| n.to_str()).expect("name"), start as u64), "byte {at} of {}", segment.display());
                    assert!(matches!(broken.reason, Reason::Changed | Reason::Torn), "{broken:?}");
                }
            }
            start += line.len();
        }
        fs::write(&segment, &bytes).expect("written");
    }
    assert_eq!(seq, 5);
    world.whole();
}

#[test]
fn any_changed_byte_of_a_checkpoint_is_seen() {
    let world = World::filled(3);
    let file = world.folder().join(checkpoint::FILE);
    let bytes = fs::read(&file).expect("bytes");
    for at in 0..bytes.len() - 1 {
        let mut changed = bytes.clone();
        changed[at] ^= 0x20;
        fs::write(&file, &changed).expect("written");
        assert_eq!(world.broken().reason, Reason::Signature, "byte {at}");
    }
}

#[test]
fn what_is_taken_out_or_moved_is_named() {
    for gone in 1..=6u64 {
        let world = World::filled(6);
        let mut lines = world.lines();
        lines.remove(gone as usize - 1);
        world.rewrite(&lines);
        let broken = world.broken();
        let reason = if gone == 6 { Reason::Truncated } else { Reason::Missing };
        assert_eq!((broken.seq, broken.reason), (gone, reason));
    }
    for first in 1..=5u64 {
        let world = World::filled(6);
        let mut lines = world.lines();
        lines.swap(first as usize - 1, first as usize);
        world.rewrite(&lines);
        let broken = world.broken();
        assert_eq!((broken.seq, broken.reason), (first, Reason::OutOfOrder));
    }
    let world = World::filled(6);
    let mut lines = world.lines();
    lines.insert(3, lines[1].clone());
    world.rewrite(&lines);
    assert_eq!((world.broken().seq, world.broken().reason), (4, Reason::OutOfOrder), "said twice");
}

#[test]
fn a_segment_that_is_gone_is_named() {
    let count = World::filled(12).segments().len();
    for at in 0..count {
        let world = World::filled(12);
        let segment = world.segments().remove(at);
        let first = Record::read(fs::read(&segment).expect("bytes").split(|b| *b == b'\n').next().expect("line")).expect("record").seq;
        fs::remove_file(segment).expect("removed");
        let broken = world.broken();
        let reason = if at + 1 == count { Reason::Truncated } else { Reason::Missing };
        assert_eq!((broken.seq, broken.reason), (first, reason));
        assert!(Log::open(&world.folder(), &world.key()).is_err() || at + 1 < count, "a log that lost its end is not gone on with");
    }
}

#[test]
fn a_chain_written_anew_without_the_key_does_not_fit_what_was_signed() {
    let world = World::new();
    let mut log = world.open();
    for i in 0..10 {
        log.append(&[event(i)]).expect("recorded");
        if i == 4 {
            log.seal().expect("signed");
        }
    }
    log.seal().expect("signed");
    let mut records = world.records();
    // A forger who knows the format: record 3 never was, and every hash after it is right.
    records[2].account = "nessuno".into();
    let mut prev = records[1].hash;
    for record in &mut records[2..] {
        record.prev = prev;
        record.hash = record.digest();
        prev = record.hash;
    }
    world.rewrite(&records.iter().map(Record::line).collect::<Vec<_>>());
    let broken = world.broken();
    assert_eq!((broken.seq, broken.reason), (5, Reason::Checkpoint));
    // With the checkpoints taken away too only one that was kept elsewhere tells.
    let kept =
        Checkpoint::read(fs::read(world.folder().join(checkpoint::FILE)).expect("bytes").split(|b| *b == b'\n').next().expect("line")).expect("checkpoint");
    fs::remove_file(world.folder().join(checkpoint::FILE)).expect("removed");
    assert!(matches!(world.verdict(), Verdict::Whole(_)), "what a bare chain cannot tell");
    let Verdict::Broken(broken) = world.verdict_with(&[kept]) else { panic!("not seen") };
    assert_eq!((broken.seq, broken.reason), (5, Reason::Checkpoint));
}

#[test]
fn one_record_hashed_anew_is_named_by_the_one_after_it() {
    let world = World::filled(6);
    let mut records = world.records();
    records[3].outcome = "rifiutato".into();
    records[3].hash = records[3].digest();
    world.rewrite(&records.iter().map(Record::line).collect::<Vec<_>>());
    assert_eq!((world.broken().seq, world.broken().reason), (4, Reason::Changed));
}

#[test]
fn another_key_signs_nothing_here() {
    let (world, other) = (World::filled(3), World::filled(3));
    fs::copy(other.folder().join(checkpoint::FILE), world.folder().join(checkpoint::FILE)).expect("copied");
    assert_eq!(world.broken().reason, Reason::Signature);
    let world = World::filled(3);
    fs::copy(other.key(), world.key()).expect("copied");
    assert_eq!(Log::open(&world.folder(), &world.key()).err().expect("refused").code, "audit.key_other");
    fs::remove_file(world.key()).expect("removed");
    assert_eq!(Log::open(&world.folder(), &world.key()).err().expect("refused").code, "audit.key_missing");
    let world = World::filled(3);
    fs::remove_dir_all(world.folder()).expect("removed");
    assert_eq!(Log::open(&world.folder(), &world.key()).err().expect("refused").code, "audit.gone", "a log that is gone does not begin anew");
}

#[test]
fn addresses_are_told_apart_and_not_told() {
    let world = World::new();
    let mut log = world.open();
    let from = |ip: &str| Event::new(Action::SignIn, "password").from(ip.parse().expect("address"));
    log.append(&[from("192.0.2.7"), from("192.0.2.7"), from("192.0.2.8"), from("::ffff:192.0.2.8")]).expect("recorded");
    let records = world.records();
    assert!(records[0].from == records[1].from && records[1].from != records[2].from && records[2].from == records[3].from);
    assert_eq!(records[0].from.len(), 16);
    let bytes = fs::read(&world.segments()[0]).expect("bytes");
    assert!(!String::from_utf8_lossy(&bytes).contains("192.0.2"));
}

#[test]
fn the_log_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::filled(2);
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&world.folder()), mode(&world.key())), (0o700, 0o600));
    for entry in fs::read_dir(world.folder()).expect("folder").flatten() {
        assert_eq!(mode(&entry.path()), 0o600, "{:?}", entry.path());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_are_each_acknowledged_when_they_are_on_disk() {
    let world = World::new();
    let audit = Audit::open(&world.folder(), &world.key()).expect("log");
    let all = (0..500).map(|i| {
        let audit = audit.clone();
        tokio::spawn(async move { audit.record(event(i)).await.expect("recorded") })
    });
    let mut seqs = Vec::new();
    for one in all.collect::<Vec<_>>() {
        seqs.push(one.await.expect("no panic"));
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=500).collect::<Vec<_>>());
    assert_eq!(world.whole().records, 500);
    audit.post(event(7));
    audit.close().await;
    assert_eq!((world.whole().records, world.whole().sealed), (501, 501));
    assert_eq!(audit.record(event(1)).await.expect_err("closed").code, "audit.closed");
}

#[tokio::test]
async fn what_a_request_says_of_itself_is_in_what_it_records() {
    let world = World::new();
    let audit = Audit::open(&world.folder(), &world.key()).expect("log");
    let who = crate::principal::Principal::new("comune_058091", "comune");
    let origin = Origin::new(Door::Flight, Some("192.0.2.7".parse().expect("address")));
    origin.within(async { audit.record(Event::new(Action::Form, "modulo 1").by(&who)).await.expect("recorded") }).await;
    Origin::command("os:root").within(async { audit.record(Event::new(Action::Administration, "utenza a")).await.expect("recorded") }).await;
    audit.record(Event::new(Action::Start, "siss")).await.expect("recorded");
    let records = world.records();
    let said: Vec<(&str, &str, &str)> = records.iter().map(|r| (r.account.as_str(), r.role.as_str(), r.door.as_str())).collect();
    assert_eq!(said, [("comune_058091", "comune", "flight"), ("os:root", "", "comando"), ("servizio", "", "servizio")]);
    assert!(!records[0].from.is_empty() && records[1].from.is_empty());
}
