//! What is wrong with a token, for whoever runs the node. The bearer learns none of it.

use crate::Refused;

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("it is no JWT")]
    Form,
    #[error("its algorithm is not among those of the configuration")]
    Algorithm,
    #[error("its header asks for something that is not done here (`crit`, `enc`, `zip`)")]
    Extension,
    #[error("its `typ` says that it is a token for another purpose")]
    Purpose,
    #[error("its `iss` is not the issuer of the configuration")]
    Issuer,
    #[error("its `aud` has none of the audiences of the configuration")]
    Audience,
    #[error("its key is not among those of the provider")]
    UnknownKey,
    #[error("there are no keys of the provider yet")]
    NoKeys,
    #[error("its key is for another algorithm, or it does not say which of several keys it is")]
    Key,
    #[error("its signature is wrong")]
    Signature,
    #[error("it has no `exp`, or a time in it is none")]
    Times,
    #[error("it is not valid yet")]
    TooEarly,
    #[error("it lasts longer than 90 days, for which revocations are kept")]
    TooLong,
    #[error("it has expired")]
    Expired,
    #[error("it names no tenant: let the provider add the claim, or set sign_in.jwt.tenant")]
    Tenant,
    #[error("it names no subject")]
    Subject,
    #[error("its `jti` is no text of up to 256 bytes")]
    Id,
}

impl Fault {
    /// A word for counters.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Algorithm => "algorithm",
            Self::Extension => "extension",
            Self::Purpose => "purpose",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::UnknownKey => "unknown_key",
            Self::NoKeys => "no_keys",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Times => "times",
            Self::TooEarly => "too_early",
            Self::TooLong => "too_long",
            Self::Expired => "expired",
            Self::Tenant => "tenant",
            Self::Subject => "subject",
            Self::Id => "id",
        }
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::UnknownKey | Fault::NoKeys => Self::NotKnownYet,
            // Told after the signature was checked, so only to somebody who held a genuine one.
            Fault::Expired => Self::Expired,
            Fault::Form
            | Fault::Algorithm
            | Fault::Extension
            | Fault::Purpose
            | Fault::Issuer
            | Fault::Audience
            | Fault::Key
            | Fault::Signature
            | Fault::Times
            | Fault::TooEarly
            | Fault::TooLong
            | Fault::Tenant
            | Fault::Subject
            | Fault::Id => Self::Invalid,
        }
    }
}
