//! Digests and public-key signatures by their object identifiers, and which of them may still be relied on.

use chrono::{TimeZone, Utc};
use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};

use super::ber::{self, Element};
use super::moment::Moment;

/// A digest algorithm by its object identifier, with the name people use.
pub fn digest_of(oid: &str) -> Option<(MessageDigest, &'static str)> {
    Some(match oid {
        "1.2.840.113549.2.5" => (MessageDigest::md5(), "MD5"),
        "1.3.14.3.2.26" => (MessageDigest::sha1(), "SHA-1"),
        "1.3.36.3.2.1" => (MessageDigest::ripemd160(), "RIPEMD-160"),
        "2.16.840.1.101.3.4.2.4" => (MessageDigest::sha224(), "SHA-224"),
        "2.16.840.1.101.3.4.2.1" => (MessageDigest::sha256(), "SHA-256"),
        "2.16.840.1.101.3.4.2.2" => (MessageDigest::sha384(), "SHA-384"),
        "2.16.840.1.101.3.4.2.3" => (MessageDigest::sha512(), "SHA-512"),
        "2.16.840.1.101.3.4.2.7" => (MessageDigest::sha3_224(), "SHA3-224"),
        "2.16.840.1.101.3.4.2.8" => (MessageDigest::sha3_256(), "SHA3-256"),
        "2.16.840.1.101.3.4.2.9" => (MessageDigest::sha3_384(), "SHA3-384"),
        "2.16.840.1.101.3.4.2.10" => (MessageDigest::sha3_512(), "SHA3-512"),
        _ => return None,
    })
}

pub fn hash(digest: MessageDigest, data: &[u8]) -> Option<Vec<u8>> {
    openssl::hash::hash(digest, data).ok().map(|bytes| bytes.to_vec())
}

#[derive(Clone, Copy, PartialEq)]
enum Scheme {
    Pkcs1,
    Pss {
        mask: MessageDigest,
        salt: i32,
    },
    Dsa,
    Ecdsa,
    /// ECDSA as r‖s (BSI TR-03111), without ASN.1.
    PlainEcdsa,
    Edwards,
}

/// A signature algorithm: how it signs, over which digest, and its name.
pub struct Algorithm {
    scheme: Scheme,
    digest: MessageDigest,
    pub digest_name: &'static str,
    /// The digest that the signature states apart, where it is another one.
    stated: Option<MessageDigest>,
    pub name: String,
}

/// The algorithm of an `AlgorithmIdentifier`; `otherwise` is the digest where the identifier names none.
pub fn algorithm(identifier: &Element, otherwise: &str) -> Option<Algorithm> {
    let parts = identifier.children().ok()?;
    let oid = parts.first()?.oid().ok()?;
    let digest = |oid: &str| digest_of(oid);
    let sha2 = |last: u8| digest(&format!("2.16.840.1.101.3.4.2.{last}"));
    let (scheme, (digest, digest_name), family) = match oid.as_str() {
        "1.2.840.113549.1.1.1" => (Scheme::Pkcs1, digest(otherwise)?, "RSA"),
        "1.2.840.113549.1.1.4" => (Scheme::Pkcs1, digest("1.2.840.113549.2.5")?, "RSA"),
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => (Scheme::Pkcs1, digest("1.3.14.3.2.26")?, "RSA"),
        "1.2.840.113549.1.1.14" => (Scheme::Pkcs1, sha2(4)?, "RSA"),
        "1.2.840.113549.1.1.11" => (Scheme::Pkcs1, sha2(1)?, "RSA"),
        "1.2.840.113549.1.1.12" => (Scheme::Pkcs1, sha2(2)?, "RSA"),
        "1.2.840.113549.1.1.13" => (Scheme::Pkcs1, sha2(3)?, "RSA"),
        "1.3.36.3.3.1.2" => (Scheme::Pkcs1, digest("1.3.36.3.2.1")?, "RSA"),
        "2.16.840.1.101.3.4.3.13" => (Scheme::Pkcs1, sha2(7)?, "RSA"),
        "2.16.840.1.101.3.4.3.14" => (Scheme::Pkcs1, sha2(8)?, "RSA"),
        "2.16.840.1.101.3.4.3.15" => (Scheme::Pkcs1, sha2(9)?, "RSA"),
        "2.16.840.1.101.3.4.3.16" => (Scheme::Pkcs1, sha2(10)?, "RSA"),
        "1.2.840.113549.1.1.10" => pss(parts.get(1))?,
        "1.2.840.10040.4.1" => (Scheme::Dsa, digest(otherwise)?, "DSA"),
        "1.2.840.10040.4.3" => (Scheme::Dsa, digest("1.3.14.3.2.26")?, "DSA"),
        "2.16.840.1.101.3.4.3.2" => (Scheme::Dsa, sha2(1)?, "DSA"),
        "1.2.840.10045.2.1" => (Scheme::Ecdsa, digest(otherwise)?, "ECDSA"),
        "1.2.840.10045.4.1" => (Scheme::Ecdsa, digest("1.3.14.3.2.26")?, "ECDSA"),
        "1.2.840.10045.4.3.1" => (Scheme::Ecdsa, sha2(4)?, "ECDSA"),
        "1.2.840.10045.4.3.2" => (Scheme::Ecdsa, sha2(1)?, "ECDSA"),
        "1.2.840.10045.4.3.3" => (Scheme::Ecdsa, sha2(2)?, "ECDSA"),
        "1.2.840.10045.4.3.4" => (Scheme::Ecdsa, sha2(3)?, "ECDSA"),
        "2.16.840.1.101.3.4.3.9" => (Scheme::Ecdsa, sha2(7)?, "ECDSA"),
        "2.16.840.1.101.3.4.3.10" => (Scheme::Ecdsa, sha2(8)?, "ECDSA"),
        "2.16.840.1.101.3.4.3.11" => (Scheme::Ecdsa, sha2(9)?, "ECDSA"),
        "2.16.840.1.101.3.4.3.12" => (Scheme::Ecdsa, sha2(10)?, "ECDSA"),
        "0.4.0.127.0.7.1.1.4.1.1" => (Scheme::PlainEcdsa, digest("1.3.14.3.2.26")?, "ECDSA"),
        "0.4.0.127.0.7.1.1.4.1.2" => (Scheme::PlainEcdsa, sha2(4)?, "ECDSA"),
        "0.4.0.127.0.7.1.1.4.1.3" => (Scheme::PlainEcdsa, sha2(1)?, "ECDSA"),
        "0.4.0.127.0.7.1.1.4.1.4" => (Scheme::PlainEcdsa, sha2(2)?, "ECDSA"),
        "0.4.0.127.0.7.1.1.4.1.5" => (Scheme::PlainEcdsa, sha2(3)?, "ECDSA"),
        "1.3.101.112" => (Scheme::Edwards, sha2(3)?, "Ed25519"),
        "1.3.101.113" => (Scheme::Edwards, sha2(3)?, "Ed448"),
        _ => return None,
    };
    let name = if scheme == Scheme::Edwards { family.to_string() } else { format!("{family} {digest_name}") };
    let stated = digest_of(otherwise).filter(|(_, name)| *name != digest_name).map(|(stated, _)| stated);
    Some(Algorithm { scheme, digest, digest_name, stated, name })
}

