//! The name servers of the private network: A records of `log.aliyuncs.com` by the plan, NXDOMAIN for the rest.

use lab::plan::{self, Fault, Service};
use std::io::{self, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;

/// Listens on port 53 of both name servers, UDP and TCP.
pub fn serve(lab: &Path) -> io::Result<()> {
    for address in plan::NAME_SERVERS {
        let (udp, tcp) = (UdpSocket::bind((address, 53))?, TcpListener::bind((address, 53))?);
        let (file, same) = (lab.join("service.json"), lab.join("service.json"));
        std::thread::spawn(move || {
            let mut query = [0u8; 512];
            while let Ok((count, from)) = udp.recv_from(&mut query) {
                if let Some(answer) = answer(&file, &query[..count]) {
                    let _ = udp.send_to(&answer, from);
                }
            }
        });
        std::thread::spawn(move || {
            for mut stream in tcp.incoming().flatten() {
                let file = same.clone();
                std::thread::spawn(move || over_tcp(&file, &mut stream));
            }
        });
    }
    Ok(())
}

fn over_tcp(file: &Path, stream: &mut (impl Read + Write)) -> io::Result<()> {
    let mut length = [0u8; 2];
    stream.read_exact(&mut length)?;
    let mut query = vec![0u8; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut query)?;
    let Some(answer) = answer(file, &query) else {
        // A silent server keeps the connection and says nothing.
        return stream.read_to_end(&mut query).map(|_| ());
    };
    stream.write_all(&u16::try_from(answer.len()).unwrap_or(u16::MAX).to_be_bytes())?;
    stream.write_all(&answer)
}

/// The answer to a query, `None` for silence.
fn answer(file: &Path, query: &[u8]) -> Option<Vec<u8>> {
    let (no_error, server_failure, no_such_name) = (0u8, 2, 3);
    let service: Service = plan::read(file).ok()?;
    if service.faults.contains(&Fault::DnsSilent) {
        return None;
    }
    let (name, end) = question(query)?;
    let of_type_a = query.get(end..end + 2)? == [0, 1];
    let address = service.address(&name);
    let code = if service.faults.contains(&Fault::DnsServFail) {
        server_failure
    } else if address.is_some() {
        no_error
    } else {
        no_such_name
    };
    let record = address.filter(|_| code == no_error && of_type_a);
    let mut answer = query.get(..2)?.to_vec();
    // A response, recursion desired and available; one question, no or one answer.
    answer.extend([0x81, 0x80 | code, 0, 1, 0, u8::from(record.is_some()), 0, 0, 0, 0]);
    answer.extend(query.get(12..end + 4)?);
    if let Some(address) = record {
        // The name of the question, type A, class IN, 60 s to live, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(address.octets());
    }
    Some(answer)
}

/// The name asked for, and where its type begins.
fn question(query: &[u8]) -> Option<(String, usize)> {
    let (mut name, mut at) = (String::new(), 12);
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            return Some((name, at));
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(&String::from_utf8_lossy(query.get(at..at + length)?));
        at += length;
    }
}
