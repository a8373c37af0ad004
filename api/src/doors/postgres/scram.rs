//! The server's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677) with a stored verifier. The library's
//! handler wants the salted password, from which the password's other uses could be forged; a verifier is enough.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac};
use subtle::ConstantTimeEq;

use crate::accounts::Scram;

pub const PLAIN: &str = "SCRAM-SHA-256";
pub const PLUS: &str = "SCRAM-SHA-256-PLUS";

/// Only this way of channel binding is known to clients.
const BINDING: &str = "tls-server-end-point";

/// Why an exchange ended. The client is told only of malformed messages; every other failure looks the same.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    Malformed(&'static str),
    /// The proof does not fit, or the account is locked or unknown.
    Refused,
}

/// The client's first message was read and answered; its proof is awaited.
pub struct Exchange {
    verifier: Option<Scram>,
    /// `c=` that the client's last message must hold: its own header and what it bound to.
    binding: String,
    nonce: String,
    /// Both first messages, which the proof covers.
    covered: String,
    /// What the server answers to the first message.
    pub answer: String,
}

impl Exchange {
    /// Reads the client's first message. `end_point` is the hash of the certificate when PLUS was offered; `mechanism` is
    /// what the client chose. A locked account (`verifier` absent) goes through the motions.
    pub fn begin(message: &[u8], mechanism: &str, verifier: Option<Scram>, end_point: Option<&[u8]>, nonce: &str) -> Result<Self, Failure> {
        let text = std::str::from_utf8(message).map_err(|_| Failure::Malformed("not UTF-8"))?;
        let mut parts = text.splitn(3, ',');
        let (flag, identity, bare) = match (parts.next(), parts.next(), parts.next()) {
            (Some(flag), Some(identity), Some(bare)) => (flag, identity, bare),
            _ => return Err(Failure::Malformed("client-first-message")),
        };
        if !identity.is_empty() {
            return Err(Failure::Malformed("an authorization identity is not supported"));
        }
        let mut bound = format!("{flag},,").into_bytes();
        match (flag, mechanism, end_point) {
            ("n", PLAIN, _) | ("y", PLAIN, None) => {}
            // The client believes that we do not offer PLUS, but we do: someone in the middle took it away.
            ("y", PLAIN, Some(_)) => return Err(Failure::Malformed("channel binding was negotiated away")),
            (flag, PLUS, Some(hash)) if flag.strip_prefix("p=") == Some(BINDING) => bound.extend_from_slice(hash),
            _ => return Err(Failure::Malformed("channel binding")),
        }
        // The name in the message is not used: it stood in the start-up message.
        let mut fields = bare.split(',');
        let (name, random) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let random = random.strip_prefix("r=").filter(|r| !r.is_empty() && r.len() <= 256 && r.bytes().all(|b| b.is_ascii_graphic()));
        let Some(random) = random.filter(|_| name.starts_with("n=")) else { return Err(Failure::Malformed("client-first-message-bare")) };

        let nonce = format!("{random}{nonce}");
        let (salt, iterations) = verifier.as_ref().map_or_else(|| (vec![0; 16], 4096), |v| (v.salt.clone(), v.iterations));
        let answer = format!("r={nonce},s={},i={iterations}", STANDARD.encode(salt));
        Ok(Self { verifier, binding: STANDARD.encode(bound), nonce, covered: format!("{bare},{answer}"), answer })
    }

    /// Checks the client's proof; what comes back proves the server to the client.
    pub fn finish(self, message: &[u8]) -> Result<String, Failure> {
        let text = std::str::from_utf8(message).map_err(|_| Failure::Malformed("not UTF-8"))?;
        let Some((unproven, proof)) = text.rsplit_once(",p=") else { return Err(Failure::Malformed("client-final-message")) };
        let mut fields = unproven.split(',');
        let (binding, nonce) = (fields.next().and_then(|f| f.strip_prefix("c=")), fields.next().and_then(|f| f.strip_prefix("r=")));
        if binding != Some(self.binding.as_str()) || nonce != Some(self.nonce.as_str()) {
            return Err(Failure::Refused);
        }
        let proof = STANDARD.decode(proof).map_err(|_| Failure::Malformed("proof"))?;
        let verifier = self.verifier.ok_or(Failure::Refused)?;
        let covered = format!("{},{unproven}", self.covered);

        let signature = sign(&verifier.stored_key, covered.as_bytes());
        if proof.len() != signature.len() {
            return Err(Failure::Malformed("proof"));
        }
        let client_key: Vec<u8> = proof.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        let fits: bool = digest::digest(&digest::SHA256, &client_key).as_ref().ct_eq(&verifier.stored_key).into();
        if !fits {
            return Err(Failure::Refused);
        }
        Ok(format!("v={}", STANDARD.encode(sign(&verifier.server_key, covered.as_bytes()))))
    }
}

