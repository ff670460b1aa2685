//! Acting for one store.

use retail_domain::ports::{ActingStore, StoreDirectory};
use retail_domain::{Error, ErrorCode, Scope, Store, VerifiedIdentity, Visibility};

/// The longest reason, in characters. It stands in the audit log.
const MAX_REASON_CHARS: usize = 200;

/// No name of a store is longer, in bytes. What is longer is not looked for.
const MAX_STORE_BYTES: usize = 200;

/// Narrows an identity to the store that its caller wants to act for, if they named one.
///
/// A caller who may see all stores then sees what that store's manager sees: the rows of that store, without
/// costs and without the operator's rights. They must give a reason, which the audit log keeps. A caller of
/// one store may name that store alone.
///
/// # Errors
/// [`Forbidden`](ErrorCode::Forbidden) when a store's caller names another one, whether there is such a store
/// or not. [`InvalidArgument`](ErrorCode::InvalidArgument) when the reason is missing, is too long or has
/// control characters, and when head office names a store that there is not. Those of `stores`.
///
/// ```
/// # use retail_domain::{Error, ErrorCode, VerifiedIdentity, Visibility};
/// # use retail_domain::ports::{ActingStore, StoreDirectory};
/// # async fn example(identity: VerifiedIdentity, stores: &dyn StoreDirectory) -> Result<(), Error> {
/// let acting = ActingStore { store: "Zava Retail Seattle".to_owned(), reason: Some("ticket 12".to_owned()) };
/// let narrowed = retail_auth::act_for(identity, Some(&acting), stores).await?;
/// assert_ne!(narrowed.visibility, Visibility::AllStores);
/// # Ok(())
/// # }
/// ```
pub async fn act_for(
    identity: VerifiedIdentity,
    acting_store: Option<&ActingStore>,
    stores: &dyn StoreDirectory,
) -> Result<VerifiedIdentity, Error> {
    let Some(acting) = acting_store else {
        return Ok(identity);
    };
    match &identity.visibility {
        Visibility::Store(own) if is_named(own, &acting.store) => Ok(identity),
        Visibility::Store(_) => Err(not_yours()),
        Visibility::AllStores => view_as(identity, acting, stores).await,
    }
}

/// Whether `name` is the store's name or its key.
pub(crate) fn is_named(store: &Store, name: &str) -> bool {
    store.name == name || store.id.to_string() == name
}

/// The same for a store that exists and for one that does not: a caller cannot find out names.
pub(crate) fn not_yours() -> Error {
    Error::new(ErrorCode::Forbidden, "this identity may not act for that store")
}

async fn view_as(
    mut identity: VerifiedIdentity,
    acting: &ActingStore,
    stores: &dyn StoreDirectory,
) -> Result<VerifiedIdentity, Error> {
    let reason = reason_of(acting)?;
    let store = match acting.store.len() {
        1..=MAX_STORE_BYTES => stores.store_named(&acting.store).await?,
        _ => None,
    };
    let Some(store) = store else {
        return Err(Error::new(
            ErrorCode::InvalidArgument,
            "there is no store of this name or key",
        ));
    };
    identity.visibility = Visibility::Store(store);
    for scope in [Scope::Costs, Scope::Admin] {
        identity.scopes.remove(&scope);
        identity.step_up.remove(&scope);
    }
    identity.view_as_reason = Some(reason);
    Ok(identity)
}

fn reason_of(acting: &ActingStore) -> Result<String, Error> {
    let refuse = |message| {
        Err(Error::new(ErrorCode::InvalidArgument, message)
            .with_hint("say in 1 to 200 characters why you look at this store as its manager does"))
    };
    let reason = acting.reason.as_deref().unwrap_or_default().trim();
    if reason.is_empty() {
        return refuse("to act for one store, an identity that sees all stores must give a reason");
    }
    if reason.chars().count() > MAX_REASON_CHARS || reason.chars().any(char::is_control) {
        return refuse("the reason is too long or has control characters");
    }
    Ok(reason.to_owned())
}
