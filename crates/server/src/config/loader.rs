//! From layers to a configuration.

use std::collections::BTreeSet;
use std::path::Path;

use ::config::{Config as Merged, Map, Source, Value, ValueKind};

use super::keys::{KEYS, Kind, Place};
use super::layers::{self, Layer};
use super::{Config, ConfigError, EffectiveValue, Fault, Sources};

/// A key and its value after the merge, none when nobody set it.
type Setting = (Place, Option<Value>);

pub(super) fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let mut faults = Vec::new();
    let unnamed = layers::defaults(|_| Vec::new());
    let file = layers::file(sources, &mut faults)?;
    let aliases = layers::aliases(sources, &[&unnamed, &file], &mut faults);
    let environment = layers::environment(sources, &mut faults);
    let flags = layers::flags(sources, &mut faults);
    let layers = [file, aliases, environment, flags];
    let names = |section| {
        let names: BTreeSet<&str> = layers.iter().flat_map(|layer| layer.names(section)).collect();
        names.into_iter().collect::<Vec<_>>()
    };
    let defaults = layers::defaults(names);
    let places = places(names);

    let mut settings = merge(places, std::iter::once(&defaults).chain(&layers))?;
    read_secret_files(&mut settings, &mut faults);
    check(&settings, &mut faults);
    if !faults.is_empty() {
        return Err(ConfigError::Faults(faults));
    }
    build(&settings)
}

/// All keys in the order of the table, and a section with a name as often as there are names.
fn places<'a>(names: impl Fn(&'static str) -> Vec<&'a str>) -> Vec<Place> {
    let mut places = Vec::new();
    let mut done = None;
    for key in KEYS.iter() {
        match key.named_section() {
            None => places.push(Place::new(key, "")),
            section if section == done => {}
            Some(section) => {
                done = Some(section);
                let keys = || KEYS.iter().filter(|key| key.named_section() == Some(section));
                for name in names(section) {
                    places.extend(keys().map(|key| Place::new(key, name)));
                }
            }
        }
    }
    places
}

fn merge<'a>(
    places: Vec<Place>,
    layers: impl Iterator<Item = &'a Layer>,
) -> Result<Vec<Setting>, ConfigError> {
    let mut builder = Merged::builder();
    for layer in layers {
        builder = builder.add_source(layer.clone());
    }
    let mut merged =
        builder.build().and_then(|merged| merged.collect()).map_err(ConfigError::Build)?;
    let settings = places.into_iter().map(|place| {
        let value = take(&mut merged, &place.path);
        (place, value)
    });
    Ok(settings.collect())
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
    let files: Vec<(Place, String, Value)> = settings
        .iter()
        .filter_map(|(place, value)| match (place.key.kind, value) {
            (Kind::SecretFile { secret }, Some(value)) => {
                let secret = secret.replace("<name>", place.name().unwrap_or_default());
                Some((place.clone(), secret, value.clone()))
            }
            _ => None,
        })
        .collect();
    for (place, secret, file) in files {
        let Some((_, value)) = settings.iter_mut().find(|(place, _)| place.path == secret) else {
            continue;
        };
        let origin = origin_of(&file);
        if let Some(value) = value {
            let reason = format!("{secret} is set too ({}); set one of the two", origin_of(value));
            faults.push(Fault::new(place.path, origin, reason));
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
            Err(reason) => faults.push(Fault::new(place.path, origin, reason)),
        }
    }
}

fn origin_of(value: &Value) -> String {
    value.origin().unwrap_or("default").to_owned()
}

fn check(settings: &[Setting], faults: &mut Vec<Fault>) {
    for (place, value) in settings {
        if let Some(value) = value
            && let Err(reason) = place.key.kind.check(&value.kind)
        {
            faults.push(Fault::new(&place.path, origin_of(value), reason));
        }
    }
}

fn build(settings: &[Setting]) -> Result<Config, ConfigError> {
    let mut layer = Layer::default();
    for (place, value) in settings {
        if let Some(value) = value
            && !matches!(place.key.kind, Kind::SecretFile { .. })
        {
            layer.set(place.clone(), "", value.kind.clone());
        }
    }
    let merged = Merged::builder().add_source(layer).build().map_err(ConfigError::Build)?;
    let config: Config = merged.try_deserialize().map_err(ConfigError::Build)?;
    Ok(Config { effective: settings.iter().map(effective).collect(), ..config })
}

fn effective((place, value): &Setting) -> EffectiveValue {
    let is_secret = place.key.kind.is_secret();
    EffectiveValue {
        key: place.path.clone(),
        value: value
            .as_ref()
            .map(|value| if is_secret { "***".to_owned() } else { shown(&value.kind) }),
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
