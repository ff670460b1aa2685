//! Where this user keeps what can be fetched or made again.

use std::path::PathBuf;

/// The folder for downloads and clusters when the user names none.
///
/// `$RETAIL_MCP_CACHE_DIR` where it is set, for a container with one volume; `/var/cache/retail-mcp` for root, because the server's unprivileged user must be able to enter
/// it; else `$XDG_CACHE_HOME/retail-mcp`, `~/.cache/retail-mcp`, or a folder for this user in the
/// folder for temporary files.
pub fn default_data_root() -> PathBuf {
    // The XDG rules say to ignore a relative path.
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(folder) = absolute("RETAIL_MCP_CACHE_DIR") {
        return folder;
    }
    let user = rustix::process::geteuid();
    if user.is_root() {
        return PathBuf::from("/var/cache/retail-mcp");
    }
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .map_or_else(
            || std::env::temp_dir().join(format!("retail-mcp-{}", user.as_raw())),
            |cache| cache.join("retail-mcp"),
        )
}
