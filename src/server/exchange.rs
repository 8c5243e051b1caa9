//! One request, from the configuration it is judged by to the permits it was given.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use jiff::Timestamp;

use super::body::{self, Body, Unread};
use super::challenge::{Challenge, shown_scope};
use super::error::Failure;
use super::guard::{self, Caller, Presented, Stranger};
use super::metrics::SignIn;
use super::origin;
use super::record::Record;
use super::site::{Core, Door};
use crate::identity::{NotSignedIn, Subject};
use crate::live::Published;
use crate::oci::{ImageName, Scope};
use crate::policy::{Granted, Question, Refusal, decide};

/// A request and the one configuration that it is judged by.
pub(super) struct Exchange {
    pub core: Arc<Core>,
    pub published: Arc<Published>,
    pub door: Door,
    pub request: HttpRequest,
    pub record: Rc<Record>,
    pub payload: Unread,
    pub caller: Caller,
    pub now: Timestamp,
}

impl Exchange {
    /// The request's headers.
    pub(super) fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    /// The listener's name in tokens.
    pub(super) fn service(&self) -> String {
        self.door.service(self.published.model.settings.public_url.as_deref())
    }

    /// Finds out who asks; `scope` is what a stranger is told to ask for.
    pub(super) async fn identify(&mut self, scope: Option<&Scope>) -> Result<(), Failure> {
        let found = match guard::presented(self.headers()) {
            Ok(Presented::Nothing) => Ok(Caller::anonymous()),
            Ok(Presented::Basic { name, password }) => self.check_password(&name, &password).await,
            Ok(Presented::Bearer(token)) => {
                let snapshot = &self.published.model.snapshot;
                guard::check_token(&self.core.tokens, snapshot, &token, &self.service(), self.now)
            }
            Err(stranger) => Err(stranger),
        };
        self.enter(found, scope)
    }

    /// Checks a password that was presented.
    pub(super) async fn check_password(&self, name: &str, password: &str) -> Result<Caller, Stranger> {
        let snapshot = &self.published.model.snapshot;
        let address = self.record.address;
        guard::check_password(&self.core.authenticator, snapshot, name, password, address, self.now).await
    }

    /// Takes the caller that was found, or says why there is none, and what to ask for.
    pub(super) fn enter(&mut self, found: Result<Caller, Stranger>, scope: Option<&Scope>) -> Result<(), Failure> {
        match found {
            Ok(caller) => {
                self.core.metrics.sign_in(match (&caller.subject, caller.presented_something()) {
                    (Subject::Anonymous, _) => SignIn::Anonymous,
                    (Subject::User(_), _) if caller.is_token() => SignIn::Token,
                    (Subject::User(_), _) => SignIn::Password,
                });
                *self.record.user.borrow_mut() = caller.subject.user_name().map(ToString::to_string);
                self.caller = caller;
                Ok(())
            }
            Err(stranger) => Err(self.turned_away(stranger, scope)),
        }
    }

    fn turned_away(&self, stranger: Stranger, scope: Option<&Scope>) -> Failure {
        let (counted, name, reason) = match &stranger {
            Stranger::Absurd => (SignIn::WrongPassword, None, "absurd header"),
            Stranger::Malformed => (SignIn::WrongPassword, None, "malformed header"),
            Stranger::Password(name, NotSignedIn::Wrong) => (SignIn::WrongPassword, Some(name), "wrong"),
            Stranger::Password(name, NotSignedIn::TooMany { .. }) => (SignIn::TooMany, Some(name), "too many"),
            Stranger::Token => (SignIn::WrongToken, None, "invalid token"),
        };
        self.core.metrics.sign_in(counted);
        self.record.audit_refused("sign_in_failed", name.map(String::as_str), reason);
        match stranger {
            Stranger::Absurd => Failure::Authorization,
            Stranger::Password(_, NotSignedIn::TooMany { retry_after }) => Failure::TooMany { retry_after },
            Stranger::Token => Failure::Unauthorized(self.challenge(scope, Some(Challenge::INVALID_TOKEN))),
            Stranger::Malformed | Stranger::Password(..) => Failure::Unauthorized(self.challenge(scope, None)),
        }
    }

    /// What the configuration of this request says to a question, whatever a token was asked for.
    pub(super) fn decide<Q: Question>(&self, question: &Q) -> Result<Q::Permit, Refusal> {
        let snapshot = &self.published.model.snapshot;
        if !self.door.admits(snapshot, question) {
            return Err(Refusal::NoRepository);
        }
        decide(snapshot, &self.caller.subject, question, self.now)
    }

