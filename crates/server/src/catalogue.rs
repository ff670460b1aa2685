//! The vectors of the catalogue: filling in what is missing or stale.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use retail_domain::ports::Embedder;
use retail_storage::{Admin, StorageError};
use tokio_util::sync::CancellationToken;
use tracing::info;

/// Products whose vectors are written together: enough for a service's concurrent batches, little to lose.
const BATCH: u32 = 256;

/// How often it goes over the catalogue before it gives up: somebody rewrites the catalogue all the time.
const MOST_PASSES: u32 = 10;

/// Where there is no terminal, a line is logged as often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// What to fill in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fill {
    /// The vectors of all products, also of those that have a good one.
    pub(crate) all: bool,
    /// Use the model for product-to-product similarity from then on.
    pub(crate) activate: bool,
}

/// What was done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filled {
    /// Products that got a vector.
    pub(crate) products: u64,
    /// Time from the first to the last of them.
    pub(crate) elapsed: Duration,
}

impl Filled {
    pub(crate) fn per_second(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a number of products")]
        let products = self.products as f64;
        products / self.elapsed.as_secs_f64().max(1e-9)
    }
}

/// Embeds what is missing or stale, and then makes the model ready. What was written stays when it is
/// stopped: the next run goes on from there, unless it is to embed all.
///
/// # Errors
/// When it is stopped, the embedder fails for good, or the database does.
pub(crate) async fn fill(
    admin: &mut Admin,
    embedder: &dyn Embedder,
    fill: Fill,
    stop: &CancellationToken,
) -> anyhow::Result<Filled> {
    let model = embedder.model();
    let model_id = admin.register_embedding_model(&model).await?;
    let missing = admin.count_missing_embeddings(model_id, fill.all).await?;
    let started = Instant::now();
    let mut progress = Progress::new(missing)?;
    let mut products = 0;
    let mut all = fill.all;
    let mut passes = 1;
    loop {
        products += pass(admin, embedder, model_id, all, stop, &mut progress).await?;
        match admin.finish_embedding_model(model_id, fill.activate).await {
            Ok(()) => break,
            // Products were changed meanwhile. What was embedded is good; only theirs is missing.
            Err(StorageError::EmbeddingsMissing { missing, .. }) if passes < MOST_PASSES => {
                info!(missing, "products were changed meanwhile; embedding theirs");
                all = false;
                passes += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
    progress.finish();
    let filled = Filled { products, elapsed: started.elapsed() };
    if products > 0 {
        info!(
            model = %model,
            products,
            duration_s = filled.elapsed.as_secs_f64(),
            products_per_s = filled.per_second().round(),
            "embedded the catalogue"
        );
    }
    Ok(filled)
}

/// Embeds what is missing now, or all products, and gives how many.
async fn pass(
    admin: &mut Admin,
    embedder: &dyn Embedder,
    model_id: i16,
    all: bool,
    stop: &CancellationToken,
    progress: &mut Progress,
) -> anyhow::Result<u64> {
    let mut after = 0;
    let mut products = 0;
    loop {
        let texts = admin.next_missing_texts(model_id, after, BATCH, all).await?;
        let Some(last) = texts.last() else {
            return Ok(products);
        };
        after = last.product_id;
        let wording: Vec<String> = texts.iter().map(|text| text.text.clone()).collect();
        let embeddings = tokio::select! {
            biased;
            () = stop.cancelled() => bail!(
                "stopped after {products} products; their vectors are kept, and the next run {}",
                if all { "with --force begins anew" } else { "goes on from there" }
            ),
            embeddings = embedder.embed(&wording) => embeddings.context("embedding the catalogue")?,
        };
        let count = u64::try_from(texts.len())?;
        let batch: Vec<_> = texts.into_iter().zip(embeddings).collect();
        admin.put_embeddings(model_id, &batch).await?;
        products += count;
        progress.advance(count);
    }
}

/// A bar on a terminal, a log line now and then elsewhere.
struct Progress {
    bar: ProgressBar,
    last_line: Instant,
}

impl Progress {
    fn new(total: u64) -> anyhow::Result<Self> {
        let bar = if std::io::stderr().is_terminal() && total > 0 {
            let rate = |state: &ProgressState, out: &mut dyn Write| {
                // A terminal that cannot be written to shows no bar.
                let _ = write!(out, "{:.0} products/s", state.per_sec());
            };
            let template = "embedding {wide_bar} {human_pos}/{human_len}  {rate}  {eta}";
            ProgressBar::new(total)
                .with_style(ProgressStyle::with_template(template)?.with_key("rate", rate))
        } else {
            let bar = ProgressBar::hidden();
            bar.set_length(total);
            bar
        };
        Ok(Self { bar, last_line: Instant::now() })
    }

    fn advance(&mut self, products: u64) {
        self.bar.inc(products);
        if self.bar.is_hidden() && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            info!(done = self.bar.position(), total = self.bar.length(), "embedding the catalogue");
        }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
