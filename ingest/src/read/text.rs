//! Bytes of any encoding to a stream of whole UTF-8, in flat memory.

use std::collections::VecDeque;
use std::io::Read;

use encoding_rs::{CoderResult, Decoder, Encoding, MACINTOSH, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::ReadError;

const CHUNK: usize = 256 * 1024;
/// Positions of odd bytes are kept until the reader passes them; beyond this many they are only counted.
const MARKS: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    InvalidBytes,
    Nul,
}

/// A decoding stream. In UTF-8, a byte that cannot be UTF-8 is taken as Windows-1252: files glued together from two
/// systems lose nothing.
pub(crate) struct TextReader {
    input: Box<dyn Read + Send>,
    decoder: Option<Decoder>,
    raw: Vec<u8>,
    ended: bool,
    /// Bytes of UTF-8 given out so far.
    given: u64,
    /// Where odd bytes lie in the decoded stream.
    pub marks: VecDeque<(u64, Mark)>,
}

impl TextReader {
    /// `input` starts after the byte order mark.
    pub fn new(input: Box<dyn Read + Send>, encoding: &'static Encoding) -> Self {
        let decoder = (encoding != UTF_8).then(|| encoding.new_decoder_without_bom_handling());
        TextReader { input, decoder, raw: Vec::new(), ended: false, given: 0, marks: VecDeque::new() }
    }

    /// Appends the next chunk to `out`; false at the end of the text.
    pub fn fill(&mut self, out: &mut Vec<u8>) -> Result<bool, ReadError> {
        let before = out.len();
        while out.len() == before && !self.ended {
            let kept = self.raw.len();
            self.raw.resize(kept + CHUNK, 0);
            let n = read_some(&mut *self.input, &mut self.raw[kept..])?;
            self.raw.truncate(kept + n);
            self.ended = n == 0;
            match self.decoder.is_some() {
                true => self.decode(out),
                false => self.check(out),
            }
        }
        self.mark_nuls(&out[before..]);
        self.given += (out.len() - before) as u64;
        Ok(out.len() > before)
    }

    fn decode(&mut self, out: &mut Vec<u8>) {
        let Some(decoder) = self.decoder.as_mut() else { return };
        let mut text = String::with_capacity(decoder.max_utf8_buffer_length(self.raw.len()).unwrap_or(CHUNK * 3));
        let mut from = 0;
        loop {
            let start = text.len();
            let (result, read, bad) = decoder.decode_to_string(&self.raw[from..], &mut text, self.ended);
            from += read;
            if bad {
                let at = text[start..].find('\u{FFFD}').unwrap_or(0);
                push_mark(&mut self.marks, self.given + (start + at) as u64, Mark::InvalidBytes);
            }
            match result {
                CoderResult::InputEmpty => break,
                CoderResult::OutputFull => text.reserve(CHUNK),
            }
        }
        self.raw.clear();
        out.extend_from_slice(text.as_bytes());
    }

    fn check(&mut self, out: &mut Vec<u8>) {
        let base = self.given - out.len() as u64;
        let mut rest: &[u8] = &self.raw;
        let kept = loop {
            match std::str::from_utf8(rest) {
                Ok(good) => {
                    out.extend_from_slice(good.as_bytes());
                    break 0;
                }
                Err(error) => {
                    let (good, tail) = rest.split_at(error.valid_up_to());
                    out.extend_from_slice(good);
                    if error.error_len().is_none() && !self.ended {
                        break tail.len();
                    }
                    push_mark(&mut self.marks, base.wrapping_add(out.len() as u64), Mark::InvalidBytes);
                    let (as_text, _) = WINDOWS_1252.decode_without_bom_handling(&tail[..1]);
                    out.extend_from_slice(as_text.as_bytes());
                    rest = &tail[1..];
                }
            }
        };
        let used = self.raw.len() - kept;
        self.raw.drain(..used);
    }

    fn mark_nuls(&mut self, text: &[u8]) {
        if self.marks.len() >= MARKS {
            return;
        }
        for at in memchr::memchr_iter(0, text).take(MARKS) {
            push_mark(&mut self.marks, self.given + at as u64, Mark::Nul);
        }
        self.marks.make_contiguous().sort_by_key(|m| m.0);
    }
}

