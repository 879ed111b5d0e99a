//! A small HTTP client: `fetch URL` prints the whole answer, for tests that ask whether the host reaches a service.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(2);

/// Prints the answer to GET. The roots for https are those of `SSL_CERT_FILE` alone.
pub fn fetch(url: &str) -> io::Result<()> {
    let (scheme, rest) = url.split_once("://").ok_or_else(|| io::Error::other("not a URL"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let answer = if scheme == "https" { over_tls(host, &request)? } else { talk(connect(host, 80)?, &request)? };
    println!("{}", String::from_utf8_lossy(&answer));
    Ok(())
}

/// Sends a POST over plain HTTP and returns the status and the body of the answer.
pub fn post(host: &str, path: &str, body: &str) -> io::Result<(u16, String)> {
    let request = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let answer = talk(connect(host, 80)?, &request)?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Ok((status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_string()).unwrap_or_default()))
}

fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut addresses = (host, port).to_socket_addrs()?;
    let address = addresses.next().ok_or_else(|| io::Error::other("no address"))?;
    let stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    Ok(stream)
}

fn talk(mut stream: impl Read + Write, request: &str) -> io::Result<Vec<u8>> {
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn over_tls(host: &str, request: &str) -> io::Result<Vec<u8>> {
    let mut roots = RootCertStore::empty();
    let file = std::env::var_os("SSL_CERT_FILE").ok_or_else(|| io::Error::other("SSL_CERT_FILE is not set"))?;
    for certificate in CertificateDer::pem_file_iter(file).map_err(io::Error::other)? {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_string()).map_err(io::Error::other)?;
    let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    talk(StreamOwned::new(connection, connect(host, 443)?), request)
}
