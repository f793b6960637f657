//! Writes and syncs that fail one by one under a running server: what was acknowledged survives them and the end of the
//! process, and the server goes on by itself once the disk is well.

use serde_json::{Value, json};

use super::{
    Server,
    faulty::{Call, Error, FaultyDisk, Lasts},
    told::{Mutation, Told, Unanswered},
};
use crate::harness::{Stored, wait::until, wire};

/// More calls than any mutation makes.
const MOST_CALLS: u32 = 2_000;
/// A page of the write-ahead log is two writes, its head and itself. Where many pages are alike not every one must fail,
/// but both kinds must: hence these are odd. Where `WAYBILL_EVERY_FAULT` is set, every one fails.
const FEW_CALLS: u32 = 3;
const SOME_CALLS: u32 = 15;

/// Whether this run is about PostgreSQL, which has its own disk.
fn is_about_postgres() -> bool {
    std::env::var_os("TEST_DATABASE_URL").is_some()
}

/// Has each call of a mutation fail in turn, then kills the server and looks at what is left.
async fn fail_each(disk: &FaultyDisk, told: &mut Told, server: Server, call: Call, error: Error) -> Server {
    let mut server = server;
    for mutation in [Mutation::Create, Mutation::Update, Mutation::CreateMany, Mutation::CreateAtOnce] {
        for lasts in [Lasts::Once, Lasts::Onwards] {
            let step = match (call, mutation, lasts) {
                (Call::Sync, ..) | (_, Mutation::Create | Mutation::Update, Lasts::Once) => 1,
                (_, Mutation::Create | Mutation::Update, Lasts::Onwards) => FEW_CALLS,
                (_, Mutation::CreateMany | Mutation::CreateAtOnce, _) => SOME_CALLS,
            };
            let step = if std::env::var_os("WAYBILL_EVERY_FAULT").is_some() { 1 } else { step };
            let mut order = told.go_on(&server).await;
            let mut nth = 1;
            loop {
                assert!(nth < MOST_CALLS, "{mutation:?} never goes through");
                disk.fail(call, error, nth, lasts);
                told.attempt(mutation, &server, &order).await;
                let has_failed = disk.failures() > 0;
                told.be_refused(&server, usize::try_from(nth).unwrap()).await;
                if lasts == Lasts::Onwards && has_failed {
                    told.create(&server).await;
                    told.be_refused(&server, 0).await;
                }
                disk.be_well();
                order = told.go_on(&server).await;
                if !has_failed {
                    assert!(nth > 1, "no {call:?} of {mutation:?} ever failed");
                    break;
                }
                nth += step;
            }
            server.kill();
            server = disk.serve();
            let stored = Stored::read(&disk.url()).await;
            told.check(&stored, Unanswered::IsWholeOrAbsent);
            told.ask(&server).await;
            told.repeat(&server, &stored).await;
        }
    }
    server
}

async fn fail_each_from_the_start(call: Call, error: Error) {
    if is_about_postgres() {
        return;
    }
    let disk = FaultyDisk::new();
    let server = disk.serve();
    let mut told = Told::begin(&server).await;
    let server = fail_each(&disk, &mut told, server, call, error).await;
    told.check(&Stored::read(&disk.url()).await, Unanswered::IsAbsent);
    drop(server);
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_where_a_write_fails() {
    fail_each_from_the_start(Call::Write, Error::Io).await;
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_where_a_write_finds_no_room() {
    fail_each_from_the_start(Call::Write, Error::NoSpace).await;
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_where_a_sync_fails() {
    fail_each_from_the_start(Call::Sync, Error::Io).await;
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_where_a_sync_finds_no_room() {
    fail_each_from_the_start(Call::Sync, Error::NoSpace).await;
}

#[tokio::test]
async fn every_acknowledged_mutation_was_synced() {
    if is_about_postgres() {
        return;
    }
    let disk = FaultyDisk::new();
    let server = disk.serve();
    let mut told = Told::begin(&server).await;
    for mutation in [Mutation::Create, Mutation::Update, Mutation::CreateMany].repeat(10) {
        let order = told.create(&server).await.unwrap();
        let before = disk.wal_syncs();
        assert!(told.attempt(mutation, &server, &order).await);
        assert!(disk.wal_syncs() > before, "{mutation:?} was acknowledged and not synced");
    }
    told.check(&Stored::read(&disk.url()).await, Unanswered::IsAbsent);
}

/// What `/readyz` says.
async fn readiness(server: &Server) -> (u16, Value) {
    let (status, body) = wire::get(server.address, "/readyz").await.unwrap();
    (status, serde_json::from_str(&body).unwrap())
}

#[tokio::test]
async fn a_server_whose_writes_fail_is_not_ready_says_why_and_is_ready_by_itself_afterwards() {
    if is_about_postgres() {
        return;
    }
    let disk = FaultyDisk::new();
    let server = disk.serve();
    let mut told = Told::begin(&server).await;
    let ready = (200, json!({"status": "ready"}));
    let not_ready = (503, json!({"status": "not ready", "reason": "the database takes no writes"}));
    for (round, (call, error, cause)) in [
        (Call::Write, Error::Io, "disk I/O error"),
        (Call::Write, Error::NoSpace, "database or disk is full"),
        (Call::Sync, Error::Io, "disk I/O error"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(readiness(&server).await, ready);
        disk.fail(call, error, 1, Lasts::Onwards);
        assert_eq!(told.create(&server).await, None);
        until("503", async || (readiness(&server).await == not_ready).then_some(())).await;
        let lines = server.logged("the database takes no writes");
        let line = lines.iter().find(|line| line.contains("ERROR") && line.contains(cause));
        assert!(line.is_some(), "{lines:#?}");
        // It stays so for as long as it is so.
        told.be_refused(&server, 0).await;
        assert_eq!(told.create(&server).await, None);
        assert_eq!(readiness(&server).await, not_ready);
        disk.be_well();
        until("200", async || (readiness(&server).await == ready).then_some(())).await;
        assert_eq!(server.logged("the database takes writes again").len(), round + 1);
        told.create(&server).await.expect("a server that is ready takes orders");
    }
    told.check(&Stored::read(&disk.url()).await, Unanswered::IsAbsent);
}
