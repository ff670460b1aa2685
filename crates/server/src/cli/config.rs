//! `retail-mcp config`

use std::fmt::Write;

use super::print;
use crate::config::Config;

pub(super) fn run(config: &Config) -> anyhow::Result<()> {
    let values = config.effective();
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(not set)".to_owned());
    let key_width = values.iter().map(|value| value.key.len()).max().unwrap_or(0);
    let value_width = values.iter().map(|value| shown(&value.value).len()).max().unwrap_or(0);
    let mut text = String::new();
    for value in values {
        writeln!(
            text,
            "{:key_width$}  {:value_width$}  {}",
            value.key,
            shown(&value.value),
            value.origin
        )?;
    }
    print(&text);
    Ok(())
}
