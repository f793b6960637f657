//! Requests over a real connection, byte by byte.

use std::{io, net::SocketAddr};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::wait::PATIENCE;

/// Sends an operation to a server, and gives the answer's body; fails if the connection does.
pub(crate) async fn post(address: SocketAddr, document: &str, variables: &Value) -> io::Result<Value> {
    let body = json!({"query": document, "variables": variables}).to_string();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
        read_answer(&mut stream).await
    };
    let (status, body) = tokio::time::timeout(PATIENCE, exchange).await.expect("no answer in time")?;
    assert_eq!(status, 200, "{body}");
    Ok(serde_json::from_str(&body)?)
}

/// Gets a path of a server, and gives status and body.
pub(crate) async fn get(address: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        read_answer(&mut stream).await
    };
    tokio::time::timeout(PATIENCE, exchange).await.expect("no answer in time")
}

/// Posts a plugin's answer to the callback URL that it was given, and gives the status.
pub(crate) async fn call_back(url: &str, token: &str, answer: &Value) -> io::Result<u16> {
    let rest = url.strip_prefix("http://").unwrap();
    let (address, path) = rest.split_once('/').unwrap();
    let body = answer.to_string();
    let request = format!(
        "POST /{path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        read_answer(&mut stream).await
    };
    let (status, _) = tokio::time::timeout(PATIENCE, exchange).await.expect("no answer in time")?;
    Ok(status)
}

/// Status and body of an answer after which the connection ends.
pub(crate) async fn read_answer(stream: &mut TcpStream) -> io::Result<(u16, String)> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let text = String::from_utf8(bytes).map_err(io::Error::other)?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let header = |name: &str| {
        head.lines().find_map(|line| line.split_once(": ").filter(|(found, _)| *found == name)).map(|it| it.1)
    };
    let length: usize = header("content-length").and_then(|it| it.parse().ok()).unwrap_or(body.len());
    if body.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    Ok((status, body.to_owned()))
}
