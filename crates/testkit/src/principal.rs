//! Principals for tests.

use async_trait::async_trait;
use retail_domain::ports::{Credential, IdentityResolver};
use retail_domain::{
    Error, Principal, RlsUserId, Scope, Store, StoreId, VerifiedIdentity, Visibility,
};
use retail_sample_data::STORES;

/// A resolver that takes any credential for one known caller.
#[derive(Debug, Clone)]
pub struct KnownIdentity(pub Visibility);

#[async_trait]
impl IdentityResolver for KnownIdentity {
    async fn verify(&self, _: &Credential) -> Result<VerifiedIdentity, Error> {
        Ok(VerifiedIdentity::new(self.0.label(), self.0.clone(), Scope::ALL))
    }
}

/// A store of the sample data, by its full name.
pub fn store(name: &str) -> Store {
    stores().into_iter().find(|store| store.name == name).expect("a store of the sample data")
}

/// All stores of the sample data.
pub fn stores() -> Vec<Store> {
    STORES
        .iter()
        .map(|store| Store {
            id: StoreId(store.store_id),
            name: store.name.to_owned(),
            rls_user_id: RlsUserId(store.rls_user_id.parse().expect("a UUID")),
        })
        .collect()
}

/// The manager of a store, with all scopes.
pub async fn principal(store: Store) -> Principal {
    resolve(Visibility::Store(store)).await
}

/// Head office, with all scopes.
pub async fn head_office() -> Principal {
    resolve(Visibility::AllStores).await
}

async fn resolve(visibility: Visibility) -> Principal {
    KnownIdentity(visibility)
        .resolve(&Credential::bearer_token(""))
        .await
        .expect("a known identity")
}
