//! Where the signatures of a PDF are, and exactly which bytes each covers.

use std::collections::BTreeMap;

use lopdf::{Dictionary, Document, Object, ObjectId};

use super::tree;
use crate::signature::finding::{Finding, Weight, finding, spoken};
use crate::signature::moment::Moment;

/// Who signed may forbid changes: `/DocMDP` (1 none, 2 forms, 3 forms and annotations) and `/FieldMDP`.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub certified: Option<i64>,
    pub locks: Vec<Lock>,
}

#[derive(Clone, Debug)]
pub enum Lock {
    All,
    Include(Vec<String>),
    Exclude(Vec<String>),
}

/// A signature dictionary and its place in the file.
pub struct Placed {
    pub field: Option<String>,
    pub form: String,
    pub contents: Vec<u8>,
    /// `[0, a, b, c]`: bytes `0..a` and `b..b+c` are signed.
    pub range: [usize; 4],
    /// Where the signed part ends; 0 if the range is no range.
    pub end: usize,
    pub claimed: Option<Moment>,
    pub rules: Rules,
    pub findings: Vec<Finding>,
}

impl Placed {
    /// The signed bytes, in one piece.
    pub fn covered(&self, bytes: &[u8]) -> Vec<u8> {
        let [_, a, b, _] = self.range;
        if self.end == 0 { Vec::new() } else { [&bytes[..a], &bytes[b..self.end]].concat() }
    }
}

/// All signatures: values of signature fields, and signature dictionaries that no field names.
pub fn find(document: &Document, bytes: &[u8]) -> Vec<Placed> {
    let mut found = BTreeMap::<ObjectId, Placed>::new();
    let mut direct = Vec::new();
    for field in tree::fields(document) {
        if field.kind.as_deref() != Some(b"Sig") {
            continue;
        }
        let Some(value) = field.dictionary.get(b"V").ok() else { continue };
        let Ok((id, Object::Dictionary(signature))) = document.dereference(value) else { continue };
        let placed = read(document, signature, Some(&field), bytes);
        match id {
            Some(id) => _ = found.insert(id, placed),
            None => direct.push(placed),
        }
    }
    for (id, object) in &document.objects {
        let Object::Dictionary(signature) = object else { continue };
        if signature.has(b"ByteRange") && signature.has(b"Contents") && !found.contains_key(id) {
            let mut placed = read(document, signature, None, bytes);
            placed.findings.push(finding(Weight::Note, "pdf.detached_field", ""));
            found.insert(*id, placed);
        }
    }
    direct.extend(found.into_values());
    direct
}

fn read(document: &Document, signature: &Dictionary, field: Option<&tree::Field>, bytes: &[u8]) -> Placed {
    let name = |key: &[u8]| signature.get_deref(key, document).ok().and_then(|value| value.as_name().ok());
    let contents = signature.get_deref(b"Contents", document).ok().and_then(|value| value.as_str().ok()).unwrap_or_default().to_vec();
    let mut placed = Placed {
        field: field.map(|field| field.name.clone()),
        form: name(b"SubFilter").map(|name| String::from_utf8_lossy(name).into_owned()).unwrap_or_default(),
        contents,
        range: [0; 4],
        end: 0,
        claimed: signature.get_deref(b"M", document).ok().and_then(|value| date(value.as_str().ok()?)),
        rules: rules(document, signature, field),
        findings: Vec::new(),
    };
    match range(document, signature, bytes, &placed.contents) {
        Ok(range) => {
            placed.range = range;
            placed.end = range[2] + range[3];
        }
        Err((it, en)) => placed.findings.push(spoken(Weight::Broken, "pdf.range", it, en)),
    }
    placed
}

