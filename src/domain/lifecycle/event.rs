//! Names of the events that the service itself knows; a tenant's lifecycle may have more.

/// Orders: intake passed.
pub const VALIDATE: &str = "VALIDATE";
/// Orders: not taken on.
pub const REJECT: &str = "REJECT";
/// Orders and work orders: the work begins.
pub const START: &str = "START";
/// Orders and work orders: called off.
pub const CANCEL: &str = "CANCEL";
/// Orders: the work orders are done.
pub const EXECUTE: &str = "EXECUTE";
/// Orders: the books are closed.
pub const CLOSE: &str = "CLOSE";
/// Work orders: interrupted.
pub const HOLD: &str = "HOLD";
/// Work orders: taken up again.
pub const RESUME: &str = "RESUME";
/// Work orders: tried once in vain.
pub const ATTEMPT_FAILED: &str = "ATTEMPT_FAILED";
/// Work orders: done.
pub const COMPLETE: &str = "COMPLETE";
/// Work orders: not done.
pub const FAIL: &str = "FAIL";
