//! The JavaScript that `docs/EVENTS.md` shows to dashboards does what it says: it resumes where it was cut off.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
};

use super::{cursor, positions};
use crate::{
    harness::{TestApp, samples::order, wait::until},
    webhook::document::blocks,
};

/// Where `scripts/snippets.sh` puts the packages.
const PACKAGES: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/snippets");

/// A running snippet, and what it wrote.
struct Snippet {
    node: Child,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Snippet {
    /// Runs the snippet under a heading, after a beginning of ours, against a server; nothing where there
    /// is no Node.js or are no packages.
    fn run(heading: &str, begin: &str, address: SocketAddr) -> Option<Self> {
        if !Path::new(PACKAGES).join("node_modules").exists() {
            return None;
        }
        let (_, snippet) = blocks("js").into_iter().find(|(under, _)| under == heading).unwrap();
        let snippet = snippet
            .replace("wss://waybill.example", &format!("ws://{address}"))
            .replace("https://waybill.example", &format!("http://{address}"));
        let mut node = Command::new("node");
        node.args(["--input-type=module", "--eval", &format!("{begin}\n{snippet}")]);
        let mut node = node.current_dir(PACKAGES).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().ok()?;
        let output = BufReader::new(node.stdout.take()?);
        let (sender, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
        });
        Some(Self { node, lines })
    }

    /// The events that it wrote since it was last asked, if there are any.
    fn heard(&mut self) -> Vec<Value> {
        let lines = std::iter::from_fn(|| self.lines.try_recv().ok());
        lines.map(|line| serde_json::from_str(&line).unwrap()).collect()
    }

    /// Waits until it has written so many events.
    async fn hear(&mut self, heard: &mut Vec<Value>, count: usize) {
        let enough = async || {
            heard.extend(self.heard());
            (heard.len() >= count).then_some(())
        };
        until("the events", enough).await;
    }
}

impl Drop for Snippet {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}

/// Passes connections on to a server until it is told to cut them.
struct Line {
    address: SocketAddr,
    cuts: watch::Sender<()>,
}

impl Line {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cuts = watch::Sender::new(());
        let cut = cuts.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut cut = cut.subscribe();
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { address, cuts }
    }

    fn cut(&self) {
        self.cuts.send_replace(());
    }
}

#[tokio::test]
async fn the_loop_over_websocket_resumes_where_it_was_cut_off() {
    let app = TestApp::start().await;
    let line = Line::to(app.listen().await).await;
    let begin = format!(
        "globalThis.WebSocket = (await import('ws')).default;
         const loadCursor = async () => {:?};
         const apply = async (event) => console.log(JSON.stringify(event));
         const takeSnapshot = () => {{ throw new Error('no snapshot is needed'); }};",
        cursor(0)
    );
    let Some(mut snippet) = Snippet::run("Over WebSocket", &begin, line.address) else { return };
    let mut heard = Vec::new();
    for round in 1..=3 {
        app.create(order(1)).await;
        snippet.hear(&mut heard, 6 * round - 3).await;
        line.cut();
        app.create(order(1)).await;
        snippet.hear(&mut heard, 6 * round).await;
    }
    // Each order's second event is about its work order.
    let expected: Vec<_> = (1..=24).filter(|position| position % 4 != 2).collect();
    assert_eq!(positions(&heard), expected);
}

#[tokio::test]
async fn an_event_source_resumes_by_itself_where_it_was_cut_off() {
    let app = TestApp::start().await;
    let line = Line::to(app.listen().await).await;
    let begin = "globalThis.EventSource = (await import('eventsource')).EventSource;
                 const apply = (event) => console.log(JSON.stringify(event));";
    let Some(mut snippet) = Snippet::run("Over Server-Sent Events", begin, line.address) else { return };
    let mut heard = Vec::new();
    let listening = async || {
        app.create(order(1)).await;
        heard.extend(snippet.heard());
        (!heard.is_empty()).then_some(())
    };
    until("the first event", listening).await;
    for _ in 0..2 {
        line.cut();
        app.create(order(1)).await;
        let newest = app.stored().await.events.len();
        let first = positions(&heard[..1])[0];
        let statuses = (first..=i64::try_from(newest).unwrap()).filter(|position| position % 4 != 2);
        let expected: Vec<_> = statuses.collect();
        snippet.hear(&mut heard, expected.len()).await;
        assert_eq!(positions(&heard), expected);
    }
}
