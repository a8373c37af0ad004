//! The few statements that the door answers itself: transactions, settings, cursors. Nothing here touches data but by
//! asking a worker.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::TransactionStatus;
use pgwire::messages::startup::ParameterStatus;
use warehouse::error::Error;
use warehouse::statement::Parameter;

use crate::doors::postgres::connection::{Connection, End, Origin};
use crate::doors::postgres::cursor::Cursor;
use crate::doors::postgres::encode::Layout;
use crate::doors::postgres::errors::Fault;
use crate::doors::postgres::extended::{Portal, State};
use crate::doors::postgres::script::{Count, Statement};

/// Cursors of one connection: each may hold an answer on disk.
const CURSORS: usize = 16;

/// What is to be sent.
pub enum Outcome {
    Tag(String),
    Rows { cursor: Cursor, tag: &'static str },
    Fetch { name: String, count: Count, silent: bool },
}

impl Connection {
    pub(super) async fn utility(&mut self, statement: Statement, parameters: Vec<Parameter>, origin: Origin<'_>) -> Result<Outcome, End> {
        let tag = match statement {
            Statement::Begin { start } => {
                self.status = TransactionStatus::Transaction;
                if start { "START TRANSACTION" } else { "BEGIN" }
            }
            Statement::Commit => {
                // A failed transaction cannot be committed: PostgreSQL says so by the tag.
                let failed = self.status == TransactionStatus::Error;
                self.leave();
                if failed { "ROLLBACK" } else { "COMMIT" }
            }
            Statement::Rollback => {
                self.leave();
                "ROLLBACK"
            }
            Statement::RollbackTo if self.status == TransactionStatus::Idle => return Err(outside("ROLLBACK TO SAVEPOINT")),
            Statement::RollbackTo => {
                self.status = TransactionStatus::Transaction;
                "ROLLBACK"
            }
            Statement::Savepoint { tag } if self.status == TransactionStatus::Idle => return Err(outside(tag)),
            Statement::Savepoint { tag } => tag,
            Statement::Set { name, value } => {
                let told = self.settings.set(&name, value.as_deref())?;
                self.tell(told)?;
                "SET"
            }
            Statement::SetTransaction => "SET",
            Statement::SetRole => return Err(Fault::new("42501", "a connection keeps the account that signed in").into()),
            Statement::Reset { name: Some(name) } => {
                let told = self.settings.set(&name, None)?;
                self.tell(told)?;
                "RESET"
            }
            Statement::Reset { name: None } => {
                let told = self.settings.reset();
                self.tell(told)?;
                "RESET"
            }
            Statement::Show { name } => return Ok(Outcome::Rows { cursor: Cursor::fixed(self.show(&name)?), tag: "SHOW" }),
            Statement::Discard { tag, all } => {
                if all {
                    self.discard_all()?;
                }
                tag
            }
            Statement::Deallocate { name } => self.deallocate(name)?,
            Statement::Declare { name, query, hold, offset } => {
                self.declare(name, query, hold, parameters, Origin { offset: origin.offset + offset, ..origin }).await?;
                "DECLARE CURSOR"
            }
            Statement::Fetch { name, count, silent } => return Ok(Outcome::Fetch { name, count, silent }),
            Statement::CloseCursor { name: Some(name) } => {
                self.portals.remove(&name).ok_or_else(|| no_cursor(&name))?;
                "CLOSE CURSOR"
            }
            Statement::CloseCursor { name: None } => {
                self.portals.retain(|_, portal| !portal.declared);
                "CLOSE CURSOR ALL"
            }
            Statement::Unlisten => "UNLISTEN",
            Statement::Query(_) => return Err(Fault::new("XX000", "a query is not a utility statement").into()),
        };
        Ok(Outcome::Tag(tag.to_owned()))
    }

    /// The end of a transaction: its cursors go with it.
    fn leave(&mut self) {
        self.status = TransactionStatus::Idle;
        self.portals.retain(|_, portal| portal.hold);
    }

