//! The methods of Flight SQL. Each asks first who calls; what is not here is refused.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, CommandGetCatalogs,
    CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys, CommandGetPrimaryKeys, CommandGetSqlInfo,
    CommandGetTableTypes, CommandGetTables, CommandGetXdbcTypeInfo, CommandPreparedStatementQuery, CommandStatementIngest, CommandStatementQuery,
    CommandStatementUpdate, DoPutPreparedStatementResult, ProstMessageExt, SqlInfo, TicketStatementQuery,
};
use arrow_flight::{Action, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest, HandshakeResponse, IpcMessage, SchemaAsIpc, Ticket};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use prost::Message;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, Streaming};
use warehouse::principal::Principal;
use warehouse::session::Session;
use warehouse::statement::{Door, Parameter, Statement};

use crate::app::App;
use crate::doors::flight::handles::Handles;
use crate::doors::flight::info::{INFO, TYPES};
use crate::doors::flight::sign_in::{Shown, SignIn};
use crate::doors::flight::{catalog, internal, parameters, status};

/// A ticket is good once, for so long.
const TICKET_LIFE: Duration = Duration::from_secs(60);
/// A prepared statement that nobody uses is forgotten after so long.
const PREPARED_LIFE: Duration = Duration::from_secs(3600);

pub(super) struct Service {
    app: App,
    sign_in: SignIn,
    /// Statements that were planned and wait to be fetched.
    tickets: Handles<Statement>,
    prepared: Handles<Prepared>,
}

#[derive(Clone)]
struct Prepared {
    sql: String,
    schema: SchemaRef,
    parameters: Vec<Parameter>,
}

type Answer<T> = Result<Response<T>, Status>;
type Data = Pin<Box<dyn Stream<Item = Result<FlightData, Status>> + Send>>;

impl Service {
    pub fn new(app: App, sign_in: SignIn) -> Self {
        Self { app, sign_in, tickets: Handles::new(64, 5_000, TICKET_LIFE), prepared: Handles::new(256, 10_000, PREPARED_LIFE) }
    }

    async fn session<T>(&self, request: &Request<T>) -> Result<Session, Status> {
        self.app.warehouse.session(&who(request)?).await.map_err(status)
    }

    /// An answer to `GetFlightInfo`: the schema, and a ticket that only this account can use, once, soon.
    fn ticket(&self, who: &Principal, statement: Statement, schema: &Schema, descriptor: FlightDescriptor) -> Answer<FlightInfo> {
        let handle = self.tickets.put(&who.account, statement).ok_or_else(|| Status::resource_exhausted("too many statements wait to be fetched"))?;
        let ticket = TicketStatementQuery { statement_handle: handle.into() };
        described(ticket.as_any().encode_to_vec(), schema, descriptor)
    }

    /// The schema of the answer to a statement, without running it.
    async fn describe(&self, who: &Principal, statement: &Statement) -> Result<(SchemaRef, Vec<DataType>), Status> {
        let described = self.app.pool.describe(who, statement.clone(), Door::Flight).await.map_err(status)?;
        Ok((nullable(&described.schema), described.parameters))
    }

    /// What `GetSchema` says of a statement.
    pub async fn schema_of_statement(&self, query: CommandStatementQuery, request: &Request<FlightDescriptor>) -> Result<Bytes, Status> {
        let statement = Statement { sql: query.query, ..Statement::default() };
        let (schema, _) = self.describe(&who(request)?, &statement).await?;
        ipc(&schema)
    }

    /// What `GetSchema` says of a prepared statement: what was said when it was prepared.
    pub fn schema_of_prepared(&self, query: &CommandPreparedStatementQuery, request: &Request<FlightDescriptor>) -> Result<Bytes, Status> {
        let prepared = self.prepared.get(&query.prepared_statement_handle, &who(request)?.account).ok_or_else(gone)?;
        ipc(&prepared.schema)
    }

    async fn run(&self, who: &Principal, statement: Statement) -> Answer<Data> {
        let rows = self.app.pool.query(who, statement, Door::Flight).await.map_err(status)?;
        let schema = nullable(&rows.schema);
        let as_promised = schema.clone();
        let batches = rows.batches.map(move |batch| Ok(batch.map_err(status)?.with_schema(as_promised.clone())?));
        let data = FlightDataEncoderBuilder::new().with_schema(schema).build(batches);
        Ok(Response::new(data.map_err(Status::from).boxed()))
    }
}

/// The caller, put there by the sign-in layer; without one there is no answer.
fn who<T>(request: &Request<T>) -> Result<Principal, Status> {
    request.extensions().get::<Principal>().cloned().ok_or_else(|| Status::unauthenticated("sign in first"))
}

