//! Form fields and annotations after a signature: fields filled in, signatures added, and nothing else.

use lopdf::{Dictionary, Document, Object};

use super::compare::{Compare, Place, resolve};
use super::tree;

/// Steps from a widget to the field that names it.
const MAX_PARENTS: usize = 32;
/// Bit 1 of `/Ff`: the field is read-only.
const READ_ONLY: i64 = 1;

impl<'a> Compare<'a> {
    /// Where the comparison of an entry of the form goes on; none if it needs no more.
    pub fn of_form(&mut self, key: &[u8], old: Option<&'a Object>, new: Option<&'a Object>) -> Option<Place> {
        match key {
            b"Fields" => Some(Place::Fields),
            b"SigFlags" => None,
            b"DR" if old.is_none() => None,
            b"DR" => Some(Place::Resources),
            b"DA" if old.is_none() => None,
            // Appearances drawn anew by the reader would not be those that were signed.
            b"NeedAppearances" => {
                let wanted = |document, object| matches!(resolve(document, object), Some(Object::Boolean(true)));
                if wanted(self.now, new) && !wanted(self.then, old) {
                    self.change("content", "AcroForm/NeedAppearances", false);
                }
                None
            }
            _ => Some(Place::Exact),
        }
    }

    /// Fields or annotations: the old ones are all there, new ones are signatures.
    pub fn list(&mut self, place: Place, path: &str, a: Option<&'a Object>, b: Option<&'a Object>) {
        let items = |object: Option<&'a Object>| match object {
            Some(Object::Array(items)) => Some(items.as_slice()),
            None => Some(&[][..]),
            _ => None,
        };
        let (Some(old), Some(new)) = (items(a), items(b)) else { return self.change("content", path, false) };
        let mut left: Vec<&'a Object> = new.iter().collect();
        for (at, item) in old.iter().enumerate() {
            let path = format!("{path}[{at}]");
            let same = |candidate: &&Object| match (item.as_reference(), candidate.as_reference()) {
                (Ok(a), Ok(b)) => a == b,
                (Err(_), Err(_)) => self.same(Some(item), Some(candidate)),
                _ => false,
            };
            match left.iter().position(same) {
                Some(found) => {
                    let found = left.remove(found);
                    let place = if place == Place::Fields || is_widget(self.then, item) { Place::Field } else { Place::Inside };
                    self.push(place, path, Some(item), Some(found));
                }
                None if resolve(self.then, Some(item)).is_none() => {}
                None => self.change("content", path, false),
            }
        }
        for item in left {
            self.added(place, path, item);
        }
    }

    /// A field or annotation that was not there.
    fn added(&mut self, place: Place, path: &str, item: &'a Object) {
        let Some(Object::Dictionary(new)) = resolve(self.now, Some(item)) else { return };
        let (name, kind) = (field_name(self.now, new), inherited(self.now, new, b"FT"));
        let is_signature = matches!(kind, Some(Object::Name(name)) if name == b"Sig");
        if place == Place::Annotations && !is_widget(self.now, item) {
            let subtype = new.get(b"Subtype").ok().and_then(|name| name.as_name().ok()).map(|name| String::from_utf8_lossy(name).into_owned());
            return self.change("annotation", format!("{path} {}", subtype.unwrap_or_default()), false);
        }
        if !is_signature {
            return self.change("content", format!("{path} {name}"), false);
        }
        match value(self.now, new) {
            Some(signature) if is_timestamp(self.now, signature) => self.change("timestamp", name, true),
            Some(_) => self.change("signature", name, self.allowed.signatures),
            // An empty field that shows something is no signature but a picture over the page.
            None => self.change("signature", name, self.allowed.signatures && !shows(self.now, new)),
        }
    }

    /// A field that was there: filled in, signed, or unchanged.
    pub fn field(&mut self, path: &str, a: &'a Dictionary, b: &'a Dictionary) {
        let (then, now) = (self.then, self.now);
        let name = field_name(then, a);
        let kind = inherited(then, a, b"FT");
        let is_signature = matches!(kind, Some(Object::Name(kind)) if kind == b"Sig");
        let (was, is) = (value(then, a), value(now, b));
        let open: &[&[u8]] = match (is_signature, was) {
            (true, None) if is.is_some() => &[b"V", b"AP", b"AS", b"M", b"F", b"MK", b"DA", b"Rect", b"DR", b"Q", b"DS"],
            (true, _) => &[],
            _ => &[b"V", b"AP", b"AS", b"I", b"M", b"RV"],
        };
        let mut filled = false;
        let keys: std::collections::BTreeSet<&Vec<u8>> = a.iter().chain(b.iter()).map(|(key, _)| key).collect();
        for key in keys {
            let (old, new) = (a.get(key).ok(), b.get(key).ok());
            let path = format!("{path}/{}", String::from_utf8_lossy(key));
            match key.as_slice() {
                b"Kids" => self.push(Place::Fields, path, old, new),
                key if open.contains(&key) => filled |= !self.same(old, new),
                _ => self.push(Place::Exact, path, old, new),
            }
        }
        if !filled {
            return;
        }
        if is_signature {
            let stamp = is.is_some_and(|signature| is_timestamp(now, signature));
            return self.change(if stamp { "timestamp" } else { "signature" }, name, stamp || self.allowed.signatures);
        }
        let flags = match inherited(then, a, b"Ff") {
            Some(Object::Integer(flags)) => *flags,
            _ => 0,
        };
        let allowed = self.allowed.forms && !self.allowed.rules.locks(&name) && flags & READ_ONLY == 0 && kind.is_some();
        self.change("form", name, allowed);
    }
}

