//! Files that hold a key of 32 random bytes.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretBox, SecretString, zeroize::Zeroize};

/// Length of a key in bytes: the output size of SHA-256.
pub const KEY_BYTES: usize = 32;

/// No key file is longer. What is longer is some other file, and is not read into memory.
const MAX_FILE_BYTES: u64 = 1024;

/// A key file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file or its folder cannot be read.
    #[error("cannot read the key file {}", path.display())]
    Read {
        /// The key file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not there and cannot be made.
    #[error("cannot make the key file {}", path.display())]
    Create {
        /// The key file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than the owner and its group can read the file, or others than the owner can write it.
    #[error(
        "the key file {path} can be read or written by others (mode {mode:03o}): run `chmod 600 {path}`",
        path = path.display()
    )]
    TooOpen {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds no key.
    #[error(
        "the key file {} must hold {expected} hexadecimal digits, and holds something else of {found} bytes",
        path.display()
    )]
    Malformed {
        /// The key file.
        path: PathBuf,
        /// How many digits a key has.
        expected: usize,
        /// Length of the text that was found.
        found: usize,
    },
}

/// Reads the key from `path`. Makes the file, and its folders, when it is not there.
///
/// The file holds 64 hexadecimal digits and is readable by its owner alone. It appears under its
/// name only when it is complete. When two processes make it at once, both get the same key.
///
/// # Errors
/// [`KeyFileError::TooOpen`] when others can read it, or group or others can write it: its group may read it, since that is how
/// Kubernetes mounts a secret for a user who is not root,
/// [`KeyFileError::Malformed`] when it holds something else,
/// [`KeyFileError::Read`] and [`KeyFileError::Create`] when the file system refuses.
pub fn load_or_create_key(path: &Path) -> Result<SecretBox<[u8; KEY_BYTES]>, KeyFileError> {
    if !path.exists() {
        create(path).map_err(|source| KeyFileError::Create { path: path.to_owned(), source })?;
    }
    // Reads back even what it has just written: another process may have been first.
    load_key(path)
}

/// Reads the key from `path`, which must be there.
///
/// # Errors
/// Those of [`load_or_create_key`], with [`KeyFileError::Read`] for a file that is not there.
pub fn load_key(path: &Path) -> Result<SecretBox<[u8; KEY_BYTES]>, KeyFileError> {
    let read_error = |source| KeyFileError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(read_error)?;
    check_mode(path, &file)?;
    let mut text = String::new();
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(read_error)?;
    let text = SecretString::from(text);

    let digits = text.expose_secret().trim_end();
    let mut bytes = [0; KEY_BYTES];
    let decoded = hex::decode_to_slice(digits, &mut bytes);
    let key = SecretBox::new(Box::new(bytes));
    bytes.zeroize();
    decoded.map(|()| key).map_err(|_| KeyFileError::Malformed {
        path: path.to_owned(),
        expected: 2 * KEY_BYTES,
        found: digits.len(),
    })
}

/// Looks at the open file, not at the path: nobody can swap it in between.
#[cfg(unix)]
fn check_mode(path: &Path, file: &File) -> Result<(), KeyFileError> {
    use std::os::unix::fs::PermissionsExt;

    let metadata =
        file.metadata().map_err(|source| KeyFileError::Read { path: path.to_owned(), source })?;
    let mode = metadata.permissions().mode() & 0o777;
    let of_others = mode & 0o037;
    if of_others == 0 { Ok(()) } else { Err(KeyFileError::TooOpen { path: path.to_owned(), mode }) }
}

/// Elsewhere the folder's access list decides.
#[cfg(not(unix))]
fn check_mode(_path: &Path, _file: &File) -> Result<(), KeyFileError> {
    Ok(())
}

/// Writes a new random key under a temporary name and then gives it its name, unless the name is
/// taken by then.
fn create(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        create_private_folder(folder)?;
    }
    let mut name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".{:016x}.tmp", rand::random::<u64>()));
    let temporary = path.with_file_name(name);

    let published = write_private_file(&temporary).and_then(|()| publish(&temporary, path));
    // After a rename the temporary name is gone already. A key must not stay behind under it.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => published.and(Err(error)),
        _ => published,
    }
}

/// The folders above it are made as usual: other programs may have to pass through them.
fn create_private_folder(folder: &Path) -> io::Result<()> {
    if let Some(above) = folder.parent() {
        fs::create_dir_all(above)?;
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn write_private_file(path: &Path) -> io::Result<()> {
    let mut bytes = [0_u8; KEY_BYTES];
    rand::fill(&mut bytes);
    let text = SecretString::from(format!("{}\n", hex::encode(bytes)));
    bytes.zeroize();

    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.expose_secret().as_bytes())?;
    file.sync_all()
}

/// A hard link, unlike a rename, never replaces a key that another process has just made. File
/// systems without hard links get the rename.
fn publish(temporary: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(temporary, path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(_) => fs::rename(temporary, path),
    }
}
