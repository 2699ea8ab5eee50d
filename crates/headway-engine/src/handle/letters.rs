//! Webhooks' dead letters, for an operator.

use headway_protocol::webhook::DeadLetterPage;

use super::Handle;
use crate::Error;
use crate::webhooks::letters;

impl Handle {
    /// A page of a tenant's deliveries that were given up, oldest event first: those after the one
    /// named `after`, at most `limit`, 1 to 500.
    pub async fn dead_letters(
        &self,
        tenant: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<DeadLetterPage, Error> {
        letters::page(&*self.context.store, tenant, after, limit).await
    }

    /// Sends one again, with all its attempts before it and the same `webhook-id`. An endpoint that
    /// was gone is taken to be there again.
    ///
    /// Fails with `not_found` when the tenant has no such letter.
    pub async fn replay_dead_letter(&self, tenant: &str, id: &str) -> Result<(), Error> {
        letters::replay(&*self.context.store, self.context.now(), tenant, id).await?;
        self.context.webhooks.ring();
        Ok(())
    }

    /// Sends all of a tenant again, and answers how many.
    pub async fn replay_dead_letters(&self, tenant: &str) -> Result<u64, Error> {
        let count = letters::replay_all(&*self.context.store, self.context.now(), tenant).await?;
        self.context.webhooks.ring();
        Ok(count)
    }

    /// Removes one for good.
    ///
    /// Fails with `not_found` when the tenant has no such letter.
    pub async fn remove_dead_letter(&self, tenant: &str, id: &str) -> Result<(), Error> {
        letters::remove(&*self.context.store, tenant, id).await
    }
}
