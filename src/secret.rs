//! Secrets in memory and at rest: a wrapper that cannot be printed, and the keys that encrypt what the store holds.
//!
//! Nothing here draws random numbers: nonces and new keys are made of bytes that the caller brings (`seam.rs`), so
//! that a test can repeat them. Nothing here logs.

use std::collections::HashMap;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// The length of a data key in bytes.
pub const KEY_LENGTH: usize = 32;

/// The length of a nonce in bytes; long enough that random ones never meet.
pub const NONCE_LENGTH: usize = 24;

/// The version of the sealed form, its first part.
const SEALED_VERSION: &str = "v1";

/// What [`Secret`] shows of its value.
const MASK: &str = "***";

/// Base64 as people paste it: with or without the padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A value that no log and no error message shows by accident.
///
/// It can be read from configuration, but not written back: there is no `Serialize`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Each call of this is a place to look at when a secret is found where it should not be.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself, unwrapped.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

/// Why a key file was refused. Lines count from 1; the text of a line is never shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// There is no key in it.
    #[error("it holds no key; expected {KEY_LENGTH} bytes in base64 on a line")]
    Empty,
    /// A line is not base64.
    #[error("line {line} is not base64")]
    NotBase64 {
        /// The line.
        line: usize,
    },
    /// A line holds too few or too many bytes.
    #[error("line {line} holds {found} bytes, expected {KEY_LENGTH}")]
    WrongLength {
        /// The line.
        line: usize,
        /// How many bytes it holds.
        found: usize,
    },
    /// A line has the key id of an earlier one: nearly always because it is the same key.
    #[error("line {line} repeats the key of line {first}")]
    Repeated {
        /// The line.
        line: usize,
        /// The earlier line.
        first: usize,
    },
}

/// Why a sealed text could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The text is not of the form that [`Keyring::seal`] makes.
    #[error("the sealed text is malformed")]
    Malformed,
    /// The key that sealed it is not in the key file (any more).
    #[error("the data key {key_id} is not in the key file")]
    UnknownKey {
        /// The id of the missing key.
        key_id: String,
    },
    /// The text was changed, or it was sealed in another context.
    #[error("the sealed text was altered or belongs elsewhere")]
    Altered,
}

/// Why a key file could not be loaded or made.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read; it may be missing.
    #[error("cannot read the data key file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file cannot be made.
    #[error("cannot create the data key file {}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file holds something else than keys.
    #[error("the data key file {} is unusable: {source}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyringError,
    },
}

/// One data key, ready for use.
#[derive(Clone)]
struct Key {
    /// Names the key in what it sealed; tells nothing about the key itself.
    id: String,
    cipher: XChaCha20Poly1305,
    /// Derived from the key, so that a digest says nothing about what the key encrypts.
    digester: Hmac<Sha256>,
}

/// The data keys: the first one encrypts, all of them decrypt.
///
/// To rotate, put a new key on the first line and keep the old ones below it until nothing is sealed with them.
#[derive(Clone)]
pub struct Keyring {
    /// The key that encrypts.
    first: Key,
    /// The keys that only decrypt.
    rest: Vec<Key>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Keyring").field(&self.key_ids()).finish()
    }
}

