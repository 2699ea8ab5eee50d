//! A proxy that is a bad network: it cuts, stalls, splits, delays and coalesces.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::chance::Chance;

/// Bytes that are passed on at once.
const PIECE: usize = 16 * 1024;

/// What a proxy is told while it runs, and tells.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Where clients connect.
    pub(crate) address: SocketAddr,
    /// Connections that it cut.
    pub(crate) cuts: AtomicU64,
    calm: AtomicBool,
    chance: Mutex<Chance>,
}

impl Proxy {
    /// A proxy of this server, whose faults the seed decides.
    pub(crate) async fn start(server: SocketAddr, seed: u64) -> io::Result<Arc<Self>> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let proxy = Arc::new(Self {
            address: listener.local_addr()?,
            cuts: AtomicU64::new(0),
            calm: AtomicBool::new(false),
            chance: Mutex::new(Chance::new(seed)),
        });
        let accepting = Arc::clone(&proxy);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&accepting).connect(client, server));
            }
        });
        Ok(proxy)
    }

    /// From now on it does nothing wrong.
    pub(crate) fn be_calm(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    fn below(&self, end: u64) -> u64 {
        self.chance.lock().below(end)
    }

    async fn connect(self: Arc<Self>, client: TcpStream, server: SocketAddr) {
        let Ok(server) = TcpStream::connect(server).await else { return };
        // Most live for seconds, some for a moment.
        let life = if self.below(8) == 0 { self.below(200) } else { 500 + self.below(20_000) };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let passing = async {
            tokio::select! {
                () = self.pass(from_client, to_server) => {}
                () = self.pass(from_server, to_client) => {}
            }
        };
        tokio::select! {
            () = passing => {}
            () = self.end_of(life) => { self.cuts.fetch_add(1, Ordering::Relaxed); }
        }
    }

    /// The end of a life, which does not come in a calm network.
    async fn end_of(&self, life: u64) {
        tokio::time::sleep(Duration::from_millis(life)).await;
        if self.is_calm() {
            std::future::pending::<()>().await;
        }
    }

    /// Passes bytes on in one direction until either end is gone.
    async fn pass(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; PIECE];
        loop {
            let mut filled = match from.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => read,
            };
            let fault = if self.is_calm() { u64::MAX } else { self.below(200) };
            match fault {
                // A stall.
                0 => tokio::time::sleep(Duration::from_millis(self.below(3_000))).await,
                1..=20 => tokio::time::sleep(Duration::from_millis(self.below(50))).await,
                // What comes within a moment leaves as one.
                21..=40 => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    if let Some(room) = buffer.get_mut(filled..)
                        && let Ok(more) = from.try_read(room)
                    {
                        filled += more;
                    }
                }
                _ => {}
            }
            let piece = if fault > 180 && fault != u64::MAX { 7 } else { PIECE };
            for bytes in buffer.get(..filled).unwrap_or_default().chunks(piece) {
                if to.write_all(bytes).await.is_err() {
                    return;
                }
                if piece < PIECE {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}
