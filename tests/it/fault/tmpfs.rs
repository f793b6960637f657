//! A file system that is full: a small one of its own, which only root may mount.

use std::{fs, path::Path, process::Command};

use super::{
    Server,
    told::{Told, Unanswered},
};
use crate::harness::Stored;

const SIZE: &str = "size=8m";
/// What the filler is written in, so that it leaves no room for a page.
const PIECE: usize = 1024;
/// More orders than fit into the room that a store may still have within its files.
const MOST_ORDERS: usize = 3_000;
const ROUNDS: usize = 3;

/// A mounted file system; unmounted when it is dropped.
struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    /// None where this may not mount one.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", SIZE, "waybill-test"]).arg(folder.path());
        match mount.output() {
            Ok(output) if output.status.success() => Some(Self(folder)),
            failed => {
                eprintln!("skipped: a file system cannot be mounted here: {failed:?}");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Leaves no room.
    fn fill(&self) {
        use std::io::Write as _;
        let mut filler = fs::File::create(self.path().join("filler")).unwrap();
        while filler.write_all(&[0; PIECE]).is_ok() {}
    }

    /// Makes room.
    fn clear(&self) {
        fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Detached even where a process that is just ending still holds a file.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

/// Leaves no room, and creates orders until one finds none: the store may have some within its files.
async fn fill(disk: &Tmpfs, told: &mut Told, server: &Server) {
    disk.fill();
    let mut count = 0;
    while told.create(server).await.is_some() {
        count += 1;
        assert!(count < MOST_ORDERS, "the file system is never full");
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_where_the_file_system_is_full() {
    if std::env::var_os("TEST_DATABASE_URL").is_some() {
        return;
    }
    let Some(disk) = Tmpfs::mount() else { return };
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", disk.path().join("waybill.db").display());
    let mut server = Server::start(folder.path(), &url);
    let mut told = Told::begin(&server).await;
    for round in 0..ROUNDS {
        told.create(&server).await.expect("there is room");
        fill(&disk, &mut told, &server).await;
        told.be_refused(&server, round).await;
        told.create(&server).await;
        told.be_refused(&server, round + 1).await;
        disk.clear();
        for _ in 0..5 {
            told.go_on(&server).await;
        }
        told.check(&Stored::read(&url).await, Unanswered::IsWholeOrAbsent);
        // Once full as well, once with room.
        if round % 2 == 0 {
            fill(&disk, &mut told, &server).await;
            told.be_refused(&server, round).await;
        }
        server.kill();
        if round % 2 == 0 {
            disk.clear();
        }
        server = Server::start(folder.path(), &url);
        let stored = Stored::read(&url).await;
        told.check(&stored, Unanswered::IsWholeOrAbsent);
        told.ask(&server).await;
        told.repeat(&server, &stored).await;
    }
    told.check(&Stored::read(&url).await, Unanswered::IsAbsent);
}
