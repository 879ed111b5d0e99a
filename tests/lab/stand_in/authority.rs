//! The certificate authority of a laboratory, which signs a certificate for whatever host name a client asks for, and
//! a second authority that nobody trusts.

use lab::plan::{self, Service};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// Both authorities of one laboratory.
pub struct Authority {
    trusted: Issuer,
    other: Issuer,
}

impl Authority {
    pub fn new() -> io::Result<Authority> {
        let issuer = |name: &str| -> Result<Issuer, rcgen::Error> {
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
            params.distinguished_name.push(DnType::CommonName, name);
            CertifiedIssuer::self_signed(params, KeyPair::generate()?)
        };
        let both = || Ok::<_, rcgen::Error>((issuer("Laboratory Root")?, issuer("Somebody Else")?));
        let (trusted, other) = both().map_err(io::Error::other)?;
        Ok(Authority { trusted, other })
    }

    /// The certificate of the trusted authority.
    pub fn pem(&self) -> String {
        self.trusted.pem()
    }

    /// The TLS settings of the service side; which authority signs for a host, the plan in `file` says.
    pub fn server(self: &Arc<Authority>, file: PathBuf) -> io::Result<rustls::ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Resolver { authority: Arc::clone(self), file }));
        Ok(config)
    }
}

struct Resolver {
    authority: Arc<Authority>,
    file: PathBuf,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let host = hello.server_name()?;
        let service: Service = plan::read(&self.file).ok()?;
        let issuer = if service.is_untrusted(host) { &self.authority.other } else { &self.authority.trusted };
        let key = KeyPair::generate().ok()?;
        let mut params = CertificateParams::new(vec![host.to_string()]).ok()?;
        params.distinguished_name.push(DnType::CommonName, "laboratory");
        let certificate = params.signed_by(&key, issuer).ok()?;
        let signer =
            rustls::crypto::ring::sign::any_supported_type(&PrivateKeyDer::try_from(key.serialize_der()).ok()?).ok()?;
        Some(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], signer)))
    }
}
