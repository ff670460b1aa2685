//! `retail-mcp manual`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, CommandFactory};

use super::Cli;

/// Where the pages go.
#[derive(Debug, Args)]
pub(super) struct Manual {
    /// An existing folder, such as /usr/local/share/man/man1
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Manual {
    /// Writes `retail-mcp.1` and a page for each command.
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), &self.folder)
            .with_context(|| format!("writing manual pages to {}", self.folder.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_page_and_the_first_tells_of_files_and_variables() {
        let folder = tempfile::tempdir().unwrap();
        Manual { folder: folder.path().to_owned() }.run().unwrap();
        let program = std::fs::read_to_string(folder.path().join("retail-mcp.1")).unwrap();
        assert!(program.contains("retail\\-mcp.toml"), "{program}");
        assert!(program.contains("RETAIL_MCP__DATABASE__HOST"), "{program}");
        for command in Cli::command().get_subcommands() {
            let page = folder.path().join(format!("retail-mcp-{}.1", command.get_name()));
            assert!(page.is_file(), "{}", page.display());
        }
    }
}
