//! The subprotocol `rialto.v1.json`: one JSON object a text message.
//!
//! - [`write_event_frame`] makes an event's frame, finished: it goes into the channel's log and from there to everybody.
//! - [`ControlPrinter`] prints Rialto's own frames.
//! - [`parse_client_frame`] reads what a client sends, strictly.
//!
//! `data` is printed and read by [`crate::transcode`] alone, Rialto's own frames included.

mod client;
mod control;
mod event;
#[cfg(test)]
pub(crate) mod fixture;
pub mod frame_type;
mod scan;
mod text;

pub use client::{
    ClientFrame, FrameError, FrameProblem, MAX_FRAME_ID_BYTES, Request, client_frame_id, parse_client_frame,
};
pub use control::{ControlPrinter, MissingMessage, ServerFrame};
pub use event::{EventFrame, event_frame_len, write_event_frame};
