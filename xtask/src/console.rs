//! The one place that prints.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks to its user on the terminal"
)]

/// Prints a line to standard output.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// Prints a line to standard error.
pub(crate) fn problem(text: &str) {
    eprintln!("{text}");
}
