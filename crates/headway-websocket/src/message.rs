//! What a client says, once it is whole, and why it cannot be read.

/// What a client said: a message, whole, or a control frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text; its bytes are UTF-8.
    Text(Vec<u8>),
    /// Anything else.
    Binary(Vec<u8>),
    /// To be answered with a pong of the same content.
    Ping(Vec<u8>),
    /// The answer to a ping.
    Pong,
    /// Farewell, with its code when it has one. Nothing that follows it is to be read.
    Close(Option<u16>),
}

/// Why the bytes of a client cannot be read. The connection fails with [`Fault::code`]; nothing
/// more is read from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.reason())]
pub enum Fault {
    /// A bit is set that nothing agreed on gives a meaning.
    ReservedBit,
    /// An opcode that has no meaning.
    ReservedOpcode,
    /// Clients mask every frame.
    NotMasked,
    /// A length that is not written in the shortest way, or is above 2^63.
    Length,
    /// A control frame of several frames.
    ControlFragmented,
    /// A control frame of more than 125 bytes.
    ControlTooLong,
    /// A continuation of nothing.
    NothingToContinue,
    /// A message that begins inside another.
    NotContinued,
    /// A close frame of one byte.
    CloseWithoutCode,
    /// A code that must not be sent.
    CloseCode,
    /// Text that is no UTF-8.
    NotUtf8,
    /// Compressed data that cannot be inflated.
    NotDeflate,
    /// A message above the limit, as it came or inflated.
    TooBig,
    /// A message in more frames than anybody needs.
    TooManyFrames,
}

impl Fault {
    /// The code that the connection is closed with.
    pub const fn code(self) -> u16 {
        match self {
            Self::ReservedBit
            | Self::ReservedOpcode
            | Self::NotMasked
            | Self::Length
            | Self::ControlFragmented
            | Self::ControlTooLong
            | Self::NothingToContinue
            | Self::NotContinued
            | Self::CloseWithoutCode
            | Self::CloseCode => 1002,
            Self::NotUtf8 | Self::NotDeflate => 1007,
            Self::TooManyFrames => 1008,
            Self::TooBig => 1009,
        }
    }

    /// What the client is told.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::ReservedBit => "a reserved bit is set",
            Self::ReservedOpcode => "the opcode is reserved",
            Self::NotMasked => "a client's frame must be masked",
            Self::Length => "the length is not written as it must be",
            Self::ControlFragmented => "a control frame must not be fragmented",
            Self::ControlTooLong => "a control frame has at most 125 bytes",
            Self::NothingToContinue => "there is no message to continue",
            Self::NotContinued => "a message began before the one before it ended",
            Self::CloseWithoutCode => "a close frame has a code of two bytes, or none",
            Self::CloseCode => "this close code must not be sent",
            Self::NotUtf8 => "a text is not UTF-8",
            Self::NotDeflate => "a message cannot be inflated",
            Self::TooBig => "a message was too large",
            Self::TooManyFrames => "a message came in too many frames",
        }
    }
}
