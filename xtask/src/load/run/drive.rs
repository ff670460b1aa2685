//! Callers: as fast as they are answered, or at a fixed rate.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::request::Request;
use super::wire::Connection;
use crate::command::fail_if_interrupted;
use crate::load::latencies::Latencies;

/// Numbers that no two requests of this run share.
static SERIAL: AtomicU64 = AtomicU64::new(1);
/// An open run that cannot keep up is given up after this many times its length.
const LATEST: u32 = 2;

/// What is asked of one server.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) address: String,
    /// The requests of each question, with the question's share.
    pub(super) questions: Vec<(u32, Vec<Request>)>,
}

/// What came of one measurement.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) latencies: Latencies,
    pub(super) calls: u64,
    /// Calls whose receipt says that the answer was kept.
    pub(super) from_cache: u64,
    pub(super) failures: u64,
    /// The first failure in words.
    pub(super) failure: Option<String>,
    /// Calls that a fixed rate asked for, and that were not sent before the end.
    pub(super) unsent: u64,
    pub(super) elapsed: Duration,
}

impl Sample {
    /// Good answers a second.
    pub(super) fn per_second(&self) -> f64 {
        float(self.calls) / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// For ratios.
#[expect(clippy::cast_precision_loss, reason = "counts of calls are far below 2^52")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

/// Each of `connections` callers asks again as soon as it is answered.
pub(super) fn closed(plan: &Plan, connections: u32, time: Duration) -> Result<Sample> {
    let started = Instant::now();
    let callers = run(plan, connections, |caller| {
        while started.elapsed() < time {
            fail_if_interrupted()?;
            caller.call(Instant::now());
        }
        Ok(())
    })?;
    Ok(gather(callers, started.elapsed(), 0))
}

/// Calls begin at fixed moments, whatever became of those before. A call's time counts from its moment, also when
/// no caller was free then: a server that pauses is charged for every call that the pause delayed.
pub(super) fn open(plan: &Plan, callers: u32, rate: f64, time: Duration) -> Result<Sample> {
    let slots = Slots::new(rate, time);
    let next = AtomicU64::new(0);
    let started = Instant::now();
    let done = run(plan, callers, |caller| {
        while let Some(moment) = slots.moment(next.fetch_add(1, Ordering::Relaxed)) {
            fail_if_interrupted()?;
            if started.elapsed() > time * LATEST {
                break;
            }
            let moment = started + moment;
            thread::sleep(moment.saturating_duration_since(Instant::now()));
            caller.call(moment);
        }
        Ok(())
    })?;
    let elapsed = started.elapsed().max(time);
    let sent: u64 = done.iter().map(|caller| caller.failures + caller.times.len() as u64).sum();
    Ok(gather(done, elapsed, slots.count.saturating_sub(sent)))
}

/// When calls are due.
#[derive(Debug)]
struct Slots {
    count: u64,
    every: f64,
}

impl Slots {
    fn new(rate: f64, time: Duration) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive number"
        )]
        let count = (rate * time.as_secs_f64()) as u64;
        Self { count, every: 1.0 / rate }
    }

    /// The moment of a call after the start; none after the last.
    fn moment(&self, number: u64) -> Option<Duration> {
        (number < self.count).then(|| Duration::from_secs_f64(self.every * float(number)))
    }
}

/// One caller with one connection.
struct Caller {
    connection: Connection,
    questions: Vec<(u32, Vec<Request>)>,
    shares: u32,
    random: u64,
    times: Vec<Duration>,
    from_cache: u64,
    failures: u64,
    failure: Option<String>,
}

impl Caller {
    fn new(plan: &Plan, number: u32) -> Self {
        Self {
            connection: Connection::new(&plan.address),
            questions: plan.questions.clone(),
            shares: plan.questions.iter().map(|(share, _)| share).sum::<u32>().max(1),
            random: u64::from(number),
            times: Vec::with_capacity(1 << 16),
            from_cache: 0,
            failures: 0,
            failure: None,
        }
    }

    /// Asks one question, and counts its time from `moment`.
    fn call(&mut self, moment: Instant) {
        let (share, which) = (self.random(), self.random());
        let Some(request) = pick(&mut self.questions, share % u64::from(self.shares), which) else {
            return;
        };
        let bytes = request.bytes(SERIAL.fetch_add(1, Ordering::Relaxed));
        let failure = match self.connection.exchange(bytes) {
            Ok(answer) if answer.is_good() => {
                self.times.push(moment.elapsed());
                self.from_cache += u64::from(answer.is_from_cache());
                return;
            }
            Ok(answer) => {
                format!("{}: {:.300}", answer.status, String::from_utf8_lossy(answer.body))
            }
            Err(error) => format!("{error:#}"),
        };
        self.failures += 1;
        self.failure.get_or_insert(failure);
        // A server that refuses at once would keep all processors busy with refusals.
        thread::sleep(Duration::from_millis(5));
    }

