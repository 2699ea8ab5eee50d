//! The rate card's file: read at the start, and again when it changes.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use headway_core::rates::RateCard;
use tokio::signal::unix::{SignalKind, signal};

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(3);

/// Reads a rate card. The error is a sentence that names the file.
pub(crate) fn read(path: &Path) -> Result<RateCard, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    RateCard::from_json(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads the card again when its file changes and on SIGHUP, and hands it to `use_card`. A card that
/// cannot be read is logged, and the old one stays. Runs until it is dropped.
pub(crate) async fn watch(path: PathBuf, use_card: impl Fn(RateCard)) {
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(error) => {
            tracing::warn!(%error, "SIGHUP is not listened to: the rate card is not reloaded");
            return;
        }
    };
    let mut seen = modified(&path).await;
    loop {
        let asked = tokio::select! {
            () = tokio::time::sleep(LOOK) => false,
            _ = hangup.recv() => true,
        };
        let now = modified(&path).await;
        if !asked && now == seen {
            continue;
        }
        seen = now;
        match read(&path) {
            Ok(card) => {
                tracing::info!(file = %path.display(), "the rate card was read again");
                use_card(card);
            }
            Err(error) => tracing::error!("{error}: the prices stay as they were"),
        }
    }
}

/// When the file was last written and how large it is: a change within the clock's resolution
/// mostly changes the size.
async fn modified(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = tokio::fs::metadata(path).await.ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
