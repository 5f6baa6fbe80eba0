//! The caller of a request, and the scopes that handlers ask for.
//!
//! The node serves the same routes on two transports. What arrives on the local
//! socket comes from the owner of the data; what arrives over TCP must carry a
//! bearer token. Either way the middleware puts a [`Caller`] into the request,
//! and a handler gets hold of it only through [`Reader`], [`Manager`] or
//! [`Archivist`], which check its scopes.

use core::net::IpAddr;

use axum::Extension;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::fault::{Fault, FaultKind};
use crate::model::Scope;
use crate::routes::Admin;

/// How a request arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Over the socket in the data directory.
    Socket,
    /// Over the network.
    Tcp,
}

/// The other end of a connection over the network; the server puts it into every
/// request that came over one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Who asks; made by [`super::Accounts`] and by the local socket only.
#[derive(Clone, Debug)]
pub struct Caller {
    name: String,
    scopes: Vec<Scope>,
}

impl Caller {
    /// The owner of the data directory.
    fn owner() -> Self {
        Self { name: "owner".to_owned(), scopes: Scope::ALL.to_vec() }
    }

    pub(super) fn administrator(name: &str) -> Self {
        Self { name: name.to_owned(), scopes: Scope::ALL.to_vec() }
    }

    pub(super) fn token(name: &str, scopes: &[Scope]) -> Self {
        Self { name: format!("token {name}"), scopes: scopes.to_vec() }
    }

    /// As the log names them.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether they have this scope.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// Finds out who asks, and answers 401 if nobody has proved it.
pub(crate) async fn authenticate(
    State(admin): State<Admin>,
    Extension(transport): Extension<Transport>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = match transport {
        Transport::Socket => Some(Caller::owner()),
        Transport::Tcp => bearer(&request).and_then(|token| admin.accounts.caller(token)),
    };
    let Some(caller) = caller else {
        return Fault::new(
            FaultKind::Unauthenticated,
            "this needs a valid token",
            "send Authorization: Bearer TOKEN; make one with: essaim token create NAME",
        )
        .into_response();
    };
    request.extensions_mut().insert(caller);
    next.run(request).await
}

fn bearer(request: &Request) -> Option<&str> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

macro_rules! granted {
    ($($(#[$doc:meta])* $name:ident $scope:ident $word:literal)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(Caller);

        impl $name {
            /// Who it is.
            pub fn caller(&self) -> &Caller {
                &self.0
            }
        }

        impl<S: Send + Sync> FromRequestParts<S> for $name {
            type Rejection = Fault;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
                let caller = parts.extensions.get::<Caller>();
                if let Some(caller) = caller.filter(|caller| caller.may(Scope::$scope)) {
                    return Ok(Self(caller.clone()));
                }
                let fault = Fault::new(
                    FaultKind::Forbidden,
                    concat!("this token does not have the scope ", $word),
                    concat!("make one that has: essaim token create NAME --scopes ", $word),
                );
                let actor = caller.map_or("nobody", Caller::name);
                let (action, subject) = (parts.method.as_str(), parts.uri.path());
                tracing::info!(target: "audit", actor, action, subject, reason = %fault, "refused");
                Err(fault)
            }
        }
    )*};
}

impl Manager {
    /// Whether they have every scope: an administrator can do everything, so
    /// only such a caller may make one.
    pub fn check_all(&self) -> Result<(), Fault> {
        if Scope::ALL.into_iter().all(|scope| self.0.may(scope)) {
            return Ok(());
        }
        Err(Fault::new(
            FaultKind::Forbidden,
            "an administrator can do more than this token",
            "ask an administrator, or use the local socket",
        ))
    }
}

granted! {
    /// A caller who may look.
    Reader Read "read"
    /// A caller who may change things.
    Manager Manage "manage"
    /// A caller who may take a copy of the catalog.
    Archivist Backup "backup"
}
