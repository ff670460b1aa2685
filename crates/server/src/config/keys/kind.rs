//! What a key may hold.

use std::net::SocketAddr;
use std::time::Duration;

use ::config::ValueKind;
use humantime_serde::re::humantime;
use retail_analytics::calendar::CompanyCalendar;
use retail_auth::PeerNetwork;
use retail_storage::ServerAddress;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use uuid::Uuid;

/// The kinds of values. A list is an array in a file and has commas in the environment.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) enum Kind {
    /// Any text but the empty one.
    Text,
    /// A text that is never shown.
    Secret,
    /// The path of a file with a secret, in place of the secret itself.
    SecretFile {
        /// The key that gets what is in the file.
        secret: &'static str,
    },
    /// A path.
    Path,
    /// Address and port.
    SocketAddr,
    /// A whole number.
    Integer {
        /// The smallest.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// A number from 0 to 1.
    Ratio,
    /// `true` or `false`.
    Boolean,
    /// A time with its unit.
    Duration {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of texts, none of them empty.
    Texts,
    /// A list of these words.
    Choices(&'static [&'static str]),
    /// An `https` address, or an `http` one on this machine.
    Url,
    /// An `http` or `https` address of any host.
    CollectorUrl,
    /// A host or an address, without a user or a password in it: `config` shows it.
    Place,
    /// A list of database servers: host or socket folder, with or without a port.
    Servers,
    /// A list of host names, with or without a port.
    Hosts,
    /// A list of web origins.
    Origins,
    /// A list of addresses and networks.
    Networks,
    /// A list of UUIDs.
    Uuids,
    /// Which log lines are written.
    LogFilter,
    /// The name of a time zone.
    TimeZone,
}

impl Kind {
    /// Makes a value of a text from the environment or a flag. Only what must be a number becomes
    /// one: the password `007` stays what it is.
    pub(in crate::config) fn value_of(self, text: &str) -> ValueKind {
        match self {
            Self::Integer { .. } => match text.trim().parse::<i64>() {
                Ok(number) => number.into(),
                Err(_) => text.into(),
            },
            Self::Ratio => match text.trim().parse::<f64>() {
                Ok(ratio) => ratio.into(),
                Err(_) => text.into(),
            },
            Self::Boolean => match text.trim().parse::<bool>() {
                Ok(value) => value.into(),
                Err(_) => text.into(),
            },
            Self::Texts
            | Self::Choices(_)
            | Self::Hosts
            | Self::Servers
            | Self::Origins
            | Self::Networks
            | Self::Uuids => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                items.map(str::to_owned).collect::<Vec<_>>().into()
            }
            _ => text.into(),
        }
    }

    /// Whether the value must never be shown.
    pub(in crate::config) fn is_secret(self) -> bool {
        matches!(self, Self::Secret)
    }

    /// Checks a value.
    ///
    /// # Errors
    /// What is wrong with it, in words for an operator. A secret is never repeated.
    pub(in crate::config) fn check(self, value: &ValueKind) -> Result<(), String> {
        match self {
            Self::Secret => match value {
                ValueKind::String(text) if !text.is_empty() => Ok(()),
                ValueKind::String(_) => Err("is empty".to_owned()),
                _ => Err("must be a text in quotes".to_owned()),
            },
            Self::Text | Self::Path | Self::SecretFile { .. } => {
                let text = text(value)?;
                if text.is_empty() { Err("is empty".to_owned()) } else { Ok(()) }
            }
            Self::SocketAddr => parsed::<SocketAddr>(
                text(value)?,
                "an address with a port, such as 127.0.0.1:8000 or [::1]:8000",
            ),
            Self::Integer { min, max } => match value {
                ValueKind::I64(number) if (min..=max).contains(number) => Ok(()),
                _ => Err(format!("must be a whole number from {min} to {max}, and is {value}")),
            },
            Self::Ratio => match value {
                ValueKind::Float(ratio) if (0.0..=1.0).contains(ratio) => Ok(()),
                ValueKind::I64(0 | 1) => Ok(()),
                _ => Err(format!("must be a number from 0 to 1, and is {value}")),
            },
            Self::Boolean => match value {
                ValueKind::Boolean(_) => Ok(()),
                _ => Err(format!("must be true or false, and is {value}")),
            },
            Self::Duration { min, max } => check_duration(value, min, max),
            Self::Choice(words) => {
                let text = text(value)?;
                if words.contains(&text) {
                    Ok(())
                } else {
                    Err(format!("must be one of {}, and is {text:?}", words.join(", ")))
                }
            }
            Self::Texts => each(value, |item| {
                if item.is_empty() { Err("has an empty entry".to_owned()) } else { Ok(()) }
            }),
            Self::Choices(words) => each(value, |item| {
                if words.contains(&item) {
                    Ok(())
                } else {
                    Err(format!("must be a list of {}, and has {item:?}", words.join(", ")))
                }
            }),
            Self::Url => check_url(text(value)?),
            Self::CollectorUrl => check_collector(text(value)?),
            Self::Place => check_place(text(value)?),
            Self::Hosts => each(value, check_host),
            Self::Servers => each(value, check_server),
            Self::Origins => each(value, check_origin),
            Self::Networks => each(value, |item| {
                item.parse::<PeerNetwork>()
                    .map(|_| ())
                    .map_err(|error| format!("{item:?}: {error}"))
            }),
            Self::Uuids => each(value, |item| parsed::<Uuid>(item, "a UUID")),
            Self::LogFilter => check_log_filter(text(value)?),
            Self::TimeZone => match CompanyCalendar::in_zone(text(value)?) {
                Some(_) => Ok(()),
                None => {
                    Err("must be a name of the tz database, such as America/Los_Angeles".to_owned())
                }
            },
        }
    }
}

