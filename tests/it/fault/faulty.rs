//! A disk that fails when it is told to, for one server alone: disk.c says how.

use std::{
    fs::File,
    net::SocketAddr,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use super::Server;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fault/disk.c");

/// The numbers of disk.c's `struct control`, by their places.
#[derive(Clone, Copy, Debug)]
enum Field {
    Armed,
    Error,
    Nth,
    Onwards,
    Seen,
    Failed,
    WalSyncs,
}

/// How many numbers there are.
const FIELDS: usize = 7;

/// What fails.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    Write = 1,
    Sync = 2,
}

/// With what it fails: the numbers that Linux has for it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Error {
    /// EIO
    Io = 5,
    /// ENOSPC
    NoSpace = 28,
}

/// How long it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lasts {
    Once,
    Onwards,
}

/// The disk under the store of one server. Its folder also holds the store.
pub(super) struct FaultyDisk {
    folder: tempfile::TempDir,
    library: PathBuf,
    control: File,
}

impl FaultyDisk {
    /// A disk that is well.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("disk.so");
        let compiler = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(&library)
            .arg(SOURCE)
            .output()
            .expect("there is no C compiler, with which Rust links");
        assert!(compiler.status.success(), "{}", String::from_utf8_lossy(&compiler.stderr));
        let path = folder.path().join("control");
        std::fs::write(&path, [0; FIELDS * size_of::<u32>()]).unwrap();
        let control = File::options().read(true).write(true).open(path).unwrap();
        Self { folder, library, control }
    }

    /// Names the store.
    pub(super) fn url(&self) -> String {
        format!("sqlite://{}", self.folder.path().join("waybill.db").display())
    }

    /// Starts a server over the store.
    pub(super) fn serve(&self) -> Server {
        let control = self.folder.path().join("control");
        let environment: [(&str, &Path); 2] =
            [("LD_PRELOAD", &self.library), ("FAULTY_DISK_CONTROL", &control)];
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Server::start_within(self.folder.path(), &self.url(), anywhere, &environment)
    }

    fn set(&self, field: Field, value: u32) {
        let at = size_of::<u32>() * field as usize;
        self.control.write_all_at(&value.to_ne_bytes(), u64::try_from(at).unwrap()).unwrap();
    }

    fn get(&self, field: Field) -> u32 {
        let mut bytes = [0; size_of::<u32>()];
        let at = size_of::<u32>() * field as usize;
        self.control.read_exact_at(&mut bytes, u64::try_from(at).unwrap()).unwrap();
        u32::from_ne_bytes(bytes)
    }

    /// Has the n-th call from now fail, the first being number 1.
    pub(super) fn fail(&self, call: Call, error: Error, nth: u32, lasts: Lasts) {
        self.be_well();
        self.set(Field::Seen, 0);
        self.set(Field::Failed, 0);
        self.set(Field::Error, error as u32);
        self.set(Field::Nth, nth);
        self.set(Field::Onwards, u32::from(lasts == Lasts::Onwards));
        self.set(Field::Armed, call as u32);
    }

    /// Has nothing fail from now on.
    pub(super) fn be_well(&self) {
        self.set(Field::Armed, 0);
    }

    /// How many calls have failed since it was told to.
    pub(super) fn failures(&self) -> u32 {
        self.get(Field::Failed)
    }

    /// How often the write-ahead log was synced so far.
    pub(super) fn wal_syncs(&self) -> u32 {
        self.get(Field::WalSyncs)
    }
}
