//! Subscribers and webhook endpoints of a running server, and how soon they hear of what commits.
//!
//! `bench/subscribers.py` starts the servers and this program, and holds what it prints against limits. Whatever the
//! mode, the run ends by comparing what each subscriber heard with the log: each event once and in order, or it fails.

#![expect(
    clippy::indexing_slicing,
    clippy::similar_names,
    clippy::disallowed_methods,
    reason = "a load generator: it may fail, and measures time outside of the service"
)]
#![allow(clippy::print_stdout, reason = "a program for people")]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

mod measure;
mod server;
mod subscriber;
mod webhooks;

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use measure::{micros, quantile, resident_kib};
use server::Server;
use subscriber::{Gate, Heard, Subscriber};
use webhooks::Endpoints;

/// Every order that is created records so many events.
const EVENTS_PER_ORDER: usize = 4;
/// So many connections are opened at once.
const OPENED_AT_ONCE: usize = 64;
/// Webhook endpoints that answer.
const ENDPOINTS: usize = 4;
/// For as long as it takes a subscription to begin after the conversation has.
const SETTLE: Duration = Duration::from_secs(2);
/// Longer than this no event takes that arrives at all.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Parser)]
#[command(about = "Subscribes to a running server and measures how soon events arrive")]
struct Options {
    mode: Mode,
    /// `host:port` of the server that is subscribed to.
    #[arg(long)]
    listen: String,
    /// `host:port` of the server that orders are created at; the same, if left out.
    #[arg(long)]
    write: Option<String>,
    /// Process id of the server that is subscribed to, to look at its memory.
    #[arg(long)]
    pid: u32,
    #[arg(long, default_value_t = 100)]
    subscribers: usize,
    /// Orders of the fan-out, one after the other; rounds of the webhooks.
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// Events a second.
    #[arg(long, default_value_t = 500.0)]
    rate: f64,
    /// How long events are made.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    /// Many subscribers, one order at a time.
    Fanout,
    /// Some subscribers while orders are created at a rate.
    Steady,
    /// Subscribers that are all cut off and come back with their cursors while orders are created.
    Reconnect,
    /// Webhook endpoints while orders are created at a rate: by themselves, beside one more, and beside one that never
    /// answers.
    Webhooks,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let bench = Bench {
        listen: Server::new(&options.listen),
        write: Server::new(options.write.as_ref().unwrap_or(&options.listen)),
        gate: Gate::default(),
        options,
    };
    let result = match bench.options.mode {
        Mode::Fanout => bench.fanout().await?,
        Mode::Steady => bench.steady().await?,
        Mode::Reconnect => bench.reconnect().await?,
        Mode::Webhooks => bench.webhooks().await?,
    };
    println!("{result}");
    Ok(())
}

struct Bench {
    listen: Server,
    write: Server,
    gate: Gate,
    options: Options,
}

impl Bench {
    /// When the first event of each order reached each subscriber, after the order was asked for.
    async fn fanout(&self) -> Result<Value> {
        let begin = self.write.cursor().await?;
        let before = resident_kib(self.options.pid)?;
        let listening = self.listen(self.subscribers(&begin)).await?;
        sleep(SETTLE).await;
        let waiting = resident_kib(self.options.pid)? - before;
        let mut begun = Vec::new();
        for round in 1..=self.options.rounds {
            begun.push(micros());
            self.write.create().await?;
            self.until_heard(round * EVENTS_PER_ORDER).await?;
        }
        let after = resident_kib(self.options.pid)? - before;
        let subscribers = self.end(listening, &begin).await?;
        let latencies = subscribers.iter().flat_map(|subscriber| {
            let first_events = subscriber.heard.iter().step_by(EVENTS_PER_ORDER);
            first_events.zip(&begun).map(|(heard, begun)| heard.at - begun)
        });
        let latencies = latencies.collect();
        let each = |kib: f64| kib / self.options.subscribers as f64;
        Ok(with_latencies(
            latencies,
            json!({"subscribers": subscribers.len(), "memory_kib": each(waiting), "after_events_kib": each(after)}),
        ))
    }

    /// When each event reached each subscriber, after it was recorded.
    async fn steady(&self) -> Result<Value> {
        let begin = self.write.cursor().await?;
        let listening = self.listen(self.subscribers(&begin)).await?;
        sleep(SETTLE).await;
        let began = Instant::now();
        let orders = self.create_at_rate(self.options.seconds).await?;
        let seconds = began.elapsed().as_secs_f64();
        self.until_heard(orders * EVENTS_PER_ORDER).await?;
        let subscribers = self.end(listening, &begin).await?;
        let heard = subscribers.iter().flat_map(|subscriber| &subscriber.heard);
        let latencies = heard.map(|Heard { at, recorded_at, .. }| at - recorded_at).collect();
        let rate = (orders * EVENTS_PER_ORDER) as f64 / seconds;
        Ok(with_latencies(latencies, json!({"subscribers": subscribers.len(), "events_per_second": rate})))
    }