/// Whether a column may be null depends on the values bound to parameters, and drivers compare the schema that was promised with
/// the answer's: so every column may be.
fn nullable(schema: &Schema) -> SchemaRef {
    let fields: Vec<Field> = schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn described(ticket: Vec<u8>, schema: &Schema, descriptor: FlightDescriptor) -> Answer<FlightInfo> {
    let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(ticket));
    let info = FlightInfo::new().try_with_schema(schema).map_err(|e| internal("flight.schema", e))?;
    Ok(Response::new(info.with_endpoint(endpoint).with_descriptor(descriptor)))
}

/// `GetFlightInfo` of a catalog method: the command itself is the ticket, since it names nothing that is not asked for again.
fn described_command(command: &impl ProstMessageExt, schema: &Schema, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
    who(&request)?;
    described(command.as_any().encode_to_vec(), schema, request.into_inner())
}

fn one(batch: Result<RecordBatch, FlightError>) -> Answer<Data> {
    let batch = batch.map_err(Status::from)?;
    let data = FlightDataEncoderBuilder::new().with_schema(batch.schema()).build(stream::iter([Ok(batch)]));
    Ok(Response::new(data.map_err(Status::from).boxed()))
}

fn ipc(schema: &Schema) -> Result<Bytes, Status> {
    let message: IpcMessage =
        SchemaAsIpc::new(schema, &IpcWriteOptions::default()).try_into().map_err(|e: arrow::error::ArrowError| internal("flight.schema", e))?;
    Ok(message.0)
}

fn gone() -> Status {
    Status::not_found("statement.unknown: this statement or ticket is not there: tickets are good once, for a minute")
}

fn read_only() -> Status {
    Status::permission_denied("statement.read_only: this service answers questions only; data comes in as deliveries")
}

#[tonic::async_trait]
impl FlightSqlService for Service {
    type FlightService = Self;

    async fn do_handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Answer<Pin<Box<dyn Stream<Item = Result<HandshakeResponse, Status>> + Send>>> {
        let shown = request.extensions().get::<Shown>().cloned().ok_or_else(|| internal("flight.bearer", "no credentials"))?;
        let bearer = self.sign_in.bearer(&who(&request)?, &shown).await?;
        let answer = HandshakeResponse { protocol_version: 0, payload: bearer.clone().into() };
        let mut response: Response<Pin<Box<dyn Stream<Item = _> + Send>>> = Response::new(Box::pin(stream::iter([Ok(answer)])));
        let header = MetadataValue::try_from(format!("Bearer {bearer}")).map_err(|e| internal("flight.bearer", e))?;
        response.metadata_mut().insert("authorization", header);
        Ok(response)
    }

    async fn get_flight_info_statement(&self, query: CommandStatementQuery, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        let who = who(&request)?;
        if query.transaction_id.is_some() {
            return Err(Status::unimplemented("there are no transactions"));
        }
        let statement = Statement { sql: query.query, ..Statement::default() };
        let (schema, _) = self.describe(&who, &statement).await?;
        self.ticket(&who, statement, &schema, request.into_inner())
    }

    async fn do_get_statement(&self, ticket: TicketStatementQuery, request: Request<Ticket>) -> Answer<Data> {
        let who = who(&request)?;
        let statement = self.tickets.take(&ticket.statement_handle, &who.account).ok_or_else(gone)?;
        self.run(&who, statement).await
    }

