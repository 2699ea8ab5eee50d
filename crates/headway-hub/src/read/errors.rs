//! Why a batch's items failed, in groups; and the items of one code.

mod form;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use headway_access::Caller;
use headway_protocol::batch::{ErrorExample, ErrorGroup, ErrorGroups};
use headway_protocol::request::ItemPage;
use headway_protocol::{ItemStatus, JobError, JobId};
use headway_store::{Indexes, ItemQuery, ItemSummary};

use super::item_of;
use super::looks::Looked;
use crate::error::Error;
use crate::handle::Handle;

/// Items of one read.
const READ: usize = 500;

/// The most items that one request looks through: some half a second.
const LOOKED_AT: usize = 50_000;

/// Into so many ranges a batch is divided of which not every failed item is read.
const WINDOWS: u64 = 100;

/// The most groups that are told apart, each of a few KiB: what comes after them is in one.
const GROUPS: usize = 1_000;

/// The most groups that are told.
pub const ERROR_GROUPS: usize = 100;

/// The most examples of a group.
const EXAMPLES: usize = 3;

/// The longest message of an example, in characters.
const MESSAGE: usize = 1_000;

/// Which page of a batch's items is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ItemsAsked {
    job: JobId,
    /// The code of their errors.
    code: String,
    statuses: Vec<ItemStatus>,
    after: Option<u64>,
    limit: usize,
}

/// Where the items of a page are, and from where to go on.
#[derive(Debug)]
pub(crate) struct ItemsFound {
    indexes: Indexes,
    next: Option<u64>,
}

impl Handle {
    /// Why a batch's items failed, its `limit` largest groups, at most [`ERROR_GROUPS`]; `None` when
    /// the caller sees no such batch. Whoever asks while nothing has changed shares one look.
    pub async fn errors(
        &self,
        caller: &Caller,
        job: &JobId,
        limit: usize,
    ) -> Result<Option<ErrorGroups>, Error> {
        let Some((seen, _)) = self.item_counts(caller, job).await? else { return Ok(None) };
        let counts = &self.metrics().error_looks;
        let look = self.shared.turns.wait(caller.tenant(), self.look_at_errors(caller, job));
        let found = self.shared.error_looks.share(counts, job, seen, look).await?;
        Ok(found.map(|found| ErrorGroups {
            failed: found.failed,
            grouped: found.grouped,
            groups: found.groups.iter().take(limit).cloned().collect(),
        }))
    }

    async fn look_at_errors(
        &self,
        caller: &Caller,
        job: &JobId,
    ) -> Result<Option<Looked<ErrorGroups>>, Error> {
        let Some((cursor, counts)) = self.item_counts(caller, job).await? else { return Ok(None) };
        let (groups, grouped) = self.look_through_failed(job, counts.total, counts.failed).await?;
        // Items may have failed since they were counted.
        let failed = counts.failed.max(grouped);
        let groups = groups.largest(ERROR_GROUPS);
        let bytes = groups.iter().map(bytes_of).sum();
        Ok(Some(Looked { cursor, answer: ErrorGroups { failed, grouped, groups }, bytes }))
    }

    /// Groups of the failed items of a batch that has so many in all and of these, and how many were
    /// read.
    async fn look_through_failed(
        &self,
        job: &JobId,
        total: u64,
        failed: u64,
    ) -> Result<(Groups, u64), Error> {
        let mut groups = Groups::default();
        let mut grouped: u64 = 0;
        let mut windows = windows(total, failed);
        while grouped < LOOKED_AT as u64
            && let Some(window) = windows.pop_front()
        {
            let query = ItemQuery {
                statuses: vec![ItemStatus::Failed],
                after: window.start.checked_sub(1),
                limit: READ,
                ..ItemQuery::default()
            };
            let items = self.shared.store.item_summaries(job, &query).await?;
            for item in items.iter().take_while(|item| window.contains(&item.index)) {
                groups.add(item);
                grouped += 1;
            }
            let reached = items.last().map(|item| item.index + 1);
            if let Some(start) = reached.filter(|_| items.len() == READ)
                && start < window.end
            {
                windows.push_back(start..window.end);
            }
        }
        Ok((groups, grouped))
    }

