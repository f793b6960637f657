//! Answers that are too long, never end, or come byte by byte: they cost their own step, and nothing else.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::{order_of, plugin, run_statuses, runs, workflow};
use crate::harness::{PluginServer, TestApp, samples::order};

/// An answer that is not as a plugin's should be.
#[derive(Clone, Copy, Debug)]
enum Flood {
    /// Ten megabytes, as announced.
    Long,
    /// A body without a length and without an end.
    Endless,
    /// The same in chunks.
    EndlessChunks,
    /// A verdict, if only it ended: a byte now and then.
    ByteByByte,
    /// A head without an end.
    EndlessHead,
    /// The same, a byte now and then.
    HeadByteByByte,
}

impl Flood {
    /// What comes first, and what comes again and again.
    fn parts(self) -> (&'static str, Vec<u8>) {
        const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
        const BODY: &str = "HTTP/1.1 200 OK\r\n\r\n{\"verdict\": \"PASS\"}";
        match self {
            Self::Long => ("HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n", vec![b' '; 10_000]),
            Self::Endless => (BODY, vec![b' '; 10_000]),
            Self::EndlessChunks => (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
                format!("{:x}\r\n{}\r\n", 10_000, " ".repeat(10_000)).into_bytes(),
            ),
            Self::ByteByByte => (BODY, b" ".into()),
            Self::EndlessHead => (HEAD, b"x-more: and more\r\n".repeat(500)),
            Self::HeadByteByByte => (HEAD, b"x".into()),
        }
    }

    /// How long the caller waits: longer than it needs, unless it is the time that must end it.
    const fn timeout_ms(self) -> i32 {
        match self {
            Self::ByteByByte | Self::HeadByteByByte => 300,
            Self::Long | Self::Endless | Self::EndlessChunks | Self::EndlessHead => 20_000,
        }
    }

    /// Answers until the caller has had enough.
    async fn answer(self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut request = [0; 16 * 1024];
        if stream.read(&mut request).await? == 0 {
            return Ok(());
        }
        let (first, again) = self.parts();
        stream.write_all(first.as_bytes()).await?;
        loop {
            stream.write_all(&again).await?;
            if again.len() == 1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    /// A plugin that answers so; gives its URL.
    async fn serve(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // It ends when the caller hangs up.
                tokio::spawn(self.answer(stream));
            }
        });
        url
    }
}

#[tokio::test]
async fn an_answer_without_measure_fails_its_step_and_harms_nothing_else() {
    let (long, slow, broken) = (
        "the answer is longer than 256 KiB",
        "the answer did not come in time",
        "the connection broke before the answer was complete",
    );
    for (flood, status, error) in [
        (Flood::Long, json!(200), long),
        (Flood::Endless, json!(200), long),
        (Flood::EndlessChunks, json!(200), long),
        (Flood::ByteByByte, Value::Null, slow),
        (Flood::EndlessHead, Value::Null, broken),
        (Flood::HeadByteByByte, Value::Null, slow),
    ] {
        let app = TestApp::start().await;
        let http =
            json!({"url": flood.serve().await, "requestTimeoutMs": flood.timeout_ms(), "maxAttempts": 1});
        let (id, _) = plugin(&app, "flood", http).await;
        workflow(&app, "flood", &id, "REJECT").await;
        let (order_id, _) = app.create(order(1)).await;
        assert_eq!(app.settle().await, 1, "{flood:?}");
        let attempt = runs(&app).await[0]["steps"][0]["attempts"][0].clone();
        assert_eq!((&attempt["error"], &attempt["statusCode"]), (&json!(error), &status), "{flood:?}");
        let closed = json!({"status": "CLOSED", "outcome": "REJECTED"});
        assert_eq!(order_of(&app, &order_id, "status outcome").await, closed, "{flood:?}");
        // Another plugin that is asked about the next order is asked as ever.
        let server = PluginServer::start().await;
        let (id, _) = plugin(&app, "watcher", json!({"url": server.url})).await;
        let step = json!({"name": "check", "pluginId": id});
        let trigger = "WORK_ORDER_CREATED";
        let input = json!({"name": "watcher", "trigger": trigger, "start": "check", "steps": [step]});
        app.change("pluginWorkflowCreate", input, "pluginWorkflow { id }").await;
        app.create(order(1)).await;
        assert_eq!(app.settle().await, 2, "{flood:?}");
        assert_eq!(server.calls().len(), 1, "{flood:?}");
        let mut statuses = run_statuses(&app).await;
        statuses.sort();
        assert_eq!(statuses, ["flood FAILED", "flood FAILED", "watcher PASSED"], "{flood:?}");
        app.check_invariants().await;
    }
}
