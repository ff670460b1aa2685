//! Each source as a layer of keys and values. What is no key becomes a fault.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ::config::{File, FileFormat, Map, Source, Value, ValueKind};

use super::aliases::{ALIASES, Conversion};
use super::keys::{ENV_PREFIX, KEYS, Key, is_section};
use super::sources::Sources;
use super::{ConfigError, Fault};

/// Name of the file that is read without being asked for.
const DEFAULT_FILE: &str = "retail-mcp.toml";

/// Known keys with values that remember their origin.
#[derive(Clone, Default)]
pub(super) struct Layer(Vec<(&'static Key, Value)>);

impl Layer {
    pub(super) fn set(&mut self, key: &'static Key, origin: &str, value: ValueKind) {
        self.0.push((key, Value::new(Some(&origin.to_owned()), value)));
    }

    /// The text that was set last for `path`.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        let (_, value) = self.0.iter().rev().find(|(key, _)| key.path == path)?;
        match &value.kind {
            ValueKind::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether `path` is set, and who set it last.
    fn origin(&self, path: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, _)| key.path == path)?.1.origin()
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ::config::ConfigError> {
        Ok(self.0.iter().map(|(key, value)| (key.path.to_owned(), value.clone())).collect())
    }
}

/// Shows no values: some are secrets.
impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(key, _)| key.path)).finish()
    }
}

/// The built-in defaults.
pub(super) fn defaults() -> Layer {
    let mut layer = Layer::default();
    for key in KEYS {
        if let Some(default) = key.default {
            layer.set(key, "default", key.kind.value_of(default));
        }
    }
    layer
}

/// The configuration file, when there is one.
pub(super) fn file(sources: &Sources, faults: &mut Vec<Fault>) -> Result<Layer, ConfigError> {
    let Some((path, text)) = read_file(sources)? else {
        return Ok(Layer::default());
    };
    let table = File::from_str(&text, FileFormat::Toml).collect().map_err(|error| {
        ConfigError::ParseFile { path: path.clone(), reason: without_source_lines(&error) }
    })?;
    let mut layer = Layer::default();
    let origin = format!("file {}", path.display());
    collect_table(table, "", &origin, &mut layer, faults);
    Ok(layer)
}

fn read_file(sources: &Sources) -> Result<Option<(PathBuf, String)>, ConfigError> {
    let (path, must_exist) = match (&sources.config_file, &sources.folder) {
        (Some(path), _) => (path.clone(), true),
        (None, Some(folder)) => (folder.join(DEFAULT_FILE), false),
        (None, None) => return Ok(None),
    };
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(error) if error.kind() == ErrorKind::NotFound && !must_exist => Ok(None),
        Err(source) => Err(ConfigError::ReadFile { path, source }),
    }
}

/// The parser shows the line that it does not understand, behind a `|`. That line may be a password
/// without its quotes.
fn without_source_lines(error: &::config::ConfigError) -> String {
    let text = error.to_string();
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.contains('|'))
        .collect();
    lines.join(": ")
}

fn collect_table(
    table: Map<String, Value>,
    section: &str,
    origin: &str,
    layer: &mut Layer,
    faults: &mut Vec<Fault>,
) {
    // The order of a hash map would shuffle the list of faults.
    let mut entries: Vec<_> = table.into_iter().collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, value) in entries {
        let path = if section.is_empty() { name } else { format!("{section}.{name}") };
        match (Key::find(&path), value.kind) {
            // Refused here: in a merge, a table would lose its origin.
            (Some(_), ValueKind::Table(_)) => {
                faults.push(Fault::new(&path, origin.to_owned(), "is a key and not a section"));
            }
            (Some(key), value) => layer.set(key, origin, value),
            (None, ValueKind::Table(table)) if is_section(&path) => {
                collect_table(table, &path, origin, layer, faults);
            }
            (None, _) if is_section(&path) => {
                faults.push(Fault::new(
                    &path,
                    origin.to_owned(),
                    format!("is a section: write [{path}]"),
                ));
            }
            (None, _) => faults.push(unknown(&path, origin, Key::path)),
        }
    }
}

/// The variables of the reference. `below` are the layers of lower rank: two variables set a part
/// each of `server.listen`, and the other part stays.
pub(super) fn aliases(sources: &Sources, below: &[&Layer], faults: &mut Vec<Fault>) -> Layer {
    let mut layer = Layer::default();
    // Backwards, so that of two aliases of one key the first one in the table stays.
    for alias in ALIASES.iter().rev() {
        let Some(text) = variable(sources, alias.variable) else {
            continue;
        };
        let Some(key) = Key::find(alias.key) else {
            continue;
        };
        let mut origin = format!("environment {}", alias.variable);
        let Some(text) = text.to_str() else {
            faults.push(Fault::new(key.path, origin, "is not valid UTF-8"));
            continue;
        };
        let current =
            layer.text(key.path).or_else(|| below.iter().rev().find_map(|l| l.text(key.path)));
        let Some(value) = alias.convert(key, text, current) else {
            continue;
        };
        if alias.conversion == Conversion::ListenHost
            && let Some(other) = layer.origin(key.path)
        {
            origin = format!("{origin}, {}", other.trim_start_matches("environment "));
        }
        layer.set(key, &origin, value);
    }
    layer
}

fn variable<'a>(sources: &'a Sources, name: &str) -> Option<&'a OsStr> {
    let (_, value) = sources.environment.iter().rev().find(|(found, _)| found == name)?;
    Some(value)
}

/// The variables `RETAIL_MCP__…`. An empty one counts as not set.
pub(super) fn environment(sources: &Sources, faults: &mut Vec<Fault>) -> Layer {
    let mut layer = Layer::default();
    for (name, value) in &sources.environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with(ENV_PREFIX)) else {
            continue;
        };
        let origin = format!("environment {name}");
        match (KEYS.iter().find(|key| key.variable() == name), value.to_str()) {
            (None, _) => {
                let path = name.trim_start_matches(ENV_PREFIX).replace("__", ".").to_lowercase();
                faults.push(unknown(&path, &origin, Key::variable));
            }
            (Some(key), None) => faults.push(Fault::new(key.path, origin, "is not valid UTF-8")),
            (Some(_), Some("")) => {}
            (Some(key), Some(text)) => layer.set(key, &origin, key.kind.value_of(text)),
        }
    }
    layer
}

/// The command line.
pub(super) fn flags(sources: &Sources, faults: &mut Vec<Fault>) -> Layer {
    let mut layer = Layer::default();
    for flag in &sources.flags {
        let origin = format!("flag {}", flag.name);
        match Key::find(&flag.key) {
            Some(key) => layer.set(key, &origin, key.kind.value_of(&flag.value)),
            None => faults.push(unknown(&flag.key, &origin, Key::path)),
        }
    }
    layer
}

/// `write` spells a key as its source does.
fn unknown(path: &str, origin: &str, write: fn(&Key) -> String) -> Fault {
    let nearest = Key::nearest(path).map(write).unwrap_or_default();
    Fault::new(path, origin.to_owned(), format!("there is no such key; did you mean {nearest}?"))
}

/// What is in the file of a secret, without the line end that editors add.
pub(super) fn read_secret(path: &Path) -> Result<String, String> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(format!("{} is empty", path.display()));
    }
    Ok(line.to_owned())
}
