//! Kinds: what a server is configured to run.

use headway_protocol::kind::Kinds;
use reqwest::Method;

use crate::{Client, Error};

impl Client {
    /// The configured kinds, by name.
    pub async fn kinds(&self) -> Result<Kinds, Error> {
        let url = self.address(&["kinds"]);
        self.read(self.send(|| self.request(Method::GET, url.clone())).await?).await
    }
}
