//! What a kept answer is found by.

use std::fmt;
use std::io;
use std::marker::PhantomData;

use hmac::{Hmac, KeyInit, Mac};
use retail_domain::{Error, Principal, Store, VerifiedIdentity, Visibility};
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;

use crate::kind::{Audience, Cacheable, Everyone, OneIdentity};

/// To be raised when the parts of a key change.
const FORMAT: u32 = 1;

/// A keyed hash of all that decides an answer. Nothing of the request can be read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Digest(pub(crate) [u8; 32]);

/// What decides all answers of a server, besides identity, request and data. Servers that differ in any of it
/// share nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Version of the database's schema: the last migration.
    pub schema_version: String,
    /// Version of what callers may see and ask: row security, grants, the guard's policy, settings of searches.
    pub policy_version: String,
    /// Language and formats of answers, such as `en-US`. Empty where there is one for all.
    pub locale: String,
}

/// Makes keys. Servers that share answers have the same secret and the same [`Surroundings`].
#[derive(Clone)]
pub struct KeySpace {
    /// Has taken in what all keys begin with.
    digests: Hmac<Sha256>,
    seals: Hmac<Sha256>,
}

impl KeySpace {
    /// A key space of a secret, which must be used for nothing else.
    pub fn new(secret: &SecretBox<[u8; 32]>, surroundings: &Surroundings) -> Self {
        let Surroundings { schema_version, policy_version, locale } = surroundings;
        let mut digests = sub_key(secret, b"retail-cache: keys");
        digests.update(&FORMAT.to_be_bytes());
        for part in [schema_version, policy_version, locale] {
            text(&mut digests, part);
        }
        Self { digests, seals: sub_key(secret, b"retail-cache: values") }
    }

    /// For seals under values.
    pub(crate) fn seal(&self) -> Hmac<Sha256> {
        self.seals.clone()
    }

    fn digest<V: Cacheable>(
        &self,
        principal: Option<&Principal>,
        request: &V::Request<'_>,
    ) -> Result<Digest, Error> {
        let mut mac = self.digests.clone();
        text(&mut mac, V::KIND.name);
        mac.update(&V::KIND.format.to_be_bytes());
        match principal {
            None => mac.update(&[0]),
            Some(principal) => {
                mac.update(&[1]);
                identity(&mut mac, principal.identity());
            }
        }
        // Last, so it needs no length.
        postcard::to_io(request, Into(&mut mac)).map_err(Error::internal)?;
        Ok(Digest(mac.finalize().into_bytes().into()))
    }
}

impl fmt::Debug for KeySpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySpace").finish_non_exhaustive()
    }
}

/// What an answer of the type `V` is found by.
///
/// An answer for [`OneIdentity`] has no key without a principal; this does not compile:
///
/// ```compile_fail,E0271
/// # use std::time::Duration;
/// # use retail_cache::{Cacheable, Key, KeySpace, Kind, OneIdentity};
/// # use retail_domain::TableGroups;
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Turnover(u64);
///
/// impl Cacheable for Turnover {
///     type Audience = OneIdentity;
/// #   type Request<'a> = ();
/// #   const KIND: Kind = Kind {
/// #       name: "turnover",
/// #       format: 1,
/// #       time_to_live: Duration::from_secs(1),
/// #       stale_for: Duration::ZERO,
/// #       depends_on: TableGroups::ALL,
/// #   };
/// #   fn weight(&self) -> usize { 8 }
/// }
///
/// fn key(space: &KeySpace) -> Result<Key<Turnover>, retail_domain::Error> {
///     Key::for_everyone(space, &())
/// }
/// ```
///
/// With a principal it does:
///
/// ```
/// # use std::time::Duration;
/// # use retail_cache::{Cacheable, Key, KeySpace, Kind, OneIdentity};
/// # use retail_domain::{Principal, TableGroups};
/// # #[derive(serde::Serialize, serde::Deserialize)]
/// # struct Turnover(u64);
/// # impl Cacheable for Turnover {
/// #   type Audience = OneIdentity;
/// #   type Request<'a> = ();
/// #   const KIND: Kind = Kind {
/// #       name: "turnover",
/// #       format: 1,
/// #       time_to_live: Duration::from_secs(1),
/// #       stale_for: Duration::ZERO,
/// #       depends_on: TableGroups::ALL,
/// #   };
/// #   fn weight(&self) -> usize { 8 }
/// # }
/// fn key(space: &KeySpace, caller: &Principal) -> Result<Key<Turnover>, retail_domain::Error> {
///     Key::for_identity(space, caller, &())
/// }
/// ```
pub struct Key<V> {
    pub(crate) digest: Digest,
    value: PhantomData<fn() -> V>,
}

impl<V: Cacheable> Key<V> {
    /// The key of an answer that is the same for all.
    ///
    /// # Errors
    /// [`Internal`](retail_domain::ErrorCode::Internal) for a request that cannot be written.
    pub fn for_everyone(space: &KeySpace, request: &V::Request<'_>) -> Result<Self, Error>
    where
        V: Cacheable<Audience = Everyone>,
    {
        Ok(Self { digest: space.digest::<V>(None, request)?, value: PhantomData })
    }

    /// The key of the answer that `principal` gets.
    ///
    /// # Errors
    /// [`Internal`](retail_domain::ErrorCode::Internal) for a request that cannot be written.
    pub fn for_identity(
        space: &KeySpace,
        principal: &Principal,
        request: &V::Request<'_>,
    ) -> Result<Self, Error>
    where
        V: Cacheable<Audience = OneIdentity>,
    {
        Ok(Self { digest: space.digest::<V>(Some(principal), request)?, value: PhantomData })
    }

    pub(crate) const fn is_personal() -> bool {
        <V::Audience as Audience>::IS_PERSONAL
    }
}

impl<V> fmt::Debug for Key<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&hex::encode(self.digest.0)).finish()
    }
}

/// A key of its own for one use.
fn sub_key(secret: &SecretBox<[u8; 32]>, purpose: &[u8]) -> Hmac<Sha256> {
    let mut mac = keyed(secret.expose_secret());
    mac.update(purpose);
    keyed(&mac.finalize().into_bytes())
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key")
}

/// Every field, by name: a new one does not compile until it is here.
fn identity(mac: &mut Hmac<Sha256>, identity: &VerifiedIdentity) {
    let VerifiedIdentity { subject, issuer, visibility, scopes, step_up, actor, view_as_reason } =
        identity;
    text(mac, subject);
    for part in [issuer, actor, view_as_reason] {
        match part {
            None => mac.update(&[0]),
            Some(part) => {
                mac.update(&[1]);
                text(mac, part);
            }
        }
    }
    match visibility {
        Visibility::AllStores => mac.update(&[0]),
        Visibility::Store(Store { id, name, rls_user_id }) => {
            mac.update(&[1]);
            mac.update(&id.0.to_be_bytes());
            mac.update(rls_user_id.0.as_bytes());
            text(mac, name);
        }
    }
    for scopes in [scopes, step_up] {
        mac.update(&(scopes.len() as u64).to_be_bytes());
        for scope in scopes {
            text(mac, scope.as_str());
        }
    }
}

/// With its length, so that no two lists of texts give the same bytes.
fn text(mac: &mut Hmac<Sha256>, text: &str) {
    mac.update(&(text.len() as u64).to_be_bytes());
    mac.update(text.as_bytes());
}

struct Into<'a>(&'a mut Hmac<Sha256>);

impl io::Write for Into<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
