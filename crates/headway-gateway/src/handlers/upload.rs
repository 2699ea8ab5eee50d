//! Uploads: a file on its way from a request to the engine, never held whole.

use std::future::Future;
use std::io;

use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use futures_util::stream;
use headway_engine::{Format, ItemSource};
use headway_protocol::batch::BatchOptions;
use headway_protocol::{Problem, ProblemCode};
use tokio::sync::mpsc;
use tokio_util::io::StreamReader;

use crate::body;
use crate::problem::Refusal;

/// The largest `options` part, in bytes.
const OPTIONS_BYTES: usize = 1024 * 1024;

/// Pieces of the file between the request and the engine. When the engine is busy, the request is
/// not read on.
const PIECES: usize = 4;

/// A request whose options were read and whose file comes next.
#[derive(Debug)]
pub(super) struct Upload {
    parts: Multipart,
    options: BatchOptions,
    limit: u64,
}

impl Upload {
    /// Reads up to the options, which must come first: the file is not kept until they are known.
    pub(super) async fn begin(request: Request, limit: u64) -> Result<Self, Refusal> {
        if body::declared_length(request.headers()).is_some_and(|length| length > limit) {
            return Err(too_large(limit));
        }
        let mut parts = Multipart::from_request(request, &())
            .await
            .map_err(|rejection| Refusal::new(ProblemCode::Malformed, rejection.body_text()))?;
        let part = parts.next_field().await.map_err(|error| unreadable(&error))?;
        let mut part = part
            .filter(|part| part.name() == Some("options"))
            .ok_or_else(|| Refusal::invalid("options", "the first part must be `options`, JSON"))?;
        let mut text = Vec::new();
        while let Some(piece) = part.chunk().await.map_err(|error| unreadable(&error))? {
            text.extend_from_slice(&piece);
            if text.len() > OPTIONS_BYTES {
                let detail = format!("the part `options` is larger than {OPTIONS_BYTES} bytes");
                return Err(Refusal::new(ProblemCode::TooLarge, detail));
            }
        }
        drop(part);
        let options = body::parse(&text)?;
        Ok(Self { parts, options, limit })
    }

    /// What was read.
    pub(super) fn options(&self) -> &BatchOptions {
        &self.options
    }

    /// Hands the options and the file to `work` and feeds the file while it works. When the file
    /// breaks off, `work` sees an error in its reader, and what the request is told is this one's.
    pub(super) async fn run<T, F, W>(mut self, work: W) -> Result<T, Refusal>
    where
        W: FnOnce(BatchOptions, ItemSource) -> F,
        F: Future<Output = Result<T, headway_engine::Error>>,
    {
        let file = self.parts.next_field().await.map_err(|error| unreadable(&error))?;
        let file = file
            .filter(|part| part.name() == Some("file"))
            .ok_or_else(|| Refusal::invalid("file", "the second part must be `file`"))?;
        let format = format_of(&file)?;
        let (pieces, taken) = mpsc::channel(PIECES);
        let reader = StreamReader::new(Box::pin(stream::unfold(taken, |mut taken| async move {
            taken.recv().await.map(|piece: io::Result<Bytes>| (piece, taken))
        })));
        let source = ItemSource::File { format, reader: Box::pin(reader) };
        let mut work = std::pin::pin!(work(self.options, source));
        let limit = self.limit;
        let feeding = async move {
            let fed = feed(file, limit, &pieces).await;
            if fed.is_err() {
                // The engine must not take a part of a file for the whole. When it has ended
                // already, there is nobody to tell.
                let broken = Err(io::Error::from(io::ErrorKind::UnexpectedEof));
                let _told = pieces.send(broken).await;
            }
            fed
        };
        let mut feeding = std::pin::pin!(feeding);
        tokio::select! {
            done = &mut work => Ok(done?),
            fed = &mut feeding => {
                let done = work.await;
                fed?;
                Ok(done?)
            }
        }
    }
}

async fn feed(
    mut file: Field<'_>,
    limit: u64,
    pieces: &mpsc::Sender<io::Result<Bytes>>,
) -> Result<(), Refusal> {
    let mut size = 0;
    while let Some(piece) = file.chunk().await.map_err(|error| unreadable(&error))? {
        size += piece.len() as u64;
        if size > limit {
            return Err(too_large(limit));
        }
        if pieces.send(Ok(piece)).await.is_err() {
            // The engine has ended without the rest; its answer says why.
            return Ok(());
        }
    }
    Ok(())
}

/// How a file's items are written, by its name, else by its media type.
fn format_of(file: &Field<'_>) -> Result<Format, Refusal> {
    let name = file.file_name().unwrap_or_default().to_ascii_lowercase();
    let media = file.content_type().unwrap_or_default().to_ascii_lowercase();
    let media = media.split(';').next().unwrap_or_default().trim();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    match (ending, media) {
        (Some("jsonl" | "ndjson"), _)
        | (_, "application/jsonl" | "application/x-ndjson" | "application/ndjson") => {
            Ok(Format::Jsonl)
        }
        (Some("csv"), _) | (_, "text/csv") => Ok(Format::Csv),
        _ => {
            let detail = "a file of items is .jsonl or .csv: name it so, or give its media type";
            let problem = Problem::new(ProblemCode::UnsupportedMediaType, detail);
            Err(problem.at_field("file").into())
        }
    }
}

fn too_large(limit: u64) -> Refusal {
    Refusal::new(ProblemCode::TooLarge, format!("the upload is larger than {limit} bytes"))
}

fn unreadable(error: &MultipartError) -> Refusal {
    Refusal::new(
        ProblemCode::Malformed,
        format!("the upload cannot be read: {}", error.body_text()),
    )
}
