//! The extended protocol: parse, bind, describe, execute, close. A question is planned once: when a bound portal is
//! described or executed, whichever comes first.

use std::sync::Arc;

use pgwire::api::Type;
use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{Bind, BindComplete, Close, CloseComplete, Describe, Execute, Parse, ParseComplete, TARGET_TYPE_BYTE_STATEMENT};
use pgwire::messages::response::EmptyQueryResponse;
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use tokio::sync::OnceCell;
use warehouse::statement::{Description, Door, Parameter, Statement as Question};

use crate::doors::postgres::arrays;
use crate::doors::postgres::connection::{Connection, End, Origin, waited};
use crate::doors::postgres::cursor::Cursor;
use crate::doors::postgres::encode::Layout;
use crate::doors::postgres::errors::Fault;
use crate::doors::postgres::parameters;
use crate::doors::postgres::script::{self, Statement};
use crate::doors::postgres::utility::Outcome;

/// Prepared statements and portals of one connection, and bytes of all texts.
const STATEMENTS: usize = 1_000;
const PORTALS: usize = 200;
const TEXT: usize = 8 << 20;

/// A statement that was parsed.
pub struct Prepared {
    /// The text as the client sent it.
    text: String,
    offset: usize,
    /// `None` for an empty text.
    statement: Option<Statement>,
    /// Declared types; `None` where the plan is to tell.
    types: Vec<Option<Type>>,
    description: OnceCell<Description>,
}

impl Prepared {
    /// The query in the statement, with declared types and arrays written in, and the values that are left.
    fn query(&self, values: Option<&[Parameter]>) -> Result<Option<(String, Vec<Parameter>)>, Fault> {
        let sql = match &self.statement {
            Some(Statement::Query(sql)) => sql,
            Some(Statement::Declare { query, .. }) => query,
            _ => return Ok(None),
        };
        let types = self.declared();
        arrays::expand(&parameters::with_types(sql, &types), &types, values).map(Some)
    }

    fn declared(&self) -> Vec<Type> {
        self.types.iter().map(|t| t.clone().unwrap_or(Type::UNKNOWN)).collect()
    }

    fn origin(&self) -> Origin<'_> {
        Origin { text: &self.text, offset: self.offset }
    }
}

/// A statement bound to values, or a cursor that was declared.
pub struct Portal {
    prepared: Option<Arc<Prepared>>,
    parameters: Vec<Parameter>,
    formats: Vec<i16>,
    pub state: State,
    /// Outlives its transaction.
    pub hold: bool,
    /// Made by DECLARE.
    pub declared: bool,
}

pub enum State {
    Fresh,
    Open(Cursor),
    Done,
}

impl Portal {
    pub fn declared(cursor: Cursor, hold: bool) -> Self {
        Self { prepared: None, parameters: Vec::new(), formats: Vec::new(), state: State::Open(cursor), hold, declared: true }
    }
}

impl Connection {
    pub(super) async fn extended(&mut self, message: PgWireFrontendMessage) -> Result<(), End> {
        match message {
            PgWireFrontendMessage::Parse(parse) => self.parse(parse),
            PgWireFrontendMessage::Bind(bind) => self.bind(bind).await,
            PgWireFrontendMessage::Describe(describe) => self.describe(describe).await,
            PgWireFrontendMessage::Execute(execute) => self.execute(execute).await,
            PgWireFrontendMessage::Close(close) => self.close(close),
            PgWireFrontendMessage::Flush(_) => Ok(self.wire.flush().await?),
            // Copy data after a failed COPY is thrown away, as PostgreSQL does.
            PgWireFrontendMessage::CopyData(_) | PgWireFrontendMessage::CopyDone(_) | PgWireFrontendMessage::CopyFail(_) => Ok(()),
            _ => Err(Fault::fatal("08P01", "unexpected message").into()),
        }
    }

    fn parse(&mut self, parse: Parse) -> Result<(), End> {
        let name = parse.name.unwrap_or_default();
        if !name.is_empty() && self.statements.contains_key(&name) {
            return Err(Fault::new("42P05", format!("prepared statement \"{name}\" already exists")).into());
        }
        let kept: usize = self.statements.values().map(|s| s.text.len()).sum();
        if self.statements.len() >= STATEMENTS || kept + parse.query.len() > TEXT {
            return Err(Fault::new("54000", "too many prepared statements: deallocate some").into());
        }
        let mut pieces = script::parse(&parse.query);
        if pieces.len() > 1 {
            return Err(Fault::new("42601", "cannot insert multiple commands into a prepared statement").into());
        }
        let (statement, offset) = pieces.pop().map_or((None, 0), |piece| (Some(piece.statement), piece.offset));
        if let Some(statement) = &statement {
            self.permit(statement)?;
        }
        let mut types: Vec<Option<Type>> = parse.type_oids.iter().map(|oid| Type::from_oid(*oid).filter(|t| *t != Type::UNKNOWN)).collect();
        types.resize(types.len().max(parameters::count(&parse.query)), None);
        for (at, of_cast) in parameters::cast(&parse.query) {
            types[at].get_or_insert(of_cast);
        }
        for at in parameters::lists(&parse.query) {
            types[at].get_or_insert(Type::TEXT_ARRAY);
        }
        self.statements.insert(name, Arc::new(Prepared { text: parse.query, offset, statement, types, description: OnceCell::new() }));
        Ok(self.wire.put(&PgWireBackendMessage::ParseComplete(ParseComplete::new()))?)
    }

