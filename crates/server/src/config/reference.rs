//! `docs/configuration.md`, written from the tables.

use super::aliases::{ALIASES, UNREAD};
use super::keys::{KEYS, Key, Kind};

/// The reference of all keys as Markdown: the content of `docs/configuration.md`.
pub fn reference_markdown() -> String {
    let mut text = String::from(INTRODUCTION);
    let mut section = None;
    for key in KEYS.iter() {
        let (this, _) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        if section != Some(this) {
            section = Some(this);
            text.push_str(&heading(this));
        }
        text.push_str(&row(key));
    }
    text.push_str(ALIAS_INTRODUCTION);
    for alias in ALIASES {
        text += &alias_row(alias.variable, &format!("`{}`", alias.key), alias.note());
    }
    for (variable, why) in UNREAD {
        text += &alias_row(variable, "none", why);
    }
    text
}

const INTRODUCTION: &str = "\
<!-- Written by a test from crates/server/src/config/keys/table.rs. To write it anew:
     UPDATE_DOCS=1 cargo test -p retail-server reference -->
# Configuration

Each value comes from the highest of these that sets it:

1. a flag, such as `--listen`
2. an environment variable `RETAIL_MCP__SECTION__KEY`
3. an environment variable of the Python reference server (see the end of this page)
4. the file `retail-mcp.toml` in the working folder, or the one that `--config FILE` names
5. the default

`retail-mcp config` prints the value of each key and where it came from.

- A key that does not exist is an error, in the file and in `RETAIL_MCP__…`, and the message names the
  nearest that does. A named file that is not there is an error too.
- A list is an array in the file (`[\"a\", \"b\"]`) and has commas in the environment (`a,b`).
- A section with `<name>` may be there several times, under names of your choice: `[auth.issuers.entra]` in
  the file, `RETAIL_MCP__AUTH__ISSUERS__ENTRA__…` in the environment. Such a name has lower-case letters,
  digits and single underscores.
- A time has its unit: `500ms`, `30s`, `5m`, `12h`.
- An environment variable that is empty counts as not set.
- A secret is never printed. It can be given by the path of a file, in the key that ends in `_file`;
  one line end after it is dropped. To set both is an error.
";

const ALIAS_INTRODUCTION: &str = "
## Variables of the Python reference server

They rank below `RETAIL_MCP__…` and above the file. Quotes around the whole value are dropped. Where two
set the same, the upper one wins. `POSTGRES_USER` was the one role of that server; here it is the owner of
the schema, and queries run as roles that own nothing.

| Variable | Key | Notes |
|---|---|---|
";

fn heading(section: &str) -> String {
    let title = if section.is_empty() { "Top level".to_owned() } else { format!("`[{section}]`") };
    format!("\n## {title}\n\n| Key and variable | Default | Meaning |\n|---|---|---|\n")
}

fn row(key: &Key) -> String {
    let default = match (key.default, key.kind) {
        (None, _) => "not set".to_owned(),
        (Some(""), _) => "empty".to_owned(),
        (Some(default), _) => format!("`{default}`"),
    };
    let bounds = bounds(key.kind);
    format!("| `{}`<br>`{}` | {default} | {}{bounds} |\n", key.path, key.variable(), key.meaning)
}

fn alias_row(variable: &str, key: &str, note: &str) -> String {
    format!("| `{variable}` | {key} | {note} |\n")
}

fn bounds(kind: Kind) -> String {
    use humantime_serde::re::humantime::format_duration;

    match kind {
        Kind::Integer { min, max } => format!(" {min} to {max}."),
        Kind::Duration { min, max } => {
            format!(" {} to {}.", format_duration(min), format_duration(max))
        }
        _ => String::new(),
    }
}
