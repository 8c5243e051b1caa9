//! What can be done with repositories, and with what is granted in them.

mod add;
mod delete;
mod grant;
mod revoke;

pub use add::{AddRepository, add_repository};
pub use delete::delete_repository;
pub use grant::{GrantRequest, grant};
pub use revoke::{RevokeRequest, revoke};

#[cfg(test)]
mod tests;