    async fn bind(&mut self, bind: Bind) -> Result<(), End> {
        let (portal, name) = (bind.portal_name.unwrap_or_default(), bind.statement_name.unwrap_or_default());
        let prepared = self.prepared(&name)?;
        if !portal.is_empty() && self.portals.contains_key(&portal) {
            return Err(Fault::new("42P03", format!("cursor \"{portal}\" already exists")).into());
        }
        if self.portals.len() >= PORTALS {
            return Err(Fault::new("54000", "too many portals: close some").into());
        }
        let (given, codes) = (bind.parameters, bind.parameter_format_codes);
        if given.len() != prepared.types.len() {
            return Err(Fault::new(
                "08P01",
                format!("bind message supplies {} parameters, but prepared statement \"{name}\" requires {}", given.len(), prepared.types.len()),
            )
            .into());
        }
        if codes.len() > 1 && codes.len() != given.len() {
            return Err(Fault::new("08P01", format!("bind message has {} parameter formats but {} parameters", codes.len(), given.len())).into());
        }
        let format = |at: usize| if codes.len() == 1 { codes[0] } else { codes.get(at).copied().unwrap_or(0) };
        let untold = (0..given.len()).any(|at| format(at) == 1 && prepared.types[at].is_none() && given[at].is_some());
        let types = if untold { self.parameter_types(&prepared).await? } else { prepared.declared() };
        let mut values = Vec::with_capacity(given.len());
        for (at, value) in given.iter().enumerate() {
            values.push(parameters::value(value.as_ref(), format(at), &types[at])?);
        }
        let bound = Portal {
            prepared: Some(prepared),
            parameters: values,
            formats: bind.result_column_format_codes,
            state: State::Fresh,
            hold: false,
            declared: false,
        };
        self.portals.insert(portal, bound);
        Ok(self.wire.put(&PgWireBackendMessage::BindComplete(BindComplete::new()))?)
    }

    fn prepared(&self, name: &str) -> Result<Arc<Prepared>, Fault> {
        let missing = || match name {
            "" => Fault::new("26000", "unnamed prepared statement does not exist"),
            name => Fault::new("26000", format!("prepared statement \"{name}\" does not exist")),
        };
        self.statements.get(name).cloned().ok_or_else(missing)
    }

    /// Types of all parameters: as declared, else as the plan has them.
    async fn parameter_types(&mut self, prepared: &Prepared) -> Result<Vec<Type>, End> {
        let planned: Vec<Type> = match self.description(prepared).await? {
            Some(description) => description.parameters.iter().map(parameters::of_plan).collect(),
            None => Vec::new(),
        };
        // Arrays were written into the text: the plan does not count them.
        let mut planned = planned.into_iter();
        let mut types = Vec::with_capacity(prepared.types.len());
        for declared in &prepared.types {
            let array = declared.as_ref().is_some_and(|t| arrays::element(t).is_some());
            let of_plan = if array { None } else { planned.next() };
            types.push(declared.clone().or(of_plan).unwrap_or(Type::TEXT));
        }
        Ok(types)
    }