    /// A page of a batch's items whose error has this code, of those that failed unless the query
    /// names other statuses. Looks through a bounded number of items: a page may be short and
    /// have a `next` all the same. `None` when the caller sees no such batch. Whoever asks for the
    /// same page while nothing has changed shares one look.
    pub async fn items_by_error(
        &self,
        caller: &Caller,
        job: &JobId,
        mut query: ItemQuery,
        code: &str,
    ) -> Result<Option<ItemPage>, Error> {
        let Some((seen, _)) = self.item_counts(caller, job).await? else { return Ok(None) };
        if query.statuses.is_empty() {
            query.statuses.push(ItemStatus::Failed);
        }
        let asked = ItemsAsked {
            job: job.clone(),
            code: code.to_owned(),
            statuses: query.statuses.clone(),
            after: query.after,
            limit: query.limit,
        };
        let counts = &self.metrics().item_looks;
        let look = self.look_for_error(caller, job, &query, code);
        let look = self.shared.turns.wait(caller.tenant(), look);
        let found = self.shared.item_looks.share(counts, &asked, seen, look).await?;
        let Some(found) = found else { return Ok(None) };
        query.only = Some(found.indexes.clone());
        let mut items = self.shared.store.items(job, &query).await?;
        // One may have been run again between the two reads.
        items.retain(|item| has_code(item.error.as_ref(), code));
        let items = items.iter().map(item_of).collect::<Result<_, _>>()?;
        Ok(Some(ItemPage { items, next: found.next }))
    }

    async fn look_for_error(
        &self,
        caller: &Caller,
        job: &JobId,
        query: &ItemQuery,
        code: &str,
    ) -> Result<Option<Looked<ItemsFound>>, Error> {
        let Some((cursor, _)) = self.item_counts(caller, job).await? else { return Ok(None) };
        let mut found = Vec::new();
        let mut looked_at = 0;
        let mut look = ItemQuery { limit: READ, ..query.clone() };
        let next = 'pages: loop {
            let items = self.shared.store.item_summaries(job, &look).await?;
            for item in &items {
                look.after = Some(item.index);
                if has_code(item.error.as_ref(), code) {
                    found.push(item.index);
                    if found.len() == query.limit {
                        break 'pages look.after;
                    }
                }
            }
            looked_at += items.len();
            if items.len() < READ {
                break None;
            }
            if looked_at >= LOOKED_AT {
                break look.after;
            }
        };
        let bytes = size_of::<ItemsAsked>() + code.len() + size_of_val(found.as_slice());
        let answer = ItemsFound { indexes: Indexes::from_iter(found), next };
        Ok(Some(Looked { cursor, answer, bytes }))
    }
}

fn has_code(error: Option<&JobError>, code: &str) -> bool {
    error.is_some_and(|error| error.code == code)
}

/// Ranges of indexes that are read in turn, a page of each: one range, or where more items failed
/// than are read, so many that what is read comes from all over the batch.
fn windows(total: u64, failed: u64) -> VecDeque<Range<u64>> {
    let count = if failed > LOOKED_AT as u64 { WINDOWS } else { 1 };
    let begin = |number: u64| {
        u64::try_from(u128::from(total) * u128::from(number) / u128::from(count))
            .unwrap_or(u64::MAX)
    };
    (0..count).map(|number| begin(number)..begin(number + 1)).collect()
}

/// Failed items, alike ones together.
#[derive(Default)]
struct Groups {
    /// Where in `told_apart` those with a code, a message's form and a promise of a retry are.
    places: HashMap<(String, String, bool), usize>,
    told_apart: Vec<ErrorGroup>,
    /// What came when there were too many groups.
    other: Option<ErrorGroup>,
}