    fn tell(&mut self, changed: impl IntoIterator<Item = (&'static str, String)>) -> Result<(), End> {
        for (name, value) in changed {
            self.wire.put(&PgWireBackendMessage::ParameterStatus(ParameterStatus::new(name.into(), value)))?;
        }
        Ok(())
    }

    fn discard_all(&mut self) -> Result<(), End> {
        if self.status != TransactionStatus::Idle {
            return Err(Fault::new("25001", "DISCARD ALL cannot run inside a transaction block").into());
        }
        self.portals.clear();
        self.statements.clear();
        let told = self.settings.reset();
        self.tell(told)
    }

    fn deallocate(&mut self, name: Option<String>) -> Result<&'static str, Fault> {
        match name {
            None => {
                self.statements.clear();
                Ok("DEALLOCATE ALL")
            }
            Some(name) => {
                self.statements.remove(&name).ok_or_else(|| Fault::new("26000", format!("prepared statement \"{name}\" does not exist")))?;
                Ok("DEALLOCATE")
            }
        }
    }

    async fn declare(&mut self, name: String, query: String, hold: bool, parameters: Vec<Parameter>, origin: Origin<'_>) -> Result<(), End> {
        if self.status == TransactionStatus::Idle && !hold {
            return Err(Fault::new("25P01", "DECLARE CURSOR can only be used in transaction blocks").into());
        }
        if self.portals.contains_key(&name) {
            return Err(Fault::new("42P03", format!("cursor \"{name}\" already exists")).into());
        }
        if self.portals.values().filter(|p| p.declared).count() >= CURSORS {
            return Err(Fault::new("54000", format!("more than {CURSORS} cursors: close some")).into());
        }
        let cursor = self.ask(query, parameters, origin).await?.pause();
        self.portals.insert(name, Portal::declared(cursor, hold));
        Ok(())
    }

    /// Sends rows of a cursor; with `describe`, their columns first. Returns the tag.
    pub(super) async fn fetch(&mut self, name: &str, count: Count, silent: bool, formats: &[i16], describe: bool) -> Result<String, End> {
        let most = match count {
            Count::Rows(rows) => rows,
            Count::All => u64::MAX,
            Count::Backward => return Err(Fault::new("55000", "cursor can only scan forward").into()),
        };
        let mut portal = self.portals.remove(name).ok_or_else(|| no_cursor(name))?;
        let State::Open(mut cursor) = std::mem::replace(&mut portal.state, State::Done) else { return Err(no_cursor(name).into()) };
        let moved = if silent {
            skip(&mut cursor, most).await.map_err(|error| Fault::of(&error, "", 0).into())
        } else {
            match Layout::new(&cursor.schema, formats) {
                Ok(layout) => {
                    if describe {
                        self.wire.put(&layout.message())?;
                    }
                    self.send(&mut cursor, &layout, most).await
                }
                Err(fault) => Err(fault.into()),
            }
        };
        portal.state = State::Open(cursor.pause());
        self.portals.insert(name.to_owned(), portal);
        Ok(format!("{} {}", if silent { "MOVE" } else { "FETCH" }, moved?))
    }

    /// The answer of `SHOW name` or `SHOW ALL`.
    pub(super) fn show(&self, name: &str) -> Result<RecordBatch, Fault> {
        let text = |values: Vec<String>| -> ArrayRef { Arc::new(StringArray::from(values)) };
        let (names, columns): (Vec<&str>, Vec<ArrayRef>) = if name == "all" {
            let (names, values): (Vec<String>, Vec<String>) = self.settings.all().into_iter().unzip();
            let none = vec![String::new(); names.len()];
            (vec!["name", "setting", "description"], vec![text(names), text(values), text(none)])
        } else {
            let (_, value) = self.settings.show(name)?;
            (vec![name], vec![text(vec![value])])
        };
        let fields: Vec<Field> = names.into_iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|error| Fault::of(&Error::internal("postgres.show", error), "", 0))
    }
}

async fn skip(cursor: &mut Cursor, most: u64) -> Result<u64, Error> {
    let mut skipped = 0;
    while skipped < most
        && let Some(chunk) = cursor.next(most - skipped).await?
    {
        skipped += (chunk.to - chunk.from) as u64;
    }
    Ok(skipped)
}

fn no_cursor(name: &str) -> Fault {
    Fault::new("34000", format!("cursor \"{name}\" does not exist"))
}

fn outside(what: &str) -> End {
    Fault::new("25P01", format!("{what} can only be used in transaction blocks")).into()
}
