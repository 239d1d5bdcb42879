//! How a connection begins: plainly, or with a first frame.

use std::time::SystemTime;

use super::{Command, Inbound, Phase, close};
use crate::log::Form;
use crate::proto::rialto::v1::ConnectionInit;
use crate::schema::{Schema, Spending};
use crate::status::PeerCode;
use crate::transcode::Transcoder;
use crate::wire::{ClientFrame, ClientMessage, Request, parse_client_frame};

/// The version of the protocol that is served; 0 is a client that does not say.
const PROTOCOL_VERSION: u32 = 1;

/// How a connection was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Without a subprotocol: acked on open, and `connection.init` has no place in it.
    Plain,
    /// With a subprotocol, of this form: `connection.init` is the first frame.
    Subprotocol(Form),
}

impl Opening {
    /// The form of every frame, in both directions.
    pub fn form(self) -> Form {
        match self {
            Opening::Plain => Form::Json,
            Opening::Subprotocol(form) => form,
        }
    }
}

impl Inbound {
    /// The first frame of a subprotocol. Nothing goes out before its ack, so whatever is wrong with it is a close.
    pub(super) fn on_first(
        &mut self,
        message: ClientMessage<'_>,
        schema: &Schema,
        transcoder: &Transcoder,
        time: SystemTime,
    ) -> Command {
        let code = PeerCode::ProtocolViolation.number();
        // There is only one first frame, so what it costs is not reckoned.
        match parse_client_frame(message, schema, transcoder, time, &mut Spending::of_client()) {
            Ok(ClientFrame { id, request: Request::Init(init), .. }) => {
                if !is_served(&init) {
                    let reason =
                        format!("protocol {} is not served: this bridge speaks {PROTOCOL_VERSION}", init.protocol);
                    return close(PeerCode::ProtocolVersion.number(), reason);
                }
                self.phase = Phase::Open;
                Command::Init { id, init, party: None }
            }
            Ok(_) => close(code, "the first frame must be connection.init"),
            Err(error) => {
                let path = error.problem.path();
                let separator = if path.is_empty() { "" } else { ": " };
                close(code, format!("connection.init expected first: {path}{separator}{}", error.problem))
            }
        }
    }
}

fn is_served(init: &ConnectionInit) -> bool {
    matches!(init.protocol, 0 | PROTOCOL_VERSION)
}
