//! Batches: submit, estimate, items, results, and what became of items told together.

use std::path::Path;

use headway_protocol::batch::{BatchOptions, BatchRequest, ErrorGroups, Estimate, Timings};
use headway_protocol::request::ItemPage;
use headway_protocol::{ItemStatus, Job, JobId};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, Url};
use tokio::io::AsyncWrite;

use crate::jobs::{append, idempotency_key};
use crate::{Client, Error};

/// How the items of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// One JSON value a line.
    Jsonl,
    /// Comma-separated values with a header row.
    Csv,
}

impl FileFormat {
    /// The format that a file's name stands for: `.jsonl`, `.ndjson` or `.csv`.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jsonl => "application/x-ndjson",
            Self::Csv => "text/csv",
        }
    }

    const fn file_name(self) -> &'static str {
        match self {
            Self::Jsonl => "items.jsonl",
            Self::Csv => "items.csv",
        }
    }
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultFormat {
    /// One JSON object a line.
    #[default]
    Jsonl,
    /// Comma-separated values with a header row.
    Csv,
}

impl ResultFormat {
    /// The word in the request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }
}

/// Which items of a batch, and how many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemsQuery {
    /// Only with this status.
    pub status: Option<ItemStatus>,
    /// Only those that failed with this code. A page may then have few items or none, and a `next`
    /// all the same.
    pub error: Option<String>,
    /// Only after this index; a page's `next`.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: Option<u32>,
}

impl Client {
    /// Submits a batch with its items in the request.
    pub async fn create_batch(&self, request: &BatchRequest) -> Result<Job, Error> {
        let url = self.address(&["batches"]);
        let key = idempotency_key();
        let send = || {
            self.request(Method::POST, url.clone()).header("Idempotency-Key", &key).json(request)
        };
        self.read(self.send(send).await?).await
    }

    /// Submits a batch with the items of a file. The file is streamed, never held in memory, and
    /// read again from its beginning when a failure that may pass is tried again.
    pub async fn create_batch_file(
        &self,
        options: &BatchOptions,
        path: &Path,
        format: FileFormat,
    ) -> Result<Job, Error> {
        let key = idempotency_key();
        let request = self.request(Method::POST, self.address(&["batches"]));
        let request = request.header("Idempotency-Key", key);
        let response = self.upload(&request, options, path, format).await?;
        self.read(response).await
    }

    /// What a batch would cost. Nothing is kept and nothing is run.
    pub async fn estimate(&self, request: &BatchRequest) -> Result<Estimate, Error> {
        let url = self.address(&["estimates"]);
        let send = || self.request(Method::POST, url.clone()).json(request);
        self.read(self.send(send).await?).await
    }

    /// What a batch over the items of a file would cost. Nothing is kept and nothing is run.
    pub async fn estimate_file(
        &self,
        options: &BatchOptions,
        path: &Path,
        format: FileFormat,
    ) -> Result<Estimate, Error> {
        let request = self.request(Method::POST, self.address(&["estimates"]));
        let response = self.upload(&request, options, path, format).await?;
        self.read(response).await
    }

    async fn upload(
        &self,
        request: &RequestBuilder,
        options: &BatchOptions,
        path: &Path,
        format: FileFormat,
    ) -> Result<reqwest::Response, Error> {
        let failed = |source| Error::File { path: path.display().to_string(), source };
        let options =
            serde_json::to_string(options).map_err(|error| failed(std::io::Error::other(error)))?;
        let mut backoff = self.backoff();
        // A stream cannot be repeated as it was: it is read again for the new token.
        let mut renewed = !self.tokens().can_renew();
        loop {
            let file = Part::file(path).await.map_err(failed)?;
            let name = path.file_name().and_then(|name| name.to_str());
            let file = file.file_name(name.unwrap_or(format.file_name()).to_owned());
            let file = file.mime_str(format.media_type());
            let file = file.map_err(|error| self.not_understood(error.to_string()))?;
            let part = Part::text(options.clone()).mime_str("application/json");
            let part = part.map_err(|error| self.not_understood(error.to_string()))?;
            let form = Form::new().part("options", part).part("file", file);
            let Some(attempt) = request.try_clone() else {
                return Err(self.not_understood("the request cannot be repeated"));
            };
            let error = match self.send_once(attempt.multipart(form)).await {
                Ok(response) => return Ok(response),
                Err(error)
                    if error.is_unauthenticated() && !std::mem::replace(&mut renewed, true) =>
                {
                    continue;
                }
                Err(error) if error.is_retryable() => error,
                Err(error) => return Err(error),
            };
            let Some(wait) = backoff.next_random() else { return Err(error) };
            tokio::time::sleep(wait.max(error.retry_after().unwrap_or_default())).await;
        }
    }

    /// A page of a batch's items by index.
    pub async fn items(&self, batch: &JobId, query: &ItemsQuery) -> Result<ItemPage, Error> {
        let mut url = self.address(&["batches", batch.as_str(), "items"]);
        let after = query.after.map(|after| after.to_string());
        let limit = query.limit.map(|limit| limit.to_string());
        append(
            &mut url,
            &[
                ("status", query.status.map(ItemStatus::as_str)),
                ("error", query.error.as_deref()),
                ("after", after.as_deref()),
                ("limit", limit.as_deref()),
            ],
        );
        self.read(self.send(|| self.request(Method::GET, url.clone())).await?).await
    }

    /// Why a batch's items failed, alike ones together: the largest groups, 20 unless said.
    pub async fn batch_errors(
        &self,
        batch: &JobId,
        limit: Option<u32>,
    ) -> Result<ErrorGroups, Error> {
        let mut url = self.address(&["batches", batch.as_str(), "errors"]);
        let limit = limit.map(|limit| limit.to_string());
        append(&mut url, &[("limit", limit.as_deref())]);
        self.read(self.send(|| self.request(Method::GET, url.clone())).await?).await
    }

    /// How fast a batch's items finished over time and how long they took, in at most `points`
    /// points, 60 unless said.
    pub async fn batch_timings(
        &self,
        batch: &JobId,
        points: Option<u32>,
    ) -> Result<Timings, Error> {
        let mut url = self.address(&["batches", batch.as_str(), "timings"]);
        let points = points.map(|points| points.to_string());
        append(&mut url, &[("points", points.as_deref())]);
        self.read(self.send(|| self.request(Method::GET, url.clone())).await?).await
    }

    /// Writes a batch's results to `writer` as they come, and answers how many bytes it wrote.
    /// Complete also after a cancel, an expiry or a stop by the budget. The writer is flushed.
    pub async fn results(
        &self,
        batch: &JobId,
        status: Option<ItemStatus>,
        format: ResultFormat,
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Result<u64, Error> {
        let mut url: Url = self.address(&["batches", batch.as_str(), "results"]);
        append(
            &mut url,
            &[("status", status.map(ItemStatus::as_str)), ("format", Some(format.as_str()))],
        );
        let response = self.send(|| self.request(Method::GET, url.clone())).await?;
        self.copy(response, "results", writer).await
    }
}
