//! Whether a certificate is valid and unrevoked now. Asked for every request: no allocation, a few hash lookups and
//! binary searches.

use super::{Domain, Trust};
use crate::reason::Reason;
use crate::request::identify::{ChainLink, ClientCertificate};

/// A certificate is in good standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The earliest time at which this could change by time alone, milliseconds since the Unix epoch.
    pub holds_until_ms: i64,
}

impl Trust {
    /// Judges a certificate whose chain and key were good when its connection began, by the trust in force now.
    pub fn standing(&self, certificate: &ClientCertificate, now_ms: i64) -> Result<Standing, Reason> {
        let domain = self.domain_of(certificate).ok_or(Reason::CertificateUntrusted)?;
        let standing = domain.standing(certificate, now_ms);
        let Some(responder) = &domain.responder else { return standing };
        match (responder.holds_until_ms(self.answers.of(certificate), now_ms), standing) {
            // Worse news than that a list is stale.
            (Err(Reason::CertificateRevoked), Ok(_) | Err(Reason::CrlStale | Reason::CrlAbsent)) => {
                Err(Reason::CertificateRevoked)
            }
            (Err(reason), Ok(_)) => Err(reason),
            (Ok(until_ms), Ok(standing)) => Ok(Standing { holds_until_ms: standing.holds_until_ms.min(until_ms) }),
            (_, Err(reason)) => Err(reason),
        }
    }
}

impl Domain {
    fn standing(&self, certificate: &ClientCertificate, now_ms: i64) -> Result<Standing, Reason> {
        let top = certificate.chain.last().ok_or(Reason::CertificateUntrusted)?;
        let root_end_ms = *self.roots_end_ms.get(&top.issuer_key).ok_or(Reason::CertificateUntrusted)?;
        if now_ms < certificate.not_before_ms {
            return Err(Reason::CertificateNotYetValid);
        }
        if now_ms > certificate.not_after_ms {
            return Err(Reason::CertificateExpired);
        }
        if now_ms > root_end_ms {
            return Err(Reason::CertificateIssuerInvalid);
        }
        let mut holds_until_ms = certificate.not_after_ms.min(root_end_ms);
        // A revoked issuer is worse news than a stale list of the leaf's, so every link is asked before the worst is told.
        let mut worst = None;
        for (place, link) in certificate.chain.iter().enumerate() {
            match self.link_holds_until_ms(link, place > 0, now_ms) {
                Ok(until_ms) => holds_until_ms = holds_until_ms.min(until_ms),
                Err(Reason::CertificateRevoked) => return Err(Reason::CertificateRevoked),
                Err(reason) => worst = worst.or(Some(reason)),
            }
        }
        worst.map_or(Ok(Standing { holds_until_ms }), Err)
    }

    fn link_holds_until_ms(&self, link: &ChainLink, is_authority: bool, now_ms: i64) -> Result<i64, Reason> {
        if now_ms > link.not_after_ms {
            return Err(Reason::CertificateIssuerInvalid);
        }
        if !self.checks_revocation {
            return Ok(link.not_after_ms);
        }
        let mut next_update_ms = None;
        for crl in self.crls.get(&link.issuer_key).into_iter().flatten().filter(|crl| crl.covers(link, is_authority)) {
            // Also by a stale list: what was revoked stays revoked.
            if crl.revokes(link) {
                return Err(Reason::CertificateRevoked);
            }
            next_update_ms = next_update_ms.max(Some(crl.next_update_ms));
        }
        match next_update_ms {
            None => Err(Reason::CrlAbsent),
            Some(next_update_ms) if now_ms >= next_update_ms => Err(Reason::CrlStale),
            Some(next_update_ms) => Ok(link.not_after_ms.min(next_update_ms)),
        }
    }
}
