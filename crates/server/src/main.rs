//! The program `retail-mcp`.

use std::process::ExitCode;

fn main() -> ExitCode {
    retail_server::cli::run()
}
