//! Arguments of `headway job`.

use clap::{Args, Subcommand};
use headway_protocol::{Amount, JobId, JobStatus};

use crate::text;

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// List jobs, newest first.
    List(ListArguments),
    /// Show a job's document.
    Get {
        /// The job or batch.
        id: JobId,
    },
    /// Show a job's history.
    Events {
        /// The job or batch.
        id: JobId,
        /// At most so many, the oldest.
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
        /// Only the newest so many, up to 100,000.
        #[arg(
            long,
            value_name = "N",
            conflicts_with = "limit",
            value_parser = clap::value_parser!(u32).range(1..=100_000)
        )]
        tail: Option<u32>,
    },
    /// Stop a job for good.
    Cancel {
        /// The job or batch.
        id: JobId,
    },
    /// Let a job stand still.
    Pause {
        /// The job or batch.
        id: JobId,
    },
    /// Let a job go on.
    Resume {
        /// The job or batch.
        id: JobId,
        /// A new largest amount to spend.
        #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = text::parse_amount)]
        budget: Option<Amount>,
    },
    /// Begin a new attempt of an ended job; of a batch, over its failed items.
    Retry {
        /// The job or batch.
        id: JobId,
    },
}

#[derive(Debug, Default, Args)]
pub(crate) struct ListArguments {
    /// Only with this status, such as running or failed.
    #[arg(long)]
    pub(crate) status: Option<JobStatus>,
    /// Only of this kind.
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Only of this session.
    #[arg(long)]
    pub(crate) session: Option<String>,
    /// Only with this tag.
    #[arg(long)]
    pub(crate) tag: Option<String>,
    /// Only those in whose id, name, kind, session and tags each of these words is found.
    #[arg(long, value_name = "WORDS")]
    pub(crate) text: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
    /// The next page, as the last one named it.
    #[arg(long, value_name = "PAGE")]
    pub(crate) page: Option<String>,
}
