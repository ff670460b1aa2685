//! One thread that computes, and the bounded queue in front of it.
//!
//! A caller is let in by a permit and has at most one [`Job`] in the queue, so the permits bound the
//! queue. The thread takes what waits, sorts the texts by length, so that little padding is computed,
//! and works in batches. What nobody waits for any more is skipped.

use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use retail_domain::{Error, ErrorCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Texts in one batch, and in one job. Larger ones are no faster on a CPU.
pub(super) const BATCH: usize = 32;

/// Word pieces in one batch with padding: bounds the memory of a batch of long texts.
const BATCH_TOKENS: usize = 4096;

/// A failure inside the model.
pub(super) type Failure = Box<dyn StdError + Send + Sync>;

/// What computes: the network, or a stand-in in tests.
pub(super) trait Engine: Send + 'static {
    /// The word pieces of a text, at least one and at most [`MAX_TOKENS`](super::MAX_TOKENS).
    fn tokens(&self, text: &str) -> Result<Vec<u32>, Failure>;

    /// One vector for each member of `batch`, in its order.
    fn vectors(&self, batch: &[&[u32]]) -> Result<Vec<Vec<f32>>, Failure>;
}

/// A caller's place in the queue; free again when the caller and its job are gone.
#[derive(Debug, Clone)]
pub(super) struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

type Answer = Result<Vec<Vec<f32>>, Error>;

#[derive(Debug)]
struct Job {
    texts: Vec<String>,
    reply: oneshot::Sender<Answer>,
    place: Place,
}

/// The callers' end of the queue. The thread ends when this is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: Sender<Job>,
    places: Arc<Semaphore>,
}

impl Worker {
    /// Starts the thread.
    pub(super) fn start(engine: impl Engine, queue_length: usize) -> std::io::Result<Self> {
        let (jobs, waiting) = channel();
        thread::Builder::new()
            .name("local-embedder".to_owned())
            .spawn(move || run(&engine, &waiting))?;
        let places = queue_length.clamp(1, Semaphore::MAX_PERMITS);
        Ok(Self { jobs, places: Arc::new(Semaphore::new(places)) })
    }

    /// Lets a caller in.
    ///
    /// # Errors
    /// [`ErrorCode::Overloaded`] when too many wait.
    pub(super) fn enter(&self) -> Result<Place, Error> {
        let permit = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            Error::new(ErrorCode::Overloaded, "too many texts wait for the embedding model")
                .with_hint("try again in a moment")
        })?;
        Ok(Place { _permit: Arc::new(permit) })
    }

    /// The vectors of at most [`BATCH`] texts, in their order.
    pub(super) async fn compute(&self, texts: Vec<String>, place: &Place) -> Answer {
        let gone = || Error::internal("the thread of the embedding model has ended");
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job { texts, reply, place: place.clone() }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

fn run(engine: &impl Engine, waiting: &Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let mut texts = first.texts.len();
        let mut jobs = vec![first];
        while texts < BATCH
            && let Ok(job) = waiting.try_recv()
        {
            texts += job.texts.len();
            jobs.push(job);
        }
        work(engine, jobs);
    }
}

/// A job under way.
struct Open {
    reply: Option<(oneshot::Sender<Answer>, Place)>,
    vectors: Vec<Vec<f32>>,
    missing: usize,
}

impl Open {
    fn is_wanted(&self) -> bool {
        self.reply.as_ref().is_some_and(|(reply, _)| !reply.is_closed())
    }

    fn answer(&mut self, answer: Answer) {
        if let Some((reply, place)) = self.reply.take() {
            // Before the answer: a caller that has it may ask again at once.
            drop(place);
            // The caller may have given up, which is fine.
            let _ = reply.send(answer);
        }
    }

    fn put(&mut self, text: usize, vector: Vec<f32>) {
        if let Some(slot) = self.vectors.get_mut(text) {
            *slot = vector;
            self.missing -= 1;
        }
        if self.missing == 0 {
            let vectors = std::mem::take(&mut self.vectors);
            self.answer(Ok(vectors));
        }
    }
}

/// One text of a job.
struct Item {
    job: usize,
    text: usize,
    tokens: Vec<u32>,
}

fn work(engine: &impl Engine, jobs: Vec<Job>) {
    let mut open = Vec::with_capacity(jobs.len());
    let mut items = Vec::new();
    for Job { texts, reply, place } in jobs {
        let vectors = vec![Vec::new(); texts.len()];
        let reply = Some((reply, place));
        let mut job = Open { reply, vectors, missing: texts.len() };
        if job.is_wanted() {
            let tokens: Result<Vec<_>, _> =
                guarded(|| texts.iter().map(|text| engine.tokens(text)).collect());
            match tokens {
                Ok(tokens) => items.extend((0..).zip(tokens).map(|(text, tokens)| Item {
                    job: open.len(),
                    text,
                    tokens,
                })),
                Err(cause) => job.answer(Err(Error::internal(cause))),
            }
        }
        open.push(job);
    }
    // Texts of like length share a batch; short questions are answered before long descriptions.
    items.sort_by_key(|item| item.tokens.len());
    while !items.is_empty() {
        items.retain(|item| open.get(item.job).is_some_and(Open::is_wanted));
        let rest = items.split_off(batch_length(&items));
        compute(engine, &items, &mut open);
        items = rest;
    }
}

/// How many of the first items, sorted by length, make one batch.
fn batch_length(items: &[Item]) -> usize {
    let fits = |(before, item): &(usize, &Item)| {
        *before == 0 || (before + 1) * item.tokens.len() <= BATCH_TOKENS
    };
    items.iter().take(BATCH).enumerate().take_while(fits).count()
}

fn compute(engine: &impl Engine, batch: &[Item], open: &mut [Open]) {
    if batch.is_empty() {
        return;
    }
    let tokens: Vec<&[u32]> = batch.iter().map(|item| item.tokens.as_slice()).collect();
    match guarded(|| engine.vectors(&tokens)) {
        Ok(vectors) => {
            for (item, vector) in batch.iter().zip(vectors) {
                if let Some(job) = open.get_mut(item.job) {
                    job.put(item.text, vector);
                }
            }
        }
        Err(cause) => {
            for item in batch {
                if let Some(job) = open.get_mut(item.job) {
                    job.answer(Err(Error::internal(cause.clone())));
                }
            }
        }
    }
}

/// Runs `compute`, and turns a failure or a panic into the text of its cause: the thread outlives both.
fn guarded<T>(compute: impl FnOnce() -> Result<T, Failure>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(compute)) {
        Ok(result) => result.map_err(|failure| failure.to_string()),
        Err(_panic) => Err("the embedding model panicked".to_owned()),
    }
}

#[cfg(test)]
mod tests;
