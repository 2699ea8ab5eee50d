//! Following one job to its end.

use headway_client::{Client, Selector, WatchOptions, Watched};
use headway_protocol::{Job, JobId};

use crate::display::Display;
use crate::exit::Exit;
use crate::failure::Failure;

/// How often a connection is tried again in a row, over each of two transports. The waits between
/// come to about 13 minutes of a server's absence by chance, and to 25 at most; attempts that hang
/// come on top.
const ATTEMPTS: u32 = 50;

/// Follows a job until its end, or until its budget has paused it, and shows it meanwhile. Answers
/// its last document and what its end means.
///
/// Cancel safety: dropping it only stops looking.
pub(crate) async fn follow(
    client: &Client,
    id: &JobId,
    mut display: Option<&mut Display>,
) -> Result<(Job, Exit), Failure> {
    let selector = Selector::job(id.clone());
    let options = WatchOptions { attempts: Some(ATTEMPTS), ..WatchOptions::default() };
    let mut watch = client.watch(vec![selector], options);
    let mut watched = Watched::default();
    while let Some(message) = watch.next().await {
        let message = message?;
        let changed = watched.apply(&message) == headway_client::Applied::Changed;
        if !changed && !watched.has_ended() {
            continue;
        }
        let Some(job) = watched.job() else { continue };
        if let Some(display) = display.as_deref_mut() {
            display.update(&job);
        }
        if let Some(exit) = Exit::of(&job) {
            return Ok((job, exit));
        }
    }
    // The stream says no more: the document has the last word.
    let job = client.job(id).await?;
    match Exit::of(&job) {
        Some(exit) => Ok((job, exit)),
        None => Err(Failure::new(format!("the stream of {id} ended before the job did"))),
    }
}
