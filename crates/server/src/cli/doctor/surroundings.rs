//! What a server needs besides a good database: time, room, connections, certificates.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use retail_domain::Error;
use retail_storage::Finding;
use rustix::fs::statvfs;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use crate::access;
use crate::app::App;
use crate::config::{Config, SslMode};
use crate::http::Tls;
use crate::http::tls::certificates;

/// How far the database's clock may be from ours: entries of the audit log have the one, logs and tokens the other.
const CLOCKS_APART: Duration = Duration::from_secs(2);

/// From here on a certificate's end is near.
const CERTIFICATE_ENDS: Duration = Duration::from_hours(21 * 24);

/// Less room than this is little.
const LITTLE_ROOM_BYTES: u64 = 1 << 30;

fn finding(check: &str, subject: &str, problem: Option<String>, mandatory: bool) -> Finding {
    Finding::new(check, subject, problem, mandatory)
}

/// What is not about the database's own state.
pub(super) async fn findings(app: &App, config: &Config, data_dir: &Path) -> Vec<Finding> {
    let mut all = vec![connections(app, config).await, clock(app).await];
    all.extend(encryption(config));
    all.extend(certificate(config));
    all.extend(room(data_dir));
    all
}

/// Whether all servers' connections fit into the database.
async fn connections(app: &App, config: &Config) -> Finding {
    let problem = match app.connections(&config.database).await {
        Ok(Ok(())) => None,
        Ok(Err(too_many)) => Some(too_many.to_string()),
        Err(error) => Some(format!("how many there are is not known: {}", told(&error))),
    };
    finding("connections", "", problem, true)
}

/// Whether the database has our time.
async fn clock(app: &App) -> Finding {
    let asked = SystemTime::now();
    let theirs = app.database_time().await;
    let waited = asked.elapsed().unwrap_or_default();
    let problem = match theirs {
        Ok(theirs) => {
            // It was told somewhere on the way.
            let ours = (asked + waited / 2).duration_since(UNIX_EPOCH).unwrap_or_default();
            let apart = ours.abs_diff(theirs).saturating_sub(waited / 2);
            (apart > CLOCKS_APART).then(|| {
                format!(
                    "the database's clock is {:.1} s from this machine's: have both follow a time server",
                    apart.as_secs_f64()
                )
            })
        }
        Err(error) => Some(format!("the database does not tell the time: {}", told(&error))),
    };
    finding("clock", "", problem, false)
}

fn told(error: &Error) -> String {
    error.public_message().to_owned()
}

/// Whether what goes to the database is encrypted. On this machine it need not be.
fn encryption(config: &Config) -> Option<Finding> {
    let host = config.database.host.as_deref()?;
    if access::settings(&config.database).ok()?.is_local() {
        return None;
    }
    let problem = (config.database.ssl_mode == SslMode::Disable).then(|| {
        "passwords and rows cross the network unencrypted: set database.ssl_mode = \"verify-full\"".to_owned()
    });
    Some(finding("encryption to the database", host, problem, false))
}

/// Whether the server's own certificate can be used, and for how long.
fn certificate(config: &Config) -> Option<Finding> {
    let file = config.server.tls.cert_file.as_deref()?;
    let subject = file.display().to_string();
    if let Err(error) = Tls::load(&config.server.tls) {
        return Some(finding("certificate", &subject, Some(error.to_string()), true));
    }
    let chain = certificates(file).ok()?;
    let Some(ends) = chain.first().and_then(|own| Certificate::from_der(own).ok()) else {
        let problem = Some("its dates cannot be read".to_owned());
        return Some(finding("certificate", &subject, problem, false));
    };
    let validity = ends.tbs_certificate.validity;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (begins, ends) =
        (validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration());
    let (problem, mandatory) = if now < begins {
        (Some("it is not valid yet".to_owned()), true)
    } else if now >= ends {
        (Some("it has expired: put a new one there, and send SIGHUP".to_owned()), true)
    } else if ends.saturating_sub(now) < CERTIFICATE_ENDS {
        let days = ends.saturating_sub(now).as_secs() / (24 * 60 * 60);
        (Some(format!("it expires in {days} days: put a new one there, and send SIGHUP")), false)
    } else {
        (None, true)
    };
    Some(finding("certificate", &subject, problem, mandatory))
}

/// Whether there is room where the server writes.
fn room(data_dir: &Path) -> Option<Finding> {
    // The folder itself may be still to be made.
    let there = data_dir.ancestors().find(|folder| folder.exists())?;
    let room = statvfs(there).ok()?;
    let (free, all) = (room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize);
    let is_little = free < LITTLE_ROOM_BYTES && free < all / 10;
    let problem = is_little.then(|| format!("{} MiB are free", free >> 20));
    Some(finding("disk", &there.display().to_string(), problem, false))
}