    /// `SplitMix64`: the same order of questions in each run.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// The question into whose share `at` falls, and of its requests one.
fn pick(questions: &mut [(u32, Vec<Request>)], mut at: u64, which: u64) -> Option<&mut Request> {
    for (share, requests) in questions {
        let share = u64::from(*share);
        if at < share {
            let count = requests.len().max(1) as u64;
            return requests.get_mut(usize::try_from(which % count).ok()?);
        }
        at -= share;
    }
    None
}

/// Runs `work` on as many threads as there are callers.
fn run(
    plan: &Plan,
    callers: u32,
    work: impl Fn(&mut Caller) -> Result<()> + Sync,
) -> Result<Vec<Caller>> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..callers)
            .map(|number| {
                let work = &work;
                scope.spawn(move || {
                    let mut caller = Caller::new(plan, number);
                    work(&mut caller).map(|()| caller)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow!("a caller panicked"))?)
            .collect()
    })
}

fn gather(callers: Vec<Caller>, elapsed: Duration, unsent: u64) -> Sample {
    let failures = callers.iter().map(|caller| caller.failures).sum();
    let from_cache = callers.iter().map(|caller| caller.from_cache).sum();
    let failure = callers.iter().find_map(|caller| caller.failure.clone());
    let times: Vec<Duration> = callers.into_iter().flat_map(|caller| caller.times).collect();
    let calls = times.len() as u64;
    Sample {
        latencies: Latencies::new(times),
        calls,
        from_cache,
        failures,
        failure,
        unsent,
        elapsed,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use serde_json::json;

    use super::*;
    use crate::load::run::request::Endpoint;

    #[test]
    fn moments_are_as_far_apart_as_the_rate_says() {
        let slots = Slots::new(200.0, Duration::from_millis(50));
        let moments: Vec<_> = (0..).map_while(|number| slots.moment(number)).collect();
        assert_eq!(moments.len(), 10);
        assert_eq!(moments.last(), Some(&Duration::from_millis(45)));
        assert_eq!(Slots::new(1.0, Duration::from_millis(50)).moment(0), None);
    }

    #[test]
    fn each_question_has_its_share() {
        let endpoint = Endpoint::of_url("http://a:1/mcp").unwrap();
        let request = |tool: &str| endpoint.call(tool, &json!({}), None);
        let mut questions = vec![(1, vec![request("a")]), (3, vec![request("b"), request("c")])];
        let picks: Vec<Request> =
            (0..4).map(|at| pick(&mut questions, at, 3).unwrap().clone()).collect();
        assert_eq!(picks, ["a", "c", "c", "c"].map(request));
        assert_eq!(pick(&mut questions, 4, 0), None);
    }

    /// Answers one connection after the other; the first answer takes `pause`.
    fn server(pause: Duration, answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 4096];
            let mut is_first = true;
            while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
                if std::mem::take(&mut is_first) {
                    thread::sleep(pause);
                }
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len());
                if stream.write_all((head + answer).as_bytes()).is_err() {
                    break;
                }
            }
        });
        address
    }

    fn plan(address: String) -> Plan {
        let endpoint = Endpoint::of_url(&format!("http://{address}/mcp")).unwrap();
        Plan { address, questions: vec![(1, vec![endpoint.call("t", &json!({}), None)])] }
    }

    #[test]
    fn a_pause_counts_for_every_call_that_it_delayed() {
        let plan = plan(server(Duration::from_millis(300), r#"{"result":{}}"#));
        let sample = open(&plan, 1, 100.0, Duration::from_millis(400)).unwrap();
        assert_eq!((sample.calls + sample.unsent, sample.failures), (40, 0));
        // Thirty calls were due during the pause: the median call, the 20th, waited for 100 ms of it.
        assert!(
            sample.latencies.percentile(50) >= Duration::from_millis(50),
            "{:?}",
            sample.latencies
        );
    }

    #[test]
    fn failures_are_counted_and_told() {
        let plan = plan(server(Duration::ZERO, r#"{"result":{"isError":true}}"#));
        let sample = closed(&plan, 1, Duration::from_millis(30)).unwrap();
        assert!(sample.calls == 0 && sample.failures > 0);
        assert!(sample.failure.unwrap().contains("isError"));
    }
}
