//! A page: files that the gateway serves and knows nothing of.
//!
//! The program says which they are. Each may come ready-made in compressed forms, so that nothing is
//! compressed while somebody waits. Owner: the gateway's options; nothing changes once it is made.

mod coding;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue};
use bytes::Bytes;

pub(crate) use coding::Coding;

use crate::routes::table;

/// The file that is served at `/`.
const INDEX: &str = "index.html";

/// The files of a page, by their paths; empty: the program has none. Cheap to clone.
///
/// ```
/// use headway_gateway::{Page, PageFile};
///
/// let index = PageFile::new("index.html", "text/html; charset=utf-8", &b"<!doctype html>"[..]);
/// let script = PageFile::new("assets/main-5f3a.js", "text/javascript; charset=utf-8", &b""[..]);
/// let page = Page::new([index, script.immutable()])?;
/// assert_eq!(page.paths().collect::<Vec<_>>(), ["assets/main-5f3a.js", "index.html"]);
/// # Ok::<(), headway_gateway::PageError>(())
/// ```
#[derive(Clone, Default)]
pub struct Page {
    files: Arc<BTreeMap<String, Held>>,
}

/// One file on its way into a [`Page`].
#[derive(Clone)]
pub struct PageFile {
    path: String,
    media: String,
    immutable: bool,
    forms: Vec<(Coding, Bytes)>,
}

/// Why files make no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// Its path is not one of names of letters, digits, `.`, `_` and `-` with slashes between.
    #[error("`{0}` is no path of a page: use names of letters, digits, `.`, `_` and `-`")]
    Path(String),
    /// Something else is served at its path.
    #[error("`{0}` cannot be a file of the page: the server itself answers there; rename it")]
    Taken(String),
    /// It is there twice.
    #[error("`{0}` is in the page twice: leave one out")]
    Twice(String),
    /// Its media type cannot be sent.
    #[error("the media type of `{0}` cannot be sent in a header: use visible ASCII")]
    Media(String),
    /// No file is there for `/`.
    #[error("a page needs the file `index.html`, which is served at `/`")]
    NoIndex,
}

/// A file as it is kept.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) media: HeaderValue,
    /// Whether other content would have another name.
    pub(crate) immutable: bool,
    /// The first is the one that is not compressed.
    forms: Vec<Form>,
}

/// The content of a file in one coding.
pub(crate) struct Form {
    pub(crate) coding: Coding,
    pub(crate) bytes: Bytes,
    /// Its entity tag: other bytes have another one.
    pub(crate) tag: HeaderValue,
}

impl PageFile {
    /// A file of this media type at a path without a slash before it.
    pub fn new(path: impl Into<String>, media: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        let forms = vec![(Coding::Identity, bytes.into())];
        Self { path: path.into(), media: media.into(), immutable: false, forms }
    }

    /// The same, with its content compressed by Brotli beside it.
    #[must_use]
    pub fn with_brotli(mut self, bytes: impl Into<Bytes>) -> Self {
        self.forms.push((Coding::Brotli, bytes.into()));
        self
    }

    /// The same, with its content compressed by gzip beside it.
    #[must_use]
    pub fn with_gzip(mut self, bytes: impl Into<Bytes>) -> Self {
        self.forms.push((Coding::Gzip, bytes.into()));
        self
    }

    /// The same, said to change never: other content would have another path. Browsers keep it and
    /// do not ask again.
    #[must_use]
    pub fn immutable(mut self) -> Self {
        self.immutable = true;
        self
    }
}

impl Page {
    /// A page of these files. `index.html` has to be among them, unless there are none.
    pub fn new(files: impl IntoIterator<Item = PageFile>) -> Result<Self, PageError> {
        let mut held = BTreeMap::new();
        for file in files {
            if !is_path(&file.path) {
                return Err(PageError::Path(file.path));
            }
            if is_taken(&file.path) {
                return Err(PageError::Taken(file.path));
            }
            let Ok(media) = HeaderValue::try_from(&file.media) else {
                return Err(PageError::Media(file.path));
            };
            let forms = file.forms.into_iter().map(|(coding, bytes)| Form::new(coding, bytes));
            let kept = Held { media, immutable: file.immutable, forms: forms.collect() };
            match held.entry(file.path) {
                Entry::Vacant(place) => place.insert(kept),
                Entry::Occupied(taken) => return Err(PageError::Twice(taken.key().clone())),
            };
        }
        if !held.is_empty() && !held.contains_key(INDEX) {
            return Err(PageError::NoIndex);
        }
        Ok(Self { files: Arc::new(held) })
    }

