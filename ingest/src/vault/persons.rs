//! Persons of a delivery on their way into the vault: set aside while its rows are judged, taken in with it or let go with it.

use warehouse::lake::RefusedLines;

use super::{Person, Vault, store};
use crate::error::{Error, Result};

/// A row's person.
pub struct Arriving {
    pub line: i64,
    pub pseudonym: String,
    pub person: Person,
}

impl Vault {
    /// Sets persons of a delivery aside, sealed. The same line again takes the place of the first.
    pub async fn arrive(&self, delivery: &str, persons: &[Arriving]) -> Result<()> {
        let fault = || store::fault("vault.arrive");
        let mut work = self.pool().begin().await.map_err(fault())?;
        for some in persons.chunks(store::AT_ONCE) {
            let rows: Vec<String> = (0..some.len()).map(|i| format!("({})", store::places(4 * i + 1, 4))).collect();
            let sql = format!(
                "INSERT INTO arriving (delivery, line, pseudonym, sealed) VALUES {} \
                 ON CONFLICT (delivery, line) DO UPDATE SET pseudonym = excluded.pseudonym, sealed = excluded.sealed",
                rows.join(", ")
            );
            let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
            for one in some {
                let text = serde_json::to_vec(&one.person).map_err(|e| Error::internal("vault.person", e))?;
                query = query.bind(delivery).bind(one.line).bind(one.pseudonym.as_str()).bind(self.seal(&one.pseudonym, &text)?);
            }
            query.execute(&mut *work).await.map_err(fault())?;
        }
        work.commit().await.map_err(fault())
    }

    /// Takes in the persons of a delivery but those of refused lines. Done before the rows are committed, so that no row of the lake is
    /// without its person; done twice it does nothing more.
    pub async fn admit(&self, delivery: &str, refused: &RefusedLines) -> Result<()> {
        let fault = || store::fault("vault.admit");
        let mut work = self.pool().begin().await.map_err(fault())?;
        for some in refused.as_slice().chunks(store::AT_ONCE) {
            let sql = format!("DELETE FROM arriving WHERE delivery = $1 AND line IN ({})", store::places(2, some.len()));
            let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(delivery);
            for line in some {
                query = query.bind(*line);
            }
            query.execute(&mut *work).await.map_err(fault())?;
        }
        let admitted = "INSERT INTO persons (pseudonym, sealed, delivery) SELECT pseudonym, sealed, delivery FROM arriving \
             WHERE delivery = $1 AND line IN (SELECT max(line) FROM arriving WHERE delivery = $1 GROUP BY pseudonym) \
             ON CONFLICT (pseudonym) DO UPDATE SET sealed = excluded.sealed, delivery = excluded.delivery";
        for sql in [admitted, "DELETE FROM arriving WHERE delivery = $1"] {
            sqlx::query(sql).bind(delivery).execute(&mut *work).await.map_err(fault())?;
        }
        work.commit().await.map_err(fault())
    }

    /// Lets the persons of a refused delivery go.
    pub async fn dismiss(&self, delivery: &str) -> Result<()> {
        sqlx::query("DELETE FROM arriving WHERE delivery = $1").bind(delivery).execute(self.pool()).await.map_err(store::fault("vault.dismiss"))?;
        Ok(())
    }
}
