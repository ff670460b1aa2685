//! Flags that name an identity. Head office must be asked for by its own flag.

use anyhow::{Context, bail};
use clap::Args;
use retail_auth::StoreGrant;
use retail_domain::{RlsUserId, Store};
use retail_storage::{Admin, ChainStore};
use uuid::Uuid;

use crate::access;
use crate::config::Config;
use crate::local::{self, LocalDatabase};

/// Which rows: one of the two flags. Neither is no identity.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct IdentityFlags {
    /// One store: its name, a part of it such as seattle, or its `rls_user_id`
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
    /// Head office: the rows of all stores
    #[arg(long)]
    all_stores: bool,
}

impl IdentityFlags {
    /// The grant that the flags name, or none. A store's name is looked up in the database; its
    /// `rls_user_id` needs no database.
    pub(super) async fn grant(&self, config: &Config) -> anyhow::Result<Option<StoreGrant>> {
        let Some(name) = &self.store else {
            return Ok(self.all_stores.then_some(StoreGrant::AllStores));
        };
        if let Ok(id) = Uuid::parse_str(name) {
            return Ok(Some(StoreGrant::Store(RlsUserId(id))));
        }
        let store = find(&stores(config).await?, name)?;
        Ok(Some(StoreGrant::Store(store.rls_user_id)))
    }
}

/// The store of a name, or of a word of it.
pub(super) fn find_store(stores: &[ChainStore], name: &str) -> anyhow::Result<Store> {
    find(stores, name)
}

/// The stores of the configured database, or else of the embedded one.
async fn stores(config: &Config) -> anyhow::Result<Vec<ChainStore>> {
    if config.database.host.is_some() {
        let login = access::admin(&config.database).context(
            "database.admin_user must be set to find a store by its name; or give its rls_user_id",
        )?;
        let mut admin = Admin::connect(&access::settings(&config.database)?, &login).await?;
        return Ok(admin.stores().await?);
    }
    let local =
        LocalDatabase::attach_or_start(&local::data_dir(config.data_dir.as_deref())).await?;
    let stores = stores_of(&local).await;
    local.stop_after(stores).await
}

async fn stores_of(local: &LocalDatabase) -> anyhow::Result<Vec<ChainStore>> {
    let mut admin = local.admin().await?;
    let stores = admin.stores().await?;
    admin.close().await;
    Ok(stores)
}

/// The one store whose name is, or has as one of its words, `name`.
fn find(stores: &[ChainStore], name: &str) -> anyhow::Result<Store> {
    let wanted = name.to_lowercase();
    let exact = stores.iter().find(|one| one.store.name.to_lowercase() == wanted);
    if let Some(one) = exact {
        return Ok(one.store.clone());
    }
    let by_word: Vec<_> = stores
        .iter()
        .filter(|one| one.store.name.to_lowercase().split_whitespace().any(|word| word == wanted))
        .collect();
    match by_word.as_slice() {
        [one] => Ok(one.store.clone()),
        [] if stores.is_empty() => bail!("the database has no stores yet; run `retail-mcp seed`"),
        found => {
            let problem =
                if found.is_empty() { "no store is called" } else { "several stores are called" };
            let names: Vec<_> = stores.iter().map(|one| one.store.name.as_str()).collect();
            bail!("{problem} {name:?}; the stores are: {}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use retail_domain::StoreId;
    use rstest::rstest;

    use super::*;

    fn chain() -> Vec<ChainStore> {
        ["Zava Retail Seattle", "Zava Retail Online"]
            .into_iter()
            .zip(1..)
            .map(|(name, id)| ChainStore {
                store: Store {
                    id: StoreId(id),
                    name: name.to_owned(),
                    rls_user_id: RlsUserId(Uuid::from_u128(id.unsigned_abs().into())),
                },
                is_online: id == 2,
            })
            .collect()
    }

    #[rstest]
    #[case("seattle", 1)]
    #[case("Zava Retail Online", 2)]
    #[case("ONLINE", 2)]
    fn a_store_is_found_by_a_word_of_its_name(#[case] name: &str, #[case] id: i32) {
        assert_eq!(find(&chain(), name).unwrap().id, StoreId(id));
    }

    #[rstest]
    #[case("sea", "no store is called \"sea\"")]
    #[case("zava", "several stores are called \"zava\"")]
    #[case("", "no store is called")]
    fn an_unclear_name_is_refused(#[case] name: &str, #[case] message: &str) {
        let error = find(&chain(), name).unwrap_err().to_string();
        assert!(error.contains(message) && error.contains("Zava Retail Seattle"), "{error}");
    }
}
