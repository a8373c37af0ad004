//! What a file is: PEM and base64 taken off, then PDF, CMS, timestamp, or none of them. By content, never by name.

use base64::Engine;
use base64::engine::general_purpose::GeneralPurposeConfig;
use base64::engine::{DecodePaddingMode, GeneralPurpose};

use super::ber::{self, Element};
use super::cms;
use super::timestamp;

/// What signed files are.
pub enum Kind<'a> {
    Pdf,
    /// CMS with signers; the element is the `ContentInfo`.
    Signed(Element<'a>),
    /// A timestamp token by itself.
    Token(Element<'a>),
    /// A document wrapped with its timestamps; the element is the `TimeStampedData`.
    Stamped(Element<'a>),
    /// CMS that starts well and then breaks off or breaks.
    Damaged,
    Other,
}

/// Bytes that text tools leave after the end of a file. Anything else after a signature's end is an addition.
const HARMLESS: [u8; 4] = [b'\r', b'\n', 0, b' '];

/// The kind of these bytes, and whether something stands after the end of the structure.
pub fn kind(bytes: &[u8]) -> (Kind<'_>, bool) {
    // An envelope that opens with a PDF is no PDF: the envelope comes first.
    if !looks_like_cms(bytes) && is_pdf(bytes) {
        return (Kind::Pdf, false);
    }
    let Ok((element, rest)) = ber::first(bytes) else {
        return (if looks_like_cms(bytes) { Kind::Damaged } else { Kind::Other }, false);
    };
    let added = rest.iter().any(|byte| !HARMLESS.contains(byte));
    if let Some(token) = timestamp::in_response(&element) {
        return (Kind::Token(token), added);
    }
    let kind = match cms::content_info(&element) {
        Ok((oid, _)) if oid == cms::SIGNED_DATA => match cms::signed_data(&element) {
            Ok(data) if data.content_type == cms::TST_INFO => Kind::Token(element),
            Ok(_) => Kind::Signed(element),
            Err(_) => Kind::Damaged,
        },
        Ok((oid, body)) if oid == cms::TIMESTAMPED_DATA => Kind::Stamped(body),
        _ if looks_like_cms(bytes) => Kind::Damaged,
        _ => Kind::Other,
    };
    let is_other = matches!(kind, Kind::Other);
    (kind, added && !is_other)
}

/// Readers look for the header in the first 1024 bytes. A file that lost it but still carries a signature's byte range is a damaged PDF.
pub fn is_pdf(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(1024)];
    let finds = |text: &[u8]| memchr::memmem::find(bytes, text).is_some();
    memchr::memmem::find(head, b"%PDF-").is_some() || (finds(b"/ByteRange") && finds(b"startxref"))
}

/// `SignedData`'s or `TimeStampedData`'s identifier near the start, whatever is wrong with the rest.
fn looks_like_cms(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(40)];
    let names = |identifier: &[u8]| memchr::memmem::find(head, identifier).is_some();
    let (signed, stamped) = ([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2], [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 31]);
    bytes.first() == Some(&0x30) && (names(&signed) || names(&stamped))
}

/// The bytes inside PEM, MIME base64 or bare base64; none if these bytes are not text of that kind.
pub fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii();
    let mut body = text;
    if let Some(start) = memchr::memmem::find(text, b"-----BEGIN ") {
        let after = &text[start..];
        let line_end = memchr::memchr(b'\n', after)?;
        let end = memchr::memmem::find(after, b"-----END ")?;
        body = after.get(line_end..end)?;
    } else if text.len() > 4 && text[..text.len().min(4096)].windows(2).any(|pair| pair == b": ") {
        // S/MIME: headers, an empty line, then base64.
        let blank = memchr::memmem::find(text, b"\r\n\r\n").map(|at| at + 4).or_else(|| memchr::memmem::find(text, b"\n\n").map(|at| at + 2))?;
        body = &text[blank..];
    }
    let packed: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if packed.len() < 16 || !packed.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte)) {
        return None;
    }
    let engine = GeneralPurpose::new(&base64::alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));
    engine.decode(packed).ok()
}
