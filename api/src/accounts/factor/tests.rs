use super::*;
use crate::accounts::tests::{catalog, comune};
use crate::state::State;
use crate::state::tests::Postgres;

/// RFC 4226, appendix D, and RFC 6238, appendix B (SHA-1).
#[test]
fn codes_are_those_of_the_rfcs() {
    let secret = b"12345678901234567890";
    let counted = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
    for (step, expected) in counted.iter().enumerate() {
        assert_eq!(code(secret, step as i64, 6), *expected);
    }
    for (time, expected) in [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ] {
        assert_eq!(code(secret, time / STEP, 8), expected);
    }
}

/// RFC 4648, section 10.
#[test]
fn base32_is_that_of_the_rfc() {
    for (text, expected) in [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB"), ("foobar", "MZXW6YTBOI")] {
        assert_eq!(base32(text.as_bytes()), expected);
    }
}

fn decoded(secret: &str) -> Vec<u8> {
    let mut bits = secret.bytes().flat_map(|c| {
        let v = BASE32.iter().position(|b| *b == c).unwrap();
        (0..5).rev().map(move |i| (v >> i) & 1)
    });
    let mut out = Vec::new();
    while let (_, Some(byte)) = (0, (0..8).map(|_| bits.next()).try_fold(0_u8, |byte, bit| Some(byte << 1 | bit? as u8))) {
        out.push(byte);
    }
    out
}

async fn used_once(url: &str) {
    let accounts = Accounts::new(State::open(url).await.unwrap()).await.unwrap().with_seal(ingest::vault::Secret::fresh().unwrap());
    accounts.add(&catalog(), &comune("capo")).await.unwrap();
    accounts.set_password("capo", "una frase di prova").await.unwrap();
    assert!(accounts.enrol("nessuno").await.is_err());
    assert!(accounts.password("capo", "una frase di prova").await.unwrap().is_some());
    let enrolment = accounts.enrol("capo").await.unwrap();
    let secret = decoded(&enrolment.secret);
    assert_eq!((secret.len(), enrolment.recovery.len()), (SECRET, RECOVERY));
    assert!(enrolment.uri.contains(&enrolment.secret));
    let row = sqlx::query("SELECT secret FROM second_factors").fetch_one(accounts.state.pool()).await.unwrap();
    assert!(!row.try_get::<String, _>("secret").unwrap().contains(&enrolment.secret), "the secret is sealed");

    let at = 1_800_000_000;
    let fits = async |text: &str, now: i64| accounts.code_at("capo", text, now).await.unwrap().is_some();
    let now = code(&secret, at / STEP, DIGITS);
    assert!(fits(&now, at).await && !fits(&now, at).await, "a code is used once");
    assert!(!fits(&code(&secret, at / STEP - 1, DIGITS), at).await, "nor one before it");
    assert!(fits(&code(&secret, at / STEP + 1, DIGITS), at).await, "a clock that is a step off");
    assert!(!fits(&code(&secret, at / STEP + 10, DIGITS), at).await && !fits("", at).await);
    let recovery = &enrolment.recovery[0];
    assert!(fits(&recovery.to_lowercase(), at).await && !fits(recovery, at).await, "a recovery code is used once");

    // With a second factor a password alone opens nothing, and does not forget wrong codes.
    assert!(accounts.password("capo", "una frase di prova").await.unwrap().is_none());
    assert!(accounts.right_password("capo", "una frase di prova").await.unwrap().is_some());
    accounts.succeeded("capo");
    let later = code(&secret, at / STEP + 40, DIGITS);
    for _ in 0..6 {
        assert!(accounts.right_password("capo", "una frase di prova").await.unwrap().is_some());
        assert!(!fits("000000", at).await);
    }
    assert!(!fits(&later, at + 40 * STEP).await, "locked: even a right code is refused");
    assert!(accounts.right_password("capo", "una frase di prova").await.unwrap().is_none());
    accounts.succeeded("capo");
    assert!(fits(&later, at + 40 * STEP).await);
    assert!(accounts.unenrol("capo").await.unwrap() && !accounts.unenrol("capo").await.unwrap());
    assert!(!fits(&enrolment.recovery[1], at).await, "recovery codes go with it");
    accounts.close().await;
}

#[tokio::test]
async fn a_code_is_used_once_in_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    used_once(&crate::state::sqlite_url(&dir.path().join("siss.db")).unwrap()).await;
}

#[tokio::test]
async fn a_code_is_used_once_in_postgres() {
    let Some(server) = Postgres::start().await else { return };
    used_once(&server.url()).await;
}
