//! The queue with a stand-in for the network, which can be held, fails and panics on demand.

use std::sync::Mutex;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use super::*;

/// How long a test waits for what takes microseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Notes the length of each batch's members. A text is as many tokens as it has characters; the vector
/// is that number. `panic` and `fail` do so; each batch waits for the gate, where there is one.
#[derive(Clone, Default)]
struct StandIn {
    batches: Arc<Mutex<Vec<Vec<usize>>>>,
    gate: Option<Arc<Gate>>,
}

/// Says that a batch has begun, and lets it go on.
struct Gate {
    begun: SyncSender<()>,
    go: Mutex<Receiver<()>>,
}

/// The test's side of the gate.
struct Key {
    begun: Receiver<()>,
    go: SyncSender<()>,
}

impl StandIn {
    fn gated() -> (Self, Key) {
        let (begun, has_begun) = std::sync::mpsc::sync_channel(100);
        let (go, may_go) = std::sync::mpsc::sync_channel(100);
        let gate = Gate { begun, go: Mutex::new(may_go) };
        let engine = Self { gate: Some(Arc::new(gate)), ..Self::default() };
        (engine, Key { begun: has_begun, go })
    }

    fn batches(&self) -> Vec<Vec<usize>> {
        self.batches.lock().unwrap().clone()
    }
}

impl Engine for StandIn {
    fn tokens(&self, text: &str) -> Result<Vec<u32>, Failure> {
        match text {
            "no tokens" => Err("no tokens".into()),
            "panic tokens" => panic!("on purpose"),
            _ => Ok(vec![if text == "panic" { 13 } else { 7 }; text.chars().count()]),
        }
    }

    fn vectors(&self, batch: &[&[u32]]) -> Result<Vec<Vec<f32>>, Failure> {
        self.batches.lock().unwrap().push(batch.iter().map(|tokens| tokens.len()).collect());
        if let Some(gate) = &self.gate {
            gate.begun.send(()).unwrap();
            gate.go.lock().unwrap().recv().unwrap();
        }
        assert!(!batch.iter().any(|tokens| tokens.first() == Some(&13)), "on purpose");
        Ok(batch
            .iter()
            .map(|tokens| vec![f32::from(u16::try_from(tokens.len()).unwrap())])
            .collect())
    }
}

fn texts(lengths: &[usize]) -> Vec<String> {
    lengths.iter().map(|length| "x".repeat(*length)).collect()
}

/// A caller on its own task, that is in the queue when this returns.
async fn call(
    worker: &Arc<Worker>,
    texts: Vec<String>,
) -> tokio::task::JoinHandle<Result<Vec<Vec<f32>>, Error>> {
    let place = worker.enter().unwrap();
    let (queued, is_queued) = oneshot::channel();
    let worker = Arc::clone(worker);
    let task = tokio::spawn(async move {
        let work = worker.compute(texts, &place);
        tokio::pin!(work);
        // The first poll puts the job into the queue.
        let first = std::future::poll_fn(|context| {
            std::task::Poll::Ready(Future::poll(work.as_mut(), context))
        });
        if let std::task::Poll::Ready(answer) = first.await {
            return answer;
        }
        let _ = queued.send(());
        work.await
    });
    is_queued.await.unwrap();
    task
}

#[tokio::test]
async fn answers_come_in_the_order_of_the_texts() {
    let engine = StandIn::default();
    let worker = Worker::start(engine.clone(), 4).unwrap();
    let place = worker.enter().unwrap();
    let vectors = worker.compute(texts(&[5, 1, 3]), &place).await.unwrap();
    assert_eq!(vectors, [[5.0], [1.0], [3.0]]);
    assert_eq!(engine.batches(), [[1, 3, 5]], "one batch, sorted by length");
}