    async fn do_action_create_prepared_statement(
        &self,
        query: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let who = who(&request)?;
        if query.transaction_id.is_some() {
            return Err(Status::unimplemented("there are no transactions"));
        }
        let statement = Statement { sql: query.query, ..Statement::default() };
        let (schema, parameters) = self.describe(&who, &statement).await?;
        let fields: Vec<Field> = parameters.iter().enumerate().map(|(i, t)| Field::new(format!("${}", i + 1), t.clone(), true)).collect();
        let prepared = Prepared { sql: statement.sql, schema: schema.clone(), parameters: Vec::new() };
        let handle = self.prepared.put(&who.account, prepared).ok_or_else(|| Status::resource_exhausted("too many prepared statements"))?;
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: handle.into(),
            dataset_schema: ipc(&schema)?,
            parameter_schema: ipc(&Schema::new(fields))?,
        })
    }

    async fn do_put_prepared_statement_query(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let who = who(&request)?;
        let handle = query.prepared_statement_handle;
        let mut prepared = self.prepared.get(&handle, &who.account).ok_or_else(gone)?;
        prepared.parameters = parameters::bound(request.into_inner()).await?;
        if !self.prepared.replace(&handle, &who.account, prepared) {
            return Err(gone());
        }
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) })
    }

    async fn get_flight_info_prepared_statement(&self, query: CommandPreparedStatementQuery, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        let who = who(&request)?;
        let Prepared { sql, schema, parameters } = self.prepared.get(&query.prepared_statement_handle, &who.account).ok_or_else(gone)?;
        let statement = Statement { sql, parameters, ..Statement::default() };
        self.ticket(&who, statement, &schema, request.into_inner())
    }

    async fn do_get_prepared_statement(&self, query: CommandPreparedStatementQuery, request: Request<Ticket>) -> Answer<Data> {
        let who = who(&request)?;
        let Prepared { sql, parameters, .. } = self.prepared.get(&query.prepared_statement_handle, &who.account).ok_or_else(gone)?;
        self.run(&who, Statement { sql, parameters, ..Statement::default() }).await
    }

    async fn do_action_close_prepared_statement(&self, query: ActionClosePreparedStatementRequest, request: Request<Action>) -> Result<(), Status> {
        self.prepared.remove(&query.prepared_statement_handle, &who(&request)?.account);
        Ok(())
    }

    async fn get_flight_info_catalogs(&self, query: CommandGetCatalogs, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        described_command(&query, &query.into_builder().schema(), request)
    }

    async fn do_get_catalogs(&self, query: CommandGetCatalogs, request: Request<Ticket>) -> Answer<Data> {
        who(&request)?;
        one(catalog::catalogs(query))
    }

    async fn get_flight_info_schemas(&self, query: CommandGetDbSchemas, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        described_command(&query, &query.clone().into_builder().schema(), request)
    }

    async fn do_get_schemas(&self, query: CommandGetDbSchemas, request: Request<Ticket>) -> Answer<Data> {
        one(catalog::schemas(query, &self.session(&request).await?))
    }

    async fn get_flight_info_tables(&self, query: CommandGetTables, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        described_command(&query, &query.clone().into_builder().schema(), request)
    }

    async fn do_get_tables(&self, query: CommandGetTables, request: Request<Ticket>) -> Answer<Data> {
        one(catalog::tables(query, &self.session(&request).await?))
    }

    async fn get_flight_info_table_types(&self, query: CommandGetTableTypes, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        described_command(&query, &query.into_builder().schema(), request)
    }

    async fn do_get_table_types(&self, query: CommandGetTableTypes, request: Request<Ticket>) -> Answer<Data> {
        who(&request)?;
        one(catalog::table_types(query))
    }

    async fn get_flight_info_sql_info(&self, query: CommandGetSqlInfo, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        described_command(&query, &query.clone().into_builder(&INFO).schema(), request)
    }

    async fn do_get_sql_info(&self, query: CommandGetSqlInfo, request: Request<Ticket>) -> Answer<Data> {
        who(&request)?;
        one(query.into_builder(&INFO).build())
    }

    async fn get_flight_info_xdbc_type_info(&self, query: CommandGetXdbcTypeInfo, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        described_command(&query, &query.into_builder(&TYPES).schema(), request)
    }

    async fn do_get_xdbc_type_info(&self, query: CommandGetXdbcTypeInfo, request: Request<Ticket>) -> Answer<Data> {
        who(&request)?;
        one(query.into_builder(&TYPES).build())
    }

    async fn get_flight_info_primary_keys(&self, query: CommandGetPrimaryKeys, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        described_command(&query, &catalog::primary_keys_schema(), request)
    }

    async fn do_get_primary_keys(&self, query: CommandGetPrimaryKeys, request: Request<Ticket>) -> Answer<Data> {
        one(catalog::primary_keys(&query, &self.session(&request).await?))
    }

    async fn get_flight_info_exported_keys(&self, query: CommandGetExportedKeys, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        described_command(&query, &catalog::foreign_keys_schema(), request)
    }

    async fn do_get_exported_keys(&self, _: CommandGetExportedKeys, request: Request<Ticket>) -> Answer<Data> {
        who(&request)?;
        one(Ok(RecordBatch::new_empty(catalog::foreign_keys_schema())))
    }

    async fn get_flight_info_imported_keys(&self, query: CommandGetImportedKeys, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        described_command(&query, &catalog::foreign_keys_schema(), request)
    }

    async fn do_get_imported_keys(&self, _: CommandGetImportedKeys, request: Request<Ticket>) -> Answer<Data> {
        who(&request)?;
        one(Ok(RecordBatch::new_empty(catalog::foreign_keys_schema())))
    }

    async fn get_flight_info_cross_reference(&self, query: CommandGetCrossReference, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        described_command(&query, &catalog::foreign_keys_schema(), request)
    }

    async fn do_get_cross_reference(&self, _: CommandGetCrossReference, request: Request<Ticket>) -> Answer<Data> {
        who(&request)?;
        one(Ok(RecordBatch::new_empty(catalog::foreign_keys_schema())))
    }

    async fn do_put_statement_update(&self, _: CommandStatementUpdate, _: Request<PeekableFlightDataStream>) -> Result<i64, Status> {
        Err(read_only())
    }

    async fn do_put_statement_ingest(&self, _: CommandStatementIngest, _: Request<PeekableFlightDataStream>) -> Result<i64, Status> {
        Err(read_only())
    }

    /// What the server says of itself is fixed at the start.
    async fn register_sql_info(&self, _: i32, _: &SqlInfo) {}
}