type Chosen = (Scheme, (MessageDigest, &'static str), &'static str);

/// RSASSA-PSS with its parameters (RFC 4055 §3.1); all have a default.
fn pss(parameters: Option<&Element>) -> Option<Chosen> {
    let (mut digest, mut mask, mut salt) = ("1.3.14.3.2.26".to_string(), "1.3.14.3.2.26".to_string(), 20);
    for field in parameters.map(|p| p.children()).transpose().ok()?.unwrap_or_default() {
        let inner = ber::whole(field.content).ok()?;
        match field.tag {
            0xa0 => digest = inner.children().ok()?.first()?.oid().ok()?,
            0xa1 => mask = inner.children().ok()?.get(1)?.children().ok()?.first()?.oid().ok()?,
            0xa2 => salt = i32::try_from(inner.small().ok()?).ok()?,
            _ => {}
        }
    }
    Some((Scheme::Pss { mask: digest_of(&mask)?.0, salt }, digest_of(&digest)?, "RSA-PSS"))
}

impl Algorithm {
    /// Does `signature` over `data` come from `key`? A key of another kind says no.
    pub fn verify(&self, key: &PKey<Public>, data: &[u8], signature: &[u8]) -> bool {
        // OpenSSL keeps a queue of errors per thread; ours are answers, not errors.
        // RFC 5652 §5.4 digests by `digestAlgorithm`; some signers name another digest within the signature's algorithm, and use either.
        let digests = [Some(self.digest), self.stated];
        let outcome = digests.into_iter().flatten().any(|digest| self.attempt(digest, key, data, signature).unwrap_or(false));
        let _ = openssl::error::ErrorStack::get();
        outcome
    }

    fn attempt(&self, digest: MessageDigest, key: &PKey<Public>, data: &[u8], signature: &[u8]) -> Option<bool> {
        if self.scheme == Scheme::Edwards {
            return Verifier::new_without_digest(key).ok()?.verify_oneshot(signature, data).ok();
        }
        let mut verifier = Verifier::new(digest, key).ok()?;
        if let Scheme::Pss { mask, salt } = self.scheme {
            verifier.set_rsa_padding(Padding::PKCS1_PSS).ok()?;
            verifier.set_rsa_mgf1_md(mask).ok()?;
            verifier.set_rsa_pss_saltlen(RsaPssSaltlen::custom(salt)).ok()?;
        }
        verifier.update(data).ok()?;
        if self.scheme == Scheme::PlainEcdsa && signature.len().is_multiple_of(2) {
            let (r, s) = signature.split_at(signature.len() / 2);
            let plain = EcdsaSig::from_private_components(BigNum::from_slice(r).ok()?, BigNum::from_slice(s).ok()?).ok()?;
            return verifier.verify(&plain.to_der().ok()?).ok();
        }
        verifier.verify(signature).ok()
    }
}

/// Why a key or digest may not be relied on for a signature proved to exist at `time`; none if it may.
///
/// SHA-1 and RSA below 2048 bits ended in Italy on 30 June 2011 (CNIPA deliberation 45/2009, art. 29, as extended); ETSI TS 119 312 refuses
/// them today. MD5 never carried a qualified signature.
pub fn weakness(digest: &str, key: Option<&PKey<Public>>, time: Moment) -> Option<String> {
    let old = time < Utc.with_ymd_and_hms(2011, 7, 1, 0, 0, 0).single()?;
    match digest {
        "MD5" => return Some("MD5".to_string()),
        "SHA-1" | "RIPEMD-160" if !old => return Some(digest.to_string()),
        _ => {}
    }
    let key = key?;
    let (family, bits, least) = match key.id() {
        Id::RSA | Id::RSA_PSS => ("RSA", key.bits(), if old { 1024 } else { 2048 }),
        Id::DSA => ("DSA", key.bits(), 2048),
        Id::EC => ("EC", key.bits(), 256),
        _ => return None,
    };
    (bits < least).then(|| format!("{family} {bits} bit"))
}
