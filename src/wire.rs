//! Frames ⇄ bytes: RFC 6455, and Rialto's frames inside it, in the form of each subprotocol.
//!
//! Everything here is a function of its arguments: no socket, no clock, no chance. [`websocket`] knows nothing of
//! Rialto's frames, which are the same in both forms:
//!
//! - [`EventFrame`] is written finished: it goes into the channel's log and from there to everybody.
//! - [`ControlPrinter`] prints Rialto's own frames.
//! - [`parse_client_frame`] reads what a client sends, strictly.
//!
//! What is a form's own is in `json`, one JSON object a text message, and in `binary`, one `rialto.v1.Frame` a binary
//! message. `data` is printed, read and checked by [`crate::transcode`] alone, Rialto's own frames included.

pub mod binary;
mod client;
mod control;
mod event;
#[cfg(test)]
pub(crate) mod fixture;
pub mod frame_type;
mod json;
mod reduced;
pub mod websocket;

pub use client::{
    ClientFrame, ClientMessage, FrameError, FrameProblem, MAX_FRAME_ID_BYTES, Request, client_frame_id,
    parse_client_frame,
};
pub use control::{ControlPrinter, MissingMessage, ServerFrame};
pub use event::EventFrame;
pub use reduced::{Emptied, FrameReducer};
