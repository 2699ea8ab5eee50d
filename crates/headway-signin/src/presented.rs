//! What somebody presents, told apart by its form.

use crate::{api_key, session, watch_token};

/// The longest thing that is looked at, bytes.
pub(crate) const PRESENTED_BYTES: usize = 8 * 1_024;

/// What somebody presents.
///
/// There is no debug output of it: it is a secret as often as not.
#[derive(Clone, Copy)]
pub enum Presented<'a> {
    /// Nothing.
    Nothing,
    /// What came as `Authorization: Bearer …`, or in one of the places for it: an API key, the
    /// configured key, a watch token, or a token of the identity provider.
    Bearer(&'a str),
    /// The value of the session's cookie.
    Cookie(&'a str),
    /// A ticket.
    Ticket(&'a str),
}

impl std::fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

/// What a bearer's text is by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Key,
    WatchToken,
    Jwt,
    Other,
}

impl Form {
    pub(crate) fn of(text: &str) -> Self {
        if text.starts_with(watch_token::PREFIX) {
            Self::WatchToken
        } else if text.starts_with(api_key::PREFIX) {
            Self::Key
        } else if text.starts_with(session::PREFIX) {
            // A cookie's value is taken from the cookie alone, which carries the browser's rules.
            Self::Other
        } else if text.starts_with("ey") && text.bytes().filter(|byte| *byte == b'.').count() == 2 {
            Self::Jwt
        } else {
            Self::Other
        }
    }
}

impl Presented<'_> {
    /// The kind in a word, for counters and the audit log.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Bearer(text) => match Form::of(text) {
                Form::Key => "key",
                Form::WatchToken => "token",
                Form::Jwt => "jwt",
                Form::Other => "other",
            },
            Self::Cookie(_) => "session",
            Self::Ticket(_) => "ticket",
        }
    }

    /// Its text.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Nothing => "",
            Self::Bearer(text) | Self::Cookie(text) | Self::Ticket(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart_by_how_they_begin() {
        for (text, form) in [
            ("hw_0123456789AB_x", Form::Key),
            ("hwt_abc.def.ghi", Form::WatchToken),
            ("eyJhbGciOiJub25lIn0.e30.", Form::Jwt),
            ("ey.a", Form::Other),
            ("ey.a.b.c.d", Form::Other),
            ("hws_abc", Form::Other),
            ("", Form::Other),
        ] {
            assert_eq!(Form::of(text), form, "{text}");
        }
    }

    #[test]
    fn debug_output_shows_the_kind_alone() {
        assert_eq!(format!("{:?}", Presented::Bearer("hw_secret")), "key");
        assert_eq!(format!("{:?}", Presented::Cookie("hws_secret")), "session");
    }
}
