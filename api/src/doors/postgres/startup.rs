//! From a socket to a signed-in connection: TLS, protocol version, SCRAM or token, database, the settings told. Encryption
//! is never optional off this machine, and what was sent before it is not carried over into it.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use bytes::BytesMut;
use pgwire::messages::response::{ReadyForQuery, TransactionStatus};
use pgwire::messages::startup::{Authentication, BackendKeyData, NegotiateProtocolVersion, ParameterStatus, PasswordMessageFamily, SecretKey, Startup};
use pgwire::messages::{DecodeContext, Message, PgWireBackendMessage, PgWireFrontendMessage, ProtocolVersion};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use warehouse::pg_catalog::DATABASE;
use warehouse::principal::Principal;

use crate::app::App;
use crate::config::is_loopback;
use crate::doors::postgres::START_UP;
use crate::doors::postgres::cancel::Registry;
use crate::doors::postgres::connection::{Connection, Opener};
use crate::doors::postgres::errors::Fault;
use crate::doors::postgres::scram::{self, Exchange, Failure};
use crate::doors::postgres::settings::Settings;
use crate::doors::postgres::wire::{AnySocket, Lost, Wire};
use crate::sign_ins::Means;

const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;
/// Bytes of a start-up message, as in PostgreSQL.
const LONGEST: usize = 10_000;
/// Protocol name that a client names when it begins with TLS at once (PostgreSQL 17).
const ALPN: &[u8] = b"postgresql";
/// The account name under which the password is an API token.
const TOKEN: &str = "token";

/// What every connection passes.
pub struct Gate {
    app: App,
    registry: Registry,
    tls: TlsAcceptor,
    /// Hash of our certificate, for channel binding.
    end_point: Option<Vec<u8>>,
}

/// What became of a socket.
pub enum Start {
    Session(Box<Connection>),
    /// A cancel request, or a sign-in that failed: everything was said.
    Nothing,
}

/// A client that asked for a session.
struct Caller {
    wire: Wire,
    version: ProtocolVersion,
    parameters: BTreeMap<String, String>,
    encrypted: bool,
    local: bool,
}

