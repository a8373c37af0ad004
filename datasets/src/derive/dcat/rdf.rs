//! A small graph that keeps its subjects in the order they were first named, and its three ways onto the wire.

use std::collections::HashMap;
use std::io;

use oxjsonld::JsonLdSerializer;
use oxrdf::vocab::{rdf, xsd};
use oxrdf::{GraphNameRef, Literal, NamedNode, QuadRef, Term, TripleRef};
use oxrdfxml::RdfXmlSerializer;
use oxttl::TurtleSerializer;

use crate::model::Text;

/// Prefixes of every answer; terms are written with them: `dct:title`.
pub const PREFIXES: [(&str, &str); 15] = [
    ("adms", "http://www.w3.org/ns/adms#"),
    ("dcat", "http://www.w3.org/ns/dcat#"),
    ("dcatap", "http://data.europa.eu/r5r/"),
    ("dcatapit", "http://dati.gov.it/onto/dcatapit#"),
    ("dct", "http://purl.org/dc/terms/"),
    ("eli", "http://data.europa.eu/eli/ontology#"),
    ("foaf", "http://xmlns.com/foaf/0.1/"),
    ("owl", "http://www.w3.org/2002/07/owl#"),
    ("prov", "http://www.w3.org/ns/prov#"),
    ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    ("skos", "http://www.w3.org/2004/02/skos/core#"),
    ("spdx", "http://spdx.org/rdf/terms#"),
    ("vcard", "http://www.w3.org/2006/vcard/ns#"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
];

/// How a graph is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    Turtle,
    RdfXml,
    JsonLd,
}

impl Syntax {
    pub const ALL: [Self; 3] = [Self::Turtle, Self::RdfXml, Self::JsonLd];

    pub fn extension(self) -> &'static str {
        match self {
            Self::Turtle => "ttl",
            Self::RdfXml => "rdf",
            Self::JsonLd => "jsonld",
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Self::Turtle => "text/turtle",
            Self::RdfXml => "application/rdf+xml",
            Self::JsonLd => "application/ld+json",
        }
    }
}

/// Statements by subject.
#[derive(Clone, Debug, Default)]
pub struct Rdf {
    subjects: Vec<(NamedNode, Vec<(NamedNode, Term)>)>,
    places: HashMap<NamedNode, usize>,
}

/// `dct:title`, or an address as it is.
pub fn name(term: &str) -> NamedNode {
    let expanded = term.split_once(':').and_then(|(prefix, local)| {
        let (_, space) = PREFIXES.iter().find(|(known, _)| *known == prefix)?;
        Some(format!("{space}{local}"))
    });
    NamedNode::new_unchecked(expanded.unwrap_or_else(|| term.to_owned()))
}

impl Rdf {
    /// Statements about `subject` are made on what this gives.
    pub fn about(&mut self, subject: &str) -> About<'_> {
        let subject = name(subject);
        let place = *self.places.entry(subject.clone()).or_insert_with(|| {
            self.subjects.push((subject, Vec::new()));
            self.subjects.len() - 1
        });
        About { statements: &mut self.subjects[place].1 }
    }

    /// The graph as bytes.
    pub fn write(&self, syntax: Syntax) -> io::Result<Vec<u8>> {
        let triples = self.subjects.iter().flat_map(|(s, statements)| statements.iter().map(move |(p, o)| TripleRef::new(s, p, o)));
        let invalid = |e| io::Error::new(io::ErrorKind::InvalidData, e);
        match syntax {
            Syntax::Turtle => {
                let mut writer = TurtleSerializer::new();
                for (prefix, space) in PREFIXES {
                    writer = writer.with_prefix(prefix, space).map_err(invalid)?;
                }
                let mut writer = writer.for_writer(Vec::new());
                for triple in triples {
                    writer.serialize_triple(triple)?;
                }
                writer.finish()
            }
            Syntax::RdfXml => {
                let mut writer = RdfXmlSerializer::new();
                for (prefix, space) in PREFIXES {
                    writer = writer.with_prefix(prefix, space).map_err(invalid)?;
                }
                let mut writer = writer.for_writer(Vec::new());
                for triple in triples {
                    writer.serialize_triple(triple)?;
                }
                writer.finish()
            }
            Syntax::JsonLd => {
                let mut writer = JsonLdSerializer::new();
                for (prefix, space) in PREFIXES {
                    writer = writer.with_prefix(prefix, space).map_err(invalid)?;
                }
                let mut writer = writer.for_writer(Vec::new());
                for triple in triples {
                    writer.serialize_quad(QuadRef::new(triple.subject, triple.predicate, triple.object, GraphNameRef::DefaultGraph))?;
                }
                writer.finish()
            }
        }
    }
}

/// One subject, being described. A statement made twice stands once.
pub struct About<'a> {
    statements: &'a mut Vec<(NamedNode, Term)>,
}

impl About<'_> {
    pub fn a(self, classes: &[&str]) -> Self {
        classes.iter().fold(self, |about, class| about.put(rdf::TYPE.into_owned(), name(class).into()))
    }

    pub fn to(self, predicate: &str, object: &str) -> Self {
        self.put(name(predicate), name(object).into())
    }

    pub fn plain(self, predicate: &str, text: &str) -> Self {
        self.put(name(predicate), Literal::new_simple_literal(text).into())
    }

    /// Both languages.
    pub fn text(self, predicate: &str, text: &Text) -> Self {
        let said = |text: &str, language: &str| Literal::new_language_tagged_literal_unchecked(text, language).into();
        self.put(name(predicate), said(&text.it, "it")).put(name(predicate), said(&text.en, "en"))
    }

    /// A literal of a type of XML Schema.
    pub fn typed(self, predicate: &str, text: &str, kind: &str) -> Self {
        self.put(name(predicate), Literal::new_typed_literal(text, name(kind)).into())
    }

    pub fn day(self, predicate: &str, day: chrono::NaiveDate) -> Self {
        self.put(name(predicate), Literal::new_typed_literal(day.to_string(), xsd::DATE).into())
    }

    fn put(self, predicate: NamedNode, object: Term) -> Self {
        if !self.statements.iter().any(|(p, o)| *p == predicate && *o == object) {
            self.statements.push((predicate, object));
        }
        self
    }
}
