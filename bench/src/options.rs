//! What the load is.

use std::net::SocketAddr;

/// What the load is.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The server; loopback.
    pub(crate) address: SocketAddr,
    /// Connections that each send one request after the other.
    pub(crate) producers: usize,
    /// Events per request.
    pub(crate) events: usize,
    /// How long.
    pub(crate) seconds: f64,
    /// Requests per second in all; as many as can be unless given.
    pub(crate) rate: Option<f64>,
    /// Jobs that the producers report on in turn.
    pub(crate) jobs: usize,
    /// Whose CPU time and written bytes are measured.
    pub(crate) server_pid: Option<u32>,
}

impl Options {
    pub(crate) fn from_arguments(
        mut arguments: impl Iterator<Item = String>,
    ) -> Result<Self, String> {
        let mut options = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 4323)),
            producers: 64,
            events: 1,
            seconds: 10.0,
            rate: None,
            jobs: 64,
            server_pid: None,
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            let wrong = |()| format!("{name} cannot be `{value}`");
            match name.as_str() {
                "--address" => options.address = value.parse().map_err(|_| wrong(()))?,
                "--producers" => options.producers = value.parse().map_err(|_| wrong(()))?,
                "--events" => options.events = value.parse().map_err(|_| wrong(()))?,
                "--seconds" => options.seconds = value.parse().map_err(|_| wrong(()))?,
                "--rate" => options.rate = Some(value.parse().map_err(|_| wrong(()))?),
                "--jobs" => options.jobs = value.parse().map_err(|_| wrong(()))?,
                "--server-pid" => options.server_pid = Some(value.parse().map_err(|_| wrong(()))?),
                _ => return Err(format!("there is no {name}; see the top of bench/src/main.rs")),
            }
        }
        if !options.address.ip().is_loopback() {
            return Err("the load goes to loopback only".to_owned());
        }
        if options.producers == 0 || options.jobs == 0 || !(0.0..=600.0).contains(&options.seconds)
        {
            return Err("producers and jobs are at least 1, seconds at most 600".to_owned());
        }
        Ok(options)
    }
}
