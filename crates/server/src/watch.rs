//! What a running server notices of itself, and whom it tells: alarms, the other servers' reports, the watchdog.

mod alarm_rules;
mod readings;
mod servers;
mod watchdog;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use retail_domain::ports::{Clock, SystemClock};
use retail_storage::ServiceDatabase;
use retail_telemetry::{
    AlarmNow, AlarmState, AlarmTimes, Alarms, Notice, PoolNow, ReportParts, ServerReport,
    Telemetry, Webhooks, names,
};
use tracing::{info, warn};

use crate::observe::Parts;
use crate::readiness::Readiness;
use readings::{Increases, Seen};

pub(crate) use readings::Totals;
pub(crate) use servers::{ServerRow, Servers};
pub(crate) use watchdog::{OwnCall, OwnCaller, SUBJECT as WATCHDOG, Watchdog, guard_runtime};

/// How often it is looked, whether anybody asks or not.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What is remembered of earlier looks.
#[derive(Debug, Default)]
struct Looked {
    last: Option<Instant>,
    increases: Increases,
}

/// Looks at how the server does, again and again.
pub struct Watch {
    telemetry: Arc<Telemetry>,
    /// Whether calls are counted.
    counts: bool,
    parts: Arc<Parts>,
    readiness: Readiness,
    alarms: Alarms,
    looked: Mutex<Looked>,
    webhooks: Webhooks,
    servers: Servers,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("alarms", &self.alarms).finish_non_exhaustive()
    }
}

/// What is watched, and who is told.
pub(crate) struct Watched {
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) counts: bool,
    pub(crate) parts: Arc<Parts>,
    pub(crate) readiness: Readiness,
    pub(crate) times: AlarmTimes,
    pub(crate) webhooks: Webhooks,
    pub(crate) service: Arc<ServiceDatabase>,
}

impl Watch {
    /// Looks every ten seconds, until nobody asks it any more.
    pub(crate) fn start(watched: Watched) -> Arc<Self> {
        let Watched { telemetry, counts, parts, readiness, times, webhooks, service } = watched;
        let watch = Arc::new(Self {
            telemetry,
            counts,
            parts,
            readiness,
            alarms: Alarms::new(alarm_rules::RULES, times),
            looked: Mutex::default(),
            webhooks,
            servers: Servers::new(service),
        });
        watch.report();
        tokio::spawn(look_again_and_again(Arc::downgrade(&watch)));
        watch
    }

    fn report(self: &Arc<Self>) {
        self.readiness.report_to(&self.telemetry);
        // Weak: telemetry is held by what it would hold.
        let watch = Arc::downgrade(self);
        self.telemetry.gauge(&names::ALARMS, move |observe| {
            let Some(watch) = watch.upgrade() else { return };
            let firing = watch.alarms.firing(SystemClock.now());
            for severity in alarm_rules::SEVERITIES {
                let count = firing.iter().filter(|notice| notice.severity == severity).count();
                observe.count(count as u64, &[severity.as_str()]);
            }
        });
        let watch = Arc::downgrade(self);
        self.telemetry.counter(&names::NOTIFICATIONS, move |observe| {
            let Some(watch) = watch.upgrade() else { return };
            let counts = watch.webhooks.counts();
            observe.count(counts.sent, &["sent"]);
            observe.count(counts.failed, &["failed"]);
        });
    }

    /// Looks at all alarms and tells what is new of them. `at` and `now` are the same moment; one before that of an
    /// earlier look tells nothing.
    pub fn look(&self, at: Instant, now: DateTime<Utc>) -> Vec<Notice> {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.last.is_some_and(|last| at < last) {
            return Vec::new();
        }
        looked.last = Some(at);
        let risen = looked.increases.since(at, self.parts.totals());
        drop(looked);
        let seen = Seen {
            parts: self.readiness.found(),
            current: self.counts.then(|| self.telemetry.monitor().current(at)),
            system: self.telemetry.monitor().current(at).system,
            pools: self.parts.pools(),
            standbys: self.readiness.standbys(),
            redis_paused: self.parts.is_redis_paused(),
            risen,
        };
        let notices = self.alarms.look(at, now, |rule| readings::read(rule, &seen));
        for notice in &notices {
            let Notice { alarm, detail, .. } = notice;
            let severity = notice.severity.as_str();
            if notice.state == AlarmState::Resolved {
                info!(alarm, severity, "an alarm is over");
            } else {
                warn!(alarm, severity, detail, summary = notice.summary, "an alarm");
            }
            self.webhooks.tell(notice);
        }
        notices
    }

    /// Alarms that count, the worst first.
    pub(crate) fn firing(&self, now: DateTime<Utc>) -> Vec<Notice> {
        self.alarms.firing(now)
    }

    /// What began and was over lately, the last first.
    pub(crate) fn history(&self) -> Vec<Notice> {
        self.alarms.history()
    }

    /// What is known of all servers.
    pub(crate) fn servers(&self) -> &Servers {
        &self.servers
    }

    /// What this server tells the others.
    pub(crate) fn own_report(&self, at: Instant) -> ServerReport {
        let settings = self.telemetry.settings();
        let failing = self.readiness.found().into_iter().filter(|part| !part.ok);
        let firing = self.alarms.firing(SystemClock.now());
        let pools = self.parts.pools().into_iter().map(|pool| PoolNow {
            pool: pool.name.to_owned(),
            max: pool.max,
            used: pool.used,
            idle: pool.idle,
            waiting: pool.waiting,
        });
        let parts = ReportParts {
            instance: settings.instance.clone(),
            version: settings.service_version.clone(),
            not_ready: failing.map(|part| part.part).collect(),
            active_requests: self.telemetry.active_requests(),
            pools: pools.collect(),
            alarms: firing
                .iter()
                .map(|notice| AlarmNow {
                    alarm: notice.alarm.to_owned(),
                    severity: notice.severity,
                })
                .collect(),
        };
        ServerReport::new(self.telemetry.monitor(), at, parts)
    }
}

async fn look_again_and_again(watch: Weak<Watch>) {
    while let Some(watch) = watch.upgrade() {
        watch.readiness.report().await;
        watch.look(Instant::now(), SystemClock.now());
        watch.servers.exchange(&watch.own_report(Instant::now())).await;
        drop(watch);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
