//! Query parameters: only the known ones, each understood or refused.

use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::problem::Refusal;
use crate::routes::Parameter;

/// The query of a request, checked against the parameters of its route.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

impl Query {
    /// Reads a query that may have these parameters.
    pub(crate) fn parse(text: &str, known: &[Parameter]) -> Result<Self, Refusal> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let stranger =
            pairs.iter().find(|(name, _)| known.iter().all(|parameter| parameter.name != name));
        if let Some((name, _)) = stranger {
            let names: Vec<_> =
                known.iter().map(|parameter| format!("`{}`", parameter.name)).collect();
            let detail = if names.is_empty() {
                format!("`{name}` is not known here: there are no parameters")
            } else {
                format!("`{name}` is not known here: there are {}", names.join(", "))
            };
            return Err(Refusal::invalid(name, detail));
        }
        Ok(Self { pairs })
    }

    /// Reads of a query what is known, and passes over the rest.
    pub(crate) fn parse_known(text: &str, known: &[Parameter]) -> Self {
        let pairs = form_urlencoded::parse(text.as_bytes())
            .filter(|(name, _)| known.iter().any(|parameter| parameter.name == name))
            .map(|(name, value)| (name.into_owned(), value.into_owned()));
        Self { pairs: pairs.collect() }
    }

    /// The only value of a parameter; empty counts as absent.
    pub(crate) fn one(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Refusal::invalid(name, format!("`{name}` is there twice"))),
            (first, None) => Ok(first),
        }
    }

    /// Every value of a parameter that may be repeated.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs
            .iter()
            .filter(move |(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The only value of a parameter, understood.
    pub(crate) fn read<T>(&self, name: &str) -> Result<Option<T>, Refusal>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        let Some(text) = self.one(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|error: T::Err| {
            Refusal::invalid(name, format!("`{name}` cannot be used: {error}"))
        })
    }

    /// Every value of a parameter that may be repeated or hold several with commas between.
    pub(crate) fn read_list<T>(&self, name: &str) -> Result<Vec<T>, Refusal>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        self.all(name)
            .flat_map(|value| value.split(','))
            .map(|text| {
                text.trim().parse().map_err(|error: T::Err| {
                    Refusal::invalid(name, format!("`{name}` cannot be used: {error}"))
                })
            })
            .collect()
    }

    /// A limit between 1 and `most`.
    pub(crate) fn limit(&self, usual: usize, most: usize) -> Result<usize, Refusal> {
        self.count("limit", usual, most)
    }

    /// A number between 1 and `most`.
    pub(crate) fn count(&self, name: &str, usual: usize, most: usize) -> Result<usize, Refusal> {
        match self.read(name)? {
            None => Ok(usual),
            Some(count) if (1..=most).contains(&count) => Ok(count),
            Some(_) => Err(Refusal::invalid(name, format!("`{name}` must be 1 to {most}"))),
        }
    }
}
