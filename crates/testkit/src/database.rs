//! A database for one test.

use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};

use chrono::NaiveDate;
use retail_embedded_postgres::unique_name;
use retail_sample_data::{Dataset, Scale, Spec, Table};
use retail_storage::{
    Admin, CopyTable, DatabaseSettings, IdentityKey, LoadRecord, Login, MigrateOptions,
    PoolSettings, QueryDatabase, QueryLogins, ServiceDatabase,
};
use tokio::sync::OnceCell;

use crate::cluster;

/// Password of `retail_query` in tests.
pub const QUERY_PASSWORD: &str = "query-password";
/// Password of `retail_query_hq` in tests.
pub const HEAD_OFFICE_PASSWORD: &str = "head-office-password";
/// Password of `retail_service` in tests.
pub const SERVICE_PASSWORD: &str = "service-password";
/// The key that signs identities in tests.
pub const IDENTITY_KEY: [u8; IdentityKey::BYTES] = [42; IdentityKey::BYTES];

const TEMPLATE: &str = "retail_template";

/// The day until which the tests' sample data runs.
pub fn until() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 22).expect("a date")
}

/// A database of the test cluster that one test has for itself.
#[derive(Debug)]
pub struct TestDatabase {
    /// Its name.
    pub name: String,
}

impl TestDatabase {
    /// A new database, migrated, with the sample data at scale tiny. Copied from a template that is
    /// made once a test program.
    pub async fn seeded() -> Self {
        static SEEDED: OnceCell<()> = OnceCell::const_new();
        SEEDED.get_or_init(make_template).await;
        let database = Self::create(Some(TEMPLATE));
        // A copy has all of its template but the privileges on the database itself.
        let name = &database.name;
        database.psql(&format!("REVOKE CREATE, TEMPORARY ON DATABASE {name} FROM PUBLIC"));
        database
    }

    /// A new database with nothing in it.
    pub fn empty() -> Self {
        Self::create(None)
    }

    fn create(template: Option<&str>) -> Self {
        let name = unique_name("test");
        cluster().create_database(&name, template).expect("a new database");
        Self { name }
    }

    /// Where it is.
    pub fn settings(&self) -> DatabaseSettings {
        let connection = cluster().connection();
        DatabaseSettings::new(connection.host_string(), connection.port, &self.name)
    }

    /// The superuser of the cluster.
    pub fn superuser(&self) -> Login {
        let connection = cluster().connection();
        Login::new(&connection.superuser, connection.password.clone())
    }

    /// The two query roles.
    pub fn query_logins(&self) -> QueryLogins {
        QueryLogins {
            stores: Login::new("retail_query", QUERY_PASSWORD),
            head_office: Login::new("retail_query_hq", HEAD_OFFICE_PASSWORD),
        }
    }

    /// The server's own role.
    pub fn service_login(&self) -> Login {
        Login::new("retail_service", SERVICE_PASSWORD)
    }

    /// The server's own side.
    pub fn service_database(&self) -> ServiceDatabase {
        ServiceDatabase::new(&self.settings(), &self.service_login()).expect("a service database")
    }

    /// Connects as the superuser.
    pub async fn admin(&self) -> Admin {
        Admin::connect(&self.settings(), &self.superuser()).await.expect("an admin connection")
    }

    /// The query side, over `max_connections` connections.
    pub fn query_database(&self, max_connections: usize) -> QueryDatabase {
        QueryDatabase::new(
            &self.settings(),
            &self.query_logins(),
            IdentityKey::new(IDENTITY_KEY),
            PoolSettings {
                max_connections,
                acquire_timeout: std::time::Duration::from_secs(30),
                ..PoolSettings::default()
            },
        )
        .expect("a query database")
    }

    /// Runs SQL as the superuser by `psql` and gives what it prints, without headers.
    pub fn psql(&self, sql: &str) -> String {
        cluster().psql().run(&self.name, sql).expect("a statement that works")
    }

    /// What the tests' migrations set: passwords and key.
    pub fn migrate_options() -> MigrateOptions {
        MigrateOptions {
            adopt: false,
            query_password: Some(QUERY_PASSWORD.into()),
            head_office_password: Some(HEAD_OFFICE_PASSWORD.into()),
            service_password: Some(SERVICE_PASSWORD.into()),
            identity_key: Some(IdentityKey::new(IDENTITY_KEY)),
            connections: None,
        }
    }
}

impl Drop for TestDatabase {
    /// Does not wait. PostgreSQL drops a database once all its backends have taken note, and one whose client is about to sign in
    /// does so when that client goes on: where it is on the runtime of the thread that drops, it never did, for the 60 s
    /// after which PostgreSQL gives up on it.
    fn drop(&mut self) {
        static UNUSED: OnceLock<Sender<String>> = OnceLock::new();
        let unused = UNUSED.get_or_init(|| {
            let (unused, names) = channel::<String>();
            // Best effort: the cluster is thrown away with the test program.
            let drop_all =
                move || names.iter().for_each(|name| drop(cluster().drop_database(&name)));
            let _ = std::thread::Builder::new().name("unused databases".into()).spawn(drop_all);
            unused
        });
        let _ = unused.send(std::mem::take(&mut self.name));
    }
}

async fn make_template() {
    cluster().create_database(TEMPLATE, None).expect("a template database");
    let template = std::mem::ManuallyDrop::new(TestDatabase { name: TEMPLATE.to_owned() });
    let mut admin = template.admin().await;
    admin.migrate(&TestDatabase::migrate_options()).await.expect("a migrated template");
    let spec = Spec { seed: 42, scale: Scale::Tiny, until: until() };
    let dataset = Dataset::new(spec).expect("a data set");
    let tables = Table::ALL.into_iter().map(|table| CopyTable {
        table: table.name(),
        columns: table.columns(),
        chunks: Box::new(dataset.copy_chunks(table)),
    });
    let record = LoadRecord { seed: spec.seed, scale: spec.scale.to_string(), until: spec.until };
    admin.load(tables, &record, false, &mut |_, _| {}).await.expect("loaded sample data");
    // A template cannot be copied while somebody is connected to it.
    admin.close().await;
}
