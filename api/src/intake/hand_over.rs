//! Hand-over of protocol numbers to a body's own protocol system: one signed request for each case, repeated until it is taken.
//! docs/FORMS.md tells the receiver what comes and how to check it. Nothing of what was answered is in it.

use std::time::Duration;

use ring::hmac;
use serde_json::{Value, json};
use sqlx::Row;
use warehouse::error::{Error, Result};

use super::Intake;
use super::queue::protocol;
use crate::config::may_ask;
use crate::state::{fault, now};

/// Cases of one round, seconds for one request, and the longest pause between two tries.
const ROUND: i64 = 50;
const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST: i64 = 6 * 3600;

/// Where numbers are handed over, and the secret they are signed with.
#[derive(Clone)]
pub struct Receiver {
    url: url::Url,
    key: hmac::Key,
    client: reqwest::Client,
}

impl Receiver {
    /// `url` is configured, never given by a user; `https` but on this machine. Errors: a sentence.
    pub fn new(url: &str, secret: &[u8]) -> std::result::Result<Self, String> {
        let url = url::Url::parse(url).map_err(|e| format!("'{url}' is no address: {e}"))?;
        if !may_ask(&url) {
            return Err(format!("'{url}': the protocol system is reached by https"));
        }
        if secret.len() < 32 {
            return Err("the secret of the protocol system has at least 32 bytes".into());
        }
        let client = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build().map_err(|e| e.to_string())?;
        Ok(Self { url, key: hmac::Key::new(hmac::HMAC_SHA256, secret), client })
    }

    /// What stands in `X-SISS-Signature`: the second and the HMAC-SHA256 of second, point and body, in hexadecimal.
    fn signature(&self, at: i64, body: &str) -> String {
        format!("t={at},v1={}", hex::encode(hmac::sign(&self.key, format!("{at}.{body}").as_bytes())))
    }

    /// Whether the other side took it.
    async fn post(&self, id: &str, body: &Value) -> bool {
        let body = body.to_string();
        let request = self.client.post(self.url.clone()).header("content-type", "application/json").header("idempotency-key", id);
        let sent = request.header("x-siss-signature", self.signature(now(), &body)).body(body).send().await;
        match sent {
            Ok(answer) if answer.status().is_success() => true,
            Ok(answer) => {
                tracing::warn!(case = id, status = answer.status().as_u16(), "the protocol system did not take a number; it is tried again");
                false
            }
            Err(error) => {
                tracing::warn!(case = id, %error, "the protocol system was not reached; it is tried again");
                false
            }
        }
    }
}

impl Intake {
    /// Hands over what is due; gives how many were taken.
    pub async fn hand_over(&self, to: &Receiver) -> Result<usize> {
        let pool = self.state.pool();
        sqlx::query("INSERT INTO hand_overs (case_id, tries, next, done) SELECT id, 0, 0, 0 FROM cases WHERE id NOT IN (SELECT case_id FROM hand_overs)")
            .execute(pool)
            .await
            .map_err(fault("hand_over.note"))?;
        let sql = format!(
            "SELECT h.case_id, h.tries, c.office, c.year, c.number, c.form, c.received, c.hash FROM hand_overs h JOIN cases c ON c.id = h.case_id \
             WHERE h.done = 0 AND h.next <= $1 ORDER BY c.received, c.id LIMIT {ROUND}"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(now()).fetch_all(pool).await.map_err(fault("hand_over.due"))?;
        let mut taken = 0;
        for row in rows {
            let read = || -> sqlx::Result<(String, i64, Value)> {
                let (id, office, year, number): (String, String, i64, i64) =
                    (row.try_get("case_id")?, row.try_get("office")?, row.try_get("year")?, row.try_get("number")?);
                let received = chrono::DateTime::from_timestamp(row.try_get("received")?, 0);
                let body = json!({
                    "pratica": id, "protocollo": protocol(&office, year, number), "ente": office, "anno": year, "numero": number,
                    "modulo": row.try_get::<String, _>("form")?, "ricevuta_il": received, "impronta": row.try_get::<String, _>("hash")?,
                });
                Ok((id, row.try_get("tries")?, body))
            };
            let (id, tries, body) = read().map_err(|e| Error::internal("hand_over.read", e))?;
            let done = to.post(&id, &body).await;
            taken += usize::from(done);
            let pause = 10i64.saturating_mul(1 << tries.clamp(0, 20)).min(LONGEST);
            sqlx::query("UPDATE hand_overs SET tries = tries + 1, next = $1, done = $2 WHERE case_id = $3")
                .bind(now() + pause)
                .bind(if done { now() } else { 0 })
                .bind(&id)
                .execute(pool)
                .await
                .map_err(fault("hand_over.done"))?;
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_the_document_says() {
        let to = Receiver::new("https://protocollo.example/siss", &[7; 32]).unwrap();
        let mac = hex::encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]), b"1700000000.{}"));
        assert_eq!(to.signature(1_700_000_000, "{}"), format!("t=1700000000,v1={mac}"));
    }

    #[test]
    fn numbers_go_to_a_configured_place_by_tls_only() {
        for (url, secret) in [("http://protocollo.example/", 32), ("ftp://127.0.0.1/", 32), ("protocollo", 32), ("https://protocollo.example/", 31)] {
            assert!(Receiver::new(url, &vec![1; secret]).is_err(), "{url}");
        }
        assert!(Receiver::new("http://127.0.0.1:9/", &[1; 32]).is_ok());
    }
}
