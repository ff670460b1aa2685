#![doc = include_str!("../README.md")]
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a benchmark whose set-up fails has nothing to measure"
)]

mod calls;
mod policies;

pub use calls::{ConstantRunner, Way, call, mcp_service};
pub use policies::{Policy, PolicyTarget};
use retail_embeddings::{LocalEmbedder, LocalModelOptions};
use retail_sample_data::{Catalogue, Dataset, Scale, Spec, Table};
use retail_sql_guard::{Guard, GuardPolicy};
use retail_storage::{Admin, CopyTable, LoadRecord};
use retail_testkit::{TestDatabase, until};

/// The sample data of `scale` that all benchmarks use: seed 42, until the tests' last day.
pub fn dataset(scale: Scale) -> Dataset {
    Dataset::new(Spec { seed: 42, scale, until: until() }).expect("a data set")
}

/// The guard of the retail schema.
pub fn retail_guard() -> Guard {
    let policy = include_str!("../../crates/storage/policy/retail.toml");
    Guard::new(GuardPolicy::from_toml(policy).expect("the retail policy"))
}

/// What analysts write: the collection that the guard's tests use.
pub fn benign_statements() -> Vec<String> {
    let lines = include_str!("../../crates/testkit/corpus/benign.jsonl").lines();
    lines
        .map(|line| {
            let entry: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
            entry.get("sql").and_then(|sql| sql.as_str()).expect("a statement").to_owned()
        })
        .collect()
}

/// The local model, from the cache folder, or downloaded now.
pub fn local_embedder() -> LocalEmbedder {
    let root = retail_wheels::default_data_root();
    LocalEmbedder::start(&LocalModelOptions::new(root)).expect("the local model")
}

/// The texts of all products as `retail-mcp embed` writes them: name, type, category and description.
pub fn product_texts() -> Vec<String> {
    let catalogue = Catalogue::embedded().expect("the catalogue");
    let type_of = |id| catalogue.types().iter().find(|of| of.type_id == id).expect("a type");
    let category_of =
        |id| catalogue.categories().iter().find(|of| of.category_id == id).expect("a category");
    let products = catalogue.products().iter();
    products
        .map(|product| {
            let kind = &type_of(product.type_id).name;
            let category = &category_of(product.category_id).name;
            format!("{}. {kind}, {category}. {}", product.name, product.description)
        })
        .collect()
}

/// Makes the rows of `table` as COPY text, throws them away, and gives their number.
pub fn generate(dataset: &Dataset, table: Table) -> u64 {
    let mut chunks = dataset.copy_chunks(table);
    for chunk in &mut chunks {
        std::hint::black_box(chunk);
    }
    chunks.rows_written()
}

/// Makes the rows of all tables as COPY text, throws them away, and gives their number.
pub fn generate_all(dataset: &Dataset) -> u64 {
    Table::ALL.into_iter().map(|table| generate(dataset, table)).sum()
}

/// A migrated database of its own to load into, and a connection that may.
#[derive(Debug)]
pub struct LoadTarget {
    admin: Admin,
    // After the connection, since it is dropped with this value.
    _database: TestDatabase,
}

impl LoadTarget {
    /// A database with all tables and no rows.
    pub async fn new() -> Self {
        let database = TestDatabase::empty();
        let mut admin = database.admin().await;
        admin.migrate(&TestDatabase::migrate_options()).await.expect("a migrated database");
        Self { admin, _database: database }
    }

    /// Loads all tables as `retail-mcp seed --replace` does: one transaction that empties the
    /// tables, fills them by COPY and commits, then VACUUM ANALYZE. Gives the number of rows.
    pub async fn load(&mut self, dataset: &Dataset) -> u64 {
        let spec = dataset.spec();
        let record =
            LoadRecord { seed: spec.seed, scale: spec.scale.to_string(), until: spec.until };
        let tables = Table::ALL.into_iter().map(|table| CopyTable {
            table: table.name(),
            columns: table.columns(),
            chunks: Box::new(dataset.copy_chunks(table)),
        });
        let mut loaded = 0;
        self.admin
            .load(tables, &record, true, &mut |_, rows| loaded += rows)
            .await
            .expect("loaded sample data");
        loaded
    }
}
