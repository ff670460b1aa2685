//! From layers to a configuration.

use std::path::Path;

use ::config::{Config as Merged, Map, Source, Value, ValueKind};

use super::keys::{KEYS, Key, Kind};
use super::layers::{self, Layer};
use super::{Config, ConfigError, EffectiveValue, Fault, Sources};

/// A key and its value after the merge, none when nobody set it.
type Setting = (&'static Key, Option<Value>);

pub(super) fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let mut faults = Vec::new();
    let defaults = layers::defaults();
    let file = layers::file(sources, &mut faults)?;
    let aliases = layers::aliases(sources, &[&defaults, &file], &mut faults);
    let environment = layers::environment(sources, &mut faults);
    let flags = layers::flags(sources, &mut faults);

    let mut settings = merge([defaults, file, aliases, environment, flags])?;
    read_secret_files(&mut settings, &mut faults);
    check(&settings, &mut faults);
    if !faults.is_empty() {
        return Err(ConfigError::Faults(faults));
    }
    build(&settings)
}

fn merge(layers: [Layer; 5]) -> Result<Vec<Setting>, ConfigError> {
    let mut builder = Merged::builder();
    for layer in layers {
        builder = builder.add_source(layer);
    }
    let mut merged =
        builder.build().and_then(|merged| merged.collect()).map_err(ConfigError::Build)?;
    Ok(KEYS.iter().map(|key| (key, take(&mut merged, key.path))).collect())
}

/// Takes the value at `path`, with its origin, which a typed read would lose.
fn take(table: &mut Map<String, Value>, path: &str) -> Option<Value> {
    match path.split_once('.') {
        None => table.remove(path),
        Some((section, rest)) => match &mut table.get_mut(section)?.kind {
            ValueKind::Table(table) => take(table, rest),
            _ => None,
        },
    }
}

/// Puts what is in a `*_file` into the secret that it stands for.
fn read_secret_files(settings: &mut [Setting], faults: &mut Vec<Fault>) {
    let files: Vec<(&Key, &'static str, Value)> = settings
        .iter()
        .filter_map(|(key, value)| match (key.kind, value) {
            (Kind::SecretFile { secret }, Some(value)) => Some((*key, secret, value.clone())),
            _ => None,
        })
        .collect();
    for (key, secret, file) in files {
        let Some((_, value)) = settings.iter_mut().find(|(key, _)| key.path == secret) else {
            continue;
        };
        let origin = origin_of(&file);
        if let Some(value) = value {
            let reason = format!("{secret} is set too ({}); set one of the two", origin_of(value));
            faults.push(Fault::new(key.path, origin, reason));
            continue;
        }
        // Another type than a text is reported by `check`.
        let ValueKind::String(path) = &file.kind else {
            continue;
        };
        match layers::read_secret(Path::new(path)) {
            Ok(text) => {
                *value = Some(Value::new(Some(&format!("file {path}, named by {origin}")), text));
            }
            Err(reason) => faults.push(Fault::new(key.path, origin, reason)),
        }
    }
}

fn origin_of(value: &Value) -> String {
    value.origin().unwrap_or("default").to_owned()
}

fn check(settings: &[Setting], faults: &mut Vec<Fault>) {
    for (key, value) in settings {
        if let Some(value) = value
            && let Err(reason) = key.kind.check(&value.kind)
        {
            faults.push(Fault::new(key.path, origin_of(value), reason));
        }
    }
}

fn build(settings: &[Setting]) -> Result<Config, ConfigError> {
    let mut layer = Layer::default();
    for (key, value) in settings {
        if let Some(value) = value
            && !matches!(key.kind, Kind::SecretFile { .. })
        {
            layer.set(key, "", value.kind.clone());
        }
    }
    let merged = Merged::builder().add_source(layer).build().map_err(ConfigError::Build)?;
    let config: Config = merged.try_deserialize().map_err(ConfigError::Build)?;
    Ok(Config { effective: settings.iter().map(effective).collect(), ..config })
}

fn effective((key, value): &Setting) -> EffectiveValue {
    EffectiveValue {
        key: key.path,
        value: value
            .as_ref()
            .map(|value| if key.kind.is_secret() { "***".to_owned() } else { shown(&value.kind) }),
        origin: value.as_ref().map_or_else(|| "default".to_owned(), origin_of),
    }
}

/// A value as one would write it in the environment.
fn shown(value: &ValueKind) -> String {
    match value {
        ValueKind::Array(items) => {
            items.iter().map(|item| shown(&item.kind)).collect::<Vec<_>>().join(",")
        }
        value => value.to_string(),
    }
}