fn push_mark(marks: &mut VecDeque<(u64, Mark)>, at: u64, mark: Mark) {
    if marks.len() < MARKS {
        marks.push_back((at, mark));
    }
}

/// Reads at least one byte unless the input has ended; retries on interruption.
pub(crate) fn read_some(input: &mut dyn Read, buf: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match input.read(buf) {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            other => return other,
        }
    }
}

/// The encoding of a text judged by its first bytes; with the length of its byte order mark.
pub(crate) fn detect(sample: &[u8], whole: bool) -> (&'static Encoding, usize) {
    if let Some((encoding, bom)) = Encoding::for_bom(sample) {
        return (encoding, bom);
    }
    if let Some(encoding) = utf16_without_bom(sample) {
        return (encoding, 0);
    }
    let bad = invalid_utf8(sample, whole);
    let high = sample.iter().filter(|b| **b >= 0x80).count();
    // A few stray bytes in a text that is otherwise UTF-8 do not make it another encoding.
    if bad == 0 || bad * 20 < high {
        return (UTF_8, 0);
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(sample, whole);
    let guess = detector.guess(Some(b"it"), chardetng::Utf8Detection::Deny);
    (prefer_western(sample, guess), 0)
}

/// Few accented letters are no evidence for a far alphabet: senders are Western unless the text is full of high bytes. Lone
/// carriage returns are the mark of an old Macintosh.
fn prefer_western(sample: &[u8], guess: &'static Encoding) -> &'static Encoding {
    let high = sample.iter().filter(|b| **b >= 0x80).count();
    let letters = sample.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let windows = usual_share(sample, WINDOWS_1252);
    let old_mac = memchr::memchr(b'\n', sample).is_none() && memchr::memchr(b'\r', sample).is_some();
    match () {
        _ if old_mac && usual_share(sample, MACINTOSH) > windows => MACINTOSH,
        _ if high * 4 < letters.max(1) && windows >= 0.9 => WINDOWS_1252,
        _ => guess,
    }
}

/// Share of the high bytes that an encoding makes the letters and signs of Western texts.
fn usual_share(sample: &[u8], encoding: &'static Encoding) -> f64 {
    let usual = "àèéìíòóùúÀÈÉÌÍÒÓÙÚáâäãåçêëîïñôöõüûÁÂÄÃÅÇÊËÎÏÑÔÖÕÜÛßæøÆØœŒÿýÝ°ªº§£€«»“”‘’–—…·©®™±²³¼½¾×÷µ¿¡´\u{a0}\u{ad}¨¬¢¥¦¶†‡•‹›„‚ˆ˜¸¯";
    let (text, _) = encoding.decode_without_bom_handling(sample);
    let (mut good, mut all) = (0u32, 0u32);
    for c in text.chars().filter(|c| !c.is_ascii()) {
        all += 1;
        good += u32::from(usual.contains(c));
    }
    f64::from(good) / f64::from(all.max(1))
}

fn utf16_without_bom(sample: &[u8]) -> Option<&'static Encoding> {
    let head = &sample[..sample.len().min(4096) & !1];
    if head.len() < 4 {
        return None;
    }
    let half = head.len() / 2;
    let zeros = |odd: usize| head.iter().skip(odd).step_by(2).filter(|b| **b == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    match () {
        _ if odd * 10 >= half * 6 && even * 10 <= half => Some(UTF_16LE),
        _ if even * 10 >= half * 6 && odd * 10 <= half => Some(UTF_16BE),
        _ => None,
    }
}

fn invalid_utf8(sample: &[u8], whole: bool) -> usize {
    let mut bad = 0;
    let mut rest = sample;
    while let Err(error) = std::str::from_utf8(rest) {
        match error.error_len() {
            None if !whole => break,
            len => {
                bad += 1;
                rest = &rest[error.valid_up_to() + len.unwrap_or(1)..];
            }
        }
    }
    bad
}