    /// The paths of its files, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The file that a request's path names.
    pub(crate) fn find(&self, path: &str) -> Option<&Held> {
        let path = path.strip_prefix('/')?;
        self.files.get(if path.is_empty() { INDEX } else { path })
    }

    /// The paths at which its files are asked for.
    pub(crate) fn routes(&self) -> impl Iterator<Item = String> {
        let others = self.paths().filter(|path| *path != INDEX).map(|path| format!("/{path}"));
        std::iter::once("/".to_owned()).chain(others)
    }
}

impl Held {
    /// The form that suits a request best.
    pub(crate) fn form(&self, headers: &HeaderMap) -> Option<&Form> {
        let coding = coding::choose(headers, self.forms.iter().map(|form| form.coding));
        self.forms.iter().find(|form| form.coding == coding).or(self.forms.first())
    }

    /// Whether what is answered depends on the codings that a request takes.
    pub(crate) fn varies(&self) -> bool {
        self.forms.len() > 1
    }
}

impl Form {
    fn new(coding: Coding, bytes: Bytes) -> Self {
        // FNV-1a tells versions apart that come one after the other; nobody chooses them.
        let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let tag = HeaderValue::try_from(format!("\"{hash:016x}\""));
        Self { coding, bytes, tag: tag.unwrap_or(HeaderValue::from_static("\"\"")) }
    }
}

/// Whether a path consists of names that stand in an address as they are.
fn is_path(path: &str) -> bool {
    let is_name = |name: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        !name.is_empty() && !name.starts_with('.') && name.bytes().all(allowed)
    };
    path.split('/').all(is_name)
}

/// Whether the interface has this path.
fn is_taken(path: &str) -> bool {
    path.split('/').next() == Some("api")
        || table().any(|route| route.path.strip_prefix('/') == Some(path))
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.paths()).finish()
    }
}

impl fmt::Debug for PageFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form")
            .field("coding", &self.coding)
            .field("tag", &self.tag)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> PageFile {
        PageFile::new(path, "text/plain", path.as_bytes().to_vec())
    }

    #[test]
    fn files_that_cannot_be_served_are_refused() {
        let check = |paths: &[&str], refusal: &str| {
            let made = Page::new(paths.iter().map(|path| file(path)));
            let told = made.map_or_else(|error| error.to_string(), |page| format!("{page:?}"));
            assert!(told.starts_with(refusal), "{paths:?}: {told}");
        };
        check(&[], "{}");
        check(&["index.html", "icon.svg", "assets/a-1_b.js"], "{\"assets/a-1_b.js\", \"icon.svg\"");
        for wrong in ["", "/index.html", "a//b", "a/", "../a", ".hidden", "a b", "a{b}", "a?b", "ä"]
        {
            check(&["index.html", wrong], &format!("`{wrong}` is no path"));
        }
        for taken in ["healthz", "metrics", "api/v1/jobs", "api/v9/any"] {
            check(&["index.html", taken], &format!("`{taken}` cannot be a file"));
        }
        check(&["index.html", "a.js", "a.js"], "`a.js` is in the page twice");
        check(&["a.js"], "a page needs the file `index.html`");
        let wrong = PageFile::new("index.html", "text/\n", "");
        assert!(matches!(Page::new([wrong]), Err(PageError::Media(_))));
    }

    #[test]
    fn a_file_is_found_by_the_path_that_is_asked_for() {
        let page = Page::new([file("index.html"), file("assets/a.js")]).unwrap();
        let check = |path: &str, found: bool| {
            assert_eq!(page.find(path).is_some(), found, "{path}");
        };
        check("/", true);
        check("/assets/a.js", true);
        check("/assets/", false);
        check("/assets", false);
        check("assets/a.js", false);
        check("//", false);
        assert_eq!(page.routes().collect::<Vec<_>>(), ["/", "/assets/a.js"]);
    }
}