    /// How soon everybody is back, and has what was missed.
    async fn reconnect(&self) -> Result<Value> {
        let begin = self.write.cursor().await?;
        let listening = self.listen(self.subscribers(&begin)).await?;
        sleep(SETTLE).await;
        let writing = self.create_at_rate(self.options.seconds);
        let cutting = async {
            sleep(Duration::from_secs(1)).await;
            self.gate.cut();
            let cut = listening.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
            let began = Instant::now();
            let listening = self.listen(cut).await?;
            Ok::<_, anyhow::Error>((listening, began.elapsed().as_secs_f64()))
        };
        let (orders, (listening, seconds)) = tokio::try_join!(writing, cutting)?;
        let written = Instant::now();
        self.until_heard(orders * EVENTS_PER_ORDER).await?;
        let waited = written.elapsed().as_secs_f64();
        let subscribers = self.end(listening, &begin).await?;
        Ok(json!({
            "subscribers": subscribers.len(), "events": orders * EVENTS_PER_ORDER, "connected_after_s": seconds,
            "last_event_after_write_s": waited,
        }))
    }

    /// How long deliveries take, after their event was recorded.
    async fn webhooks(&self) -> Result<Value> {
        let endpoints = Endpoints::open(self.write.clone(), ENDPOINTS).await?;
        let (mut alone, mut beside_one, mut beside_stalled) = (Vec::new(), Vec::new(), Vec::new());
        // In turns, so that a slow moment of the machine is everybody's.
        for _ in 0..self.options.rounds {
            alone.extend(self.deliver(&endpoints, ENDPOINTS).await?);
            let one = endpoints.add().await?;
            beside_one.extend(self.deliver(&endpoints, ENDPOINTS + 1).await?);
            endpoints.remove(&one).await?;
            let stalled = endpoints.add_stalled().await?;
            beside_stalled.extend(self.deliver(&endpoints, ENDPOINTS).await?);
            endpoints.remove(&stalled).await?;
        }
        let mut result = json!({"deliveries": alone.len() + beside_one.len() + beside_stalled.len()});
        for (name, times) in [("alone", alone), ("one_more", beside_one), ("stalled", beside_stalled)] {
            let mean = times.iter().sum::<i64>() as f64 / times.len() as f64 / 1000.0;
            let times = with_latencies(times, json!({}));
            if let Some(fields) = result.as_object_mut() {
                fields.insert(format!("{name}_mean_ms"), json!(mean));
                fields.insert(format!("{name}_p50_ms"), times["p50_ms"].clone());
                fields.insert(format!("{name}_p99_ms"), times["p99_ms"].clone());
            }
        }
        Ok(result)
    }

    async fn deliver(&self, endpoints: &Endpoints, count: usize) -> Result<Vec<i64>> {
        // An endpoint that was just saved is found within a second; that is not what is measured.
        sleep(SETTLE).await;
        let orders = self.create_at_rate(self.options.seconds).await?;
        endpoints.taken(orders * EVENTS_PER_ORDER * count).await
    }

    fn subscribers(&self, after: &str) -> Vec<Subscriber> {
        vec![Subscriber::after(after); self.options.subscribers]
    }

    /// Opens a connection for each and lets it listen.
    async fn listen(&self, subscribers: Vec<Subscriber>) -> Result<JoinSet<Result<Subscriber>>> {
        self.gate.open();
        let open = stream::iter(subscribers).map(async |subscriber| {
            let socket = subscriber.connect(self.listen.address()).await?;
            Ok::<_, anyhow::Error>((subscriber, socket))
        });
        let opened: Vec<_> = open.buffer_unordered(OPENED_AT_ONCE).try_collect().await?;
        let mut listening = JoinSet::new();
        for (subscriber, socket) in opened {
            listening.spawn(subscriber.listen(socket, self.gate.clone()));
        }
        Ok(listening)
    }

    /// Creates orders at the rate that is wanted, for so long, and gives how many that were.
    async fn create_at_rate(&self, seconds: f64) -> Result<usize> {
        let began = Instant::now();
        let pause = Duration::from_secs_f64(EVENTS_PER_ORDER as f64 / self.options.rate);
        let mut creating = JoinSet::new();
        let mut next = began;
        while began.elapsed().as_secs_f64() < seconds {
            sleep_until(next).await;
            next += pause;
            let server = self.write.clone();
            creating.spawn(async move { server.create().await });
        }
        let created = creating.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(created.len())
    }

    /// Waits until every subscriber has heard so many events.
    async fn until_heard(&self, events: usize) -> Result<()> {
        let all = events * self.options.subscribers;
        let began = Instant::now();
        while self.gate.heard() < all {
            ensure!(began.elapsed() < PATIENCE, "only {} of {all} events arrived", self.gate.heard());
            sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    /// Ends all subscriptions, and checks that everybody heard the log after `begin`.
    async fn end(&self, listening: JoinSet<Result<Subscriber>>, begin: &str) -> Result<Vec<Subscriber>> {
        self.gate.cut();
        let subscribers = listening.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
        let log = self.write.log(begin).await?;
        for subscriber in &subscribers {
            let heard = subscriber.heard.iter().map(|heard| &*heard.cursor);
            ensure!(
                heard.eq(log.iter().map(Arc::as_ref)),
                "a subscriber heard {} events, and not the {} of the log in their order",
                subscriber.heard.len(),
                log.len()
            );
        }
        Ok(subscribers)
    }
}

/// A result with the median and the 99th percentile of times in microseconds.
fn with_latencies(mut latencies: Vec<i64>, mut result: Value) -> Value {
    latencies.sort_unstable();
    for (name, part) in [("p50_ms", 0.5), ("p99_ms", 0.99), ("max_ms", 1.0)] {
        let value = quantile(&latencies, part).map(|micros| micros as f64 / 1000.0);
        if let Some(fields) = result.as_object_mut() {
            fields.insert(name.to_owned(), json!(value));
        }
    }
    result
}
