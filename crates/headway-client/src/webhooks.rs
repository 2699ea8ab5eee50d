//! Webhooks that could not be delivered.

use headway_protocol::webhook::DeadLetterPage;
use reqwest::Method;
use serde::Deserialize;

use crate::{Client, Error};

#[derive(Deserialize)]
struct Replayed {
    replayed: u64,
}

impl Client {
    /// A page of webhooks that could not be delivered after a position, oldest first; from the
    /// beginning without one.
    pub async fn dead_letters(
        &self,
        after: Option<&str>,
        limit: Option<u32>,
    ) -> Result<DeadLetterPage, Error> {
        let url = self.page(&["webhooks", "dead"], &[("after", after)], limit);
        self.read(self.send(|| self.request(Method::GET, url.clone())).await?).await
    }

    /// Delivers one again, with as many attempts as a new one has.
    ///
    /// Not repeated by itself: one whose answer was lost is no dead letter any more.
    pub async fn replay_dead_letter(&self, id: &str) -> Result<(), Error> {
        let url = self.address(&["webhooks", "dead", id, "replay"]);
        self.send_once(self.request(Method::POST, url)).await?;
        Ok(())
    }

    /// Delivers all of them again, and answers how many they are.
    pub async fn replay_dead_letters(&self) -> Result<u64, Error> {
        let url = self.address(&["webhooks", "dead", "replay"]);
        let reply: Replayed =
            self.read(self.send_once(self.request(Method::POST, url)).await?).await?;
        Ok(reply.replayed)
    }

    /// Forgets one.
    ///
    /// Not repeated by itself: one whose answer was lost is no dead letter any more.
    pub async fn remove_dead_letter(&self, id: &str) -> Result<(), Error> {
        let url = self.address(&["webhooks", "dead", id]);
        self.send_once(self.request(Method::DELETE, url)).await?;
        Ok(())
    }
}
