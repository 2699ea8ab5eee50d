//! The dashboard, which is part of the program: what `build.rs` found, as the gateway serves it.

use std::collections::BTreeMap;

use headway_gateway::{Page, PageError, PageFile};

/// Paths and contents, in order.
type Files = [(&'static str, &'static [u8])];

/// The files of `dashboard/dist`; empty where it was not built.
const FILES: &Files = include!(concat!(env!("OUT_DIR"), "/dashboard.rs"));

/// The folder whose files are named after their content.
const NAMED_BY_CONTENT: &str = "assets/";

/// The dashboard as it was built in; a page without files where it was not.
pub(crate) fn page() -> Result<Page, PageError> {
    page_of(FILES)
}

/// A page of files, among which are compressed forms of others: `a.js`, `a.js.br`, `a.js.gz`.
fn page_of(files: &Files) -> Result<Page, PageError> {
    let contents: BTreeMap<&str, &'static [u8]> = files.iter().copied().collect();
    let is_form = |path: &str| {
        let whole = path.strip_suffix(".br").or_else(|| path.strip_suffix(".gz"));
        whole.is_some_and(|whole| contents.contains_key(whole))
    };
    let whole = contents.iter().filter(|(path, _)| !is_form(path));
    Page::new(whole.map(|(path, bytes)| {
        let mut file = PageFile::new(*path, media_of(path), *bytes);
        if let Some(bytes) = contents.get(format!("{path}.br").as_str()) {
            file = file.with_brotli(*bytes);
        }
        if let Some(bytes) = contents.get(format!("{path}.gz").as_str()) {
            file = file.with_gzip(*bytes);
        }
        if path.starts_with(NAMED_BY_CONTENT) { file.immutable() } else { file }
    }))
}

/// The media type of a file, by the end of its name (the standard registry, and RFC 9239 for scripts).
fn media_of(path: &str) -> &'static str {
    let (_, kind) = path.rsplit_once('.').unwrap_or((path, ""));
    match kind {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_built_in_can_be_served() {
        let page = page().unwrap();
        assert_eq!(page.paths().count() == 0, FILES.is_empty());
        for path in page.paths() {
            assert_ne!(media_of(path), "application/octet-stream", "{path} has no media type");
        }
    }

    #[test]
    fn compressed_forms_belong_to_their_file() {
        let files: &Files = &[
            ("assets/a.js", b"a"),
            ("assets/a.js.br", b"br"),
            ("assets/a.js.gz", b"gz"),
            ("index.html", b"i"),
            ("notes.txt.gz", b"a file by itself"),
        ];
        let page = page_of(files).unwrap();
        let paths: Vec<_> = page.paths().collect();
        assert_eq!(paths, ["assets/a.js", "index.html", "notes.txt.gz"]);
    }
}