impl Keyring {
    /// Reads the text of a key file: a key of 32 bytes in base64 on each line; blank lines and lines that begin with
    /// `#` are skipped.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let mut keys = Vec::new();
        let mut lines_by_id = HashMap::new();
        for (index, text) in text.lines().enumerate() {
            let (line, text) = (index + 1, text.trim());
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let bytes = LENIENT.decode(text).map_err(|_| KeyringError::NotBase64 { line })?;
            let bytes: [u8; KEY_LENGTH] = bytes
                .try_into()
                .map_err(|bytes: Vec<u8>| KeyringError::WrongLength { line, found: bytes.len() })?;
            let key = Key::new(&bytes);
            if let Some(first) = lines_by_id.insert(key.id.clone(), line) {
                return Err(KeyringError::Repeated { line, first });
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(KeyringError::Empty)?;
        Ok(Self { first, rest: keys.collect() })
    }

    /// The text of a new key file, made of random bytes.
    pub fn generate_file_text(random: &[u8; KEY_LENGTH]) -> Secret<String> {
        Secret::new(format!("{}\n", STANDARD.encode(random)))
    }

    /// Loads the key file at `path`; with `create`, a missing one is made first, readable by its owner only.
    ///
    /// The file appears whole or not at all, and of two processes that start at once both end up with the keys of the
    /// one that came first. Ask for `create` only where nothing is encrypted yet: a new key opens nothing old.
    pub fn load_or_create(
        path: &Path,
        create: bool,
        random: impl FnOnce(&mut [u8]),
    ) -> Result<Self, LoadError> {
        let text = match std::fs::read_to_string(path) {
            Err(error) if create && error.kind() == io::ErrorKind::NotFound => {
                create_key_file(path, random)
                    .map_err(|source| LoadError::Create { path: path.to_path_buf(), source })?;
                std::fs::read_to_string(path)
            }
            outcome => outcome,
        }
        .map_err(|source| LoadError::Read { path: path.to_path_buf(), source })?;
        Self::parse(&text).map_err(|source| LoadError::Invalid { path: path.to_path_buf(), source })
    }

    /// The ids of the keys, the encrypting one first; safe to log.
    pub fn key_ids(&self) -> Vec<&str> {
        self.keys().map(|key| key.id.as_str()).collect()
    }

    /// Encrypts: `v1.<key id>.<base64 of nonce and ciphertext>`.
    ///
    /// `context` names the place of the value (say, table, column and row). It is not stored, but the same one is
    /// needed to open: a sealed text that is moved to another place stays shut. `nonce` must be fresh random bytes.
    pub fn seal(&self, plaintext: &[u8], context: &str, nonce: [u8; NONCE_LENGTH]) -> String {
        let payload = Payload { msg: plaintext, aad: context.as_bytes() };
        // The cipher refuses only texts of more than 256 GiB, which no request can carry. Such a one would become an
        // empty ciphertext, which does not open.
        let ciphertext = self.first.cipher.encrypt(&XNonce::from(nonce), payload).unwrap_or_default();
        let sealed: Vec<u8> = nonce.into_iter().chain(ciphertext).collect();
        format!("{SEALED_VERSION}.{}.{}", self.first.id, STANDARD.encode(sealed))
    }

    /// Decrypts what [`Keyring::seal`] made with the same `context`, with whichever key sealed it.
    pub fn open(&self, sealed: &str, context: &str) -> Result<Vec<u8>, OpenError> {
        let mut parts = sealed.splitn(3, '.');
        let (Some(SEALED_VERSION), Some(key_id), Some(encoded)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(OpenError::Malformed);
        };
        let bytes = STANDARD.decode(encoded).map_err(|_| OpenError::Malformed)?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE_LENGTH>().ok_or(OpenError::Malformed)?;
        let key = self
            .keys()
            .find(|key| key.id == key_id)
            .ok_or_else(|| OpenError::UnknownKey { key_id: key_id.to_owned() })?;
        let payload = Payload { msg: ciphertext, aad: context.as_bytes() };
        key.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| OpenError::Altered)
    }

    /// Digests of a text by each key, that of the encrypting key first: they tell whether two texts are the same, and only
    /// who has the keys can make them.
    pub fn digests(&self, text: &[u8]) -> Vec<[u8; 32]> {
        let digest = |key: &Key| key.digester.clone().chain_update(text).finalize().into_bytes().into();
        self.keys().map(digest).collect()
    }