fn is_widget(document: &Document, item: &Object) -> bool {
    matches!(resolve(document, Some(item)), Some(Object::Dictionary(found)) if found.get_deref(b"Subtype", document).is_ok_and(|name| name.as_name().ok() == Some(b"Widget")))
}

fn value<'d>(document: &'d Document, field: &'d Dictionary) -> Option<&'d Object> {
    inherited(document, field, b"V")
}

/// A document timestamp, by its type or form; it may stand even where signatures may not.
fn is_timestamp(document: &Document, signature: &Object) -> bool {
    let Object::Dictionary(signature) = signature else { return false };
    signature.get_deref(b"SubFilter", document).is_ok_and(|form| form.as_name().ok() == Some(b"ETSI.RFC3161"))
}

/// A value of a field, its own or that of those above it.
fn inherited<'d>(document: &'d Document, field: &'d Dictionary, key: &[u8]) -> Option<&'d Object> {
    let mut node = field;
    for _ in 0..MAX_PARENTS {
        if let Some(found) = resolve(document, node.get(key).ok()) {
            return Some(found);
        }
        match resolve(document, node.get(b"Parent").ok())? {
            Object::Dictionary(parent) => node = parent,
            _ => return None,
        }
    }
    None
}

fn field_name(document: &Document, field: &Dictionary) -> String {
    let (mut parts, mut node) = (Vec::new(), field);
    for _ in 0..MAX_PARENTS {
        if let Ok(name) = node.get_deref(b"T", document).and_then(|name| name.as_str().map(tree::text)) {
            parts.push(name);
        }
        match resolve(document, node.get(b"Parent").ok()) {
            Some(Object::Dictionary(parent)) => node = parent,
            _ => break,
        }
    }
    parts.reverse();
    parts.join(".")
}

/// Has the widget a rectangle with an area, and an appearance to fill it?
fn shows(document: &Document, widget: &Dictionary) -> bool {
    let corners: Vec<f32> = match resolve(document, widget.get(b"Rect").ok()) {
        Some(Object::Array(corners)) => corners.iter().filter_map(|corner| corner.as_float().ok()).collect(),
        _ => return false,
    };
    let area = matches!(corners.as_slice(), [a, b, c, d] if a != c && b != d);
    area && resolve(document, widget.get(b"AP").ok()).is_some()
}
