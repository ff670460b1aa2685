//! The data that is asked for, and who writes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use retail_auth::StoreGrant;
use retail_testkit::{TestDatabase, stores};
use secrecy::ExposeSecret as _;
use tokio_postgres::{Client, Config, NoTls};

use crate::history::{History, STEP};

/// Between two writes.
const WRITE_EVERY: Duration = Duration::from_millis(200);
/// Until the database is asked again whether it is back.
const ASK_AGAIN: Duration = Duration::from_millis(50);

const SUMS: &str = "SELECT store_id, sum(stock_level) FROM retail.inventory GROUP BY 1";
const WRITE: &str = "UPDATE retail.inventory SET stock_level = stock_level + $2::int
    WHERE store_id = $1 AND product_id = 1";

/// One who asks, and what is right for them.
#[derive(Debug)]
pub(crate) struct Asker {
    pub(crate) name: String,
    pub(crate) grant: StoreGrant,
    /// None for head office.
    store_id: Option<i32>,
    pub(crate) units: History,
}

/// Eight managers and head office, each with units in stock that no other can have.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) askers: Vec<Arc<Asker>>,
    /// How many writes there were.
    pub(crate) writes: AtomicU64,
    config: Config,
}

impl World {
    /// Gives each store a sum of its own kind.
    pub(crate) async fn new(database: &TestDatabase) -> Result<Self> {
        let settings = database.settings();
        let superuser = database.superuser();
        let mut config = Config::new();
        config.host(&settings.host).port(settings.port).dbname(&database.name);
        config.user(&superuser.user);
        if let Some(password) = &superuser.password {
            config.password(password.expose_secret());
        }
        let client = connect(&config).await?;
        for (store_id, units) in sums(&client).await? {
            let more = (i64::from(store_id) - units).rem_euclid(STEP);
            write(&client, store_id, i32::try_from(more)?).await?;
        }
        let sums = sums(&client).await?;
        let mut askers = vec![Arc::new(Asker {
            name: "head office".to_owned(),
            grant: StoreGrant::AllStores,
            store_id: None,
            units: History::new(sums.iter().map(|(_, units)| units).sum()),
        })];
        for store in stores() {
            let of_store = sums.iter().find(|(store_id, _)| *store_id == store.id.0);
            let (store_id, units) = *of_store.context("a store without stock")?;
            askers.push(Arc::new(Asker {
                name: store.name,
                grant: StoreGrant::Store(store.rls_user_id),
                store_id: Some(store_id),
                units: History::new(units),
            }));
        }
        Ok(Self { askers, writes: AtomicU64::new(0), config })
    }

    /// Sells and buys on and on; where the database does not answer, it goes on when that does.
    pub(crate) async fn write_on(&self) {
        loop {
            if let Ok(client) = connect(&self.config).await {
                // Also what was lost with the server is read anew.
                let _ = self.write_with(&client).await;
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    async fn write_with(&self, client: &Client) -> Result<()> {
        self.look(client).await?;
        loop {
            for asker in &self.askers {
                let Some(store_id) = asker.store_id else { continue };
                let both = [Some(asker), self.askers.first()].into_iter().flatten();
                for changed in both.clone() {
                    changed.units.may_become(changed.units.value() + STEP);
                }
                write(client, store_id, i32::try_from(STEP)?).await?;
                self.writes.fetch_add(1, Ordering::Relaxed);
                for changed in both {
                    changed.units.has_become();
                }
                tokio::time::sleep(WRITE_EVERY).await;
            }
        }
    }

    /// Whether the last write came to the database before that went away is known only now.
    async fn look(&self, client: &Client) -> Result<()> {
        let sums = sums(client).await?;
        for asker in &self.askers {
            let own = sums.iter().filter(|(id, _)| asker.store_id.is_none_or(|own| own == *id));
            asker.units.may_become(own.map(|(_, units)| units).sum());
            asker.units.has_become();
        }
        Ok(())
    }
}

async fn connect(config: &Config) -> Result<Client> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn sums(client: &Client) -> Result<Vec<(i32, i64)>> {
    let rows = client.query(SUMS, &[]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

async fn write(client: &Client, store_id: i32, more: i32) -> Result<()> {
    let written = client.execute(WRITE, &[&store_id, &more]).await?;
    anyhow::ensure!(written == 1, "store {store_id} has no first product");
    Ok(())
}
