//! TLS: whom we believe, and who we are.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::{Variables, invalid};
use crate::diagnostic::{Code, Fault};

const CA: &str = "KAFKA_SSL_CA_FILE";
const CERTIFICATE: &str = "KAFKA_SSL_CERTIFICATE_FILE";
const KEY: &str = "KAFKA_SSL_KEY_FILE";

/// From the variables `KAFKA_SSL_…`; without them this machine's certificates are believed.
///
/// # Errors
/// A file cannot be read, or holds something else.
pub(super) fn config(variables: &Variables<'_>) -> Result<Arc<ClientConfig>, Fault> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| Fault::new(Code::Internal, format!("TLS: {e}")))?.with_root_certificates(roots(variables)?);
    let unfit = |name: &str, e: &dyn std::fmt::Display| invalid(format!("the file that {name} names is not what it should be: {e}"));
    let config = match (variables.file(CERTIFICATE)?, variables.file(KEY)?) {
        (None, None) => builder.with_no_client_auth(),
        (Some(chain), Some(key)) => {
            let chain = certificates(CERTIFICATE, &chain)?;
            let key = PrivateKeyDer::from_pem_slice(&key).map_err(|e| unfit(KEY, &e).hint("a private key in PEM, without a password"))?;
            builder.with_client_auth_cert(chain, key).map_err(|e| unfit(KEY, &e))?
        }
        (Some(_), None) => return Err(invalid(format!("{CERTIFICATE} is set, {KEY} is not")).hint("set both")),
        (None, Some(_)) => return Err(invalid(format!("{KEY} is set, {CERTIFICATE} is not")).hint("set both")),
    };
    Ok(Arc::new(config))
}

fn roots(variables: &Variables<'_>) -> Result<RootCertStore, Fault> {
    let mut roots = RootCertStore::empty();
    match variables.file(CA)? {
        Some(pem) => {
            for certificate in certificates(CA, &pem)? {
                roots.add(certificate).map_err(|e| invalid(format!("the file that {CA} names holds a certificate that is none: {e}")))?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                return Err(invalid("this machine has no certificates of authorities").hint(format!("let {CA} name a PEM file of them")));
            }
        }
    }
    Ok(roots)
}

fn certificates(name: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let unfit = |why: &str| invalid(format!("the file that {name} names holds no certificates: {why}")).hint("certificates in PEM");
    match read {
        Ok(certificates) if certificates.is_empty() => Err(unfit("nothing in it begins one")),
        Ok(certificates) => Ok(certificates),
        Err(e) => Err(unfit(&e.to_string())),
    }
}
