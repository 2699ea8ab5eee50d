//! Items of an ended batch that somebody chose to run again, each looked at.

use std::sync::Arc;

use headway_access::{Act, Caller};
use headway_core::ChosenItems;
use headway_protocol::event::RequeuedItems;
use headway_protocol::limits::RETRY_ITEMS;
use headway_protocol::request::RetryItems;
use headway_protocol::{Action, ItemStatus, JobId, Problem, ProblemCode};
use headway_store::{Indexes, ItemQuery, ItemSummary};

use super::Handle;
use crate::Error;
use crate::shard::{Change, Origin, may_do};

/// Refuses a list of items that nobody can have meant.
pub(super) fn check_request(
    action: Action,
    status: Option<RetryItems>,
    items: &[u64],
) -> Result<(), Error> {
    let detail = if action != Action::Retry {
        "`items` goes with `retry` alone: leave it out".to_owned()
    } else if status.is_some() {
        "give either `status` or `items`, not both".to_owned()
    } else if items.is_empty() || items.len() > RETRY_ITEMS {
        format!(
            "{} items are named: name 1 to {RETRY_ITEMS}, or all of a `status` instead",
            items.len()
        )
    } else {
        return Ok(());
    };
    Err(Problem::new(ProblemCode::Invalid, detail).at_field("items").into())
}

impl Handle {
    /// Looks at chosen items of a batch. One that cannot be run again refuses the whole choice.
    /// Whether the batch itself can be retried now is for the decision to say, which also notices
    /// when it has gone on since.
    pub(super) async fn choose_items(
        &self,
        caller: &Arc<Caller>,
        job: &JobId,
        items: Vec<u64>,
    ) -> Result<ChosenItems, Error> {
        let peeked = self.shards.apply(job, Origin::Engine, Change::Peek).await?;
        let state = peeked.state.ok_or(Error::ShuttingDown)?;
        may_do(caller, Act::Command(Action::Retry), &state)?;
        let position = state.job.cursor.offset;
        let only: Indexes = items.into_iter().collect();
        let mut chosen = ChosenItems { position, items: RequeuedItems::default() };
        let total = state.job.items.filter(|_| state.job.status.is_terminal());
        let Some(total) = total.map(|items| items.total) else { return Ok(chosen) };
        let query =
            ItemQuery { limit: only.len(), only: Some(only.clone()), ..ItemQuery::default() };
        let found = self.context.store.item_summaries(job, &query).await?;
        let mut found = found.iter().peekable();
        for index in only.iter() {
            let item = found.next_if(|item| item.index == index);
            count(&mut chosen.items, index, item, total)?;
        }
        chosen.items.only = only.iter().collect();
        Ok(chosen)
    }
}

/// Counts one item, if it can be run again.
fn count(
    chosen: &mut RequeuedItems,
    index: u64,
    item: Option<&ItemSummary>,
    total: u64,
) -> Result<(), Error> {
    let refused = |detail: String| {
        let problem = Problem::new(ProblemCode::Invalid, detail);
        Err(problem.at_field("items").at_index(index).into())
    };
    let Some(item) = item else {
        return refused(format!("there is no item {index}: the batch has {total}, from 0 on"));
    };
    let count = match item.status {
        ItemStatus::Failed if item.attempts == 0 => {
            return refused(format!(
                "item {index} could not be read from the input: submit it anew, in another batch"
            ));
        }
        ItemStatus::Failed => &mut chosen.failed,
        ItemStatus::Cancelled => &mut chosen.cancelled,
        ItemStatus::Expired => &mut chosen.expired,
        ItemStatus::Queued
        | ItemStatus::Running
        | ItemStatus::Retrying
        | ItemStatus::Succeeded
        | ItemStatus::Skipped => {
            return refused(format!(
                "item {index} is {}: only items that failed, were cancelled or expired run again",
                item.status
            ));
        }
    };
    *count += 1;
    Ok(())
}
