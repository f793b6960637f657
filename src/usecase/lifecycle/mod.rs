//! What callers can ask of lifecycles, and the lifecycles that orders were born with.

mod known;
mod read;
mod update;

pub use known::{KnownLifecycles, Lifecycles, Version};
pub use read::{InForce, in_force};
pub use update::{Update, update};
