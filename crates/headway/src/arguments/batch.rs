//! Arguments of `headway batch`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use headway_protocol::batch::{OnBudget, Rate};
use headway_protocol::request::RetryItems;
use headway_protocol::{Amount, ItemStatus, JobId, Secret};

use crate::text;

#[derive(Debug, Subcommand)]
pub(crate) enum BatchCommand {
    /// Run the items of a file. Exits 0 when all succeeded, 3 some failed, 4 stopped by budget,
    /// 5 cancelled, 1 could not run, 2 wrong usage.
    ///
    /// Without --server the batch runs on a node of its own that lives as long as the run and keeps
    /// its data in --data: the same command again goes on where an unfinished run stopped.
    Run(Box<RunBatchArguments>),
    /// Say what running the items of a file would cost; nothing is run.
    Estimate(Box<ItemsArguments>),
    /// Print or save the results of a batch.
    Results(ResultsArguments),
    /// Show why items of a batch failed, alike ones together.
    Errors(ErrorsArguments),
    /// Run failed items of an ended batch again, all of them or some.
    Retry(RetryArguments),
}

#[derive(Debug, Args)]
pub(crate) struct RunBatchArguments {
    #[command(flatten)]
    pub(crate) items: ItemsArguments,
    /// Items at once.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) concurrency: Option<u32>,
    /// The most to spend; no item starts that would pass it.
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = text::parse_amount)]
    pub(crate) budget: Option<Amount>,
    /// What reaching the budget does.
    #[arg(long, value_name = "WHAT", requires = "budget", default_value = "pause")]
    pub(crate) on_budget: BudgetAction,
    /// How often a failed item is tried again when that may help [default: 2].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(0..=99))]
    pub(crate) retries: Option<u32>,
    /// The longest that one attempt of an item may take, such as 30s or 5m.
    #[arg(long, value_name = "DURATION", value_parser = text::parse_duration)]
    pub(crate) timeout: Option<Duration>,
    /// How many items may start in a time, such as 10/s or 600/m.
    #[arg(long, value_name = "N/UNIT", value_parser = text::parse_rate)]
    pub(crate) rate: Option<Rate>,
    /// End the whole batch with the first item that fails for good.
    #[arg(long)]
    pub(crate) stop_on_failure: bool,
    /// What people call it.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The session it belongs to.
    #[arg(long)]
    pub(crate) session: Option<String>,
    /// A label to find it by; may be repeated.
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// Write the results here at the end, as JSONL or CSV by the name's ending; `-` is standard
    /// output.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Submit to the server and return.
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Begin anew even if an unfinished run of the same command could go on; that one is cancelled.
    #[arg(long)]
    pub(crate) again: bool,
    /// Where a node of its own keeps its data [default: ./headway-data].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Where a node of its own listens, for its page [default: a free port of 127.0.0.1].
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
}

/// A file of items and how they are run.
#[derive(Debug, Args)]
pub(crate) struct ItemsArguments {
    /// The items: `.csv` with a header row, or `.jsonl` with one JSON value a line.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) executor: ExecutorArguments,
    /// Prices for a node of its own: costs.json, or a LiteLLM price map.
    #[arg(long, value_name = "FILE")]
    pub(crate) rates: Option<PathBuf>,
    /// What an item is expected to use, such as sku=gpt-x,input_tokens=900,output_tokens=200.
    #[arg(long, value_name = "SKU=…,UNIT=N", value_parser = text::parse_usage)]
    pub(crate) estimate: Option<headway_protocol::report::Usage>,
}

#[derive(Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("work").args(["exec", "url", "kind"]).required(true).multiple(true))]
pub(crate) struct ExecutorArguments {
    /// Run this command for each item: the item's JSON on standard input, its output on standard
    /// output. Split into words like a shell does, but never given to one.
    #[arg(long, value_name = "CMD", conflicts_with = "url")]
    pub(crate) exec: Option<String>,
    /// Send each item to this address.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// A configured kind.
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Keep processes of --exec running and pass items as lines of JSON.
    #[arg(long, requires = "exec", conflicts_with = "url")]
    pub(crate) stream: bool,
    /// How many processes --stream keeps [default: one for each processor].
    #[arg(long, value_name = "N", allow_negative_numbers = true, requires = "stream", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) processes: Option<u32>,
    /// A variable of the environment that --exec may see beside PATH, HOME and LANG; may be repeated.
    #[arg(long = "env", value_name = "NAME", requires = "exec", conflicts_with = "url")]
    pub(crate) environment: Vec<String>,
    /// The method of --url.
    #[arg(
        long,
        value_name = "METHOD",
        requires = "url",
        conflicts_with = "exec",
        default_value = "POST"
    )]
    pub(crate) method: String,
    /// A header of --url, such as `Authorization: Bearer x`; may be repeated.
    #[arg(long = "header", value_name = "NAME: VALUE", requires = "url", conflicts_with = "exec", value_parser = text::parse_header)]
    pub(crate) headers: Vec<(String, Secret)>,
}

#[derive(Debug, Args)]
pub(crate) struct ResultsArguments {
    /// The batch.
    pub(crate) id: JobId,
    /// Only items with this status, such as succeeded or failed.
    #[arg(long)]
    pub(crate) status: Option<ItemStatus>,
    /// How to write them [default: by the output's ending, else jsonl].
    #[arg(long)]
    pub(crate) format: Option<ResultsFormat>,
    /// Write to a file instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ErrorsArguments {
    /// The batch.
    pub(crate) id: JobId,
    /// At most so many groups.
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct RetryArguments {
    /// The batch.
    pub(crate) id: JobId,
    /// Which items.
    #[arg(long, default_value = "failed", conflicts_with = "items")]
    pub(crate) status: RetryWhich,
    /// Just this item, by its index; may be repeated, up to 1,000 times.
    #[arg(long = "item", value_name = "INDEX")]
    pub(crate) items: Vec<u64>,
    /// Return at once instead of showing the progress.
    #[arg(long)]
    pub(crate) no_wait: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResultsFormat {
    Jsonl,
    Csv,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BudgetAction {
    /// The batch stands still and can go on with a larger budget.
    Pause,
    /// The batch ends.
    Cancel,
}

impl From<BudgetAction> for OnBudget {
    fn from(action: BudgetAction) -> Self {
        match action {
            BudgetAction::Pause => Self::Pause,
            BudgetAction::Cancel => Self::Cancel,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RetryWhich {
    /// Those that failed.
    Failed,
    /// Those that were stopped.
    Cancelled,
    /// Those whose time ran out.
    Expired,
    /// All that did not succeed.
    Unfinished,
}

impl From<RetryWhich> for RetryItems {
    fn from(which: RetryWhich) -> Self {
        match which {
            RetryWhich::Failed => Self::Failed,
            RetryWhich::Cancelled => Self::Cancelled,
            RetryWhich::Expired => Self::Expired,
            RetryWhich::Unfinished => Self::Unfinished,
        }
    }
}
