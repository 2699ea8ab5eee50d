//! A worker's line.

#[allow(dead_code, unreachable_pub, reason = "a part of the engine")]
#[rustfmt::skip]
#[path = "../../../crates/headway-engine/src/executor/stream/answer.rs"]
mod answer;

use super::{Ended, News};

/// What a worker's line says: its item, and then news or an end.
pub(crate) fn read(
    line: &[u8],
    complain: impl FnMut(String),
) -> Option<(u64, Result<News, Ended>)> {
    answer::index_of(line);
    let line: answer::Line<'_> = serde_json::from_slice(line).ok()?;
    Some((
        line.index,
        match line.word(complain) {
            answer::Word::News(news) => Ok(news),
            answer::Word::End(ended) => Err(ended),
        },
    ))
}
