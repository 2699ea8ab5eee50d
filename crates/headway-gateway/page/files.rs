//! The page's files as the program carries them; there is no build step and nothing is read from
//! disk.
//!
//! Invariant: no file needs an inline script or style, so that [`SECURITY_POLICY`] holds.

/// What the page may load and connect to: its own origin, and nothing inline.
pub(crate) const SECURITY_POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/// One file of the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageFile {
    /// Where it is served.
    pub(crate) path: &'static str,
    /// Its media type.
    pub(crate) content_type: &'static str,
    /// What is in it.
    pub(crate) text: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! page_files {
    ($($path:literal = $content_type:ident $file:literal;)*) => {
        /// Every file of the page.
        pub(crate) const PAGE_FILES: &[PageFile] = &[
            $(PageFile { path: $path, content_type: $content_type, text: include_str!($file) }),*
        ];
    };
}

page_files! {
    "/" = HTML "index.html";
    "/headway.css" = CSS "headway.css";
    "/icon.svg" = SVG "icon.svg";
    "/headway.js" = JAVASCRIPT "headway.js";
    "/actions.js" = JAVASCRIPT "actions.js";
    "/board.js" = JAVASCRIPT "board.js";
    "/detail.js" = JAVASCRIPT "detail.js";
    "/element.js" = JAVASCRIPT "element.js";
    "/event_text.js" = JAVASCRIPT "event_text.js";
    "/format.js" = JAVASCRIPT "format.js";
    "/job_view.js" = JAVASCRIPT "job_view.js";
    "/request.js" = JAVASCRIPT "request.js";
    "/status.js" = JAVASCRIPT "status.js";
    "/stream.js" = JAVASCRIPT "stream.js";
}