/// The byte range, exact: from the first byte, everything but the hexadecimal string of this very signature.
fn range(document: &Document, signature: &Dictionary, bytes: &[u8], contents: &[u8]) -> Result<[usize; 4], (&'static str, &'static str)> {
    let list = signature.get_deref(b"ByteRange", document).ok().and_then(|value| value.as_array().ok()).ok_or(("/ByteRange manca", "/ByteRange is missing"))?;
    let numbers: Vec<usize> = list.iter().filter_map(|number| usize::try_from(number.as_i64().ok()?).ok()).collect();
    let [start, a, b, c]: [usize; 4] = numbers.try_into().map_err(|_| ("/ByteRange non ha quattro numeri", "/ByteRange has not four numbers"))?;
    let end = b.checked_add(c).filter(|end| *end <= bytes.len()).ok_or(("/ByteRange oltre la fine", "/ByteRange reaches past the end"))?;
    if start != 0 || a == 0 || a >= b {
        return Err(("/ByteRange non copre dall'inizio", "/ByteRange does not cover from the start"));
    }
    let gap = &bytes[a..b];
    let digits = gap
        .strip_prefix(b"<")
        .and_then(|gap| gap.strip_suffix(b">"))
        .ok_or(("/ByteRange non esclude la sola firma", "/ByteRange leaves out other than the signature"))?;
    let packed: Vec<u8> = digits.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if !packed.iter().all(u8::is_ascii_hexdigit) {
        return Err(("/Contents non è esadecimale", "/Contents is not hexadecimal"));
    }
    let even = if packed.len() % 2 == 1 { [packed.as_slice(), b"0"].concat() } else { packed };
    if hex::decode(&even).ok().as_deref() != Some(contents) {
        return Err(("/ByteRange esclude altro dalla firma", "/ByteRange leaves out something else than the signature"));
    }
    Ok([0, a, b, end - b])
}

fn rules(document: &Document, signature: &Dictionary, field: Option<&tree::Field>) -> Rules {
    let mut rules = Rules::default();
    let references = signature.get_deref(b"Reference", document).ok().and_then(|list| list.as_array().ok());
    for reference in references.into_iter().flatten() {
        let Ok((_, Object::Dictionary(reference))) = document.dereference(reference) else { continue };
        let method = reference.get_deref(b"TransformMethod", document).ok().and_then(|name| name.as_name().ok());
        let parameters = reference.get_deref(b"TransformParams", document).ok().and_then(|value| value.as_dict().ok());
        match (method, parameters) {
            (Some(b"DocMDP"), parameters) => {
                let level = parameters.and_then(|parameters| parameters.get_deref(b"P", document).ok()?.as_i64().ok());
                rules.certify(level.unwrap_or(2));
            }
            (Some(b"FieldMDP"), Some(parameters)) => rules.locks.extend(lock(document, parameters)),
            _ => {}
        }
    }
    if let Some(own) = field.and_then(|field| field.dictionary.get_deref(b"Lock", document).ok()?.as_dict().ok()) {
        rules.locks.extend(lock(document, own));
        if let Some(level) = own.get_deref(b"P", document).ok().and_then(|level| level.as_i64().ok()) {
            rules.certify(level);
        }
    }
    rules
}

impl Rules {
    fn certify(&mut self, level: i64) {
        self.certified = Some(self.certified.map_or(level, |before| before.min(level)));
    }

    /// These rules and those of an earlier signature: the stricter hold.
    pub fn join(&mut self, other: &Rules) {
        if let Some(level) = other.certified {
            self.certify(level);
        }
        self.locks.extend(other.locks.iter().cloned());
    }

    pub fn locks(&self, field: &str) -> bool {
        let within = |names: &[String]| names.iter().any(|name| field == name || field.starts_with(&format!("{name}.")));
        self.locks.iter().any(|lock| match lock {
            Lock::All => true,
            Lock::Include(names) => within(names),
            Lock::Exclude(names) => !within(names),
        })
    }
}

fn lock(document: &Document, parameters: &Dictionary) -> Option<Lock> {
    let list = parameters.get_deref(b"Fields", document).ok().and_then(|list| list.as_array().ok()).cloned().unwrap_or_default();
    let names = list.iter().filter_map(|name| Some(tree::text(document.dereference(name).ok()?.1.as_str().ok()?))).collect();
    match parameters.get_deref(b"Action", document).ok()?.as_name().ok()? {
        b"All" => Some(Lock::All),
        b"Include" => Some(Lock::Include(names)),
        b"Exclude" => Some(Lock::Exclude(names)),
        _ => None,
    }
}

/// A PDF date, `D:YYYYMMDDHHmmSS+hh'mm'`.
fn date(text: &[u8]) -> Option<Moment> {
    let text = std::str::from_utf8(text).ok()?.strip_prefix("D:")?;
    let zone: String = text.get(14..)?.chars().filter(|c| !matches!(c, '\'')).collect();
    let zone = if zone.starts_with('Z') || zone.is_empty() { "+0000".to_string() } else { zone };
    chrono::DateTime::parse_from_str(&format!("{}{zone}", text.get(..14)?), "%Y%m%d%H%M%S%z").ok().map(|time| time.with_timezone(&chrono::Utc))
}
