//! The parts of a PDF's structure that may grow after a signature: form fields, pages, annotations.

use std::collections::HashSet;

use lopdf::{Dictionary, Document, Object, ObjectId};

/// Fields and pages beyond this are no form and no document.
const MAX_NODES: usize = 100_000;

/// A node of the form: a field, or one of its widgets.
pub struct Field<'a> {
    pub id: Option<ObjectId>,
    pub name: String,
    /// `/FT`, its own or inherited.
    pub kind: Option<Vec<u8>>,
    pub dictionary: &'a Dictionary,
}

/// A text string in UTF-16, UTF-8 or PDFDocEncoding (as Latin-1).
pub fn text(bytes: &[u8]) -> String {
    match bytes {
        [0xfe, 0xff, rest @ ..] => String::from_utf16_lossy(&rest.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect::<Vec<_>>()),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// Every node of the form.
pub fn fields(document: &Document) -> Vec<Field<'_>> {
    let form = document.catalog().ok().and_then(|catalog| catalog.get_deref(b"AcroForm", document).ok()?.as_dict().ok());
    let roots = form.and_then(|form| form.get_deref(b"Fields", document).ok()?.as_array().ok());
    let mut todo: Vec<(&Object, String, Option<Vec<u8>>)> = roots.into_iter().flatten().map(|root| (root, String::new(), None)).collect();
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    while let Some((object, above, inherited)) = todo.pop() {
        let Ok((id, Object::Dictionary(dictionary))) = document.dereference(object) else { continue };
        if found.len() >= MAX_NODES || id.is_some_and(|id| !seen.insert(id)) {
            continue;
        }
        let own = dictionary.get_deref(b"T", document).ok().and_then(|name| name.as_str().ok()).map(text);
        let name = match own {
            Some(own) if above.is_empty() => own,
            Some(own) => format!("{above}.{own}"),
            None => above,
        };
        let kind = dictionary.get_deref(b"FT", document).ok().and_then(|kind| kind.as_name().ok()).map(<[u8]>::to_vec).or(inherited);
        for kid in dictionary.get_deref(b"Kids", document).ok().and_then(|kids| kids.as_array().ok()).into_iter().flatten() {
            todo.push((kid, name.clone(), kind.clone()));
        }
        found.push(Field { id, name, kind, dictionary });
    }
    found
}

/// Objects that are compared where they belong, and elsewhere only by their number: catalog, form, fields, pages, annotations.
pub fn landmarks(document: &Document) -> HashSet<ObjectId> {
    let mut marks: HashSet<ObjectId> = fields(document).iter().filter_map(|field| field.id).collect();
    let reference = |dictionary: &Dictionary, key: &[u8]| dictionary.get(key).ok().and_then(|object| object.as_reference().ok());
    marks.extend(reference(&document.trailer, b"Root"));
    let Ok(catalog) = document.catalog() else { return marks };
    marks.extend(reference(catalog, b"AcroForm"));
    let mut todo: Vec<ObjectId> = reference(catalog, b"Pages").into_iter().collect();
    while let Some(id) = todo.pop() {
        if marks.len() >= MAX_NODES || !marks.insert(id) {
            continue;
        }
        let Ok(node) = document.get_dictionary(id) else { continue };
        let list = |key: &[u8]| node.get_deref(key, document).ok().and_then(|list| list.as_array().ok()).into_iter().flatten();
        todo.extend(list(b"Kids").filter_map(|kid| kid.as_reference().ok()));
        marks.extend(list(b"Annots").filter_map(|annotation| annotation.as_reference().ok()));
    }
    marks
}
