//! Signed identities, made by hand.

use hmac::{Hmac, KeyInit, Mac};
use retail_storage::IdentityKey;
use sha2::Sha256;

/// The value of `app.rls_signature`, which the policies believe.
///
/// It is for `who` (a UUID, or `all-stores`), for one connection (`retail_sec.connection_id()`), and
/// for transactions that begin up to `end_micros`, in microseconds since 1970. Written a second time on purpose: the tests must not trust the code that
/// they test.
pub fn signature(
    key: &[u8; IdentityKey::BYTES],
    who: &str,
    connection_id: &str,
    end_micros: i64,
) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(format!("v2|{who}|{connection_id}|{end_micros:016}").as_bytes());
    let mac = hex::encode(mac.finalize().into_bytes());
    format!("{}.{end_micros:016}.{mac}", IdentityKey::new(*key).id())
}
