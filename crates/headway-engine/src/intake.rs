//! Takes in the items of a batch, or only prices them.

use headway_core::{BatchSeal, Settings};
use headway_protocol::batch::{Estimate, EstimateMethod};
use headway_protocol::limits::ITEMS;
use headway_protocol::{Amount, ItemStatus, JobId, JobStatus, Problem, ProblemCode};
use headway_store::{ListQuery, NewItem};

use crate::context::Context;
use crate::input::{ItemReader, ParsedItem};
use crate::{Error, ItemSource};

/// Finished batches of a kind that its history is made of.
const HISTORY: usize = 10;

/// How far the cost of declared units may be off: retried attempts are paid as well.
const DECLARED_RANGE_PERCENT: i64 = 5;

/// Prices the items of a batch as they come by.
#[derive(Debug)]
struct Appraiser<'a> {
    context: &'a Context,
    settings: &'a Settings,
    seal: BatchSeal,
    own_estimates: u64,
    unpriced: Vec<String>,
}

impl<'a> Appraiser<'a> {
    fn new(context: &'a Context, settings: &'a Settings) -> Self {
        Self {
            context,
            settings,
            seal: BatchSeal::default(),
            own_estimates: 0,
            unpriced: Vec::new(),
        }
    }

    /// Counts an item and makes it ready to be stored.
    fn take(&mut self, item: ParsedItem) -> Result<NewItem, Problem> {
        let index = self.seal.total;
        self.seal.total += 1;
        if self.seal.total > ITEMS {
            let detail = format!("a batch has at most {ITEMS} items: split the file");
            return Err(Problem::new(ProblemCode::TooLarge, detail));
        }
        let ParsedItem { custom_id, input, estimate, error } = item;
        if let Some(error) = error {
            self.seal.invalid += 1;
            let status = ItemStatus::Failed;
            return Ok(NewItem {
                index,
                custom_id,
                input,
                estimate: None,
                status,
                error: Some(error),
            });
        }
        self.own_estimates += u64::from(estimate.is_some());
        let usage = estimate.as_ref().or(self.settings.estimate.as_ref());
        let estimate = usage.map(|usage| {
            let price = self.context.rates().price(usage, self.settings.batch_rates);
            for unit in price.unpriced {
                let name = format!("{}.{unit}", usage.sku);
                if !self.unpriced.contains(&name) && self.unpriced.len() < 20 {
                    self.unpriced.push(name);
                }
            }
            price.amount
        });
        if let Some(estimate) = estimate {
            self.seal.estimated += 1;
            self.seal.estimate += estimate;
            self.seal.estimate_squared += estimate.as_units().powi(2);
        }
        let status = ItemStatus::Queued;
        Ok(NewItem { index, custom_id, input, estimate, status, error: None })
    }
}

/// Reads all items into the store, in groups, and answers what is known of them then.
pub(crate) async fn store_items(
    context: &Context,
    settings: &Settings,
    batch: &JobId,
    source: ItemSource,
) -> Result<BatchSeal, Error> {
    let mut appraiser = Appraiser::new(context, settings);
    let mut reader: ItemReader = source.into_reader();
    while let Some(chunk) = reader.next_chunk().await? {
        let mut items = Vec::with_capacity(chunk.len());
        for item in chunk {
            items.push(appraiser.take(item)?);
        }
        context.store.add_items(batch, items).await?;
    }
    Ok(appraiser.seal)
}

/// What the items would cost. Nothing is kept. What batches of a kind have cost is asked of the tenant,
/// or of one subject of it where whoever asks sees no others.
pub(crate) async fn estimate(
    context: &Context,
    settings: &Settings,
    (tenant, subject): (&str, Option<&str>),
    kind: Option<&str>,
    source: ItemSource,
) -> Result<Estimate, Error> {
    let mut appraiser = Appraiser::new(context, settings);
    let mut reader: ItemReader = source.into_reader();
    while let Some(chunk) = reader.next_chunk().await? {
        for item in chunk {
            appraiser.take(item)?;
        }
    }
    let Appraiser { seal, own_estimates, unpriced, .. } = appraiser;
    let items = seal.total - seal.invalid;
    let mut notes = Vec::new();
    if !unpriced.is_empty() {
        notes.push(format!("the rate card has no price for {}", unpriced.join(", ")));
    }
    if seal.estimated > 0 {
        if seal.estimated < items {
            notes.push(format!("{} of {items} items have no estimate", items - seal.estimated));
        }
        let method =
            if own_estimates > 0 { EstimateMethod::PerItem } else { EstimateMethod::Declared };
        return Ok(declared(context, &seal, method, notes));
    }
    if let Some(kind) = kind
        && let Some(estimate) = from_history(context, (tenant, subject), kind, &seal).await?
    {
        return Ok(Estimate { notes, ..estimate });
    }
    notes.push(
        "nothing says what an item uses: give an `estimate` for the batch or for each item"
            .to_owned(),
    );
    Ok(Estimate {
        items,
        invalid: seal.invalid,
        low: Amount::ZERO,
        mid: Amount::ZERO,
        high: Amount::ZERO,
        currency: context.rates().currency().clone(),
        method: EstimateMethod::None,
        notes,
    })
}

fn declared(
    context: &Context,
    seal: &BatchSeal,
    method: EstimateMethod,
    notes: Vec<String>,
) -> Estimate {
    let mid = seal.estimate;
    let off = Amount::from_nanos(mid.as_nanos() / 100 * DECLARED_RANGE_PERCENT);
    Estimate {
        items: seal.total - seal.invalid,
        invalid: seal.invalid,
        low: mid.minus(off),
        mid,
        high: mid.plus(off),
        currency: context.rates().currency().clone(),
        method,
        notes,
    }
}

/// What an item cost in finished batches of the same kind: the mean of their means, and the lowest
/// and the highest of them.
async fn from_history(
    context: &Context,
    (tenant, subject): (&str, Option<&str>),
    kind: &str,
    seal: &BatchSeal,
) -> Result<Option<Estimate>, Error> {
    let query = ListQuery {
        tenant: Some(tenant.to_owned()),
        subject: subject.map(str::to_owned),
        kind: Some(kind.to_owned()),
        statuses: vec![JobStatus::Completed],
        limit: HISTORY,
        ..ListQuery::default()
    };
    let page = context.store.list(&query).await?;
    let means: Vec<i64> = page
        .jobs
        .into_iter()
        .filter_map(|stored| {
            headway_core::JobState::restore(stored.document, stored.cursor, stored.private).ok()
        })
        .filter_map(|state| {
            let items = state.job.items?;
            let worked = i64::try_from(items.succeeded + items.failed).ok().filter(|n| *n > 0)?;
            Some(state.job.cost?.spent.as_nanos() / worked)
        })
        .collect();
    let items = seal.total - seal.invalid;
    let (Some(low), Some(high), Ok(count), Ok(samples)) =
        (means.iter().min(), means.iter().max(), i64::try_from(items), i64::try_from(means.len()))
    else {
        return Ok(None);
    };
    let mean = means.iter().sum::<i64>() / samples.max(1);
    let all = |nanos: i64| Amount::from_nanos(nanos.saturating_mul(count));
    Ok(Some(Estimate {
        items,
        invalid: seal.invalid,
        low: all(*low),
        mid: all(mean),
        high: all(*high),
        currency: context.rates().currency().clone(),
        method: EstimateMethod::History,
        notes: Vec::new(),
    }))
}
