//! Who signed the certificate that the other side shows: what tells an intercepting proxy from a private cloud.
//!
//! The [`Witness`] judges nothing by itself. It notes the issuer and leaves every decision to the usual verifier.

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use std::sync::{Arc, Mutex, PoisonError};

/// At most this many characters of an issuer are kept.
const ISSUER_LIMIT: usize = 128;

/// The verifier of one connection.
#[derive(Debug)]
pub(super) struct Witness {
    verifier: Arc<WebPkiServerVerifier>,
    issuer: Mutex<Option<String>>,
}

impl Witness {
    pub(super) fn new(verifier: Arc<WebPkiServerVerifier>) -> Witness {
        Witness { verifier, issuer: Mutex::default() }
    }

    /// The issuer of the certificate that was shown; None before, and where it names none.
    pub(super) fn issuer(&self) -> Option<String> {
        self.issuer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.issuer.lock().unwrap_or_else(PoisonError::into_inner) = issuer_of(end_entity);
        self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// The issuer's common name, else its organisation (RFC 5280 section 4.1: version, serial number, algorithm, issuer).
pub(super) fn issuer_of(certificate: &[u8]) -> Option<String> {
    const SEQUENCE: u8 = 0x30;
    const VERSION: u8 = 0xa0;
    let (tag, certificate, _) = element(certificate)?;
    let (inner, signed, _) = element(certificate)?;
    if (tag, inner) != (SEQUENCE, SEQUENCE) {
        return None;
    }
    let (first, _, rest) = element(signed)?;
    let rest = if first == VERSION { element(rest)?.2 } else { rest };
    let (_, _, rest) = element(rest)?;
    let (_, name, _) = element(rest)?;
    attribute(name, &[0x55, 0x04, 0x03]).or_else(|| attribute(name, &[0x55, 0x04, 0x0a]))
}

/// The text of the first attribute of this kind in a name: a sequence of sets of pairs of kind and text.
fn attribute(mut name: &[u8], kind: &[u8]) -> Option<String> {
    while let Some((_, mut set, rest)) = element(name) {
        while let Some((_, pair, others)) = element(set) {
            let (_, found, value) = element(pair)?;
            let (_, text, _) = element(value)?;
            if found == kind {
                return Some(String::from_utf8_lossy(text).chars().take(ISSUER_LIMIT).collect());
            }
            set = others;
        }
        name = rest;
    }
    None
}

/// One element of DER: its tag, its content, and what comes after it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, CertifiedIssuer, DistinguishedName, DnType, KeyPair};

    fn signed_by(names: &[(DnType, &str)]) -> Vec<u8> {
        let mut issuer = CertificateParams::new(vec![]).unwrap();
        issuer.distinguished_name = DistinguishedName::new();
        for (kind, name) in names {
            issuer.distinguished_name.push(kind.clone(), *name);
        }
        let issuer = CertifiedIssuer::self_signed(issuer, KeyPair::generate().unwrap()).unwrap();
        let mut params = CertificateParams::new(vec!["a.example".to_string()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "the subject");
        params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().to_vec()
    }

    #[test]
    fn the_issuer_is_read_and_not_the_subject() {
        let both = [(DnType::OrganizationName, "Example Ltd"), (DnType::CommonName, "Example Proxy CA")];
        assert_eq!(issuer_of(&signed_by(&both)).as_deref(), Some("Example Proxy CA"));
        assert_eq!(issuer_of(&signed_by(&both[..1])).as_deref(), Some("Example Ltd"));
        assert_eq!(issuer_of(&signed_by(&[])), None);
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..400) {
            issuer_of(&bytes);
            let whole = signed_by(&[(DnType::CommonName, "x")]);
            issuer_of(whole.get(..cut).unwrap_or(&whole));
        }
    }
}
