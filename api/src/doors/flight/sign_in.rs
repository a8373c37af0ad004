//! Who is asking, checked before every call, `DoGet` included: a token, account and password, or the bearer that a handshake
//! gave. Without any of them nothing is answered.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tonic::Status;
use warehouse::principal::Principal;

use crate::accounts::standing::Standing;
use crate::doors::flight::handles::{HANDLE, Handles};
use crate::doors::http::{Credentials, credentials};
use crate::sign_ins::SignIns;

/// Marks bearers made by a handshake, apart from tokens of accounts.
const PREFIX: &str = "flight_";
/// How long a handshake holds.
const LIFE: Duration = Duration::from_secs(12 * 3600);

/// The token of an account that a call came with, if it came with one.
#[derive(Clone)]
pub(super) struct Shown(Option<String>);

/// Signs callers in. Cloning is cheap.
#[derive(Clone)]
pub(super) struct SignIn {
    sign_ins: SignIns,
    /// Handshakes; the bearer is the handle and then the account it belongs to.
    bearers: Arc<Handles<Standing>>,
}

impl SignIn {
    pub fn new(sign_ins: SignIns) -> Self {
        Self { sign_ins, bearers: Arc::new(Handles::new(256, 20_000, LIFE)) }
    }

    /// A bearer for later calls of who showed a token, or something else, just now.
    pub async fn bearer(&self, who: &Principal, shown: &Shown) -> Result<String, Status> {
        // Whoever has one goes on with that one: it ends with what it was given for.
        if let Some(bearer) = shown.0.as_ref().filter(|token| token.starts_with(PREFIX)) {
            return Ok(bearer.clone());
        }
        let standing = self.sign_ins.accounts.standing(&who.account, shown.0.as_deref()).await.map_err(super::status)?.ok_or_else(refused)?;
        let handle = self.bearers.put(&who.account, standing).ok_or_else(|| Status::resource_exhausted("too many sessions"))?;
        Ok(format!("{PREFIX}{handle}{}", who.account))
    }

    async fn principal(&self, credentials: &Credentials) -> Result<Principal, Status> {
        match credentials {
            Credentials::Token(token) if token.starts_with(PREFIX) => {
                let (handle, account) = token[PREFIX.len()..].split_at_checked(HANDLE).ok_or_else(refused)?;
                let standing = self.bearers.get(handle.as_bytes(), account).ok_or_else(refused)?;
                // Read anew, so that what was taken away is gone here too.
                if !self.sign_ins.accounts.stands(&standing).await.map_err(super::status)? {
                    self.bearers.remove(handle.as_bytes(), account);
                    return Err(refused());
                }
                self.sign_ins.accounts.principal(account).await.map_err(super::status)?.ok_or_else(refused)
            }
            other => other.sign_in(&self.sign_ins).await.map_err(|problem| match problem.status {
                http::StatusCode::UNAUTHORIZED => refused(),
                http::StatusCode::SERVICE_UNAVAILABLE => Status::unavailable(problem.detail),
                _ => Status::internal("internal error"),
            }),
        }
    }
}

/// The layer: a principal in the request's extensions, or no call.
pub(super) async fn authenticate(State(sign_in): State<SignIn>, mut request: Request, next: Next) -> Response {
    let given = credentials(request.headers()).ok().flatten();
    let who = match &given {
        Some(credentials) => sign_in.principal(credentials).await,
        None => Err(refused()),
    };
    match who {
        Ok(who) => {
            request.extensions_mut().insert(who);
            request.extensions_mut().insert(Shown(match given {
                Some(Credentials::Token(token)) => Some(token),
                _ => None,
            }));
            next.run(request).await
        }
        Err(status) => status.into_http(),
    }
}

fn refused() -> Status {
    Status::unauthenticated("auth.failed: sign in with account and password or with a token; too many attempts lock an account for a while")
}