    /// Whether `sealed` was made with the key that encrypts now; if not, it is due for sealing again.
    pub fn is_current(&self, sealed: &str) -> bool {
        sealed.split('.').nth(1) == Some(self.first.id.as_str())
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

/// A key of HMAC is as long as a block of its hash; a shorter one has zeros at its end.
fn block(key: &[u8; KEY_LENGTH]) -> [u8; 64] {
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    block
}

impl Key {
    fn new(bytes: &[u8; KEY_LENGTH]) -> Self {
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        let [a, b, c, d, ..] = digest;
        let derived = Hmac::<Sha256>::new(&block(bytes).into()).chain_update(b"waybill digests").finalize();
        let derived: [u8; 32] = derived.into_bytes().into();
        Self {
            id: format!("{a:02x}{b:02x}{c:02x}{d:02x}"),
            cipher: XChaCha20Poly1305::new(bytes.into()),
            digester: Hmac::new(&block(&derived).into()),
        }
    }
}

/// Makes a key file that was not there a moment ago.
///
/// It is written under another name first and then linked into place: a link, unlike a rename, fails where somebody
/// else was faster, and unlike a file that is written in place it is never seen half written.
fn create_key_file(path: &Path, random: impl FnOnce(&mut [u8])) -> io::Result<()> {
    let mut bytes = [0; KEY_LENGTH + 8];
    random(&mut bytes);
    let (Some(key), Some(suffix)) = (bytes.first_chunk(), bytes.last_chunk()) else {
        return Err(io::Error::other("no random bytes"));
    };
    // The suffix keeps two processes, and a file left over from a crash, out of each other's way.
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{:016x}", u64::from_le_bytes(*suffix)));
    let draft = PathBuf::from(draft);

    let text = Keyring::generate_file_text(key);
    write_private(&draft, text.expose().as_bytes())?;
    let linked = match std::fs::hard_link(&draft, path) {
        // A file system without links: the file is made in place, and may be seen half written for an instant.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            write_private(path, text.expose().as_bytes())
        }
        outcome => outcome,
    };
    // Best effort: a draft left behind is as private as the key file.
    let _ = std::fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder_of(path),
    }
}

/// Writes a new file that only its owner may read, through to the disk.
fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes the folder's new entry last: a key that is gone after a power cut takes everything sealed with it along.
#[cfg(unix)]
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}

