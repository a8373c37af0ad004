//! The documents of the flows: `PS_PSA_SINA` (layout of December 2018) and `SINBA`, both of the namespace of the Casellario.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::error::{Error, Result};

const NAMESPACE: &str = "http://inps.it/Casellario";

/// Attributes in their order.
#[derive(Clone, Debug, Default)]
pub struct Attributes(Vec<(&'static str, String)>);

impl Attributes {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.0.push((name, value.to_owned()));
        self
    }

    pub fn maybe(self, name: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    fn each(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// What a flow says, but for its name and sender.
#[derive(Clone, Debug)]
pub enum Document {
    Ps { fiscal_code: String, registry: Attributes, address: Attributes, benefit: Attributes, sina: Option<Sina> },
    Sinba { attributes: Attributes, benefit: String, family: Vec<String> },
}

/// The assessment of non-self-sufficiency.
#[derive(Clone, Debug)]
pub struct Sina {
    pub attributes: Attributes,
    /// Code of the benefit the person needs.
    pub needed: Option<String>,
    pub invalidity: Option<String>,
}

/// Who sends: the municipality, by its cadastral code, and who answers for the sending.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    pub code: &'a str,
    pub name: &'a str,
    pub operator: &'a str,
}

impl Document {
    /// The document of the flow called `name`.
    pub fn xml(&self, name: &str, sender: Sender<'_>) -> Result<Vec<u8>> {
        let fault = |e: io::Error| Error::internal("siuss.xml", e);
        let mut out = Writer::new(Vec::with_capacity(2048));
        out.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None))).map_err(fault)?;
        out.create_element("Flusso")
            .with_attribute(("xmlns", NAMESPACE))
            .write_inner_content(|out| {
                out.create_element("IdentificazioneFlusso").with_attribute(("Nome", name)).write_inner_content(|out| {
                    let body: String = sender.name.chars().take(100).collect();
                    let attributes = [("Codice", sender.code), ("Denominazione", &body), ("Indirizzo", sender.code), ("CFOperatore", sender.operator)];
                    out.create_element("Ente").with_attributes(attributes).write_empty().map(drop)
                })?;
                self.content(out)
            })
            .map_err(fault)?;
        Ok(out.into_inner())
    }

    fn content(&self, out: &mut Writer<Vec<u8>>) -> io::Result<()> {
        match self {
            Self::Ps { fiscal_code, registry, address, benefit, sina } => {
                out.create_element("Beneficiario").with_attribute(("CodiceFiscale", fiscal_code.as_str())).write_inner_content(|out| {
                    out.create_element("Anagrafica").with_attributes(registry.each()).write_empty()?;
                    out.create_element("Indirizzo").with_attributes(address.each()).write_empty()?;
                    let element = out.create_element("PrestazioniSociali").with_attributes(benefit.each());
                    match sina {
                        Some(sina) => element.write_inner_content(|out| sina.write(out)).map(drop),
                        None => element.write_empty().map(drop),
                    }
                })?;
            }
            Self::Sinba { attributes, benefit, family } => {
                out.create_element("SINBA").with_attributes(attributes.each()).write_inner_content(|out| {
                    out.create_element("Prestazioni").write_inner_content(|out| text(out, "CodicePrestazione", benefit))?;
                    out.create_element("Famiglia").write_inner_content(|out| family.iter().try_for_each(|member| text(out, "ComposizioneFamiglia", member)))?;
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

/// The cancellation of a benefit that was sent as the flow `name`: the same document, as the flow `other`.
pub fn revocation(xml: &[u8], name: &str, other: &str) -> Result<Vec<u8>> {
    let text = std::str::from_utf8(xml).map_err(|e| Error::internal("siuss.revocation", e))?;
    let text = text.replacen(&format!("Nome=\"{name}\""), &format!("Nome=\"{other}\""), 1);
    Ok(text.replacen("TipoOperazione=\"I\"", "TipoOperazione=\"C\"", 1).into_bytes())
}

impl Sina {
    fn write(&self, out: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let element = out.create_element("SINA").with_attributes(self.attributes.each());
        element.write_inner_content(|out| {
            if let Some(needed) = &self.needed {
                out.create_element("NecessitaInterventiSociali").write_inner_content(|out| text(out, "CodicePrestazione", needed))?;
            }
            if let Some(invalidity) = &self.invalidity {
                out.create_element("InvaliditaCivile").write_inner_content(|out| text(out, "InvCiv", invalidity))?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

fn text(out: &mut Writer<Vec<u8>>, name: &str, value: &str) -> io::Result<()> {
    out.create_element(name).write_text_content(BytesText::new(value)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_a_revocation_says_so() {
        let document = Document::Ps {
            fiscal_code: "RSSMRA80A01H501U".into(),
            registry: Attributes::new().with("Cognome", "D'Àvena & \"Figli\" <1>"),
            address: Attributes::new(),
            benefit: Attributes::new().with("TipoOperazione", "I"),
            sina: None,
        };
        let sender = Sender { code: "H501", name: "Roma", operator: "80143490581" };
        let xml = document.xml("H501.PS.20260101.0000001", sender).unwrap();
        let text = String::from_utf8(xml.clone()).unwrap();
        assert!(text.contains("&amp;") && text.contains("&lt;1&gt;") && text.contains("&quot;Figli&quot;") && text.contains("TipoOperazione=\"I\""));
        let revoked = String::from_utf8(revocation(&xml, "H501.PS.20260101.0000001", "H501.PS.20260102.0000001").unwrap()).unwrap();
        assert_eq!(revoked, text.replace("TipoOperazione=\"I\"", "TipoOperazione=\"C\"").replace("20260101", "20260102"));
    }
}
