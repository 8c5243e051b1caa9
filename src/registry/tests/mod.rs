//! What the registry promises, on every kind of storage.