/// Other systems cannot open a folder to flush it.
#[cfg(not(unix))]
fn sync_folder_of(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    const OLD: [u8; 32] = [1; 32];
    const NEW: [u8; 32] = [2; 32];
    const NONCE: [u8; 24] = [7; 24];

    fn keyring(keys: &[[u8; 32]]) -> Keyring {
        let text: String = keys.iter().map(|key| Keyring::generate_file_text(key).into_exposed()).collect();
        Keyring::parse(&text).unwrap()
    }

    /// A folder of its own for each test, gone afterwards.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("waybill-secret-{}-{name}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = std::fs::read_dir(&self.0).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_secret_prints_as_stars() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(*secret.expose(), "hunter2");
    }

    #[test]
    fn a_secret_is_read_from_configuration_as_its_value() {
        let secret: Secret<String> = serde_json::from_str("\"hunter2\"").unwrap();
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn a_keyring_prints_its_key_ids_only() {
        let printed = format!("{:?}", keyring(&[OLD]));
        assert_eq!(printed, r#"Keyring(["72cd6e84"])"#);
    }

    #[test]
    fn what_was_sealed_opens_again_in_its_context_only() {
        let keys = keyring(&[OLD]);
        let sealed = keys.seal("Anna Schmidt".as_bytes(), "order.consignee", NONCE);
        assert!(sealed.starts_with("v1.72cd6e84."), "{sealed}");
        assert!(!sealed.contains("Anna"));
        assert_eq!(keys.open(&sealed, "order.consignee").unwrap(), b"Anna Schmidt");
        assert_eq!(keys.open(&sealed, "order.notes"), Err(OpenError::Altered));
    }

    #[test]
    fn an_empty_text_can_be_sealed() {
        let keys = keyring(&[OLD]);
        assert_eq!(keys.open(&keys.seal(b"", "c", NONCE), "c").unwrap(), b"");
    }

    #[test]
    fn the_first_key_encrypts_and_the_others_still_decrypt() {
        let before = keyring(&[OLD]);
        let after = keyring(&[NEW, OLD]);
        let sealed = before.seal(b"text", "c", NONCE);
        assert_eq!(after.open(&sealed, "c").unwrap(), b"text");
        assert!(before.is_current(&sealed) && !after.is_current(&sealed));

        let resealed = after.seal(b"text", "c", NONCE);
        assert!(after.is_current(&resealed));
        let unknown = OpenError::UnknownKey { key_id: after.key_ids()[0].to_owned() };
        assert_eq!(before.open(&resealed, "c"), Err(unknown));
    }

    #[test]
    fn a_text_that_was_tampered_with_stays_shut() {
        let keys = keyring(&[OLD]);
        let sealed = keys.seal(b"some text", "c", NONCE);
        let (head, encoded) = sealed.rsplit_once('.').unwrap();
        let bytes = STANDARD.decode(encoded).unwrap();
        for index in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[index] ^= 1;
            let tampered = format!("{head}.{}", STANDARD.encode(bytes));
            assert_eq!(keys.open(&tampered, "c"), Err(OpenError::Altered), "byte {index}");
        }
    }

    #[test]
    fn what_is_no_sealed_text_is_malformed() {
        let keys = keyring(&[OLD]);
        for text in
            ["", "v1", "v1.72cd6e84", "v2.72cd6e84.AAAA", "v1.72cd6e84.!", "v1.72cd6e84.AAAA", "plain text"]
        {
            assert_eq!(keys.open(text, "c"), Err(OpenError::Malformed), "{text:?}");
        }
    }

    #[test]
    fn a_key_file_may_have_comments_blank_lines_and_any_line_ends() {
        let key = STANDARD.encode(OLD);
        for text in [
            key.clone(),
            format!("{key}\r\n"),
            format!("# the key\n\n  {key}  \n"),
            key.trim_end_matches('=').to_owned(),
        ] {
            assert_eq!(Keyring::parse(&text).unwrap().key_ids(), ["72cd6e84"], "{text:?}");
        }
    }

    #[test]
    fn a_bad_key_file_is_refused_by_line() {
        let key = STANDARD.encode(OLD);
        let short = STANDARD.encode([1; 16]);
        for (text, expected) in [
            (String::new(), KeyringError::Empty),
            ("# nothing\n".to_owned(), KeyringError::Empty),
            (format!("{key}\nno key!\n"), KeyringError::NotBase64 { line: 2 }),
            (format!("\n{short}"), KeyringError::WrongLength { line: 2, found: 16 }),
            (format!("{key}\n\n{key}"), KeyringError::Repeated { line: 3, first: 1 }),
        ] {
            let error = Keyring::parse(&text).unwrap_err();
            assert_eq!(error, expected, "{text:?}");
            assert!(!error.to_string().contains("no key!"));
        }
    }

    #[test]
    fn a_key_file_is_made_once_and_then_loaded() {
        let folder = Folder::new("once");
        let path = folder.0.join("waybill.key");
        let made = Keyring::load_or_create(&path, true, |bytes| bytes.fill(1)).unwrap();
        let loaded = Keyring::load_or_create(&path, true, |_| panic!("there is a key already")).unwrap();
        assert_eq!(made.key_ids(), loaded.key_ids());
        assert_eq!(folder.names(), ["waybill.key"]);
    }

    #[test]
    #[cfg(unix)]
    fn a_key_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = Folder::new("mode");
        let path = folder.0.join("waybill.key");
        Keyring::load_or_create(&path, true, |bytes| bytes.fill(1)).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn of_many_that_start_at_once_all_get_the_same_key() {
        let folder = Folder::new("race");
        let path = folder.0.join("waybill.key");
        let ids: Vec<String> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..16u8)
                .map(|seed| {
                    let path = &path;
                    scope
                        .spawn(move || Keyring::load_or_create(path, true, |bytes| bytes.fill(seed)).unwrap())
                })
                .collect();
            starts.into_iter().map(|start| start.join().unwrap().key_ids()[0].to_owned()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(folder.names(), ["waybill.key"]);
    }

    #[test]
    fn a_missing_key_file_is_an_error_unless_it_may_be_made() {
        let folder = Folder::new("missing");
        let path = folder.0.join("waybill.key");
        let error = Keyring::load_or_create(&path, false, |_| panic!("not asked for")).unwrap_err();
        assert!(matches!(error, LoadError::Read { .. }), "{error}");
        assert!(folder.names().is_empty());

        let error = Keyring::load_or_create(&path.join("deep"), true, |bytes| bytes.fill(1)).unwrap_err();
        assert!(matches!(error, LoadError::Create { .. }), "{error}");
    }

    #[test]
    fn an_existing_file_is_never_overwritten() {
        let folder = Folder::new("invalid");
        let path = folder.0.join("waybill.key");
        std::fs::write(&path, "").unwrap();
        let error = Keyring::load_or_create(&path, true, |_| panic!("there is a file")).unwrap_err();
        assert!(matches!(error, LoadError::Invalid { source: KeyringError::Empty, .. }), "{error}");
        assert!(error.to_string().contains("waybill.key"), "{error}");
    }
}