    /// Judges a question by the configuration of this request.
    pub(super) fn judge<Q: Question>(&self, question: &Q) -> Result<Q::Permit, Failure> {
        let permit = match self.decide(question) {
            Ok(permit) => permit,
            Err(refusal) => {
                self.refuse(reason(refusal));
                return Err(self.refused(question.scope().as_ref()));
            }
        };
        let Some(permit) = self.caller.narrow(question, permit) else {
            return Err(self.not_asked(question.scope().as_ref()));
        };
        *self.record.rule.borrow_mut() = Some(permit.rule().to_string());
        Ok(permit)
    }

    /// Counts a refusal and writes its audit line.
    pub(super) fn refuse(&self, reason: &'static str) {
        self.core.metrics.refused(reason);
        self.record.audit_refused("refused", None, reason);
    }

    /// The answer to a token that was not asked for what its user may do: it names what to ask for.
    pub(super) fn not_asked<'a>(&self, scopes: impl IntoIterator<Item = &'a Scope>) -> Failure {
        self.core.metrics.refused("not_asked");
        Failure::Unauthorized(self.challenge(scopes, Some(Challenge::INSUFFICIENT_SCOPE)))
    }

    /// The answer to a refused question: a user is told so, anybody else may sign in.
    pub(super) fn refused(&self, scope: Option<&Scope>) -> Failure {
        match self.caller.subject {
            Subject::User(_) => Failure::Denied,
            Subject::Anonymous => Failure::Unauthorized(self.challenge(scope, None)),
        }
    }

    /// Whether the body took so long that the request has to be judged again.
    pub(super) fn is_old(&self) -> bool {
        self.record.elapsed() > self.core.limits.judged_again_after
    }

    /// Takes today's configuration and clock, for a question that is to be judged again.
    pub(super) fn renew(&mut self) -> Result<(), Failure> {
        self.published = self.core.live.current();
        self.record.judge_by(&self.published);
        self.now = Timestamp::now();
        match self.caller.today(&self.published.model.snapshot, self.now) {
            Some(subject) => {
                self.caller.subject = subject;
                Ok(())
            }
            None => Err(Failure::Unauthorized(self.challenge(None, Some(Challenge::INVALID_TOKEN)))),
        }
    }

    /// What the registry asks before an effect becomes visible: where the body took long, the caller
    /// and the question are judged again by the configuration that is then in force.
    pub(super) fn confirm<Q>(&self, question: Q) -> impl Fn() -> bool + Send + Sync + use<Q>
    where
        Q: Question + Send + Sync,
    {
        let (live, caller, door) = (Arc::clone(&self.core.live), self.caller.clone(), self.door.clone());
        let (started, judged_again_after) = (self.record.started(), self.core.limits.judged_again_after);
        move || {
            if started.elapsed() <= judged_again_after {
                return true;
            }
            let (published, now) = (live.current(), Timestamp::now());
            let snapshot = &published.model.snapshot;
            door.admits(snapshot, &question)
                && caller.today(snapshot, now).is_some_and(|subject| decide(snapshot, &subject, &question, now).is_ok())
        }
    }

    /// Tells a client how to be let in.
    pub(super) fn challenge<'a>(
        &self,
        scopes: impl IntoIterator<Item = &'a Scope>,
        error: Option<&'static str>,
    ) -> Challenge {
        let shown = scopes.into_iter().map(|scope| shown_scope(scope, |image| self.door.shown(image)));
        let scope = shown.collect::<Vec<_>>().join(" ");
        let scope = if scope.is_empty() { None } else { Some(scope) };
        Challenge { realm: self.realm(), service: self.service(), scope, error }
    }

    /// Where the token endpoint is. A repository's own port is not behind the public address, so its
    /// endpoint is wherever the client sent this request.
    fn realm(&self) -> String {
        let settings = &self.published.model.settings;
        let public = settings.public_url.as_deref().filter(|_| !self.door.is_own_port()).map(str::to_owned);
        let secure = self.request.app_config().secure();
        let sent_to = || {
            let peer = self.request.peer_addr()?.ip();
            origin::sent_to(peer, self.headers(), &settings.trusted_proxies, secure)
        };
        let base = public.or_else(sent_to).unwrap_or_else(|| {
            let scheme = if secure { "https" } else { "http" };
            format!("{scheme}://{}", self.request.app_config().local_addr())
        });
        format!("{base}/token")
    }

    /// The request's body.
    pub(super) fn body(&self) -> Body {
        body::stream(self.payload.clone(), self.core.limits.body_idle, Rc::clone(&self.record))
    }

    /// An image's path as clients of this listener write it.
    pub(super) fn path_of(&self, image: &ImageName) -> String {
        format!("/v2/{}", self.door.shown(image))
    }
}

fn reason(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NoRepository => "no_repository",
        Refusal::Closed => "repository_closed",
        Refusal::NoGrant => "no_grant",
        Refusal::Immutable => "immutable_tag",
        Refusal::Inactive => "inactive_user",
    }
}