impl Groups {
    fn add(&mut self, item: &ItemSummary) {
        let unknown = || JobError::fatal("unknown", "it failed without an error");
        let error = item.error.clone().unwrap_or_else(unknown);
        let form = form::of(&error);
        let full = self.told_apart.len() >= GROUPS;
        let group = match self.places.entry((error.code.clone(), form.clone(), error.retryable)) {
            Entry::Occupied(place) => self.told_apart.get_mut(*place.get()),
            Entry::Vacant(_) if full => {
                Some(self.other.get_or_insert_with(|| empty("other", "…", false)))
            }
            Entry::Vacant(place) => {
                place.insert(self.told_apart.len());
                self.told_apart.push(empty(&error.code, &form, error.retryable));
                self.told_apart.last_mut()
            }
        };
        let Some(group) = group else { return };
        group.count += 1;
        if group.examples.len() < EXAMPLES {
            group.examples.push(ErrorExample {
                index: item.index,
                custom_id: item.custom_id.clone(),
                message: form::beginning(&error.message, MESSAGE),
            });
        }
    }

    /// The largest groups; of two that are as large, the one with the earlier item.
    fn largest(mut self, limit: usize) -> Vec<ErrorGroup> {
        self.told_apart.extend(self.other);
        self.told_apart.sort_by_key(|group| std::cmp::Reverse(group.count));
        self.told_apart.truncate(limit);
        self.told_apart
    }
}

/// About how many bytes a group takes.
fn bytes_of(group: &ErrorGroup) -> usize {
    let example = |example: &ErrorExample| {
        size_of::<ErrorExample>()
            + example.message.len()
            + example.custom_id.as_ref().map_or(0, String::len)
    };
    let examples: usize = group.examples.iter().map(example).sum();
    size_of::<ErrorGroup>() + group.code.len() + group.message.len() + examples
}

fn empty(code: &str, message: &str, retryable: bool) -> ErrorGroup {
    let (code, message) = (code.to_owned(), message.to_owned());
    ErrorGroup { code, message, count: 0, retryable, examples: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(index: u64, error: JobError) -> ItemSummary {
        ItemSummary {
            index,
            custom_id: None,
            status: ItemStatus::Failed,
            attempts: 1,
            error: Some(error),
            started_at: None,
            duration_ms: None,
        }
    }

    fn word(mut number: usize) -> String {
        let mut word = String::new();
        loop {
            word.extend(char::from_digit(u32::try_from(number % 20).unwrap() + 10, 36));
            number /= 20;
            if number == 0 {
                return word;
            }
        }
    }

    #[test]
    fn groups_are_by_what_messages_have_in_common_the_largest_first() {
        let mut groups = Groups::default();
        for index in 0..10 {
            let (code, text) = match index {
                0 => ("odd", format!("row {index} is odd")),
                1..5 => ("busy", format!("the model 'm-{index}' is busy")),
                _ => ("busy", format!("gave up after {index}0 ms")),
            };
            groups.add(&failed(index, JobError::fatal(code, text)));
        }
        groups.add(&failed(10, JobError::passing("odd", "row 10 is odd")));
        let found = groups.largest(3);
        let told: Vec<_> = found
            .iter()
            .map(|group| (&*group.code, &*group.message, group.count, group.examples.len()))
            .collect();
        assert_eq!(
            told,
            [
                ("busy", "gave up after … ms", 5, 3),
                ("busy", "the model '…' is busy", 4, 3),
                ("odd", "row … is odd", 1, 1),
            ]
        );
        assert_eq!(found[1].examples[2].message, "the model 'm-3' is busy");
        assert!(!found[2].retryable, "the one that may pass is another group");
    }

    #[test]
    fn what_is_beyond_the_bound_is_one_group() {
        let mut groups = Groups::default();
        let total = GROUPS + 500;
        for index in 0..total {
            let message = format!("no {} here", word(index));
            groups.add(&failed(u64::try_from(index).unwrap(), JobError::fatal("lost", message)));
        }
        assert_eq!((groups.told_apart.len(), groups.places.len()), (GROUPS, GROUPS));
        let found = groups.largest(2);
        assert_eq!((&*found[0].code, &*found[0].message, found[0].count), ("other", "…", 500));
        assert_eq!((&*found[1].code, found[1].count), ("lost", 1));
    }
}
