//! The `WWW-Authenticate` challenge of a 401 answer.

use std::fmt;

use crate::oci::Scope;

/// What a client is told to do to be let in (RFC 6750, section 3, and Docker's token specification).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    /// Address of the token endpoint.
    pub realm: String,
    /// Name of the listener in tokens.
    pub service: String,
    /// What to ask for, under the names of the listener.
    pub scope: Option<String>,
    /// Why what was presented is not enough; `None` where nothing was presented.
    pub error: Option<&'static str>,
}

impl Challenge {
    /// The token is not valid any more, or never was.
    pub(super) const INVALID_TOKEN: &'static str = "invalid_token";
    /// The token was not asked for what is needed.
    pub(super) const INSUFFICIENT_SCOPE: &'static str = "insufficient_scope";
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bearer realm=\"{}\",service=\"{}\"", self.realm, self.service)?;
        if let Some(scope) = &self.scope {
            write!(f, ",scope=\"{scope}\"")?;
        }
        if let Some(error) = self.error {
            write!(f, ",error=\"{error}\"")?;
        }
        Ok(())
    }
}

/// A scope under the name that the image has on this listener.
pub(super) fn shown_scope(scope: &Scope, shown: impl FnOnce(&crate::oci::ImageName) -> String) -> String {
    match scope {
        Scope::Repository(image, actions) => format!("repository:{}:{actions}", shown(image)),
        Scope::Catalog => scope.to_string(),
    }
}
