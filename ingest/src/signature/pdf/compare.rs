//! Two states of a PDF side by side: the one that was signed and the one that is shown. Every object that the document reaches is
//! compared; only what is on a short list may differ.

use std::collections::{BTreeSet, HashSet};

use lopdf::{Dictionary, Document, Object, ObjectId};

use super::changes::Allowed;
use super::tree;
use crate::signature::report::Change;

/// Pairs of objects that are compared at most.
const MAX_STEPS: usize = 3_000_000;
const MAX_CHANGES: usize = 200;
/// Entries of trailers and cross-reference streams that follow from the file's layout.
const LAYOUT: [&[u8]; 11] = [b"Size", b"Prev", b"XRefStm", b"ID", b"Type", b"W", b"Index", b"Filter", b"DecodeParms", b"Length", b"DL"];

/// Entries of a node above pages that count.
const SHOWN: [&[u8]; 7] = [b"Type", b"Kids", b"Count", b"Resources", b"MediaBox", b"CropBox", b"Rotate"];

/// What stands at a place, and so what may differ there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    Trailer,
    Info,
    Catalog,
    Form,
    /// Roots or kids of the form.
    Fields,
    Field,
    /// Nodes of the page tree, and pages.
    Page,
    Annotations,
    /// Nothing may differ.
    Exact,
    /// Nothing may differ within this very object, landmark or not.
    Inside,
    /// The structure tree: elements may be added, none may change.
    Growing,
    /// Resources of the form: names may be added.
    Resources,
}

pub struct Compare<'a> {
    pub then: &'a Document,
    pub now: &'a Document,
    pub allowed: &'a Allowed,
    marks: HashSet<ObjectId>,
    seen: HashSet<(Place, ObjectId, ObjectId)>,
    todo: Vec<(Place, String, Option<&'a Object>, Option<&'a Object>)>,
    pub changes: Vec<Change>,
}

impl<'a> Compare<'a> {
    pub fn new(then: &'a Document, now: &'a Document, allowed: &'a Allowed) -> Self {
        Self { then, now, allowed, marks: tree::landmarks(then), seen: HashSet::new(), todo: Vec::new(), changes: Vec::new() }
    }

    /// All changes; none if the document is beyond the bounds.
    pub fn run(mut self) -> Option<Vec<Change>> {
        let (then, now) = (self.then, self.now);
        self.dictionary(Place::Trailer, "", &then.trailer, &now.trailer);
        self.work().then_some(self.changes)
    }

    fn work(&mut self) -> bool {
        for _ in 0..MAX_STEPS {
            let Some((place, path, a, b)) = self.todo.pop() else { return true };
            if self.changes.len() >= MAX_CHANGES {
                return true;
            }
            self.step(place, &path, a, b);
        }
        false
    }

    /// Are two values the same through and through?
    pub fn same(&self, a: Option<&'a Object>, b: Option<&'a Object>) -> bool {
        let mut inner = Compare {
            then: self.then,
            now: self.now,
            allowed: self.allowed,
            marks: self.marks.clone(),
            seen: HashSet::new(),
            todo: Vec::new(),
            changes: Vec::new(),
        };
        inner.push(Place::Exact, String::new(), a, b);
        inner.work() && inner.changes.is_empty()
    }

    pub fn push(&mut self, place: Place, path: String, a: Option<&'a Object>, b: Option<&'a Object>) {
        self.todo.push((place, path, a, b));
    }

