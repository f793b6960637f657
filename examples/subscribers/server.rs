//! The server that is measured, as its clients see it.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    sync::Mutex,
};

const CREATE: &str =
    "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { userErrors { message } } }";

/// A server, with connections that are used again; cheap to clone.
#[derive(Clone)]
pub(crate) struct Server {
    address: Arc<str>,
    idle: Arc<Mutex<Vec<BufReader<TcpStream>>>>,
}

impl Server {
    /// The server at `host:port`.
    pub(crate) fn new(address: &str) -> Self {
        Self { address: address.into(), idle: Arc::default() }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Creates an order that passes straight through intake.
    pub(crate) async fn create(&self) -> Result<()> {
        let input = json!({
            "clientId": "bench", "clientOrderId": "B-1", "consignee": {"name": "Asha Rao"},
            "destination": {"address": {"line1": "12 MG Road", "city": "Bengaluru", "country": "IN"}},
            "workOrders": [{"type": "DIGITAL_SERVICE"}],
        });
        let data = self.ask(CREATE, json!({"input": input})).await?;
        match data["orderCreate"]["userErrors"].as_array() {
            Some(errors) if errors.is_empty() => Ok(()),
            _ => bail!("no order was created: {data}"),
        }
    }

    /// The newest cursor of the log.
    pub(crate) async fn cursor(&self) -> Result<String> {
        let data = self.ask("{ eventCursor }", json!({})).await?;
        Ok(data["eventCursor"].as_str().context("no cursor")?.to_owned())
    }

    /// The cursors of all events after one.
    pub(crate) async fn log(&self, after: &str) -> Result<Vec<Arc<str>>> {
        let page = "query($after: String) { orderEvents(first: 100, after: $after) { nodes { cursor } } }";
        let mut log: Vec<Arc<str>> = Vec::new();
        loop {
            let after = log.last().map_or(after, AsRef::as_ref);
            let data = self.ask(page, json!({"after": after})).await?;
            let nodes = data["orderEvents"]["nodes"].as_array().context("no page")?;
            if nodes.is_empty() {
                return Ok(log);
            }
            log.extend(nodes.iter().filter_map(|node| node["cursor"].as_str()).map(Arc::from));
        }
    }

    /// The data of an answer without errors.
    pub(crate) async fn ask(&self, query: &str, variables: Value) -> Result<Value> {
        let idle = self.idle.lock().await.pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let body = json!({"query": query, "variables": variables}).to_string();
        let request = format!(
            "POST /graphql HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        connection.write_all(request.as_bytes()).await?;
        let answer = read_answer(&mut connection).await?;
        self.idle.lock().await.push(connection);
        let answer: Value = serde_json::from_slice(&answer)?;
        match answer.get("errors") {
            None => Ok(answer["data"].clone()),
            Some(errors) => bail!("the server answered with errors: {errors}"),
        }
    }

    async fn connect(&self) -> Result<BufReader<TcpStream>> {
        let connection = TcpStream::connect(&*self.address).await?;
        connection.set_nodelay(true)?;
        Ok(BufReader::new(connection))
    }
}

async fn read_answer(connection: &mut BufReader<TcpStream>) -> Result<Vec<u8>> {
    let (mut length, mut line) = (None, String::new());
    loop {
        line.clear();
        connection.read_line(&mut line).await?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = Some(value.parse()?);
            }
            _ if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length.context("the answer has no length")?];
    connection.read_exact(&mut body).await?;
    Ok(body)
}
