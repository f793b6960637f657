// Subscribers of the release server over WebSocket, and how soon they hear of what commits. See README.md.
//
//   bench/subscribers.py fanout|steady|reconnect …   starts the servers and this program
//
// Speaks WebSocket by itself: what is measured is the server, on processors that both share, so this has to be cheap.

import { createConnection } from "node:net";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

const [mode, options] = [process.argv[2], JSON.parse(process.argv[3])];
const urls = options.urls.map((url) => new URL(url));
const now = () => performance.timeOrigin + performance.now();

function frame(text) {
  const body = Buffer.from(text);
  const head = body.length < 126 ? Buffer.from([0x81, 0x80 | body.length, 0, 0, 0, 0])
    : Buffer.from([0x81, 0xfe, body.length >> 8, body.length & 255, 0, 0, 0, 0]);
  // Masked with zeros, which leaves the body as it is.
  return Buffer.concat([head, body]);
}

/** One subscription on a connection of its own. */
class Subscriber {
  constructor(url, after) {
    [this.url, this.after, this.heard] = [url, after, []];
  }

  open() {
    return new Promise((resolve, reject) => {
      this.rest = Buffer.alloc(0);
      this.socket = createConnection(Number(this.url.port), this.url.hostname, () => {
        this.socket.write(`GET /graphql HTTP/1.1\r\nHost: ${this.url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
          + `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\nSec-WebSocket-Version: 13\r\n`
          + "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n");
      });
      this.socket.setNoDelay(true);
      this.socket.on("error", reject);
      this.socket.once("data", (data) => {
        const end = data.indexOf("\r\n\r\n");
        if (!data.subarray(0, 12).equals(Buffer.from("HTTP/1.1 101"))) return reject(new Error(data.toString()));
        this.rest = data.subarray(end + 4);
        this.socket.on("data", (more) => this.read(more));
        const after = this.after ? `(after: ${JSON.stringify(this.after)})` : "";
        const query = `subscription { orderEvents${after} { cursor orderId type toStatus recordedAt } }`;
        this.socket.write(Buffer.concat([
          frame(JSON.stringify({ type: "connection_init" })),
          frame(JSON.stringify({ type: "subscribe", id: "1", payload: { query } })),
        ]));
      });
      this.acknowledged = resolve;
    });
  }

  read(data) {
    const at = now();
    let bytes = this.rest.length ? Buffer.concat([this.rest, data]) : data;
    for (;;) {
      if (bytes.length < 2) break;
      let [length, head] = [bytes[1] & 127, 2];
      if (length === 126) {
        if (bytes.length < 4) break;
        [length, head] = [bytes.readUInt16BE(2), 4];
      }
      if (bytes.length < head + length) break;
      if ((bytes[0] & 15) === 1) this.message(bytes.subarray(head, head + length), at);
      if ((bytes[0] & 15) === 9) this.socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]));
      bytes = bytes.subarray(head + length);
    }
    this.rest = bytes;
  }

  message(bytes, at) {
    if (bytes.includes('"connection_ack"')) return this.acknowledged();
    const { type, payload } = JSON.parse(bytes);
    if (type !== "next" || payload.errors) throw new Error(`unexpected: ${bytes}`);
    const event = payload.data.orderEvents;
    this.heard.push(event.cursor);
    this.after = event.cursor;
    onEvent(this, event, at);
  }

  cut() {
    this.socket.destroy();
  }
}

let onEvent = () => {};

async function ask(url, query, variables = {}) {
  const response = await fetch(new URL("/graphql", url), {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

const CREATE = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } userErrors { message } } }";
const input = {
  clientId: "bench", clientOrderId: "B-1", consignee: { name: "Asha Rao" },
  destination: { address: { line1: "12 MG Road", city: "Bengaluru", country: "IN" } },
  workOrders: [{ type: "DIGITAL_SERVICE" }],
};
const create = (url) => ask(url, CREATE, { input });

function quantile(values, part) {
  values.sort((a, b) => a - b);
  return values[Math.min(values.length - 1, Math.floor(part * values.length))];
}

async function openAll(subscribers, atOnce = 64) {
  const queue = [...subscribers];
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let next = queue.pop(); next; next = queue.pop()) await next.open();
  }));
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${options.pid}/status`, "utf8"))[1]);

async function until(condition, seconds, what) {
  const end = now() + seconds * 1000;
  while (!condition()) {
    if (now() > end) throw new Error(`${what} did not come about in ${seconds} s`);
    await sleep(5);
  }
}

/** Whether everybody heard every event of the log after a cursor, once and in order. */
async function check(subscribers, first) {
  let [log, after] = [[], first];
  for (;;) {
    const { orderEvents: { nodes } } = await ask(urls[0],
      "query($after: String) { orderEvents(first: 100, after: $after) { nodes { cursor } } }", { after });
    if (!nodes.length) break;
    log.push(...nodes.map((node) => node.cursor));
    after = log.at(-1);
  }
  const whole = log.join();
  for (const subscriber of subscribers) {
    if (subscriber.heard.join() !== whole) throw new Error(`one heard ${subscriber.heard.length} of ${log.length} events`);
  }
  return log.length;
}

/** Many subscribers, one order at a time: when each of its four events reached each of them, after it was asked for. */
async function fanout() {
  const subscribers = Array.from({ length: options.subscribers }, () => new Subscriber(urls[0]));
  const before = resident();
  await openAll(subscribers);
  await sleep(1000);
  const memory = (resident() - before) / subscribers.length;
  const { eventCursor } = await ask(urls[0], "{ eventCursor }");
  const latencies = [];
  for (let round = 0; round < options.rounds; round += 1) {
    let left = subscribers.length * 4;
    let begun;
    onEvent = (_, event, at) => {
      left -= 1;
      if (event.type === "ORDER_CREATED") latencies.push(at - begun);
    };
    begun = now();
    await create(urls[0]);
    await until(() => left === 0, 30, "an event to all");
  }
  const events = await check(subscribers, eventCursor);
  return { subscribers: subscribers.length, memory_kib: memory, after_events_kib: (resident() - before) / subscribers.length,
    events, p50_ms: quantile(latencies, 0.5), p99_ms: quantile(latencies, 0.99) };
}

/** Some subscribers while orders are created at a rate: from the commit's time in the event to the subscriber. */
async function steady() {
  const listen = urls.at(-1);
  const subscribers = Array.from({ length: options.subscribers }, () => new Subscriber(listen));
  await openAll(subscribers);
  await sleep(500);
  const { eventCursor } = await ask(urls[0], "{ eventCursor }");
  const latencies = [];
  onEvent = (_, event, at) => latencies.push(at - Date.parse(event.recordedAt));
  const [orders, begun, running] = [(options.rate / 4) * options.seconds, now(), []];
  for (let index = 0; index < orders; index += 1) {
    const wait = begun + (index * 4000) / options.rate - now();
    if (wait > 1) await sleep(wait);
    running.push(create(urls[0]));
  }
  await Promise.all(running);
  const seconds = (now() - begun) / 1000;
  await until(() => latencies.length === orders * 4 * subscribers.length, 30, "every event");
  const events = await check(subscribers, eventCursor);
  return { subscribers: subscribers.length, events, events_per_second: events / seconds,
    p50_ms: quantile(latencies, 0.5), p99_ms: quantile(latencies, 0.99) };
}

/** Subscribers that are all cut off and come back while orders are created. */
async function reconnect() {
  const { eventCursor } = await ask(urls[0], "{ eventCursor }");
  const subscribers = Array.from({ length: options.subscribers }, () => new Subscriber(urls[0], eventCursor));
  await openAll(subscribers);
  let [isOver, orders] = [false, 0];
  const writer = (async () => {
    while (!isOver) {
      await Promise.all([create(urls[0]), sleep(4000 / options.rate)]);
      orders += 1;
    }
  })();
  await sleep(1000);
  const begun = now();
  for (const subscriber of subscribers) subscriber.cut();
  await openAll(subscribers);
  const seconds = (now() - begun) / 1000;
  await sleep(1000);
  isOver = true;
  await writer;
  await until(() => subscribers.every((subscriber) => subscriber.heard.length >= orders * 4), 60, "every event");
  const events = await check(subscribers, eventCursor);
  return { subscribers: subscribers.length, back_after_seconds: seconds, events };
}

const result = await { fanout, steady, reconnect }[mode]();
console.log(JSON.stringify(result));
process.exit(0);
