//! A catalogue with the vectors of the real local model.

use std::sync::{Arc, OnceLock};

use retail_domain::ports::Embedder;
use retail_embedded_postgres::default_data_root;
use retail_embeddings::{LocalEmbedder, LocalModelOptions};
use retail_testkit::TestDatabase;
use tokio::sync::OnceCell;

use super::{run_on, scratch};

/// Environment with which a process embeds by the local model.
pub(crate) fn local_model() -> Vec<(&'static str, String)> {
    let folder = cached().folder().display().to_string();
    vec![("EMBEDDINGS__PROVIDER", "local".to_owned()), ("EMBEDDINGS__MODEL_DIR", folder)]
}

fn options() -> LocalModelOptions {
    LocalModelOptions::new(default_data_root())
}

fn cached() -> retail_embeddings::local::LocalModel {
    retail_embeddings::local::LocalModel::locate(&options()).unwrap()
}

/// The local model, loaded once.
pub(crate) fn embedder() -> Arc<dyn Embedder> {
    static LOADED: OnceLock<Arc<LocalEmbedder>> = OnceLock::new();
    LOADED.get_or_init(|| Arc::new(LocalEmbedder::start(&options()).unwrap())).clone()
}

/// A database whose catalogue `retail-mcp embed` has filled. Shared: tests only read it.
pub(crate) async fn embedded() -> &'static TestDatabase {
    static EMBEDDED: OnceCell<TestDatabase> = OnceCell::const_new();
    EMBEDDED
        .get_or_init(async || {
            let database = TestDatabase::seeded().await;
            let folder = scratch();
            let variables = local_model();
            let variables: Vec<(&str, &str)> =
                variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let finished = run_on(&database, folder.path(), &["embed"], &variables);
            assert_eq!(finished.code, Some(0), "{finished:?}");
            println!("{}", finished.stdout.trim_end());
            database
        })
        .await
}
