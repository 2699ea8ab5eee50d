//! Which pages may talk to a node, and by which names it is called.

use super::{Configuration, ConfigurationError};

/// Which pages may talk to a node, and by which names it is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Browser {
    /// Origins as browsers write them: `https://app.example`, `http://localhost:5173`; `*` for all.
    pub(crate) origins: Vec<String>,
    /// Names without ports, in small letters.
    pub(crate) hosts: Vec<String>,
}

impl Configuration {
    /// `asks`: whether anybody is asked to sign in.
    pub(super) fn browser(&self, asks: bool) -> Result<Browser, ConfigurationError> {
        let origins = self.list("browser.origins").into_iter().map(|text| {
            // A page that has to show a token of its own may come from anywhere.
            let every = (text == "*" && asks).then(|| text.clone());
            every.or_else(|| origin(&text)).ok_or_else(|| {
                let message = if text == "*" {
                    "`*` would let every page on the web do everything here, because nobody is \
                     asked to sign in: name the origins, such as https://app.example"
                        .to_owned()
                } else {
                    format!(
                        "`{text}` is no origin: use the scheme, the name and the port, such as \
                         https://app.example or http://localhost:5173, without a path"
                    )
                };
                self.wrong("browser.origins", message)
            })
        });
        let hosts = self.list("browser.hosts").into_iter().map(|text| {
            host(&text).ok_or_else(|| {
                let message = format!(
                    "`{text}` is no name: use one such as headway.example or 192.168.0.4, without a \
                     scheme and a port"
                );
                self.wrong("browser.hosts", message)
            })
        });
        Ok(Browser {
            origins: origins.collect::<Result<_, _>>()?,
            hosts: hosts.collect::<Result<_, _>>()?,
        })
    }
}

/// An origin as browsers write it: in small letters, and without the port that the scheme means.
fn origin(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let (scheme, rest) = text.split_once("://")?;
    let usual = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let (name, port) = match rest.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port.parse::<u16>().ok()?)),
        Some(_) | None => (rest, None),
    };
    let name = host(name)?;
    match port.filter(|port| *port != usual) {
        Some(port) => Some(format!("{scheme}://{name}:{port}")),
        None => Some(format!("{scheme}://{name}")),
    }
}

/// A name or an address as it stands in a `Host` header, in small letters.
fn host(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(&text);
    if let Ok(address) = bare.parse::<std::net::Ipv6Addr>() {
        return Some(format!("[{address}]"));
    }
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    (!text.is_empty() && text.len() <= 253 && text.chars().all(letters)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(read: fn(&str) -> Option<String>, text: &str, expected: Option<&str>) {
        assert_eq!(read(text).as_deref(), expected, "{text:?}");
    }

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        check(origin, "https://App.Example", Some("https://app.example"));
        check(origin, "https://app.example:443", Some("https://app.example"));
        check(origin, "http://localhost:5173", Some("http://localhost:5173"));
        check(origin, "http://[::1]:80", Some("http://[::1]"));
        for text in [
            "",
            "*",
            "null",
            "app.example",
            "https://",
            "https://a/",
            "https://a/b",
            "ftp://a",
            "https://a:b",
            "https://a b",
            "https://me@a",
            "https://*.example",
            "https://a:70000",
        ] {
            check(origin, text, None);
        }
    }

    #[test]
    fn hosts_are_names_without_ports() {
        check(host, "Jobs.Example", Some("jobs.example"));
        check(host, "192.168.0.4", Some("192.168.0.4"));
        check(host, "::1", Some("[::1]"));
        check(host, "[FE80::1]", Some("[fe80::1]"));
        for text in ["", "a:80", "http://a", "a/b", "a b", "*"] {
            check(host, text, None);
        }
    }
}
