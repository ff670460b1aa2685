//! Each source as a layer of keys and values. What is no key becomes a fault.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ::config::{File, FileFormat, Map, Source, Value, ValueKind};

use super::aliases::{ALIASES, Conversion};
use super::keys::{ENV_PREFIX, KEYS, Key, NAME_RULE, Place, is_section, variable_of, wants_name};
use super::sources::Sources;
use super::{ConfigError, Fault};

/// Name of the file that is read without being asked for.
const DEFAULT_FILE: &str = "retail-mcp.toml";

/// Known keys with values that remember their origin.
#[derive(Clone, Default)]
pub(super) struct Layer(Vec<(Place, Value)>);

impl Layer {
    pub(super) fn set(&mut self, place: Place, origin: &str, value: ValueKind) {
        self.0.push((place, Value::new(Some(&origin.to_owned()), value)));
    }

    /// The names of the sections `section`, whose path ends in `<name>`.
    pub(super) fn names<'a>(&'a self, section: &'a str) -> impl Iterator<Item = &'a str> {
        let places = self.0.iter().map(|(place, _)| place);
        places
            .filter(move |place| place.key.named_section() == Some(section))
            .filter_map(Place::name)
    }

    /// The text that was set last for `path`.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        let (_, value) = self.0.iter().rev().find(|(place, _)| place.path == path)?;
        match &value.kind {
            ValueKind::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether `path` is set, and who set it last.
    fn origin(&self, path: &str) -> Option<&str> {
        self.0.iter().rev().find(|(place, _)| place.path == path)?.1.origin()
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ::config::ConfigError> {
        Ok(self.0.iter().map(|(place, value)| (place.path.clone(), value.clone())).collect())
    }
}

/// Shows no values: some are secrets.
impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(place, _)| &place.path)).finish()
    }
}

/// The built-in defaults. Those of a section with a name count where the section is.
pub(super) fn defaults<'a>(names: impl Fn(&'static str) -> Vec<&'a str>) -> Layer {
    let mut layer = Layer::default();
    for key in KEYS.iter() {
        let Some(default) = key.default else { continue };
        let sections = key.named_section().map_or_else(|| vec![""], &names);
        for name in sections {
            layer.set(Place::new(key, name), "default", key.kind.value_of(default));
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
        match (Place::find(&path), value.kind) {
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
            (None, ValueKind::Table(_)) if wants_name(&path) => {
                faults.push(Fault::new(&path, origin.to_owned(), NAME_RULE));
            }
            (None, _) => faults.push(unknown(&path, origin, path_of)),
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
        let Some(place) = Place::find(alias.key) else {
            continue;
        };
        let key = place.key;
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
        layer.set(place, &origin, value);
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
        match (Place::of_variable(name), value.to_str()) {
            (None, _) => {
                let path = name.trim_start_matches(ENV_PREFIX).replace("__", ".").to_lowercase();
                faults.push(unknown(&path, &origin, variable_of));
            }
            (Some(place), None) => {
                faults.push(Fault::new(place.path, origin, "is not valid UTF-8"));
            }
            (Some(_), Some("")) => {}
            (Some(place), Some(text)) => {
                let value = place.key.kind.value_of(text);
                layer.set(place, &origin, value);
            }
        }
    }
    layer
}

/// The command line.
pub(super) fn flags(sources: &Sources, faults: &mut Vec<Fault>) -> Layer {
    let mut layer = Layer::default();
    for flag in &sources.flags {
        let origin = format!("flag {}", flag.name);
        match Place::find(&flag.key) {
            Some(place) => {
                let value = place.key.kind.value_of(&flag.value);
                layer.set(place, &origin, value);
            }
            None => faults.push(unknown(&flag.key, &origin, path_of)),
        }
    }
    layer
}

fn path_of(path: &str) -> String {
    path.to_owned()
}

/// `write` spells a key as its source does.
fn unknown(path: &str, origin: &str, write: fn(&str) -> String) -> Fault {
    let nearest = Key::nearest(path).map(|key| write(&key.spelled_as(path))).unwrap_or_default();
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