    pub fn change(&mut self, kind: &'static str, place: impl Into<String>, allowed: bool) {
        let change = Change { kind, place: place.into().trim_start_matches('/').to_string(), allowed };
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    fn step(&mut self, place: Place, path: &str, a: Option<&'a Object>, b: Option<&'a Object>) {
        let ids = a.and_then(|a| a.as_reference().ok()).zip(b.and_then(|b| b.as_reference().ok()));
        if let Some((a, b)) = ids {
            // Landmarks are compared at their own place; elsewhere it must only be the same one.
            if a == b && matches!(place, Place::Exact | Place::Growing | Place::Resources) && self.marks.contains(&a) {
                return;
            }
            if !self.seen.insert((place, a, b)) {
                return;
            }
        }
        match (resolve(self.then, a), resolve(self.now, b)) {
            (None, None) => {}
            (Some(Object::Dictionary(a)), Some(Object::Dictionary(b))) => self.dictionary(place, path, a, b),
            (None, Some(Object::Dictionary(b))) if place == Place::Form => self.dictionary(place, path, empty(), b),
            (Some(Object::Stream(a)), Some(Object::Stream(b))) => {
                if a.content != b.content {
                    self.change("content", path, false);
                }
                self.dictionary(if place == Place::Inside { Place::Exact } else { place }, path, &a.dict, &b.dict);
            }
            (a, b) if matches!(place, Place::Fields | Place::Annotations) => self.list(place, path, a, b),
            (Some(Object::Array(a)), Some(Object::Array(b))) => self.array(place, path, a, b),
            (Some(a), Some(b)) if alike(a, b) => {}
            _ if place == Place::Growing && grows(path) => {}
            // One child may become a list of children.
            (Some(_), Some(Object::Array(b))) if place == Place::Growing && path.ends_with("/K") => {
                self.grown(path, std::slice::from_ref(a.unwrap_or(&Object::Null)), b)
            }
            _ => self.change("content", path, false),
        }
    }

    fn array(&mut self, place: Place, path: &str, a: &'a [Object], b: &'a [Object]) {
        if place == Place::Growing {
            return self.grown(path, a, b);
        }
        if a.len() != b.len() {
            return self.change("content", path, false);
        }
        let inner = if place == Place::Inside { Place::Exact } else { place };
        for (at, (a, b)) in a.iter().zip(b).enumerate() {
            self.push(inner, format!("{path}[{at}]"), Some(a), Some(b));
        }
    }

    /// The old items are there in their order; more may stand between them.
    fn grown(&mut self, path: &str, a: &'a [Object], b: &'a [Object]) {
        if grows(path) {
            return;
        }
        let mut rest = b.iter();
        for (at, old) in a.iter().enumerate() {
            let found = rest.find(|new| match (old.as_reference(), new.as_reference()) {
                // A list may be written anew under another number; what it lists is compared in turn.
                (Ok(a), Ok(b)) => {
                    a == b || matches!((resolve(self.then, Some(old)), resolve(self.now, Some(new))), (Some(Object::Array(_)), Some(Object::Array(_))))
                }
                (Err(_), Err(_)) => {
                    self.same(Some(old), Some(new)) || (!matches!(old, Object::Integer(_)) && std::mem::discriminant(old) == std::mem::discriminant(*new))
                }
                _ => false,
            });
            match found {
                Some(new) => self.push(Place::Growing, format!("{path}[{at}]"), Some(old), Some(new)),
                None => return self.change("content", path, false),
            }
        }
    }

    fn dictionary(&mut self, place: Place, path: &str, a: &'a Dictionary, b: &'a Dictionary) {
        if place == Place::Field {
            return self.field(path, a, b);
        }
        let keys: BTreeSet<&Vec<u8>> = a.iter().chain(b.iter()).map(|(key, _)| key).collect();
        for key in keys {
            let (old, new) = (a.get(key).ok(), b.get(key).ok());
            let path = if path.len() > 300 { path.to_string() } else { format!("{path}/{}", String::from_utf8_lossy(key)) };
            let next = match place {
                Place::Trailer => match key.as_slice() {
                    b"Root" => Place::Catalog,
                    b"Info" => Place::Info,
                    key if LAYOUT.contains(&key) => continue,
                    b"Encrypt" => Place::Exact,
                    _ => {
                        self.beside(&path, old, new);
                        continue;
                    }
                },
                Place::Info | Place::Catalog if self.is_aside(place, key, &path, old, new) => continue,
                Place::Catalog => match key.as_slice() {
                    b"AcroForm" => Place::Form,
                    b"Pages" => Place::Page,
                    b"StructTreeRoot" => Place::Growing,
                    _ => Place::Exact,
                },
                Place::Form => match self.of_form(key, old, new) {
                    Some(next) => next,
                    None => continue,
                },
                Place::Page => match key.as_slice() {
                    b"Kids" => Place::Page,
                    b"Annots" => Place::Annotations,
                    b"Parent" => continue,
                    // The order of tabs is set with the first field of a page.
                    b"Tabs" | b"StructParents" if old.is_none() => continue,
                    // Of a node above pages nothing is shown but what pages inherit (ISO 32000-1 §7.7.3.4); writers leave marks of their own.
                    key if a.has(b"Kids") && !SHOWN.contains(&key) => continue,
                    _ => Place::Exact,
                },
                Place::Growing => {
                    if old.is_none() && !matches!(key.as_slice(), b"ActualText" | b"Alt" | b"E") {
                        continue;
                    }
                    Place::Growing
                }
                Place::Resources if old.is_none() => continue,
                Place::Resources => Place::Resources,
                // The length may be written in another way for the same bytes.
                _ if key.as_slice() == b"Length" => continue,
                _ => Place::Exact,
            };
            self.push(next, path, old, new);
        }
    }

    /// A trailer's entry that the standard does not know. Programs keep another form of the document there (LibreOffice's
    /// `/AdditionalStreams`), always as a stream: each must have been there.
    fn beside(&mut self, path: &str, old: Option<&'a Object>, new: Option<&'a Object>) {
        let known = streams(self.then, old);
        let is_known = |stream: &&'a Object| known.iter().any(|old| self.same(Some(old), Some(stream)));
        if !streams(self.now, new).iter().all(is_known) {
            self.change("content", path, false);
        }
    }

    /// Entries of the catalog and the document information that hold nothing of the document.
    fn is_aside(&mut self, place: Place, key: &[u8], path: &str, old: Option<&'a Object>, new: Option<&'a Object>) -> bool {
        let kind = match (place, key) {
            (Place::Catalog, b"DSS") => "validation",
            (Place::Catalog, b"Extensions" | b"Version") => return true,
            (Place::Catalog, b"Metadata") | (Place::Info, b"ModDate" | b"Producer") => "metadata",
            // A certification's entry comes with it; its rules are read from the signatures.
            (Place::Catalog, b"Perms") => return old.is_none(),
            _ => return false,
        };
        if !self.same(old, new) {
            self.change(kind, path, true);
        }
        true
    }
}

/// Counters and limits of the structure tree, which grow with it.
fn grows(path: &str) -> bool {
    path.ends_with("/ParentTreeNextKey") || path.ends_with("/Limits")
}

/// The streams that a value is or lists.
fn streams<'d>(document: &'d Document, value: Option<&'d Object>) -> Vec<&'d Object> {
    let items: Vec<&Object> = match resolve(document, value) {
        Some(Object::Array(items)) => items.iter().collect(),
        Some(Object::Dictionary(entries)) => entries.iter().map(|(_, value)| value).collect(),
        Some(other) => vec![other],
        None => Vec::new(),
    };
    items.into_iter().filter_map(|item| resolve(document, Some(item))).filter(|item| matches!(item, Object::Stream(_))).collect()
}

fn empty() -> &'static Dictionary {
    static EMPTY: std::sync::LazyLock<Dictionary> = std::sync::LazyLock::new(Dictionary::new);
    &EMPTY
}

pub fn resolve<'d>(document: &'d Document, object: Option<&'d Object>) -> Option<&'d Object> {
    let (_, found) = document.dereference(object?).ok()?;
    (!found.is_null()).then_some(found)
}

/// The same value; whether a string is written in hexadecimal is no difference.
fn alike(a: &Object, b: &Object) -> bool {
    match (a, b) {
        (Object::String(a, _), Object::String(b, _)) => a == b,
        (Object::Integer(a), Object::Real(b)) | (Object::Real(b), Object::Integer(a)) => *a as f32 == *b,
        _ => a == b,
    }
}