    /// What a statement answers, asked of a worker once; `None` for the door's own statements.
    async fn description<'a>(&mut self, prepared: &'a Prepared) -> Result<Option<&'a Description>, End> {
        let Some((sql, _)) = prepared.query(None)? else { return Ok(None) };
        if prepared.description.get().is_none() {
            let cancel = self.place.running.begin();
            let question = Question { sql, parameters: Vec::new(), postgres: true, ..Question::default() };
            let work = self.pool.describe(&self.principal, question, Door::Postgres);
            let origin = prepared.origin();
            let described = waited(&mut self.wire, &cancel, None, work).await?.map_err(|error| Fault::of(&error, origin.text, origin.offset))?;
            let _ = prepared.description.set(described);
        }
        Ok(prepared.description.get())
    }

    async fn describe(&mut self, describe: Describe) -> Result<(), End> {
        let name = describe.name.unwrap_or_default();
        if describe.target_type == TARGET_TYPE_BYTE_STATEMENT {
            let prepared = self.prepared(&name)?;
            let types = self.parameter_types(&prepared).await?;
            self.wire.put(&PgWireBackendMessage::ParameterDescription(ParameterDescription::new(types.iter().map(Type::oid).collect())))?;
            let layout = match (&prepared.statement, self.description(&prepared).await?) {
                (Some(Statement::Query(_)), Some(description)) => Some(Layout::new(&description.schema, &[])?),
                (Some(statement), _) => self.own_layout(statement, &[])?,
                (None, _) => None,
            };
            return self.columns(layout);
        }
        let mut portal = self.portals.remove(&name).ok_or_else(|| missing(&name))?;
        let layout = self.portal_layout(&mut portal).await;
        self.portals.insert(name, portal);
        self.columns(layout?)
    }

    fn columns(&mut self, layout: Option<Layout>) -> Result<(), End> {
        let message = layout.map_or(PgWireBackendMessage::NoData(NoData::new()), |layout| layout.message());
        Ok(self.wire.put(&message)?)
    }

    async fn portal_layout(&mut self, portal: &mut Portal) -> Result<Option<Layout>, End> {
        if let Some(prepared) = portal.prepared.clone()
            && let Some(statement) = &prepared.statement
            && !matches!(statement, Statement::Query(_))
        {
            return Ok(self.own_layout(statement, &portal.formats)?);
        }
        self.start(portal).await?;
        match &portal.state {
            State::Open(cursor) => Ok(Some(Layout::new(&cursor.schema, &portal.formats)?)),
            State::Fresh | State::Done => Ok(None),
        }
    }

    /// Columns of the door's own statements: SHOW and FETCH have some.
    fn own_layout(&self, statement: &Statement, formats: &[i16]) -> Result<Option<Layout>, Fault> {
        match statement {
            Statement::Show { name } => Layout::new(&self.show(name)?.schema(), formats).map(Some),
            Statement::Fetch { name, silent: false, .. } => match self.portals.get(name).map(|p| &p.state) {
                Some(State::Open(cursor)) => Layout::new(&cursor.schema, formats).map(Some),
                _ => Err(Fault::new("34000", format!("cursor \"{name}\" does not exist"))),
            },
            _ => Ok(None),
        }
    }

    /// Asks a fresh portal's question.
    async fn start(&mut self, portal: &mut Portal) -> Result<(), End> {
        let (State::Fresh, Some(prepared)) = (&portal.state, portal.prepared.clone()) else { return Ok(()) };
        let (Some(statement), Some((sql, values))) = (&prepared.statement, prepared.query(Some(&portal.parameters))?) else { return Ok(()) };
        self.permit(statement)?;
        let cursor = self.ask(sql, values, prepared.origin()).await?;
        portal.state = State::Open(cursor);
        Ok(())
    }

    async fn execute(&mut self, execute: Execute) -> Result<(), End> {
        let name = execute.name.unwrap_or_default();
        let mut portal = self.portals.remove(&name).ok_or_else(|| missing(&name))?;
        let most = if execute.max_rows > 0 { execute.max_rows as u64 } else { u64::MAX };
        let done = self.step(&mut portal, most).await;
        self.portals.insert(name, portal);
        done
    }

    async fn step(&mut self, portal: &mut Portal, most: u64) -> Result<(), End> {
        if let Some(prepared) = portal.prepared.clone() {
            match &prepared.statement {
                None => return Ok(self.wire.put(&PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new()))?),
                Some(Statement::Query(_)) => {}
                Some(statement) => {
                    self.permit(statement)?;
                    return self.own_statement(portal.parameters.clone(), portal.formats.clone(), &prepared, statement.clone()).await;
                }
            }
        }
        self.start(portal).await?;
        let State::Open(mut cursor) = std::mem::replace(&mut portal.state, State::Done) else { return Ok(self.complete("SELECT 0".into())?) };
        let layout = Layout::new(&cursor.schema, &portal.formats)?;
        let sent = self.send(&mut cursor, &layout, most).await?;
        if sent < most {
            return Ok(self.complete(format!("SELECT {sent}"))?);
        }
        portal.state = State::Open(cursor.pause());
        Ok(self.suspend()?)
    }

    async fn own_statement(&mut self, values: Vec<Parameter>, formats: Vec<i16>, prepared: &Prepared, statement: Statement) -> Result<(), End> {
        let (statement, values) = match (statement, prepared.query(Some(&values))?) {
            (Statement::Declare { name, hold, offset, .. }, Some((query, values))) => (Statement::Declare { name, query, hold, offset }, values),
            (other, _) => (other, values),
        };
        let tag = match self.utility(statement, values, prepared.origin()).await? {
            Outcome::Tag(tag) => tag,
            Outcome::Rows { mut cursor, tag } => {
                let layout = Layout::new(&cursor.schema, &formats)?;
                self.send(&mut cursor, &layout, u64::MAX).await?;
                tag.to_owned()
            }
            Outcome::Fetch { name, count, silent } => self.fetch(&name, count, silent, &formats, false).await?,
        };
        Ok(self.complete(tag)?)
    }

    fn close(&mut self, close: Close) -> Result<(), End> {
        let name = close.name.unwrap_or_default();
        if close.target_type == TARGET_TYPE_BYTE_STATEMENT {
            self.statements.remove(&name);
        } else {
            self.portals.remove(&name);
        }
        Ok(self.wire.put(&PgWireBackendMessage::CloseComplete(CloseComplete::new()))?)
    }
}

fn missing(portal: &str) -> Fault {
    Fault::new("34000", format!("portal \"{portal}\" does not exist"))
}
