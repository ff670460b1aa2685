//! `retail-mcp embed`: filling, going on, and saying what there is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::routing::post;
use axum::{Json, Router};
use retail_testkit::TestDatabase;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::support::{PATIENCE, eventually, run, run_on, scratch, start_on};

/// Vectors that the tests' service gives.
const WITH_VECTOR: &str = "SELECT count(*) FROM retail_mcp.product_embeddings";

/// An embedding service that answers as long as there are permits.
struct Service {
    base_url: String,
    permits: Arc<Semaphore>,
    texts: Arc<AtomicUsize>,
}

impl Service {
    async fn start(permits: usize) -> Self {
        let permits = Arc::new(Semaphore::new(permits));
        let texts = Arc::new(AtomicUsize::new(0));
        let (taken, counted) = (Arc::clone(&permits), Arc::clone(&texts));
        let answer = move |Json(request): Json<Value>| {
            let (taken, counted) = (Arc::clone(&taken), Arc::clone(&counted));
            async move {
                taken.acquire().await.unwrap().forget();
                let input = request["input"].as_array().unwrap();
                counted.fetch_add(input.len(), Ordering::SeqCst);
                let data = input.iter().enumerate().map(|(index, text)| {
                    let length = text.as_str().unwrap().len();
                    json!({ "object": "embedding", "index": index, "embedding": [length, index + 1, 1] })
                });
                Json(json!({
                    "object": "list",
                    "model": request["model"],
                    "data": data.collect::<Vec<_>>(),
                    "usage": { "prompt_tokens": 1, "total_tokens": 1 },
                }))
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let router = Router::new().route("/v1/embeddings", post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base_url: format!("http://{address}/v1"), permits, texts }
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        vec![
            ("EMBEDDINGS__PROVIDER", "openai"),
            ("EMBEDDINGS__OPENAI__BASE_URL", &self.base_url),
            ("EMBEDDINGS__MODEL", "test-model"),
            ("EMBEDDINGS__DIMENSIONS", "3"),
        ]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_stale_is_embedded_and_no_more() {
    let scratch = scratch();
    let database = TestDatabase::seeded().await;
    let service = Service::start(usize::MAX >> 3).await;
    let embed = |more: &[&str]| {
        let arguments = [&["embed"][..], more].concat();
        let finished = run_on(&database, scratch.path(), &arguments, &service.variables());
        assert_eq!(finished.code, Some(0), "{finished:?}");
        finished.stdout
    };
    let products: usize =
        database.psql("SELECT count(*) FROM retail.products").trim().parse().unwrap();
    assert!(embed(&["--status"]).contains("no vectors yet"));

    let told = embed(&[]);
    assert!(told.contains(&format!("embedded {products} products")), "{told}");
    assert!(told.contains("products/s"), "{told}");
    assert_eq!(service.texts.load(Ordering::SeqCst), products);
    assert!(embed(&[]).contains("nothing was missing or stale"));
    assert_eq!(service.texts.load(Ordering::SeqCst), products);
    let status = embed(&["--status"]);
    assert!(status.contains("ready, active"), "{status}");
    assert!(status.contains("configured: test-model (3 dimensions)"), "{status}");

    database.psql(
        "UPDATE retail.products SET product_description = 'New.'
         WHERE product_id = (SELECT min(product_id) FROM retail.products)",
    );
    let told = embed(&[]);
    assert!(told.contains("embedded 1 products"), "{told}");
    let told = embed(&["--force"]);
    assert!(told.contains(&format!("embedded {products} products")), "{told}");

    // Another model beside it, which is only made ready.
    let told = embed(&["--model", "second-model", "--no-activate"]);
    assert!(told.contains("second-model (3 dimensions): embedded"), "{told}");
    let active = "SELECT model_name FROM retail_mcp.embedding_models WHERE is_active";
    assert_eq!(database.psql(active).trim(), "test-model");
    embed(&["--model", "second-model"]);
    assert_eq!(database.psql(active).trim(), "second-model");

    let refused = run_on(&database, scratch.path(), &["embed", "--drop", "second-model"], &[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("is the active model"), "{refused:?}");
    embed(&["--drop", "test-model"]);
    assert_eq!(database.psql(WITH_VECTOR).trim(), products.to_string());
}

/// A catalogue is not left alone for the hours that a large one takes.
#[tokio::test(flavor = "multi_thread")]
async fn a_product_that_changes_during_a_run_is_embedded_again() {
    let scratch = scratch();
    let database = TestDatabase::seeded().await;
    database.psql(
        "CREATE FUNCTION public.somebody_edits() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
         BEGIN
             UPDATE retail.products SET product_description = 'Changed meanwhile.'
             WHERE product_id = 1 AND product_description <> 'Changed meanwhile.';
             RETURN NULL;
         END $$;
         CREATE TRIGGER somebody_edits AFTER INSERT ON retail_mcp.product_embeddings
         FOR EACH STATEMENT EXECUTE FUNCTION public.somebody_edits()",
    );
    let service = Service::start(usize::MAX >> 3).await;
    let finished = run_on(&database, scratch.path(), &["embed"], &service.variables());
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let products = database.psql("SELECT count(*) + 1 FROM retail.products");
    let told = format!("embedded {} products", products.trim());
    assert!(finished.stdout.contains(&told), "{finished:?}");
    assert!(finished.stderr.contains("changed meanwhile"), "{finished:?}");
    let status = run_on(&database, scratch.path(), &["embed", "--status"], &service.variables());
    assert!(status.stdout.contains("ready, active"), "{status:?}");
}

/// Looking at what there is makes nothing, and tells what it can.
#[tokio::test(flavor = "multi_thread")]
async fn the_status_makes_nothing_and_needs_no_good_model() {
    let scratch = scratch();
    let folder = scratch.path().join("nobody-made-this");
    let arguments = ["embed", "--status", "--data-dir", folder.to_str().unwrap()];
    let finished = run(scratch.path(), &arguments);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("there is no database in"), "{finished:?}");
    assert!(!folder.exists());

    let database = TestDatabase::seeded().await;
    let unknown = [("EMBEDDINGS__PROVIDER", "openai"), ("EMBEDDINGS__MODEL", "xyz")];
    let status = run_on(&database, scratch.path(), &["embed", "--status"], &unknown);
    assert_eq!(status.code, Some(0), "{status:?}");
    assert!(status.stdout.contains("no vectors yet"), "{status:?}");
    assert!(status.stdout.contains("configured: not usable"), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_is_gone_on_with() {
    let scratch = scratch();
    let database = TestDatabase::seeded().await;
    let products: usize =
        database.psql("SELECT count(*) FROM retail.products").trim().parse().unwrap();
    // 256 products are three requests, of 96 texts at most. The fourth gets no answer.
    let service = Service::start(3).await;
    let mut stopped = start_on(&database, scratch.path(), &["embed"], &service.variables());
    eventually(PATIENCE, "the first batch is written", || {
        database.psql(WITH_VECTOR).trim() == "256"
    });
    stopped.signal(Signal::INT);
    let stopped = stopped.wait();
    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    assert!(stopped.stderr.contains("stopped after 256 products"), "{stopped:?}");
    let ready = "SELECT count(*) FROM retail_mcp.embedding_models WHERE is_ready";
    assert_eq!(database.psql(ready).trim(), "0");

    service.permits.add_permits(1_000);
    let finished = run_on(&database, scratch.path(), &["embed"], &service.variables());
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let rest = format!("embedded {} products", products - 256);
    assert!(finished.stdout.contains(&rest), "{finished:?}");
    assert_eq!(database.psql(ready).trim(), "1");
}

#[test]
fn a_model_file_that_is_not_good_is_named_by_each_command_that_needs_it() {
    let scratch = scratch();
    let folder = scratch.path().join("model");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("config.json"), "{}").unwrap();
    let variables = [
        ("RETAIL_MCP__EMBEDDINGS__PROVIDER", "local"),
        ("RETAIL_MCP__EMBEDDINGS__MODEL_DIR", folder.to_str().unwrap()),
    ];
    let named = folder.join("config.json").display().to_string();
    let database_needed = [
        ("RETAIL_MCP__DATABASE__HOST", "127.0.0.1"),
        ("RETAIL_MCP__DATABASE__PORT", "1"),
        ("RETAIL_MCP__DATABASE__IDENTITY_KEY", "2a".repeat(32).leak() as &str),
        ("RETAIL_MCP__AUTH__MODE", "dev-token"),
    ];
    for arguments in [&["embed", "--fetch-model"][..], &["serve", "--listen=127.0.0.1:0"][..]] {
        let all = [&variables[..], &database_needed[..]].concat();
        let finished = crate::support::Process::start(scratch.path(), arguments, &all).wait();
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert!(finished.stderr.contains(&named), "{finished:?}");
        assert!(finished.stderr.contains("retail-mcp embed --fetch-model"), "{finished:?}");
    }
}

#[test]
fn what_cannot_go_together_is_wrong_usage() {
    let scratch = scratch();
    for arguments in [
        &["embed", "--status", "--force"][..],
        &["embed", "--fetch-model", "--drop=x"][..],
        &["embed", "--drop"][..],
    ] {
        let finished = run(scratch.path(), arguments);
        assert_eq!(finished.code, Some(2), "{finished:?}");
    }
}