fn text(value: &ValueKind) -> Result<&str, String> {
    match value {
        ValueKind::String(text) => Ok(text),
        _ => Err("must be a text in quotes".to_owned()),
    }
}

fn parsed<T: std::str::FromStr>(text: &str, what: &str) -> Result<(), String> {
    text.parse::<T>().map(|_| ()).map_err(|_| format!("must be {what}, and is {text:?}"))
}

fn each(value: &ValueKind, check: impl Fn(&str) -> Result<(), String>) -> Result<(), String> {
    let ValueKind::Array(items) = value else {
        return Err("must be a list, such as [\"one\", \"two\"]".to_owned());
    };
    items.iter().try_for_each(|item| check(text(&item.kind)?))
}

fn check_duration(value: &ValueKind, min: Duration, max: Duration) -> Result<(), String> {
    let wrong = || {
        let (min, max) = (humantime::format_duration(min), humantime::format_duration(max));
        format!(
            "must be a time with its unit, such as \"30s\" or \"5m\", from {min} to {max}, and is {value}"
        )
    };
    let ValueKind::String(text) = value else {
        return Err(wrong());
    };
    match humantime::parse_duration(text) {
        Ok(duration) if (min..=max).contains(&duration) => Ok(()),
        _ => Err(wrong()),
    }
}

/// The value is not shown: a password could stand in it.
fn check_place(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    if text.contains('@') {
        return Err("must have no user and no password; there are keys for them".to_owned());
    }
    Ok(())
}

/// Whether it is an `https` address, or an `http` one on this machine.
pub(in crate::config) fn is_safe_address(text: &str) -> bool {
    let Ok(url) = text.parse::<http::Uri>() else { return false };
    let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let is_here = host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match url.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => is_here,
        _ => false,
    }
}

fn check_url(text: &str) -> Result<(), String> {
    // Not shown where a password could stand in it.
    let shown = if text.contains(['@', '?', '#']) { "…" } else { text };
    let wrong = || {
        format!(
            "must be an address such as https://id.example.com/tenant, or http:// on this machine, without \
             a user, a query or a fragment, and is {shown:?}"
        )
    };
    if is_safe_address(text) && !text.contains(['@', '?', '#']) { Ok(()) } else { Err(wrong()) }
}

fn check_collector(text: &str) -> Result<(), String> {
    let url = text.parse::<http::Uri>().ok().filter(|_| !text.contains(['@', '?', '#']));
    let scheme = url.as_ref().and_then(http::Uri::scheme_str);
    if matches!(scheme, Some("http" | "https")) {
        return Ok(());
    }
    // Not shown: a password could stand in it.
    Err("must be an address such as http://collector:4317, without a user, a query or a fragment"
        .to_owned())
}

fn check_host(host: &str) -> Result<(), String> {
    if host.is_empty() || host.contains(|c: char| c == '/' || c.is_whitespace()) {
        return Err(format!("{host:?} must be a host name without http:// and without a path"));
    }
    Ok(())
}

/// The value is not shown: a password could stand in it.
fn check_server(text: &str) -> Result<(), String> {
    match ServerAddress::parse(text, 1) {
        Some(_) => Ok(()),
        None => Err("must be a list of hosts such as replica-1:5432 or [::1]:5432, without user and password".to_owned()),
    }
}

fn check_origin(origin: &str) -> Result<(), String> {
    match origin.split_once("://") {
        Some((scheme, host)) if !scheme.is_empty() && check_host(host).is_ok() => Ok(()),
        _ => Err(format!(
            "{origin:?} must be an origin such as https://chat.example.com, without a path"
        )),
    }
}