#[tokio::test]
async fn callers_that_wait_are_computed_together() {
    let (engine, key) = StandIn::gated();
    let worker = Arc::new(Worker::start(engine.clone(), 64).unwrap());
    let first = call(&worker, texts(&[9])).await;
    key.begun.recv().unwrap();
    let mut waiting = Vec::new();
    for length in 1..=40 {
        waiting.push(call(&worker, texts(&[length])).await);
    }
    // More than there should be batches, so that a worse worker shows in their sizes.
    for _ in 0..50 {
        key.go.send(()).unwrap();
    }
    assert_eq!(first.await.unwrap().unwrap(), [[9.0]]);
    for (length, caller) in (1_u16..).zip(waiting) {
        assert_eq!(caller.await.unwrap().unwrap(), [[f32::from(length)]]);
    }
    let sizes: Vec<usize> = engine.batches().iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 32, 8]);
}

#[tokio::test]
async fn a_batch_of_long_texts_is_smaller() {
    let engine = StandIn::default();
    let worker = Worker::start(engine.clone(), 1).unwrap();
    let place = worker.enter().unwrap();
    worker.compute(texts(&[256; 32]), &place).await.unwrap();
    worker.compute(texts(&[BATCH_TOKENS + 1, 1]), &place).await.unwrap();
    let sizes: Vec<usize> = engine.batches().iter().map(Vec::len).collect();
    assert_eq!(sizes, [16, 16, 1, 1]);
}

#[tokio::test]
async fn a_full_queue_refuses_until_a_place_is_free() {
    let (engine, key) = StandIn::gated();
    let worker = Arc::new(Worker::start(engine, 2).unwrap());
    let running = call(&worker, texts(&[1])).await;
    key.begun.recv().unwrap();
    let waiting = call(&worker, texts(&[2])).await;
    let refused = worker.enter().unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Overloaded);
    assert!(refused.is_retryable() && refused.hint().is_some());

    // A caller that gives up leaves its job behind, and with it its place.
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    assert_eq!(worker.enter().unwrap_err().code(), ErrorCode::Overloaded);

    key.go.send(()).unwrap();
    assert_eq!(running.await.unwrap().unwrap(), [[1.0]]);
    // The thread comes to the job that nobody wants, and drops it without the gate.
    let both = tokio::time::timeout(PATIENCE, worker.places.acquire_many(2)).await;
    assert!(both.is_ok(), "the places are free again");
}

#[tokio::test]
async fn what_nobody_waits_for_is_skipped() {
    let (engine, key) = StandIn::gated();
    let worker = Arc::new(Worker::start(engine.clone(), 8).unwrap());
    let running = call(&worker, texts(&[1])).await;
    key.begun.recv().unwrap();
    let dropped = call(&worker, texts(&[2, 3])).await;
    let kept = call(&worker, texts(&[4])).await;
    dropped.abort();
    assert!(dropped.await.unwrap_err().is_cancelled());
    key.go.send(()).unwrap();
    key.go.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(kept.await.unwrap().unwrap(), [[4.0]]);
    assert_eq!(engine.batches(), [[1], [4]]);
}

#[tokio::test]
async fn a_panic_and_a_failure_are_errors_and_the_thread_goes_on() {
    let engine = StandIn::default();
    let worker = Worker::start(engine, 1).unwrap();
    let place = worker.enter().unwrap();
    for text in ["panic", "panic tokens", "no tokens"] {
        let error = worker.compute(vec![text.to_owned()], &place).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Internal, "{text}");
    }
    assert_eq!(worker.compute(texts(&[2]), &place).await.unwrap(), [[2.0]]);
}

/// Gives one vector too few, as no network should.
struct Forgetful;

impl Engine for Forgetful {
    fn tokens(&self, text: &str) -> Result<Vec<u32>, Failure> {
        Ok(vec![1; text.len()])
    }

    fn vectors(&self, batch: &[&[u32]]) -> Result<Vec<Vec<f32>>, Failure> {
        Ok(vec![vec![1.0]; batch.len() - 1])
    }
}

#[tokio::test]
async fn a_vector_that_is_missing_does_not_keep_the_caller_waiting() {
    let worker = Worker::start(Forgetful, 1).unwrap();
    let place = worker.enter().unwrap();
    let error = worker.compute(texts(&[1, 2]), &place).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Internal);
}
