//! Who is asking, checked before every call, `DoGet` included: a token, account and password, or the bearer that a handshake
//! gave. Without any of them nothing is answered.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tonic::Status;
use warehouse::principal::Principal;

use crate::doors::flight::handles::{HANDLE, Handles};
use crate::doors::http::{Credentials, credentials};
use crate::sign_ins::SignIns;

/// Marks bearers made by a handshake, apart from tokens of accounts.
const PREFIX: &str = "flight_";
/// How long a handshake holds.
const LIFE: Duration = Duration::from_secs(12 * 3600);

/// Signs callers in. Cloning is cheap.
#[derive(Clone)]
pub(super) struct SignIn {
    sign_ins: SignIns,
    /// Handshakes; the bearer is the handle and then the account it belongs to.
    bearers: Arc<Handles<()>>,
}

impl SignIn {
    pub fn new(sign_ins: SignIns) -> Self {
        Self { sign_ins, bearers: Arc::new(Handles::new(256, 20_000, LIFE)) }
    }

    /// A bearer for later calls.
    pub fn bearer(&self, who: &Principal) -> Result<String, Status> {
        let handle = self.bearers.put(&who.account, ()).ok_or_else(|| Status::resource_exhausted("too many sessions"))?;
        Ok(format!("{PREFIX}{handle}{}", who.account))
    }

    async fn principal(&self, credentials: &Credentials) -> Result<Principal, Status> {
        match credentials {
            Credentials::Token(token) if token.starts_with(PREFIX) => {
                let (handle, account) = token[PREFIX.len()..].split_at_checked(HANDLE).ok_or_else(refused)?;
                self.bearers.get(handle.as_bytes(), account).ok_or_else(refused)?;
                // Read anew, so that an account that was removed or changed is so here too.
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
    let who = match credentials(request.headers()) {
        Ok(Some(credentials)) => sign_in.principal(&credentials).await,
        Ok(None) | Err(_) => Err(refused()),
    };
    match who {
        Ok(who) => {
            request.extensions_mut().insert(who);
            next.run(request).await
        }
        Err(status) => status.into_http(),
    }
}

fn refused() -> Status {
    Status::unauthenticated("auth.failed: sign in with account and password or with a token; too many attempts lock an account for a while")
}