impl Gate {
    pub fn new(app: App, registry: Registry) -> Result<Self, String> {
        let certificate = CertificateDer::pem_slice_iter(&app.tls.certificate_pem).next().and_then(Result::ok).ok_or("no certificate")?;
        let mut config = (*app.tls.server).clone();
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Self { end_point: scram::end_point(&certificate), tls: TlsAcceptor::from(Arc::new(config)), app, registry })
    }

    /// Brings a socket to a signed-in connection.
    pub async fn admit(&self, stream: TcpStream) -> Result<Start, Lost> {
        let Some(mut caller) = self.greet(stream).await? else { return Ok(Start::Nothing) };
        match self.identify(&mut caller).await? {
            Ok(opener) => self.open(caller, opener).await,
            Err(fault) => say(&mut caller.wire, fault).await.map(|()| Start::Nothing),
        }
    }

    /// Tells a client that there is no room. Cancel requests are heard all the same.
    pub async fn refuse(&self, stream: TcpStream) -> Result<(), Lost> {
        let Some(mut caller) = self.greet(stream).await? else { return Ok(()) };
        say(&mut caller.wire, Fault::fatal("53300", "sorry, too many clients already")).await
    }

    /// Reads up to the start-up message, through TLS if the client asks for it.
    async fn greet(&self, mut stream: TcpStream) -> Result<Option<Caller>, Lost> {
        stream.set_nodelay(true)?;
        let local = is_loopback(stream.peer_addr()?.ip());
        let mut first = [0];
        if stream.peek(&mut first).await? == 0 {
            return Ok(None);
        }
        if first[0] == 0x16 {
            let secure = self.tls.accept(stream).await?;
            if secure.get_ref().1.alpn_protocol() != Some(ALPN) {
                return Err(Lost::Protocol("TLS at once without ALPN"));
            }
            return self.hear(Box::new(secure), true, local).await;
        }
        loop {
            let (code, length) = head(&mut stream).await?;
            match code {
                SSL_REQUEST if length == 8 => {
                    stream.write_all(b"S").await?;
                    // Nothing was read beyond the request: what someone slipped in behind it meets the handshake, not the session.
                    let secure = self.tls.accept(stream).await?;
                    return self.hear(Box::new(secure), true, local).await;
                }
                GSS_REQUEST if length == 8 => stream.write_all(b"N").await?,
                _ => return self.request(Box::new(stream), code, length, false, local).await,
            }
        }
    }

    async fn hear(&self, mut socket: AnySocket, encrypted: bool, local: bool) -> Result<Option<Caller>, Lost> {
        let (code, length) = head(&mut socket).await?;
        self.request(socket, code, length, encrypted, local).await
    }

    /// A start-up message or a cancel request; `length` includes the eight bytes already read.
    async fn request(&self, mut socket: AnySocket, code: u32, length: usize, encrypted: bool, local: bool) -> Result<Option<Caller>, Lost> {
        let mut body = vec![0; length - 8];
        socket.read_exact(&mut body).await?;
        if code == CANCEL_REQUEST {
            if let Some((process, key)) = body.split_at_checked(4).filter(|(_, key)| (4..=256).contains(&key.len())) {
                let process = i32::from_be_bytes([process[0], process[1], process[2], process[3]]);
                self.registry.cancel(process, &SecretKey::Bytes(key.to_vec().into()));
            }
            socket.shutdown().await?;
            return Ok(None);
        }
        if code >> 16 != 3 {
            return Err(Lost::Protocol("protocol version"));
        }
        let mut packet = BytesMut::from(&[(length as u32).to_be_bytes(), code.to_be_bytes()].concat()[..]);
        packet.extend_from_slice(&body);
        let startup = Startup::decode(&mut packet, &DecodeContext::default()).ok().flatten().ok_or(Lost::Protocol("start-up message"))?;
        let minor = startup.protocol_number_minor;
        let version = if minor >= 2 { ProtocolVersion::PROTOCOL3_2 } else { ProtocolVersion::PROTOCOL3_0 };
        let mut wire = Wire::new(socket, version);
        let unknown: Vec<String> = startup.parameters.keys().filter(|name| name.starts_with("_pq_.")).cloned().collect();
        if minor > 2 || !unknown.is_empty() {
            wire.put(&PgWireBackendMessage::NegotiateProtocolVersion(NegotiateProtocolVersion::new(version.into(), unknown)))?;
        }
        Ok(Some(Caller { wire, version, parameters: startup.parameters, encrypted, local }))
    }

    /// Who it is. The inner error is for the client; every failed sign-in reads the same.
    async fn identify(&self, caller: &mut Caller) -> Result<Result<Opener, Fault>, Lost> {
        if !caller.encrypted && !caller.local {
            return Ok(Err(Fault::fatal("28000", "connections from other machines must use TLS (sslmode=require or stricter)")));
        }
        let Some(user) = caller.parameters.get("user").cloned().filter(|u| !u.is_empty()) else {
            return Ok(Err(Fault::fatal("28000", "no PostgreSQL user name specified in startup packet")));
        };
        if caller.parameters.contains_key("replication") {
            return Ok(Err(Fault::fatal("0A000", "replication is not supported")));
        }
        let opener = if user == TOKEN { self.token(caller).await? } else { self.scram(caller, &user).await? };
        let opener = match opener {
            Ok(opener) => opener,
            Err(fault) => return Ok(Err(fault)),
        };
        let means = if user == TOKEN { Means::Token } else { Means::Password };
        if let Err(error) = self.app.sign_ins.entered(&opener.principal, means).await {
            return Ok(Err(Fault { fatal: true, ..Fault::of(&error, "", 0) }));
        }
        let database = caller.parameters.get("database").unwrap_or(&user);
        if database != DATABASE {
            return Ok(Err(Fault::fatal("3D000", format!("database \"{database}\" does not exist: the only one is \"{DATABASE}\""))));
        }
        // A role or a fact that is missing means no session: better said here than at every question.
        Ok(match self.app.warehouse.session(&opener.principal).await {
            Ok(_) => Ok(opener),
            Err(error) => Err(Fault { fatal: true, state: "28000", ..Fault::of(&error, "", 0) }),
        })
    }

    async fn scram(&self, caller: &mut Caller, user: &str) -> Result<Result<Opener, Fault>, Lost> {
        let verifier = match self.app.accounts.scram(user).await {
            Ok(verifier) => verifier,
            Err(error) => return Ok(Err(Fault { fatal: true, ..Fault::of(&error, "", 0) })),
        };
        let locked = verifier.is_none();
        let end_point = self.end_point.as_deref().filter(|_| caller.encrypted);
        let mechanisms = if end_point.is_some() { vec![scram::PLUS.into(), scram::PLAIN.into()] } else { vec![scram::PLAIN.into()] };
        caller.send(Authentication::SASL(mechanisms)).await?;
        let first = caller.password().await?;
        let Some((mechanism, message)) = initial(&first) else { return Err(Lost::Protocol("SASLInitialResponse")) };
        let nonce = base64::engine::general_purpose::STANDARD.encode(rand::random::<[u8; 18]>());
        let exchange = match Exchange::begin(message, mechanism, verifier, end_point, &nonce) {
            Ok(exchange) => exchange,
            Err(failure) => return Ok(Err(refusal(&failure, user))),
        };
        caller.send(Authentication::SASLContinue(exchange.answer.clone().into())).await?;
        let last = caller.password().await?;
        let proof = match exchange.finish(&last) {
            Ok(proof) => proof,
            Err(failure) => {
                if failure == Failure::Refused && !locked {
                    self.app.accounts.failed(user);
                }
                return Ok(Err(self.turned_away(&failure, user, Means::Password).await));
            }
        };
        self.app.accounts.succeeded(user);
        caller.wire.put(&PgWireBackendMessage::Authentication(Authentication::SASLFinal(proof.into())))?;
        Ok(match self.app.accounts.principal(user).await {
            Ok(Some(principal)) => self.opener(principal, None).await,
            Ok(None) => Err(refusal(&Failure::Refused, user)),
            Err(error) => Err(Fault { fatal: true, ..Fault::of(&error, "", 0) }),
        })
    }

    async fn opener(&self, principal: Principal, token: Option<&str>) -> Result<Opener, Fault> {
        match self.app.accounts.standing(&principal.account, token).await {
            Ok(Some(standing)) => Ok(Opener { principal, accounts: self.app.accounts.clone(), standing }),
            Ok(None) => Err(refusal(&Failure::Refused, &principal.account)),
            Err(error) => Err(Fault { fatal: true, ..Fault::of(&error, "", 0) }),
        }
    }

    /// What a client whose sign-in failed is told. A wrong password or token is recorded, an exchange that is none is not.
    async fn turned_away(&self, failure: &Failure, user: &str, means: Means) -> Fault {
        if *failure == Failure::Refused {
            let name = (means == Means::Password).then_some(user);
            if let Err(error) = self.app.sign_ins.failed(name, means).await {
                return Fault { fatal: true, ..Fault::of(&error, "", 0) };
            }
        }
        refusal(failure, user)
    }

    /// An API token as password. Only its hash is stored, so that no proof can be made of it: it comes in clear, inside TLS.
    async fn token(&self, caller: &mut Caller) -> Result<Result<Opener, Fault>, Lost> {
        if !caller.encrypted {
            return Ok(Err(Fault::fatal("28000", "tokens are taken over TLS only")));
        }
        caller.send(Authentication::CleartextPassword).await?;
        let password = caller.password().await?;
        let text = password[..].split(|b| *b == 0).next().and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
        Ok(match self.app.accounts.token(text).await {
            Ok(Some(principal)) => self.opener(principal, Some(text)).await,
            Ok(None) => Err(self.turned_away(&Failure::Refused, TOKEN, Means::Token).await),
            Err(error) => Err(Fault { fatal: true, ..Fault::of(&error, "", 0) }),
        })
    }

    /// Tells the client where it is and hands the connection over.
    async fn open(&self, caller: Caller, opener: Opener) -> Result<Start, Lost> {
        let Caller { mut wire, version, parameters, .. } = caller;
        let mut settings = Settings::new(&opener.principal.account);
        for (name, value) in wanted(&parameters) {
            // A client's wishes at start are no reason to turn it away: what cannot be had is told by the values sent.
            let _ = settings.set(&name, Some(&value));
        }
        let place = self.registry.enter(version);
        wire.put(&PgWireBackendMessage::Authentication(Authentication::Ok))?;
        for (name, value) in settings.told() {
            wire.put(&PgWireBackendMessage::ParameterStatus(ParameterStatus::new(name.into(), value)))?;
        }
        wire.put(&PgWireBackendMessage::BackendKeyData(BackendKeyData::new(place.process, place.key.clone())))?;
        wire.put(&PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(TransactionStatus::Idle)))?;
        wire.flush().await?;
        tracing::debug!(account = opener.principal.account, "postgres session");
        Ok(Start::Session(Box::new(Connection::new(self.app.pool.clone(), opener, wire, settings, place))))
    }
}

