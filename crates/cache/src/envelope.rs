//! An answer as bytes that a shared tier keeps, which is not trusted.
//!
//! `magic, format, length of the body, seal, body`. The seal is an HMAC over the digest of the key and the body, so a
//! value that was changed, or moved to another key, is not believed. The body is the [`Origin`] and the value.

use std::cmp::Ordering;

use hmac::Mac;

use crate::entry::{Entry, Origin};
use crate::key::{Digest, KeySpace};
use crate::kind::Cacheable;

const MAGIC: [u8; 4] = *b"RtlC";
const FORMAT: u8 = 1;
const SEAL_BYTES: usize = 32;
/// Bytes before the body.
pub(crate) const HEAD_BYTES: usize = MAGIC.len() + 1 + 4 + SEAL_BYTES;

/// Why bytes are no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// They end too early.
    Truncated,
    /// They are of another release.
    Format,
    /// Nobody who knows the key wrote them, or not for this key.
    Poisoned,
}

/// Writes an answer for the place `digest`. None when it cannot be written, or its body has more than `most_bytes`.
pub(crate) fn seal<V: Cacheable>(
    space: &KeySpace,
    digest: &Digest,
    value: &V,
    origin: &Origin,
    most_bytes: usize,
) -> Option<Vec<u8>> {
    let body = postcard::to_stdvec(&(origin, value)).ok()?;
    if body.len() > most_bytes {
        return None;
    }
    let length = u32::try_from(body.len()).ok()?;
    let mut bytes = Vec::with_capacity(HEAD_BYTES + body.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.push(FORMAT);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&mac(space, digest, &body).finalize().into_bytes());
    bytes.extend_from_slice(&body);
    Some(bytes)
}

/// Reads what [`seal`] wrote for the same place.
pub(crate) fn open<V: Cacheable>(
    space: &KeySpace,
    digest: &Digest,
    bytes: &[u8],
) -> Result<Entry, Rejected> {
    let (magic, rest) = bytes.split_at_checked(MAGIC.len()).ok_or(Rejected::Truncated)?;
    if magic != MAGIC {
        return Err(Rejected::Poisoned);
    }
    let (format, rest) = rest.split_first().ok_or(Rejected::Truncated)?;
    if *format != FORMAT {
        return Err(Rejected::Format);
    }
    let (length, rest) = rest.split_first_chunk().ok_or(Rejected::Truncated)?;
    let (seal, body) = rest.split_at_checked(SEAL_BYTES).ok_or(Rejected::Truncated)?;
    match body.len().cmp(&usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX)) {
        Ordering::Less => return Err(Rejected::Truncated),
        Ordering::Equal => {}
        Ordering::Greater => return Err(Rejected::Poisoned),
    }
    mac(space, digest, body).verify_slice(seal).map_err(|_| Rejected::Poisoned)?;
    // A server of ours wrote it. What cannot be read was of another shape.
    let (origin, value): (Origin, V) = postcard::from_bytes(body).map_err(|_| Rejected::Format)?;
    Ok(Entry::new(value, origin))
}

fn mac(space: &KeySpace, digest: &Digest, body: &[u8]) -> hmac::Hmac<sha2::Sha256> {
    let mut mac = space.seal();
    mac.update(&[FORMAT]);
    // Of one length, so it cannot run into the body.
    mac.update(&digest.0);
    mac.update(body);
    mac
}