/// A word alone is a level here. The filter itself would take it for the name of a module, so that
/// the level `verbose` would silence the log.
fn check_log_filter(filter: &str) -> Result<(), String> {
    if filter.is_empty() {
        return Err("is empty".to_owned());
    }
    let is_word = |part: &&str| part.chars().all(|c| c.is_alphanumeric() || "_:".contains(c));
    for word in filter.split(',').map(str::trim).filter(is_word) {
        parsed::<LevelFilter>(word, "off, error, warn, info, debug, trace, or MODULE=LEVEL")?;
    }
    EnvFilter::try_new(filter).map(|_| ()).map_err(|error| format!("is no log filter: {error}"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const NUMBER: Kind = Kind::Integer { min: 1, max: 10 };
    const TIME: Kind =
        Kind::Duration { min: Duration::from_millis(10), max: Duration::from_mins(1) };

    #[rstest]
    #[case(NUMBER, "1", true)]
    #[case(NUMBER, " 10 ", true)]
    #[case(NUMBER, "0", false)]
    #[case(NUMBER, "11", false)]
    #[case(NUMBER, "true", false)]
    #[case(NUMBER, "5.0", false)]
    #[case(TIME, "10ms", true)]
    #[case(TIME, "1m", true)]
    #[case(TIME, "61s", false)]
    #[case(TIME, "9ms", false)]
    #[case(TIME, "30", false)]
    #[case(TIME, "soon", false)]
    #[case(Kind::Boolean, "true", true)]
    #[case(Kind::Boolean, "false", true)]
    #[case(Kind::Boolean, "yes", false)]
    #[case(Kind::SocketAddr, "[::1]:8000", true)]
    #[case(Kind::SocketAddr, "localhost:8000", false)]
    #[case(Kind::SocketAddr, "127.0.0.1", false)]
    #[case(Kind::Hosts, "mcp.example.com, mcp.example.com:8443", true)]
    #[case(Kind::Hosts, "https://mcp.example.com", false)]
    #[case(Kind::Servers, "replica-1, replica-2:5433, [::1]:5432, /run/postgresql", true)]
    #[case(Kind::Servers, "ann:secret@replica-1", false)]
    #[case(Kind::Servers, "postgres://replica-1", false)]
    #[case(Kind::Servers, "replica-1:0", false)]
    #[case(Kind::Origins, "https://chat.example.com,vscode-file://vscode-app", true)]
    #[case(Kind::Origins, "chat.example.com", false)]
    #[case(Kind::Origins, "https://chat.example.com/", false)]
    #[case(Kind::Texts, "a, b", true)]
    #[case(Kind::Choices(&["a", "b"]), "a,b", true)]
    #[case(Kind::Choices(&["a", "b"]), "a,c", false)]
    #[case(Kind::Url, "https://id.example.com/tenant/", true)]
    #[case(Kind::Url, "http://127.0.0.1:9000", true)]
    #[case(Kind::Url, "http://[::1]:9000/x", true)]
    #[case(Kind::Url, "http://id.example.com", false)]
    #[case(Kind::Url, "https://id.example.com/?a=b", false)]
    #[case(Kind::Url, "https://a:b@id.example.com", false)]
    #[case(Kind::Url, "id.example.com", false)]
    #[case(Kind::Place, "db.example.com", true)]
    #[case(Kind::Place, "/run/postgresql", true)]
    #[case(Kind::Place, "postgres://u:secret@db.example.com/zava", false)]
    #[case(Kind::Networks, "10.0.0.0/8,::1", true)]
    #[case(Kind::Networks, "0.0.0.0/0", false)]
    #[case(Kind::Uuids, "", true)]
    #[case(Kind::Uuids, "00000000-0000-0000-0000-000000000000", true)]
    #[case(Kind::Uuids, "seattle", false)]
    #[case(Kind::Choice(&["a", "b"]), "b", true)]
    #[case(Kind::Choice(&["a", "b"]), "A", false)]
    #[case(Kind::LogFilter, "info,retail_storage=debug", true)]
    #[case(Kind::LogFilter, "retail_storage=loud", false)]
    #[case(Kind::LogFilter, "WARN", true)]
    #[case(Kind::LogFilter, "verbose", false)]
    #[case(Kind::LogFilter, "info,verbose", false)]
    #[case(Kind::LogFilter, "", false)]
    #[case(Kind::Text, "", false)]
    fn texts(#[case] kind: Kind, #[case] text: &str, #[case] good: bool) {
        assert_eq!(kind.check(&kind.value_of(text)).is_ok(), good);
    }

    #[rstest]
    #[case(Kind::Text, ValueKind::I64(7))]
    #[case(Kind::Secret, ValueKind::I64(7))]
    #[case(TIME, ValueKind::I64(30))]
    #[case(NUMBER, ValueKind::Float(5.0))]
    #[case(Kind::Boolean, ValueKind::I64(1))]
    #[case(Kind::Hosts, ValueKind::String("a".to_owned()))]
    #[case(Kind::Hosts, ValueKind::from(vec![7]))]
    fn a_value_of_another_type_is_refused(#[case] kind: Kind, #[case] value: ValueKind) {
        assert!(kind.check(&value).is_err());
    }
}
