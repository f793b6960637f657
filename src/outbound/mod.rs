//! HTTP to addresses that we do not trust: what plugins and webhooks dial.
//!
//! A tenant chooses these addresses, so that a request may not be led into the operator's own network: every URL is
//! checked when it is saved and before each call ([`check_url`]), every name is resolved by a resolver that keeps
//! permitted addresses only, and the connection goes to the address that was checked. Nothing else in Waybill may
//! open a connection to an address that a tenant named.
//!
//! This module knows no plugin, no webhook and no tenant. It reads no clock and draws no random number: the time in a
//! signature and the bytes of a new secret are given to it.

mod client;
mod guard;
mod resolve;
mod sign;

pub use client::{
    Client, ClientError, ConnectFailure, FRAMING_HEADERS, MAX_RESPONSE_BYTES, Method, Request, Response,
    SendError, status, trace_headers,
};
pub use guard::{AddressRules, MAX_URL_LENGTH, check_url};
pub use sign::{SECRET_LENGTH, SecretError, SigningSecret, signature_headers, signatures};
