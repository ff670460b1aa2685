//! The file of the development key.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use retail_auth::{DevTokenClaims, DevTokenKey, DevTokens, KeyFileError, StoreGrant};
use rstest::rstest;
use secrecy::ExposeSecret;

use crate::support::SetClock;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn write(folder: &Path, text: &str, mode: u32) -> PathBuf {
    let path = folder.join("key");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

/// Two keys are the same when they sign the same.
fn token_of(key: &DevTokenKey) -> String {
    let claims = DevTokenClaims {
        subject: "alice".to_owned(),
        grant: StoreGrant::AllStores,
        with_costs: false,
        operator: false,
        ttl: Duration::from_mins(1),
    };
    DevTokens::new(key, SetClock::new()).mint(&claims).unwrap().expose_secret().to_owned()
}

#[test]
fn the_first_use_makes_a_private_file_and_the_second_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/keys/dev.key");
    let first = DevTokenKey::load_or_create(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(
        fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1,
        "a temporary file is left"
    );

    let second = DevTokenKey::load_or_create(&path).unwrap();
    assert_eq!(token_of(&first), token_of(&second));

    let digits = fs::read_to_string(&path).unwrap();
    assert_eq!(digits.trim_end().len(), 64);
    assert!(!format!("{first:?}").contains(digits.trim_end()));
}

#[test]
fn two_files_get_two_keys() {
    let folder = tempfile::tempdir().unwrap();
    let a = DevTokenKey::load_or_create(&folder.path().join("a")).unwrap();
    let b = DevTokenKey::load_or_create(&folder.path().join("b")).unwrap();
    assert_ne!(token_of(&a), token_of(&b));
}

#[test]
fn those_who_make_it_at_once_get_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let tokens: Vec<String> = thread::scope(|scope| {
        let load = || scope.spawn(|| token_of(&DevTokenKey::load_or_create(&path).unwrap()));
        let threads: Vec<_> = (0..8).map(|_| load()).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(tokens.windows(2).all(|pair| pair[0] == pair[1]));
}

#[rstest]
#[case(0o604)]
#[case(0o620)]
#[case(0o650)]
#[case(0o660)]
#[case(0o644)]
fn a_file_that_others_can_open_is_refused(#[case] mode: u32) {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &"ab".repeat(32), mode);
    let error = DevTokenKey::load_or_create(&path).unwrap_err();
    assert!(matches!(error, KeyFileError::TooOpen { mode: found, .. } if found == mode));
    let advice = format!("chmod 600 {}", path.display());
    assert!(error.to_string().contains(&advice), "{error}");
}

#[rstest]
#[case(0o600)]
#[case(0o400)]
#[case::as_kubernetes_mounts_it(0o440)]
#[case(0o640)]
fn a_private_file_is_read(#[case] mode: u32) {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &"ab".repeat(32), mode);
    let key = DevTokenKey::load_or_create(&path).unwrap();
    assert_eq!(token_of(&key), token_of(&DevTokenKey::from_bytes([0xab; 32])));
}

#[rstest]
#[case::empty("")]
#[case::too_short(&"ab".repeat(31))]
#[case::too_long(&"ab".repeat(33))]
#[case::no_digits(&"zz".repeat(32))]
#[case::huge(&"ab".repeat(100_000))]
fn a_file_that_holds_no_key_is_refused_and_kept(#[case] text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), text, 0o600);
    let error = DevTokenKey::load_or_create(&path).unwrap_err();
    assert!(matches!(error, KeyFileError::Malformed { .. }), "{error}");
    assert!(error.to_string().contains("64 hexadecimal digits"));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_folder_in_its_place_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let error = DevTokenKey::load_or_create(folder.path()).unwrap_err();
    assert!(matches!(error, KeyFileError::Read { .. }), "{error}");
}
