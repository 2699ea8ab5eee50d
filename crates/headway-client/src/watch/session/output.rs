//! What a session wants done.

use headway_protocol::frame::{ClientMessage, ServerMessage};

use super::address::Address;
use super::close::Close;

/// A way to read the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    WebSocket,
    ServerSentEvents,
}

/// A connection to be made.
#[derive(Debug)]
pub(crate) enum Connect {
    /// A WebSocket, on which everything is subscribed by messages.
    WebSocket,
    /// Server-Sent Events.
    ServerSentEvents(Address),
}

/// Why a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// A connection is to be made.
    ToConnect,
    /// The one in use ends soon.
    ToRenew,
    /// The one in use was refused.
    Instead,
}

/// One thing that a session wants done, in order.
#[derive(Debug)]
pub(crate) enum Output {
    /// Ask for a token and give the answer to `handle_token` or `handle_token_failure`.
    AskToken(Question),
    /// Make a connection; the one before is over.
    Connect(Connect),
    /// Send a message.
    Send(ClientMessage),
    /// Let the connection go; nothing that it still says is of interest.
    Disconnect,
    /// Hand a message to the reader.
    Pass(ServerMessage),
    /// Tell the reader why nothing follows.
    Over(Close),
}
