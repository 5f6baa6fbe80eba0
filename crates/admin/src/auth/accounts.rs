//! Administrators, their sessions, and tokens.
//!
//! Sessions live in memory: a restart ends them. Administrators and tokens are
//! written through an [`AccountStore`] before a change is said to be made.

use core::net::{IpAddr, Ipv6Addr};
use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use subtle::ConstantTimeEq;
use thiserror::Error;
use tokio::sync::Semaphore;
use units::{Clock, Random, Timestamp, UserId};

use super::caller::{Caller, Peer};
use super::gate::Gate;
use super::password::{password_digest, password_draw, password_matches};
use super::record::{Administrator, Record, RecordError, TokenRecord};
use super::{secret_digest, secret_draw};
use crate::limits;
use crate::model::{LoginMade, Scope, Token, TokenMade, TokenNew, date_text};

/// Where the accounts are kept.
pub trait AccountStore: Send + Sync {
    /// Replaces what is kept, durably and atomically.
    fn save(&self, bytes: &[u8]) -> Result<(), String>;
}

/// A change of the accounts that was not made.
#[derive(Debug, Error)]
pub enum AccountError {
    /// The name is empty, too long or has other characters.
    #[error("{name:?} is not a name of up to 64 letters, digits, '-', '_' and '.'")]
    BadName {
        /// The name.
        name: String,
    },
    /// The password is too long to be hashed.
    #[error("the password is longer than {} bytes", limits::PASSWORD_BYTES_MAX)]
    PasswordTooLong,
    /// A token without a scope could do nothing.
    #[error("the token has no scope")]
    NoScope,
    /// There are as many as there may be.
    #[error("there are {max} already, which is the limit")]
    TooMany {
        /// How many there may be.
        max: usize,
    },
    /// The record could not be encoded.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The record could not be kept.
    #[error("the accounts could not be written: {reason}")]
    Save {
        /// What the store said.
        reason: String,
    },
}

/// Logins, by outcome.
const LOGINS: &str = "essaim_admin_logins_total";

/// A login that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LoginError {
    /// No such administrator, or another password: not told apart.
    #[error("the name or the password is wrong")]
    Wrong,
    /// Too many tries.
    #[error("too many tries; try again in {seconds} s")]
    TooMany {
        /// How long to wait.
        seconds: u64,
    },
}

struct Session {
    sha256: [u8; 32],
    name: String,
    expires: Timestamp,
}

struct State {
    record: Record,
    sessions: VecDeque<Session>,
    gate: Gate,
}

