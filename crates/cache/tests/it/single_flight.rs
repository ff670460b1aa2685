//! Equal calls at the same time are one read.

use std::sync::Arc;

use futures_util::future::join_all;
use retail_cache::{Cached, Key};
use retail_domain::{Error, ErrorCode, Principal};
use tokio::sync::{Notify, Semaphore};

use crate::support::{Count, Note, SALES, World, begun, eventually, manager};

/// Reads that begin, and end when they are let.
#[derive(Clone)]
struct Slow {
    begun: Count,
    dropped: Count,
    may_end: Arc<Semaphore>,
}

struct Dropped(Count);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.up();
    }
}

impl Slow {
    fn new() -> Self {
        let may_end = Arc::new(Semaphore::new(0));
        Self { begun: Count::default(), dropped: Count::default(), may_end }
    }

    /// A read whose answer is its number.
    fn read(&self) -> impl Future<Output = Result<Note, Error>> + Send + 'static {
        let Self { begun, dropped, may_end } = self.clone();
        async move {
            let _dropped = Dropped(dropped);
            let number = begun.up();
            may_end.acquire().await.unwrap().forget();
            Ok(Note(number.to_string()))
        }
    }

    fn let_one_end(&self) {
        self.may_end.add_permits(1);
    }
}

async fn call(world: &World, caller: &Principal, slow: &Slow) -> Result<Cached<Note>, Error> {
    let key = Key::for_identity(world.cache.key_space(), caller, &"r").unwrap();
    world.cache.get_or_load(&key, || slow.read()).await
}

#[tokio::test]
async fn a_hundred_equal_calls_are_one_read() {
    let (world, caller, slow) = (World::new(), manager().await, Slow::new());
    let mut calls = Vec::new();
    for _ in 0..100 {
        let mut call = Box::pin(call(&world, &caller, &slow));
        begun(&mut call).await;
        calls.push(call);
    }
    assert_eq!(slow.begun.get(), 1);
    slow.let_one_end();
    for answer in join_all(calls).await {
        let answer = answer.unwrap();
        assert_eq!(answer.value.0, "1");
        assert!(!answer.freshness.cached, "it was read while they waited");
    }
    let notes = world.notes();
    assert_eq!((slow.begun.get(), notes.loads, notes.coalesced), (1, 1, 99));
}

#[tokio::test]
async fn a_hundred_calls_of_a_hundred_tasks_are_one_read() {
    let (world, caller, slow) = (Arc::new(World::new()), manager().await, Slow::new());
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let (world, caller, slow) = (Arc::clone(&world), caller.clone(), slow.clone());
            tokio::spawn(async move { call(&world, &caller, &slow).await.unwrap().value })
        })
        .collect();
    eventually("all wait", || (world.notes().coalesced == 99).then_some(())).await;
    slow.let_one_end();
    for answer in join_all(calls).await {
        assert_eq!(answer.unwrap().0, "1");
    }
    assert_eq!(slow.begun.get(), 1);
}

#[tokio::test]
async fn when_the_first_caller_goes_away_the_read_goes_on_for_the_others() {
    let (world, caller, slow) = (World::new(), manager().await, Slow::new());
    let mut first = Box::pin(call(&world, &caller, &slow));
    let mut second = Box::pin(call(&world, &caller, &slow));
    begun(&mut first).await;
    begun(&mut second).await;
    assert_eq!(slow.begun.get(), 1);
    drop(first);
    slow.let_one_end();
    assert_eq!(second.await.unwrap().value.0, "1");
    assert_eq!((slow.begun.get(), slow.dropped.get()), (1, 1));
}

#[tokio::test]
async fn when_all_go_away_the_read_ends_and_the_next_call_reads_again() {
    let (world, caller, slow) = (World::new(), manager().await, Slow::new());
    let mut calls = [(); 3].map(|()| Box::pin(call(&world, &caller, &slow)));
    for call in &mut calls {
        begun(call).await;
    }
    let [first, second, third] = calls;
    drop((first, second));
    assert_eq!(slow.dropped.get(), 0, "somebody waits");
    drop(third);
    assert_eq!(slow.dropped.get(), 1, "the query behind it is cancelled");
    slow.let_one_end();
    assert_eq!(call(&world, &caller, &slow).await.unwrap().value.0, "2");
}

#[tokio::test]
async fn an_error_is_told_to_all_who_wait_and_is_not_kept() {
    let (world, caller) = (World::new(), manager().await);
    let (reads, gate) = (Count::default(), Arc::new(Notify::new()));
    let key = Key::<Note>::for_identity(world.cache.key_space(), &caller, &"r").unwrap();
    let failing = || {
        let (reads, gate) = (reads.clone(), Arc::clone(&gate));
        async move {
            reads.up();
            gate.notified().await;
            Err(Error::new(ErrorCode::QueryFailed, "no such column").with_hint("look it up"))
        }
    };
    let mut calls = Vec::new();
    for _ in 0..10 {
        let mut call = Box::pin(world.cache.get_or_load(&key, failing));
        begun(&mut call).await;
        calls.push(call);
    }
    gate.notify_one();
    for answer in join_all(calls).await {
        let error = answer.unwrap_err();
        assert_eq!((error.code(), error.hint()), (ErrorCode::QueryFailed, Some("look it up")));
    }
    assert_eq!((reads.get(), world.notes().failed_loads), (1, 1));
    assert_eq!(world.note(&caller, "r", "good").await.value.0, "good");
}

#[tokio::test]
async fn a_read_that_panics_is_an_error_of_ours_and_the_next_call_reads_again() {
    let (world, caller) = (World::new(), manager().await);
    let key = Key::<Note>::for_identity(world.cache.key_space(), &caller, &"r").unwrap();
    let panicking = || async { panic!("a defect") };
    let error = world.cache.get_or_load(&key, panicking).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Internal);
    assert_eq!(world.note(&caller, "r", "good").await.value.0, "good");
}

#[tokio::test]
async fn who_comes_after_a_write_does_not_wait_for_a_read_from_before_it() {
    let (world, caller, slow) = (World::new(), manager().await, Slow::new());
    let mut before = Box::pin(call(&world, &caller, &slow));
    begun(&mut before).await;
    world.versions.bump(SALES);
    let mut after = Box::pin(call(&world, &caller, &slow));
    begun(&mut after).await;
    let mut later = Box::pin(call(&world, &caller, &slow));
    begun(&mut later).await;
    assert_eq!(slow.begun.get(), 2, "one from before the write, and one for all after it");
    slow.let_one_end();
    slow.let_one_end();
    assert_eq!(before.await.unwrap().value.0, "1");
    assert_eq!(after.await.unwrap().value.0, "2");
    assert_eq!(later.await.unwrap().value.0, "2");
}

#[tokio::test]
async fn callers_do_not_wait_for_each_others_reads() {
    let (world, slow) = (World::new(), Slow::new());
    let callers = crate::support::nine().await;
    let mut calls = Vec::new();
    for caller in &callers {
        let mut call = Box::pin(call(&world, caller, &slow));
        begun(&mut call).await;
        calls.push(call);
    }
    assert_eq!(slow.begun.get(), 9);
}
