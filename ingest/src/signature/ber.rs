//! A bounded reader of BER, the loose form of ASN.1 that real signatures come in: indefinite lengths and strings in pieces included.

/// Deeper nesting than this is no signature but an attack on the stack.
const MAX_DEPTH: usize = 48;
/// Children of one element; the longest revocation lists hold some hundred thousand.
const MAX_CHILDREN: usize = 2_000_000;

pub const BOOLEAN: u8 = 0x01;
pub const INTEGER: u8 = 0x02;
pub const BIT_STRING: u8 = 0x03;
pub const OCTET_STRING: u8 = 0x04;
pub const OID: u8 = 0x06;
pub const UTF8_STRING: u8 = 0x0c;
pub const UTC_TIME: u8 = 0x17;
pub const GENERALIZED_TIME: u8 = 0x18;
pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;

/// Not BER, or BER beyond the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// One element: `tag` is its first byte (class, constructed, number below 31), `raw` all of it, `content` what is inside.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    pub tag: u8,
    pub raw: &'a [u8],
    pub content: &'a [u8],
}

/// The first element of `bytes` and what follows it.
pub fn first(bytes: &[u8]) -> Result<(Element<'_>, &[u8]), Malformed> {
    element(bytes, 0)
}

/// The one element that fills `bytes`.
pub fn whole(bytes: &[u8]) -> Result<Element<'_>, Malformed> {
    match first(bytes)? {
        (element, []) => Ok(element),
        _ => Err(Malformed),
    }
}

fn element(bytes: &[u8], depth: usize) -> Result<(Element<'_>, &[u8]), Malformed> {
    if depth > MAX_DEPTH {
        return Err(Malformed);
    }
    let tag = *bytes.first().ok_or(Malformed)?;
    // Numbers above 30 take more bytes; no structure read here has them, but certificates inside may.
    let mut at = 1;
    if tag & 0x1f == 0x1f {
        while bytes.get(at).ok_or(Malformed)? & 0x80 != 0 {
            at += 1;
        }
        at += 1;
    }
    let length = *bytes.get(at).ok_or(Malformed)?;
    at += 1;
    if length == 0x80 {
        return indefinite(bytes, tag, at, depth);
    }
    let mut size = usize::from(length);
    if length > 0x80 {
        let count = usize::from(length & 0x7f);
        if count > 8 {
            return Err(Malformed);
        }
        size = 0;
        for byte in bytes.get(at..at + count).ok_or(Malformed)? {
            size = size.checked_mul(256).and_then(|size| size.checked_add(usize::from(*byte))).ok_or(Malformed)?;
        }
        at += count;
    }
    let end = at.checked_add(size).filter(|end| *end <= bytes.len()).ok_or(Malformed)?;
    Ok((Element { tag, raw: &bytes[..end], content: &bytes[at..end] }, &bytes[end..]))
}

/// Indefinite length: children up to two zero bytes.
fn indefinite(bytes: &[u8], tag: u8, start: usize, depth: usize) -> Result<(Element<'_>, &[u8]), Malformed> {
    if tag & 0x20 == 0 {
        return Err(Malformed);
    }
    let mut rest = &bytes[start..];
    for _ in 0..MAX_CHILDREN {
        if rest.starts_with(&[0, 0]) {
            let end = bytes.len() - rest.len();
            return Ok((Element { tag, raw: &bytes[..end + 2], content: &bytes[start..end] }, &rest[2..]));
        }
        rest = element(rest, depth + 1)?.1;
    }
    Err(Malformed)
}

impl<'a> Element<'a> {
    pub fn is_constructed(&self) -> bool {
        self.tag & 0x20 != 0
    }

    pub fn children(&self) -> Result<Vec<Element<'a>>, Malformed> {
        if !self.is_constructed() {
            return Err(Malformed);
        }
        let (mut found, mut rest) = (Vec::new(), self.content);
        while !rest.is_empty() {
            if found.len() == MAX_CHILDREN {
                return Err(Malformed);
            }
            let (child, after) = first(rest)?;
            found.push(child);
            rest = after;
        }
        Ok(found)
    }

    /// Itself if it carries this tag.
    pub fn expect(self, tag: u8) -> Result<Element<'a>, Malformed> {
        if self.tag == tag { Ok(self) } else { Err(Malformed) }
    }

    /// The bytes of a string, whole or in pieces.
    pub fn octets(&self) -> Result<Vec<u8>, Malformed> {
        let mut bytes = Vec::new();
        self.gather(&mut bytes, 0)?;
        Ok(bytes)
    }

    fn gather(&self, into: &mut Vec<u8>, depth: usize) -> Result<(), Malformed> {
        if depth > MAX_DEPTH {
            return Err(Malformed);
        }
        if !self.is_constructed() {
            into.extend_from_slice(self.content);
            return Ok(());
        }
        for piece in self.children()? {
            piece.gather(into, depth + 1)?;
        }
        Ok(())
    }

    /// An object identifier in dotted form.
    pub fn oid(&self) -> Result<String, Malformed> {
        if self.tag != OID || self.content.is_empty() || self.content.len() > 64 {
            return Err(Malformed);
        }
        let (mut parts, mut value) = (Vec::new(), 0u64);
        for byte in self.content {
            value = value.checked_mul(128).ok_or(Malformed)? | u64::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                parts.push(value);
                value = 0;
            }
        }
        let head = *parts.first().ok_or(Malformed)?;
        let (one, two) = if head < 80 { (head / 40, head % 40) } else { (2, head - 80) };
        let tail: String = parts[1..].iter().map(|part| format!(".{part}")).collect();
        Ok(format!("{one}.{two}{tail}"))
    }

    /// A small non-negative integer.
    pub fn small(&self) -> Result<u64, Malformed> {
        if self.tag != INTEGER || self.content.is_empty() || self.content.len() > 8 || self.content[0] & 0x80 != 0 {
            return Err(Malformed);
        }
        Ok(self.content.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// The same element in DER: definite lengths, strings in one piece. SETs keep their order; `der_set` sorts.
    pub fn der(&self) -> Result<Vec<u8>, Malformed> {
        self.encoded(0)
    }

    fn encoded(&self, depth: usize) -> Result<Vec<u8>, Malformed> {
        if depth > MAX_DEPTH {
            return Err(Malformed);
        }
        if !self.is_constructed() {
            return Ok(encode(self.tag, self.content));
        }
        if self.tag == OCTET_STRING | 0x20 {
            return Ok(encode(OCTET_STRING, &self.octets()?));
        }
        let mut content = Vec::new();
        for child in self.children()? {
            content.extend(child.encoded(depth + 1)?);
        }
        Ok(encode(self.tag, &content))
    }
}

/// An element from its parts; `tag` is one byte.
pub fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match content.len() {
        short if short < 0x80 => bytes.push(short as u8),
        long => {
            let length = long.to_be_bytes();
            let used = &length[length.iter().position(|byte| *byte != 0).unwrap_or(7)..];
            bytes.push(0x80 | used.len() as u8);
            bytes.extend_from_slice(used);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

/// A SET OF in DER: members in ascending order of their bytes.
pub fn der_set(members: &[Element]) -> Result<Vec<u8>, Malformed> {
    let mut encoded = members.iter().map(Element::der).collect::<Result<Vec<_>, _>>()?;
    encoded.sort();
    Ok(encode(SET, &encoded.concat()))
}
