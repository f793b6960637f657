//! Sends events to the webhook endpoints of tenants. What is sent when is the business of `usecase::webhook`; here it is
//! sent: a pump for each endpoint that has something to be sent, so that none waits for another.

mod delivery;
mod envelope;
mod pace;
mod pump;
mod pumps;
mod worker;

pub use worker::Worker;
