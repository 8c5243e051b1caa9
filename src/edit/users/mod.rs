//! What can be done with users.

mod add;
mod attach;
mod delete;
mod entry;
mod groups;
mod information;
mod secret;
mod state;

pub use add::{AddUser, NewUserSecret, add_user};
pub use attach::{Attach, attach, detach};
pub use delete::delete_users;
pub use groups::{join, leave};
pub use information::{EditUser, Expiry, edit_user};
pub use secret::{rotate, set_password};
pub use state::{demote, disable, enable, promote};

#[cfg(test)]
mod tests;
