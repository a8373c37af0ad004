//! One signed-in connection: its messages one after the other, its prepared statements and portals, its transaction state.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::PgWireFrontendMessage;
use pgwire::messages::extendedquery::PortalSuspended;
use pgwire::messages::response::{CommandComplete, EmptyQueryResponse, ReadyForQuery, TransactionStatus};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use warehouse::principal::Principal;
use warehouse::statement::{Door, Parameter, Statement as Question};
use warehouse::worker::Pool;

use crate::accounts::Accounts;
use crate::accounts::standing::Standing;
use crate::doors::postgres::cancel::Place;
use crate::doors::postgres::cursor::Cursor;
use crate::doors::postgres::encode::Layout;
use crate::doors::postgres::errors::Fault;
use crate::doors::postgres::extended::{Portal, Prepared};
use crate::doors::postgres::script::{self, Piece, Statement};
use crate::doors::postgres::settings::Settings;
use crate::doors::postgres::utility::Outcome;
use crate::doors::postgres::wire::{Interrupt, Lost, Wire};

/// A connection that asks nothing for so long is closed.
const IDLE: Duration = Duration::from_secs(60 * 60);
/// The same inside a transaction.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10 * 60);
/// However busy it is: a night's work, after which it signs in again.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);
/// How long what a connection was opened with is believed before it is looked at again.
const BELIEVED: Duration = Duration::from_secs(1);
/// Rows encoded before what has collected may be sent.
const PORTION: usize = 512;

/// Why handling a message ended early: the client is told of a fault and goes on, a lost connection ends.
pub enum End {
    Fault(Fault),
    Lost(Lost),
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Lost> for End {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

/// Who opened a connection, and with what.
pub struct Opener {
    pub principal: Principal,
    pub accounts: Accounts,
    pub standing: Standing,
}

pub struct Connection {
    pub(super) pool: Pool,
    pub(super) principal: Principal,
    accounts: Accounts,
    standing: Standing,
    opened: Instant,
    looked: Instant,
    pub(super) wire: Wire,
    pub(super) settings: Settings,
    pub(super) place: Place,
    pub(super) status: TransactionStatus,
    pub(super) statements: HashMap<String, Arc<Prepared>>,
    pub(super) portals: HashMap<String, Portal>,
    /// After an error in the extended protocol everything is skipped until Sync.
    skipping: bool,
}

/// Where a statement's text stands: places in errors count from the start of the whole message.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    pub text: &'a str,
    pub offset: usize,
}

impl Connection {
    pub fn new(pool: Pool, opener: Opener, wire: Wire, settings: Settings, place: Place) -> Self {
        let Opener { principal, accounts, standing } = opener;
        let (opened, looked) = (Instant::now(), Instant::now());
        Self {
            pool,
            principal,
            accounts,
            standing,
            opened,
            looked,
            wire,
            settings,
            place,
            status: TransactionStatus::Idle,
            statements: HashMap::new(),
            portals: HashMap::new(),
            skipping: false,
        }
    }

    /// Answers until the client leaves, is idle too long, or the server stops.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Lost> {
        loop {
            let idle = if self.status == TransactionStatus::Idle { IDLE } else { IDLE_IN_TRANSACTION };
            let message = tokio::select! {
                message = self.wire.next(idle) => message,
                () = shutdown.cancelled() => return self.farewell(Fault::fatal("57P01", "terminating connection due to administrator command")).await,
            };
            match message {
                Ok(PgWireFrontendMessage::Terminate(_)) | Err(Lost::Gone) => return Ok(()),
                Ok(message) => match self.over().await {
                    Some(fault) => return self.farewell(fault).await,
                    None => self.answer(message).await?,
                },
                Err(Lost::Stalled) => return self.farewell(Fault::fatal("57P05", "terminating connection due to idle-session timeout")).await,
                Err(Lost::Protocol(what)) => return self.farewell(Fault::fatal("08P01", format!("protocol violation: {what}"))).await,
                Err(lost) => return Err(lost),
            }
        }
    }

    /// Why the connection may not go on, if it may not.
    async fn over(&mut self) -> Option<Fault> {
        if self.opened.elapsed() > LONGEST {
            return Some(Fault::fatal("57P05", "terminating connection after twelve hours: sign in again"));
        }
        if self.looked.elapsed() < BELIEVED {
            return None;
        }
        self.looked = Instant::now();
        match self.accounts.stands(&self.standing).await {
            Ok(true) => None,
            Ok(false) => Some(Fault::fatal("28000", "the account, its password or the token was changed: sign in again")),
            Err(error) => Some(Fault { fatal: true, ..Fault::of(&error, "", 0) }),
        }
    }

    async fn farewell(&mut self, fault: Fault) -> Result<(), Lost> {
        self.wire.put(&fault.message())?;
        self.wire.close().await;
        Ok(())
    }

    async fn answer(&mut self, message: PgWireFrontendMessage) -> Result<(), Lost> {
        if let PgWireFrontendMessage::Sync(_) = message {
            self.skipping = false;
            return self.ready().await;
        }
        if self.skipping {
            return Ok(());
        }
        if let PgWireFrontendMessage::Query(query) = message {
            return self.simple(&query.query).await;
        }
        match self.extended(message).await {
            Ok(()) => Ok(()),
            Err(End::Fault(fault)) => {
                self.skipping = true;
                self.fail(fault)?;
                // A client may wait for the error before it sends Sync; a Flush from here on is skipped.
                self.wire.flush().await
            }
            Err(End::Lost(lost)) => Err(lost),
        }
    }

