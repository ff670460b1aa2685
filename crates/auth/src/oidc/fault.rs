//! Why a token is refused.

use retail_domain::{Error, ErrorCode};

/// Why a token is refused, for the log alone. It holds no part of the token but names of claims and, where
/// the operator needs them to see their mistake, `iss` and `aud`.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenFault {
    #[error("the token is longer than {0} bytes")]
    TooLong(usize),
    #[error("the token is no JWT, and no issuer has an introspection endpoint")]
    Opaque,
    #[error("the token does not decode: {0}")]
    Malformed(&'static str),
    #[error("the issuer {issuer} is not configured{hint}")]
    UnknownIssuer { issuer: String, hint: &'static str },
    #[error("the algorithm {0} is not one that the issuer may sign with")]
    Algorithm(String),
    #[error("the token is a {0}, not an access token")]
    NoAccessToken(&'static str),
    #[error("the token names no key (kid), and the issuer has {0}")]
    NoKeyId(usize),
    #[error("the issuer has no key of the token's kid{0}")]
    UnknownKey(&'static str),
    #[error("the key of the token's kid is not for its algorithm")]
    WrongKey,
    #[error("the signature does not match")]
    Signature,
    #[error("the claim {0} is missing")]
    Missing(&'static str),
    #[error("the claim {0} is not of its type")]
    Type(&'static str),
    #[error("the token is for the audience {audience}, and none of these is configured")]
    Audience { audience: String },
    #[error("the claim iss is not the issuer that was asked")]
    Issuer,
    #[error("the token expired {0} s ago")]
    Expired(i64),
    #[error("the token is good only in {0} s")]
    NotYetValid(i64),
    #[error("the token was issued {0} s in the future")]
    IssuedLater(i64),
    #[error("the token expires before it was issued")]
    NoLife,
    #[error("the subject of the token is empty, too long or has control characters")]
    BadSubject,
    #[error("the token is bound to a key of its holder (cnf), which is not checked here")]
    Bound,
    #[error("the issuer says that the token is not active")]
    Inactive,
    #[error("the identity provider {issuer} does not answer: {reason}")]
    Provider { issuer: String, reason: String },
    #[error("too many tokens of {issuer} are being looked up")]
    Busy { issuer: String },
}

impl TokenFault {
    /// Whether another provider may know the token.
    pub(super) fn is_inactive(&self) -> bool {
        matches!(self, Self::Inactive)
    }
}

impl From<TokenFault> for Error {
    fn from(fault: TokenFault) -> Self {
        let message = match fault {
            TokenFault::Provider { .. } => {
                return Self::unavailable("the identity provider", fault);
            }
            TokenFault::Busy { .. } => {
                return Self::new(ErrorCode::Overloaded, "too many sign-ins at once")
                    .with_hint("try again in a moment")
                    .with_cause(fault);
            }
            TokenFault::Expired(_) => "the token has expired",
            _ => "the token is not valid",
        };
        Self::new(ErrorCode::Unauthenticated, message).with_cause(fault)
    }
}

/// Text of a token for the log: escaped, and cut.
pub(super) fn quoted(text: &str) -> String {
    const MAX_CHARS: usize = 200;
    let cut: String = text.chars().take(MAX_CHARS).collect();
    format!("{cut:?}")
}
