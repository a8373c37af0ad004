//! Crashes, several writers, and retention.

use super::*;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("folder");
    for entry in fs::read_dir(from).expect("folder").flatten() {
        fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
}

#[test]
fn a_torn_end_is_taken_out_kept_aside_and_said() {
    let whole = World::new();
    let mut log = whole.open();
    log.append(&[event(0)]).expect("recorded");
    log.seal().expect("signed");
    log.append(&[event(1)]).expect("recorded");
    drop(log);
    let bytes = fs::read(&whole.segments()[0]).expect("bytes");
    let second = bytes.iter().position(|b| *b == b'\n').expect("line") + 1;
    // Wherever the machine stopped while it wrote the second record, and where the disk only kept room for it.
    let zeros = [&bytes[..second], &[0; 700][..]].concat();
    let cuts = (second + 1..bytes.len()).map(|end| bytes[..end].to_vec()).chain([zeros]);
    for cut in cuts {
        let world = World::new();
        copy(&whole.folder(), &world.folder());
        fs::create_dir_all(world.key().parent().expect("folder")).expect("folder");
        fs::copy(whole.key(), world.key()).expect("copied");
        fs::write(&world.segments()[0], &cut).expect("written");
        assert_eq!((world.broken().seq, world.broken().reason), (2, Reason::Torn));
        let mut log = world.open();
        log.append(&[event(2)]).expect("recorded");
        assert_eq!(world.whole().last, 3);
        let records = world.records();
        assert_eq!((records[1].action.as_str(), records[2].count), (Action::Repair.as_str(), Some(2)));
        let aside = fs::read(world.folder().join(format!("000001.{second}.torn"))).expect("kept");
        assert_eq!(aside, cut[second..]);
    }
}

#[test]
fn what_was_signed_is_never_taken_for_torn() {
    let world = World::filled(4);
    let last = world.segments().pop().expect("segment");
    let bytes = fs::read(&last).expect("bytes");
    for change in [bytes[..bytes.len() - 1].to_vec(), bytes[..bytes.len() - 20].to_vec(), [&bytes[..bytes.len() - 1], b"x"].concat()] {
        fs::write(&last, &change).expect("written");
        assert_eq!(Log::open(&world.folder(), &world.key()).err().expect("refused").code, "audit.damaged");
        assert_eq!(fs::read(&last).expect("bytes"), change, "nothing was touched");
    }
}

#[test]
fn two_writers_make_one_chain() {
    let world = World::new();
    let (mut one, mut two) = (world.open().with_segments_of(2_000), world.open().with_segments_of(2_000));
    for i in 0..10 {
        one.append(&[event(i), event(i)]).expect("recorded");
        two.append(&[event(i)]).expect("recorded");
        if i == 5 {
            two.seal().expect("signed");
        }
    }
    assert_eq!(world.whole().records, 30);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let mut log = world.open().with_segments_of(2_000);
            std::thread::spawn(move || {
                for i in 0..25 {
                    log.append(&[event(i)]).expect("recorded");
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    assert_eq!(world.whole().records, 130);
}

#[test]
fn old_segments_go_behind_a_signed_word_and_in_no_other_way() {
    let world = World::filled(20);
    let mut log = world.open().with_segments_of(1_500);
    assert_eq!(log.retire(Utc::now() - chrono::Duration::days(1)).expect("looked"), 0, "nothing is old");
    let old = world.folder().parent().expect("folder").join("old");
    copy(&world.folder(), &old);
    let removed = log.retire(Utc::now()).expect("retired");
    assert!(removed > 10 && removed < 20, "{removed}");
    let whole = world.whole();
    assert_eq!((whole.first, whole.last), (removed + 1, 21));
    assert_eq!(world.records().last().map(|r| r.action.clone()).as_deref(), Some(Action::Retention.as_str()));
    assert_eq!(world.open().append(&[event(1)]).expect("goes on"), 22);
    log.seal().expect("signed");
    // Interrupted before the files were removed: they are still accepted, and go the next time.
    for (number, path) in segments::numbers(&old).expect("segments").into_iter().map(|n| (n, segments::path(&old, n))) {
        if !segments::path(&world.folder(), number).exists() {
            fs::copy(path, segments::path(&world.folder(), number)).expect("copied");
        }
    }
    assert_eq!(world.whole().first, 1);
    assert!(log.retire(Utc::now()).expect("retired") >= removed);
    assert!(world.whole().first > removed);
    // One segment more than the word allows.
    let segment = world.segments().remove(0);
    if world.segments().len() > 1 {
        fs::remove_file(segment).expect("removed");
        assert_eq!(world.broken().reason, Reason::Missing);
    }
}

#[test]
fn a_retired_beginning_cannot_be_claimed_without_the_key() {
    let world = World::filled(12);
    let segment = world.segments().remove(0);
    let last = segments::last(&world.folder(), 1).expect("read").expect("record");
    fs::remove_file(segment).expect("removed");
    let other = World::filled(1);
    let forged = Checkpoint::sign(&other.open().key, last.seq, last.hash, 0, true);
    let file = world.folder().join(checkpoint::FILE);
    fs::write(&file, format!("{}\n{}", forged.line(), fs::read_to_string(&file).expect("text"))).expect("written");
    assert_eq!((world.broken().seq, world.broken().reason), (last.seq, Reason::Signature));
}
