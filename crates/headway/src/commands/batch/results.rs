//! Results on their way out.

use std::path::{Path, PathBuf};

use headway_client::{Client, ResultFormat};
use headway_protocol::{ItemStatus, JobId};

use crate::arguments::ResultsFormat;
use crate::failure::Failure;
use crate::output;

/// Checks before a run that its results can be written afterwards.
pub(super) fn check(path: &Path) -> Result<(), Failure> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    if path.is_dir() {
        return Err(Failure::usage(format!("{} is a folder", path.display())));
    }
    if folder.is_dir() {
        Ok(())
    } else {
        Err(Failure::usage(format!("there is no folder {}", folder.display())))
    }
}

/// Writes results to a file, or to standard output for `-`. A file appears whole or not at all.
pub(super) async fn save(
    client: &Client,
    id: &JobId,
    status: Option<ItemStatus>,
    format: Option<ResultsFormat>,
    path: &Path,
) -> Result<(), Failure> {
    let by_name = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let format = match format.or(by_name.then_some(ResultsFormat::Csv)) {
        Some(ResultsFormat::Csv) => ResultFormat::Csv,
        Some(ResultsFormat::Jsonl) | None => ResultFormat::Jsonl,
    };
    if path == Path::new("-") {
        client.results(id, status, format, &mut output::Stdout).await?;
        return Ok(());
    }
    let failed = |error: std::io::Error| {
        Failure::because(&format!("{} cannot be written", path.display()), &error)
    };
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let mut file = tokio::fs::File::create(&part).await.map_err(failed)?;
    let written = client.results(id, status, format, &mut file).await;
    if let Err(error) = written {
        // What there is of it would look like all of it.
        tokio::fs::remove_file(&part).await.ok();
        return Err(error.into());
    }
    file.sync_all().await.map_err(failed)?;
    tokio::fs::rename(&part, path).await.map_err(failed)?;
    output::say(&format!("results: {}", path.display()));
    Ok(())
}
