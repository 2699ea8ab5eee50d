//! The limits of the protocol that are not settings.

/// The largest `metadata` of a job, in bytes of JSON.
pub const METADATA_BYTES: usize = 16 * 1024;
/// The largest `result` of a job, in bytes of JSON.
pub const RESULT_BYTES: usize = 1024 * 1024;
/// The largest output of an item, in bytes of JSON.
pub const OUTPUT_BYTES: usize = 1024 * 1024;
/// The most tags of a job.
pub const TAGS: usize = 32;
/// The longest tag, in bytes.
pub const TAG_BYTES: usize = 128;
/// The longest session, kind, unit, phase or step key, in bytes.
pub const NAME_BYTES: usize = 256;
/// The longest message for people, in bytes; a longer one is refused.
pub const MESSAGE_BYTES: usize = 16 * 1024;
/// The most steps of a job.
pub const STEPS: usize = 512;
/// The most tasks of a step.
pub const TASKS: usize = 256;
/// The longest task of a step, in bytes.
pub const TASK_BYTES: usize = 1024;
/// The most events of one report.
pub const EVENTS_PER_REPORT: usize = 10_000;
/// The most producers of one job whose sequences are remembered; the one that was silent longest
/// is forgotten first.
pub const PRODUCERS: usize = 64;
/// The longest line of an input file, in bytes; a longer one is a failed item.
pub const LINE_BYTES: usize = 1024 * 1024;
/// The most items that one retry can name.
pub const RETRY_ITEMS: usize = 1_000;
/// The most items of a batch.
pub const ITEMS: u64 = 10_000_000;
