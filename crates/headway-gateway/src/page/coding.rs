//! Content codings: which one an answer should come in.

use axum::http::{HeaderMap, HeaderValue, header};

/// How content is compressed (RFC 9110, section 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Not at all.
    Identity,
    Gzip,
    Brotli,
}

impl Coding {
    /// The header that says so; without one the content is as it is.
    pub(crate) const fn header(self) -> Option<HeaderValue> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some(HeaderValue::from_static("gzip")),
            Self::Brotli => Some(HeaderValue::from_static("br")),
        }
    }

    /// Whether a request calls it so.
    fn is_called(self, name: &str) -> bool {
        let names: &[&str] = match self {
            Self::Identity => &["identity"],
            Self::Gzip => &["gzip", "x-gzip"],
            Self::Brotli => &["br"],
        };
        names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// How much shorter it makes content, against the others.
    const fn rank(self) -> u8 {
        match self {
            Self::Identity => 0,
            Self::Gzip => 1,
            Self::Brotli => 2,
        }
    }
}

/// The coding that a request likes best of those that there are (RFC 9110, section 12.5.3). Of two
/// that it likes as much, the shorter one. Where it asks for none of them the content comes as it is:
/// that needs no permission, and whoever forbids even that would not be helped by a refusal.
pub(crate) fn choose(headers: &HeaderMap, there: impl Iterator<Item = Coding>) -> Coding {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter();
    let liked: Vec<(&str, u16)> = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(preference)
        .collect();
    let weight = |coding: Coding| {
        let named = liked.iter().find(|(name, _)| coding.is_called(name));
        let others = || liked.iter().find(|(name, _)| *name == "*");
        named.or_else(others).map_or(0, |(_, weight)| *weight)
    };
    there
        .map(|coding| (weight(coding), coding))
        .filter(|(weight, _)| *weight > 0)
        .max_by_key(|(weight, coding)| (*weight, coding.rank()))
        .map_or(Coding::Identity, |(_, coding)| coding)
}

/// A coding's name and its weight in thousandths: `gzip;q=0.5`. What cannot be read is not wanted.
fn preference(text: &str) -> Option<(&str, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let Some(parameter) = parts.next() else { return Some((name, 1_000)) };
    let (key, value) = parameter.split_once('=')?;
    let value: f32 = value.trim().parse().ok()?;
    let readable = key.trim().eq_ignore_ascii_case("q") && (0.0..=1.0).contains(&value);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1,000")]
    readable.then_some((name, (value * 1_000.0).round() as u16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_that_is_there_is_chosen() {
        use Coding::{Brotli, Gzip, Identity};
        let all = [Identity, Brotli, Gzip];
        let check = |lines: &[&str], there: &[Coding], expected: Coding| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::ACCEPT_ENCODING, HeaderValue::from_str(line).unwrap());
            }
            assert_eq!(choose(&headers, there.iter().copied()), expected, "{lines:?}");
        };
        check(&[], &all, Identity);
        check(&[""], &all, Identity);
        check(&["gzip, deflate, br, zstd"], &all, Brotli);
        check(&["gzip, deflate, br, zstd"], &[Identity, Gzip], Gzip);
        check(&["gzip, deflate, br, zstd"], &[Identity], Identity);
        check(&["gzip, deflate"], &all, Gzip);
        check(&["gzip", "br"], &all, Brotli);
        check(&["BR"], &all, Brotli);
        check(&["x-gzip"], &all, Gzip);
        check(&["br;q=0.5, gzip;q=0.9"], &all, Gzip);
        check(&["br ; Q=0.900 , gzip;q=0.899"], &all, Brotli);
        check(&["br;q=0, gzip"], &all, Gzip);
        check(&["*"], &all, Brotli);
        check(&["*;q=0.5, gzip"], &all, Gzip);
        check(&["br;q=0, *"], &all, Gzip);
        check(&["identity, br;q=0.5"], &all, Identity);
        check(&["identity;q=0, *;q=0"], &all, Identity);
        check(&["identity;q=0.5, *;q=0"], &all, Identity);
        check(&["zstd"], &all, Identity);
        check(&["br;q=2, gzip;q=nan"], &all, Identity);
        check(&["br;level=9, gzip"], &all, Gzip);
    }
}