    /// The simple protocol: statements in order, up to the first that fails.
    async fn simple(&mut self, text: &str) -> Result<(), Lost> {
        self.portals.remove("");
        self.statements.remove("");
        let pieces = script::parse(text);
        if pieces.is_empty() {
            self.wire.put(&PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new()))?;
        }
        for piece in pieces {
            match self.statement(piece, text).await {
                Ok(()) => {}
                Err(End::Fault(fault)) => {
                    self.fail(fault)?;
                    break;
                }
                Err(End::Lost(lost)) => return Err(lost),
            }
        }
        self.ready().await
    }

    async fn statement(&mut self, piece: Piece, text: &str) -> Result<(), End> {
        self.permit(&piece.statement)?;
        let origin = Origin { text, offset: piece.offset };
        let tag = match piece.statement {
            Statement::Query(sql) => {
                let mut cursor = self.ask(sql, Vec::new(), origin).await?;
                let layout = Layout::new(&cursor.schema, &[])?;
                self.wire.put(&layout.message())?;
                format!("SELECT {}", self.send(&mut cursor, &layout, u64::MAX).await?)
            }
            other => match self.utility(other, Vec::new(), origin).await? {
                Outcome::Tag(tag) => tag,
                Outcome::Rows { mut cursor, tag } => {
                    let layout = Layout::new(&cursor.schema, &[])?;
                    self.wire.put(&layout.message())?;
                    self.send(&mut cursor, &layout, u64::MAX).await?;
                    tag.to_owned()
                }
                Outcome::Fetch { name, count, silent } => self.fetch(&name, count, silent, &[], true).await?,
            },
        };
        self.complete(tag)?;
        Ok(())
    }

    /// In a transaction that failed, only its end is allowed.
    pub(super) fn permit(&self, statement: &Statement) -> Result<(), Fault> {
        let ends = matches!(statement, Statement::Commit | Statement::Rollback | Statement::RollbackTo);
        if self.status == TransactionStatus::Error && !ends {
            return Err(Fault::new("25P02", "current transaction is aborted, commands ignored until end of transaction block"));
        }
        Ok(())
    }

    /// Sends a question to a worker; returns when the answer's columns are known.
    pub(super) async fn ask(&mut self, sql: String, parameters: Vec<Parameter>, origin: Origin<'_>) -> Result<Cursor, End> {
        let cancel = self.place.running.begin();
        let question = Question { sql, parameters, postgres: true, ..Question::default() };
        let deadline = self.settings.statement_timeout().map(|limit| Instant::now() + limit);
        let work = self.pool.query(&self.principal, question, Door::Postgres);
        match waited(&mut self.wire, &cancel, deadline, work).await? {
            Ok(rows) => Ok(Cursor::new(rows)),
            Err(error) => Err(Fault::of(&error, origin.text, origin.offset).into()),
        }
    }

    /// Sends at most `most` rows; returns how many.
    pub(super) async fn send(&mut self, cursor: &mut Cursor, layout: &Layout, most: u64) -> Result<u64, End> {
        let cancel = self.place.running.begin();
        let deadline = self.settings.statement_timeout().map(|limit| Instant::now() + limit);
        let mut sent = 0;
        while sent < most {
            let chunk = waited(&mut self.wire, &cancel, deadline, cursor.next(most - sent)).await?;
            let Some(chunk) = chunk.map_err(|error| Fault::of(&error, "", 0))? else { break };
            let mut from = chunk.from;
            while from < chunk.to {
                let to = chunk.to.min(from + PORTION);
                layout.rows(&chunk.batch, from, to, &mut self.wire.buffer)?;
                self.wire.flush_if_full().await?;
                from = to;
            }
            sent += (chunk.to - chunk.from) as u64;
        }
        Ok(sent)
    }

    pub(super) fn complete(&mut self, tag: String) -> Result<(), Lost> {
        self.place.running.end();
        self.wire.put(&PgWireBackendMessage::CommandComplete(CommandComplete::new(tag)))
    }

    pub(super) fn suspend(&mut self) -> Result<(), Lost> {
        self.wire.put(&PgWireBackendMessage::PortalSuspended(PortalSuspended::new()))
    }

    /// Tells of a fault; a transaction in progress has failed with it.
    fn fail(&mut self, fault: Fault) -> Result<(), Lost> {
        self.place.running.end();
        if self.status == TransactionStatus::Transaction {
            self.status = TransactionStatus::Error;
        }
        self.wire.put(&fault.message())
    }

    /// The end of a round: portals of a transaction that is over go with it.
    async fn ready(&mut self) -> Result<(), Lost> {
        self.place.running.end();
        if self.status == TransactionStatus::Idle {
            self.portals.retain(|_, portal| portal.hold);
        }
        self.wire.put(&PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(self.status)))?;
        self.wire.flush().await
    }
}

/// Waits for `work`, at most until `deadline`, while the client may cancel or vanish.
pub(super) async fn waited<T>(wire: &mut Wire, cancel: &CancellationToken, deadline: Option<Instant>, work: impl Future<Output = T>) -> Result<T, End> {
    let done = match deadline {
        None => wire.during(cancel, async { Ok(work.await) }).await,
        Some(deadline) => wire.during(cancel, timeout_at(deadline, work)).await,
    };
    match done {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(_)) => Err(Fault::new("57014", "canceling statement due to statement timeout").into()),
        Err(Interrupt::Cancelled) => Err(Fault::cancelled().into()),
        Err(Interrupt::Lost(lost)) => Err(lost.into()),
    }
}
