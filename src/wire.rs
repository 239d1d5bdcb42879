//! Frames ⇄ bytes: RFC 6455, and Rialto's JSON frames inside it.
//!
//! Everything here is a function of its arguments: no socket, no clock, no chance. [`websocket`] knows nothing of
//! Rialto's protocol, [`json`] nothing of connections.

pub mod json;
pub mod websocket;
