//! What a gateway is told before it starts.

use std::net::SocketAddr;
use std::time::Duration;

/// What a gateway is told before it starts. The defaults are the protocol's.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether it may listen beyond loopback although nobody has to sign in.
    pub insecure: bool,
    /// The largest body of a request that is no upload, in bytes.
    pub body_bytes: usize,
    /// The largest upload, in bytes. Uploads are streamed.
    pub upload_bytes: u64,
    /// How long a connection may take to say what it wants.
    pub head_timeout: Duration,
    /// How often a WebSocket is pinged.
    pub ping_every: Duration,
    /// How long it may stay without a pong before it is closed.
    pub pong_within: Duration,
    /// How long a write may stand still before its connection is closed.
    pub write_within: Duration,
    /// How long connections have to end once the gateway stops; what remains is cut.
    pub drain_within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 4323)),
            insecure: false,
            body_bytes: 1024 * 1024,
            upload_bytes: 1024 * 1024 * 1024,
            head_timeout: Duration::from_secs(5),
            ping_every: Duration::from_secs(30),
            pong_within: Duration::from_mins(1),
            write_within: Duration::from_mins(1),
            drain_within: Duration::from_secs(10),
        }
    }
}
