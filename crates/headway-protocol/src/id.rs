//! Names of jobs and batches.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The name of a job: made here (`job_…`, `bat_…`, ordered by time of creation) or given by its
/// producer. Between 1 and 128 of `A-Z a-z 0-9 _ - . : ~`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(Arc<str>);

/// A text that cannot name a job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot name a job: use 1 to 128 of A-Z a-z 0-9 _ - . : ~")]
pub struct NotAJobId(String);

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl JobId {
    /// A new job's name, from the milliseconds of its creation and 80 random bits.
    pub fn new_job(millis: u64, random: u128) -> Self {
        Self(timed("job_", millis, random).into())
    }

    /// A new batch's name, from the milliseconds of its creation and 80 random bits.
    pub fn new_batch(millis: u64, random: u128) -> Self {
        Self(timed("bat_", millis, random).into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name that begins with `prefix`, and is in the order of time among others of it.
pub(crate) fn timed(prefix: &str, millis: u64, random: u128) -> String {
    let bits = uuid::Builder::from_unix_timestamp_millis(millis, &random_bytes(random)).into_uuid();
    let mut value = bits.as_u128();
    let mut text = [b'0'; 26];
    for place in text.iter_mut().rev() {
        let low = usize::try_from(value & 31).unwrap_or_default();
        *place = ALPHABET.get(low).copied().unwrap_or(b'0');
        value >>= 5;
    }
    let mut name = String::with_capacity(prefix.len() + text.len());
    name.push_str(prefix);
    name.extend(text.iter().map(|byte| char::from(*byte)));
    name
}

fn random_bytes(random: u128) -> [u8; 10] {
    let mut bytes = [0; 10];
    for (place, byte) in bytes.iter_mut().zip(random.to_le_bytes()) {
        *place = byte;
    }
    bytes
}

impl FromStr for JobId {
    type Err = NotAJobId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=128).contains(&text.len())
            && text.bytes().all(|b| {
                b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':' | b'~')
            })
            && text != "."
            && text != "..";
        if fits { Ok(Self(text.into())) } else { Err(NotAJobId(text.chars().take(140).collect())) }
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for JobId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for JobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for JobId {
    fn schema_name() -> Cow<'static, str> {
        "JobId".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_.:~-]{1,128}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_creation() {
        let early = JobId::new_job(1_000, u128::MAX);
        let late = JobId::new_job(1_001, 0);
        assert!(early < late);
        assert_eq!(early.as_str().len(), 30);
        assert_eq!(early.as_str().parse::<JobId>().unwrap(), early);
    }

    #[test]
    fn refuses_what_breaks_a_path() {
        for text in ["", "a/b", "a b", "ä", "..", &"x".repeat(129)] {
            assert!(text.parse::<JobId>().is_err(), "{text}");
        }
        for text in ["nightly-2026.01:10", "550e8400-e29b-41d4-a716-446655440000"] {
            assert!(text.parse::<JobId>().is_ok(), "{text}");
        }
    }
}
