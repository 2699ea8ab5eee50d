//! Tickets.

use headway_access::{Act, Caller, On, authorize};
use headway_protocol::Timestamp;
use headway_protocol::access::NewTicket;
use headway_store::{ExpectedEntry, PutEntry};

use crate::collection::TICKETS;
use crate::stored::StoredCaller;
use crate::ticket::{self, LASTS_MS};
use crate::{Error, Handle};

impl Handle {
    /// Makes a ticket: it opens one stream as this caller, once, within half a minute, at any node of
    /// the store.
    pub async fn ticket(&self, by: &Caller, now: Timestamp) -> Result<NewTicket, Error> {
        authorize(by, Act::Watch, On::Anything)?;
        let expires_at = now.plus(LASTS_MS);
        let ticket = ticket::make(expires_at);
        let (key, _) = ticket::entry_key(ticket.expose()).ok_or(Error::Contended)?;
        let put = PutEntry::new(TICKETS, key, &StoredCaller::from(by))?;
        self.shared.write(vec![put.expecting(ExpectedEntry::Absent)]).await?;
        Ok(NewTicket { ticket, expires_at })
    }
}
