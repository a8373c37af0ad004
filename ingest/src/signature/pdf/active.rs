//! Active content of a PDF: what may run, start or bring in something when the file is opened.

use std::collections::BTreeSet;

use lopdf::{Dictionary, Document, Object};

/// Kinds of actions that do more than move within the document.
const ACTIONS: [&[u8]; 9] = [b"JavaScript", b"Launch", b"SubmitForm", b"ImportData", b"GoToE", b"GoToR", b"Rendition", b"RichMediaExecute", b"Movie"];

/// The kinds found, each once, in alphabetical order.
pub fn content(document: &Document) -> Vec<String> {
    let mut found = BTreeSet::new();
    for object in document.objects.values() {
        let mut todo = vec![object];
        while let Some(object) = todo.pop() {
            match object {
                Object::Array(items) => todo.extend(items),
                Object::Dictionary(dictionary) => {
                    look(document, dictionary, &mut found);
                    todo.extend(dictionary.iter().map(|(_, value)| value));
                }
                Object::Stream(stream) => {
                    look(document, &stream.dict, &mut found);
                    todo.extend(stream.dict.iter().map(|(_, value)| value));
                }
                _ => {}
            }
        }
    }
    found.into_iter().collect()
}

fn look(document: &Document, dictionary: &Dictionary, found: &mut BTreeSet<String>) {
    let name = |key: &[u8]| dictionary.get_deref(key, document).ok().and_then(|value| value.as_name().ok());
    if let Some(action) = name(b"S").filter(|action| ACTIONS.contains(action)) {
        found.insert(String::from_utf8_lossy(action).into_owned());
    }
    // Where a page opens is harmless; an action that runs on opening is not.
    if let Ok(Object::Dictionary(_)) = dictionary.get_deref(b"OpenAction", document) {
        found.insert("OpenAction".to_string());
    }
    for (key, said) in
        [(&b"AA"[..], "AdditionalActions"), (b"XFA", "XFA"), (b"EF", "EmbeddedFile"), (b"JavaScript", "JavaScript"), (b"RichMediaContent", "RichMedia")]
    {
        if dictionary.has(key) && (key != b"JavaScript" || !matches!(dictionary.get(key), Ok(Object::Name(_)))) {
            found.insert(said.to_string());
        }
    }
}