/// The accounts of a node.
pub struct Accounts {
    state: Mutex<State>,
    store: Arc<dyn AccountStore>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    checking: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Accounts {
    /// The accounts in `kept`, or none at all if nothing was kept yet.
    pub fn open(
        kept: Option<&[u8]>,
        store: Arc<dyn AccountStore>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, RecordError> {
        let record = kept.map_or_else(|| Ok(Record::empty()), Record::decode)?;
        let state = State { record, sessions: VecDeque::new(), gate: Gate::default() };
        Ok(Self {
            state: Mutex::new(state),
            store,
            clock,
            random,
            checking: Arc::new(Semaphore::new(1)),
            waiting: Arc::new(Semaphore::new(limits::LOGINS_WAITING_MAX)),
        })
    }

    /// Whether there is an administrator of this name.
    pub fn administrator_exists(&self, name: &str) -> bool {
        self.state.lock().record.administrators.iter().any(|a| a.name == name)
    }

    /// Creates an administrator, or gives an existing one another password and
    /// ends its sessions.
    pub fn administrator_set(&self, name: &str, password: &str) -> Result<(), AccountError> {
        check_name(name)?;
        let digest =
            password_digest(password, self.random.as_ref()).ok_or(AccountError::PasswordTooLong)?;
        let mut state = self.state.lock();
        let mut record = state.record.clone();
        record.administrators.retain(|administrator| administrator.name != name);
        if record.administrators.len() >= limits::ADMINISTRATORS_MAX {
            return Err(AccountError::TooMany { max: limits::ADMINISTRATORS_MAX });
        }
        record.administrators.push(Administrator { name: name.to_owned(), password: digest });
        self.save(&mut state, record)?;
        state.sessions.retain(|session| session.name != name);
        Ok(())
    }

    /// Gives an administrator a fresh password, creating them if need be; it is
    /// in the answer and nowhere else.
    pub fn administrator_reset(&self, name: &str) -> Result<String, AccountError> {
        let password = password_draw(self.random.as_ref());
        self.administrator_set(name, &password)?;
        Ok(password)
    }

    /// Begins a session of somebody at an address; nobody's where the transport has none.
    // Cancel-safety: a dropped login has used up its try and begins nothing.
    pub async fn login(
        &self,
        name: &str,
        password: &str,
        from: Option<Peer>,
    ) -> Result<LoginMade, LoginError> {
        let from = from.map_or(Ipv6Addr::UNSPECIFIED.into(), |Peer(address)| address);
        let outcome = self.try_login(name, password, from).await;
        let label = match &outcome {
            Ok(_) => "done",
            Err(LoginError::Wrong) => "wrong",
            Err(LoginError::TooMany { .. }) => "too_many",
        };
        metrics::counter!(LOGINS, "outcome" => label).increment(1);
        outcome
    }

    async fn try_login(
        &self,
        name: &str,
        password: &str,
        from: IpAddr,
    ) -> Result<LoginMade, LoginError> {
        let busy = LoginError::TooMany { seconds: 1 };
        let _place = self.waiting.try_acquire().map_err(|_| busy)?;
        let digest = {
            let mut state = self.state.lock();
            let found = state.record.administrators.iter().find(|a| a.name == name);
            let digest = found.map(|administrator| administrator.password.clone());
            state
                .gate
                .enter(name, digest.is_some(), from, self.clock.elapsed())
                .map_err(|wait| LoginError::TooMany { seconds: wait.as_secs().max(1) })?;
            digest
        };
        let _turn = self.checking.acquire().await.map_err(|_| busy)?;
        let (tried, against) = (password.to_owned(), digest.clone());
        let check =
            tokio::task::spawn_blocking(move || password_matches(&tried, against.as_deref()));
        if !check.await.unwrap_or(false) {
            return Err(LoginError::Wrong);
        }
        self.session_begin(name, from, digest.as_deref())
    }

    /// Begins a session of somebody whose password matched this digest, if that is
    /// still theirs: checking takes a while, and another password ends all sessions.
    fn session_begin(
        &self,
        name: &str,
        from: IpAddr,
        matched: Option<&str>,
    ) -> Result<LoginMade, LoginError> {
        let mut state = self.state.lock();
        let found = state.record.administrators.iter().find(|a| a.name == name);
        let current = found.map(|administrator| administrator.password.as_str());
        if current.is_none() || current != matched {
            return Err(LoginError::Wrong);
        }
        state.gate.pass(name, from);
        let token = secret_draw(self.random.as_ref(), "essaim_s_");
        let expires = self.clock.now().after(limits::SESSION_LIFE);
        if state.sessions.len() >= limits::SESSIONS_MAX {
            state.sessions.pop_front();
        }
        let sha256 = secret_digest(&token);
        state.sessions.push_back(Session { sha256, name: name.to_owned(), expires });
        Ok(LoginMade { token, expires: date_text(expires) })
    }

    /// Ends a session; nothing happens if it has ended.
    pub fn logout(&self, token: &str) {
        let sha256 = secret_digest(token);
        self.state.lock().sessions.retain(|s| !bool::from(s.sha256.ct_eq(&sha256)));
    }

    /// Whose token or session this is, if it still lives.
    pub fn caller(&self, token: &str) -> Option<Caller> {
        let (sha256, now) = (secret_digest(token), self.clock.now());
        let mut state = self.state.lock();
        state.sessions.retain(|session| session.expires > now);
        let session = state.sessions.iter().find(|s| s.sha256.ct_eq(&sha256).into());
        if let Some(session) = session {
            return Some(Caller::administrator(&session.name));
        }
        let alive = |t: &&TokenRecord| t.expires.is_none_or(|expires| expires > now);
        let found = state.record.tokens.iter().find(|t| t.sha256.ct_eq(&sha256).into());
        found.filter(alive).map(|token| Caller::token(&token.name, &token.scopes))
    }

    /// Tokens, oldest first.
    pub fn tokens(&self) -> Vec<Token> {
        self.state.lock().record.tokens.iter().map(token_view).collect()
    }

    /// Makes a token; its secret is in the answer and nowhere else.
    pub fn token_create(&self, new: &TokenNew) -> Result<TokenMade, AccountError> {
        check_name(&new.name)?;
        let mut scopes: Vec<Scope> = new.scopes.clone();
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            return Err(AccountError::NoScope);
        }
        let (secret, now) = (secret_draw(self.random.as_ref(), "essaim_t_"), self.clock.now());
        let life = new.expires_in_seconds.map(core::time::Duration::from_secs);
        let token = TokenRecord {
            id: UserId::draw(self.random.as_ref()).to_string(),
            name: new.name.clone(),
            sha256: secret_digest(&secret),
            scopes,
            created: now,
            expires: life.map(|life| now.after(life)),
        };
        let view = token_view(&token);
        let mut state = self.state.lock();
        let mut record = state.record.clone();
        record.tokens.retain(|old| old.expires.is_none_or(|expires| expires > now));
        if record.tokens.len() >= limits::TOKENS_MAX {
            return Err(AccountError::TooMany { max: limits::TOKENS_MAX });
        }
        record.tokens.push(token);
        self.save(&mut state, record)?;
        Ok(TokenMade { token: view, secret })
    }

    /// Revokes a token; whether there was one.
    pub fn token_revoke(&self, id: &str) -> Result<bool, AccountError> {
        let mut state = self.state.lock();
        let mut record = state.record.clone();
        let before = record.tokens.len();
        record.tokens.retain(|token| token.id != id);
        if record.tokens.len() == before {
            return Ok(false);
        }
        self.save(&mut state, record)?;
        Ok(true)
    }

    fn save(&self, state: &mut State, record: Record) -> Result<(), AccountError> {
        let bytes = record.encode()?;
        self.store.save(&bytes).map_err(|reason| AccountError::Save { reason })?;
        state.record = record;
        Ok(())
    }
}

fn token_view(token: &TokenRecord) -> Token {
    Token {
        id: token.id.clone(),
        name: token.name.clone(),
        scopes: token.scopes.clone(),
        created: date_text(token.created),
        expires: token.expires.map(date_text),
    }
}

fn check_name(name: &str) -> Result<(), AccountError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > limits::NAME_BYTES_MAX || !name.bytes().all(plain) {
        return Err(AccountError::BadName { name: name.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use units::{SimClock, SimRandom};

    use super::{AccountStore, Accounts, IpAddr, LoginError, Peer};
    use crate::limits;
    use crate::model::{Scope, TokenNew};

    #[derive(Default)]
    struct Memory(Mutex<Vec<u8>>);

    impl AccountStore for Memory {
        fn save(&self, bytes: &[u8]) -> Result<(), String> {
            bytes.clone_into(&mut self.0.lock());
            Ok(())
        }
    }

    fn accounts(kept: Option<&[u8]>) -> (Accounts, Arc<Memory>, Arc<SimClock>) {
        let (memory, clock) = (Arc::new(Memory::default()), Arc::new(SimClock::default()));
        let random = Arc::new(SimRandom::seeded(7));
        let accounts = Accounts::open(kept, memory.clone(), clock.clone(), random).unwrap();
        (accounts, memory, clock)
    }

    const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn home() -> Option<Peer> {
        Some(Peer(ADDRESS))
    }

    fn backup_token() -> TokenNew {
        let scopes = vec![Scope::Backup, Scope::Backup];
        TokenNew { name: "nightly".to_owned(), scopes, expires_in_seconds: Some(60) }
    }

    #[tokio::test]
    async fn a_session_begins_and_ends() {
        let (accounts, _, clock) = accounts(None);
        accounts.administrator_set("admin", "right").unwrap();
        assert_eq!(accounts.login("admin", "wrong", home()).await.err(), Some(LoginError::Wrong));
        assert_eq!(accounts.login("nobody", "right", home()).await.err(), Some(LoginError::Wrong));
        let first = accounts.login("admin", "right", home()).await.unwrap();
        assert_eq!(accounts.caller(&first.token).unwrap().name(), "admin");
        accounts.logout(&first.token);
        assert!(accounts.caller(&first.token).is_none());
        let second = accounts.login("admin", "right", home()).await.unwrap();
        clock.advance(limits::SESSION_LIFE);
        assert!(accounts.caller(&second.token).is_none(), "a session has an end");
    }

    #[tokio::test]
    async fn another_password_ends_the_sessions() {
        let (accounts, _, _) = accounts(None);
        accounts.administrator_set("admin", "one").unwrap();
        let made = accounts.login("admin", "one", home()).await.unwrap();
        accounts.administrator_set("admin", "two").unwrap();
        assert!(accounts.caller(&made.token).is_none());
        assert!(accounts.login("admin", "one", home()).await.is_err());
        assert!(accounts.login("admin", "two", home()).await.is_ok());
    }

    #[test]
    fn a_password_that_was_changed_while_it_was_checked_begins_nothing() {
        let (accounts, _, _) = accounts(None);
        accounts.administrator_set("admin", "one").unwrap();
        let digest = accounts.state.lock().record.administrators[0].password.clone();
        assert!(accounts.session_begin("admin", ADDRESS, Some(&digest)).is_ok());
        accounts.administrator_set("admin", "two").unwrap();
        let late = accounts.session_begin("admin", ADDRESS, Some(&digest));
        assert_eq!(late.err(), Some(LoginError::Wrong));
        assert!(accounts.session_begin("nobody", ADDRESS, None).is_err());
        assert_eq!(accounts.state.lock().sessions.len(), 0);
    }

    #[test]
    fn a_token_lives_until_it_expires_or_is_revoked() {
        let (accounts, memory, clock) = accounts(None);
        let made = accounts.token_create(&backup_token()).unwrap();
        let caller = accounts.caller(&made.secret).unwrap();
        assert!(caller.may(Scope::Backup) && !caller.may(Scope::Manage));
        assert!(accounts.caller("essaim_t_00").is_none());
        let kept = memory.0.lock().clone();
        let secret = made.secret.trim_start_matches("essaim_t_");
        assert!(!String::from_utf8(kept.clone()).unwrap().contains(secret), "only its digest");
        let (again, _, _) = self::accounts(Some(&kept));
        assert!(again.caller(&made.secret).is_some(), "it survives a restart");
        assert!(again.token_revoke(&made.token.id).unwrap());
        assert!(!again.token_revoke(&made.token.id).unwrap());
        assert!(again.caller(&made.secret).is_none());
        clock.advance(core::time::Duration::from_mins(1));
        assert!(accounts.caller(&made.secret).is_none(), "it has expired");
    }

    #[tokio::test]
    async fn a_lost_password_is_replaced() {
        let (accounts, _, _) = accounts(None);
        let password = accounts.administrator_reset("admin").unwrap();
        assert!(accounts.login("admin", &password, home()).await.is_ok());
    }

    #[test]
    fn bad_names_and_tokens_without_scope_are_refused() {
        let (accounts, _, _) = accounts(None);
        for name in ["", "a b", "a/b", &"a".repeat(65), "é"] {
            assert!(accounts.administrator_set(name, "x").is_err(), "{name}");
        }
        assert!(accounts.token_create(&TokenNew { scopes: vec![], ..backup_token() }).is_err());
    }

    #[tokio::test]
    async fn guessing_is_stopped() {
        let (accounts, _, clock) = accounts(None);
        accounts.administrator_set("admin", "right").unwrap();
        for _ in 0..limits::LOGIN_BURST {
            assert_eq!(
                accounts.login("admin", "guess", home()).await.err(),
                Some(LoginError::Wrong)
            );
        }
        let stopped = accounts.login("admin", "right", home()).await.err();
        assert!(matches!(stopped, Some(LoginError::TooMany { .. })), "{stopped:?}");
        clock.advance(limits::LOGIN_REFILL);
        assert!(accounts.login("admin", "right", home()).await.is_ok());
    }

    #[tokio::test]
    async fn who_guesses_keeps_nobody_else_out() {
        let (accounts, _, _) = accounts(None);
        accounts.administrator_set("admin", "right").unwrap();
        let stranger = Some(Peer(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9))));
        for _ in 0..limits::LOGIN_BURST {
            let wrong = accounts.login("admin", "guess", stranger).await.err();
            assert_eq!(wrong, Some(LoginError::Wrong));
        }
        let stopped = accounts.login("admin", "right", stranger).await.err();
        assert!(matches!(stopped, Some(LoginError::TooMany { .. })), "{stopped:?}");
        assert!(accounts.login("admin", "right", home()).await.is_ok());
    }
}