impl Caller {
    async fn send(&mut self, message: Authentication) -> Result<(), Lost> {
        self.wire.put(&PgWireBackendMessage::Authentication(message))?;
        self.wire.flush().await
    }

    /// The body of a password or SASL message.
    async fn password(&mut self) -> Result<BytesMut, Lost> {
        match self.wire.next(START_UP).await? {
            PgWireFrontendMessage::PasswordMessageFamily(PasswordMessageFamily::Raw(body)) => Ok(body),
            PgWireFrontendMessage::Terminate(_) => Err(Lost::Gone),
            _ => Err(Lost::Protocol("a password message was expected")),
        }
    }
}

/// Code and length of a message without type byte.
async fn head<S: tokio::io::AsyncRead + Unpin>(stream: &mut S) -> Result<(u32, usize), Lost> {
    let length = stream.read_u32().await? as usize;
    let code = stream.read_u32().await?;
    if (8..=LONGEST).contains(&length) { Ok((code, length)) } else { Err(Lost::Protocol("start-up message length")) }
}

async fn say(wire: &mut Wire, fault: Fault) -> Result<(), Lost> {
    wire.put(&fault.message())?;
    wire.close().await;
    Ok(())
}

fn refusal(failure: &Failure, user: &str) -> Fault {
    match failure {
        Failure::Malformed(what) => Fault::fatal("08P01", format!("malformed SCRAM message: {what}")),
        Failure::Refused => Fault::fatal("28P01", format!("password authentication failed for user \"{user}\"")),
    }
}