fn sign(key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec()
}

/// Hash of the certificate as `tls-server-end-point` wants it (RFC 5929): by the hash of its signature, SHA-256 for the
/// weak ones. `None` for a signature without one hash (Ed25519, PSS): then PLUS is not offered.
pub fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
    // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OBJECT IDENTIFIER, … }, … }
    let (_, body, _) = element(certificate)?;
    let (_, _, rest) = element(body)?;
    let (_, algorithm, _) = element(rest)?;
    let (tag, oid, _) = element(algorithm)?;
    let (last, family) = oid.split_last().filter(|_| tag == 0x06)?;
    let hash = match (family, last) {
        (RSA, 4 | 5 | 11) | (ECDSA, 2) => &digest::SHA256,
        (RSA, 12) | (ECDSA, 3) => &digest::SHA384,
        (RSA, 13) | (ECDSA, 4) => &digest::SHA512,
        _ => return None,
    };
    Some(digest::digest(hash, certificate).as_ref().to_vec())
}

/// Tag, content and what follows of the first DER element.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, first) = (*der.first()?, *der.get(1)?);
    let (length, header) = match first {
        0..=0x7f => (first as usize, 2),
        0x81..=0x84 => {
            let count = (first & 0x7f) as usize;
            (der.get(2..2 + count)?.iter().fold(0, |length, byte| (length << 8) | *byte as usize), 2 + count)
        }
        _ => return None,
    };
    Some((tag, der.get(header..header + length)?, der.get(header + length..)?))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use ring::pbkdf2;

    use super::*;

    /// The verifier of RFC 7677's example: user `user`, password `pencil`.
    fn pencil() -> Scram {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let mut salted = [0; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, NonZeroU32::new(4096).unwrap(), &salt, b"pencil", &mut salted);
        let client_key = sign(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, &client_key).as_ref().to_vec();
        Scram { salt, iterations: 4096, stored_key, server_key: sign(&salted, b"Server Key") }
    }

    const FIRST: &[u8] = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const LAST: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

    #[test]
    fn the_example_of_rfc_7677() {
        let exchange = Exchange::begin(FIRST, PLAIN, Some(pencil()), None, NONCE).unwrap();
        assert_eq!(exchange.answer, "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        assert_eq!(exchange.finish(LAST.as_bytes()).unwrap(), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let begin = |verifier| Exchange::begin(FIRST, PLAIN, verifier, None, NONCE).unwrap();
        let wrong = LAST.replace("dHzb", "dHzc");
        assert_eq!(begin(Some(pencil())).finish(wrong.as_bytes()), Err(Failure::Refused));
        assert_eq!(begin(None).finish(LAST.as_bytes()), Err(Failure::Refused));
        assert_eq!(begin(Some(pencil())).finish(LAST.replace("biws", "eSws").as_bytes()), Err(Failure::Refused));
        assert_eq!(begin(Some(pencil())).finish(LAST.replace("k0,p", "k1,p").as_bytes()), Err(Failure::Refused));
    }

    #[test]
    fn channel_binding_cannot_be_taken_away() {
        let begin = |first: &[u8], mechanism, hash| Exchange::begin(first, mechanism, Some(pencil()), hash, NONCE).err();
        let y = b"y,,n=,r=abc".as_slice();
        assert_eq!(begin(y, PLAIN, None), None);
        assert!(begin(y, PLAIN, Some(b"hash".as_slice())).is_some());
        assert_eq!(begin(b"p=tls-server-end-point,,n=,r=abc", PLUS, Some(b"hash".as_slice())), None);
        assert!(begin(b"p=tls-server-end-point,,n=,r=abc", PLUS, None).is_some());
        assert!(begin(b"n,,n=,r=abc", PLUS, Some(b"hash".as_slice())).is_some());
        assert!(begin(b"n,a=other,n=,r=abc", PLAIN, None).is_some());
        assert!(begin(b"n,,n=,r=", PLAIN, None).is_some());
        assert!(begin(b"n,,m=x,n=,r=a", PLAIN, None).is_some());
    }
}
