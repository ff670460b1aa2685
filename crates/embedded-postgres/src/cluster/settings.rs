//! The server's command line.

use std::path::PathBuf;

use super::{ClusterOptions, Profile};

/// Where one start of the server listens.
#[derive(Debug, Clone)]
pub(super) struct Address {
    /// Whether it listens on 127.0.0.1 as well.
    pub(super) tcp: bool,
    pub(super) port: u16,
    pub(super) socket_dir: PathBuf,
}

/// All settings for one start, as `-c` takes them. A later one wins over an earlier one.
pub(super) fn arguments(options: &ClusterOptions, address: &Address) -> Vec<String> {
    // Figures do not depend on where the machine stands.
    let mut settings = vec![
        ("timezone".to_owned(), "UTC".to_owned()),
        ("log_timezone".to_owned(), "UTC".to_owned()),
        // Statements and errors of callers hold what they ask for, and rows. The one who asked is told.
        ("log_min_error_statement".to_owned(), "panic".to_owned()),
        ("log_min_messages".to_owned(), "log".to_owned()),
    ];
    if options.profile == Profile::Throwaway {
        // Commits still reach the system before they are reported, so data survives a killed
        // server, as tests of faults expect; only a power failure loses it.
        let relaxed = [
            ("fsync", "off"),
            ("full_page_writes", "off"),
            ("wal_level", "minimal"),
            ("max_wal_senders", "0"),
            ("checkpoint_timeout", "1h"),
        ];
        settings.extend(relaxed.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    settings.extend(options.settings.iter().cloned());
    // Last, because the rest of this crate relies on them.
    let listen = if address.tcp { "127.0.0.1" } else { "" };
    let fixed = [
        ("listen_addresses", listen.to_owned()),
        ("port", address.port.to_string()),
        ("unix_socket_directories", quoted_list_item(&address.socket_dir.display().to_string())),
        ("unix_socket_permissions", "0700".to_owned()),
        ("logging_collector", "off".to_owned()),
        ("log_destination", "stderr".to_owned()),
    ];
    settings.extend(fixed.map(|(name, value)| (name.to_owned(), value)));
    settings
        .into_iter()
        .flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")])
        .collect()
}

/// Protects commas and blanks in a setting that is a list.
fn quoted_list_item(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_a_comma_stays_one_folder() {
        assert_eq!(quoted_list_item("/a, b"), "\"/a, b\"");
    }
}