/// Mechanism and data of `SASLInitialResponse`.
fn initial(body: &[u8]) -> Option<(&str, &[u8])> {
    let end = body.iter().position(|b| *b == 0)?;
    let mechanism = std::str::from_utf8(&body[..end]).ok()?;
    let (length, data) = body[end + 1..].split_at_checked(4)?;
    (i32::from_be_bytes([length[0], length[1], length[2], length[3]]) == data.len() as i32).then_some((mechanism, data))
}

/// Settings that a start-up message asks for, also by `options=-c name=value`.
fn wanted(parameters: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut words = parameters.get("options").map(String::as_str).unwrap_or_default().split_whitespace();
    while let Some(word) = words.next() {
        let setting = match word {
            "-c" => words.next(),
            _ => word.strip_prefix("--").or_else(|| word.strip_prefix("-c")),
        };
        if let Some((name, value)) = setting.and_then(|s| s.split_once('=')) {
            found.push((name.replace('-', "_"), value.to_owned()));
        }
    }
    let own = ["user", "database", "options"];
    found.extend(parameters.iter().filter(|(name, _)| !own.contains(&name.as_str()) && !name.starts_with("_pq_.")).map(|(n, v)| (n.clone(), v.clone())));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_wanted_at_start() {
        let text = |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect::<Vec<_>>();
        let parameters: BTreeMap<String, String> =
            text(&[("user", "a"), ("application_name", "psql"), ("options", "-c statement_timeout=5s --search-path=assa -cjit=off")]).into_iter().collect();
        assert_eq!(wanted(&parameters), text(&[("statement_timeout", "5s"), ("search_path", "assa"), ("jit", "off"), ("application_name", "psql")]));
    }

    #[test]
    fn initial_response_is_read_within_its_bounds() {
        assert_eq!(initial(b"SCRAM-SHA-256\0\0\0\0\x02ab"), Some(("SCRAM-SHA-256", &b"ab"[..])));
        assert_eq!(initial(b"SCRAM-SHA-256\0\0\0\0\x09ab"), None);
        assert_eq!(initial(b"SCRAM"), None);
    }
}
