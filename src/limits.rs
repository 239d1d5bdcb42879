//! What one of many may have at once, and how often it may do something.
//!
//! [`Keyed`] counts what each key holds; [`Rates`] holds each key to a rate. Neither knows what its keys are: users,
//! tenants, addresses, publishers. Both are bounded: a key that holds nothing, or has been quiet, costs nothing.

mod keyed;
mod rates;

pub use keyed::{Held, Keyed};
pub use rates::{MAX_KEYS, Rates};
