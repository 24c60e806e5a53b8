//! The one way from an ID token to claims (OpenID Connect Core 1.0 §3.1.3.7, §12.2).

use std::time::{Duration, SystemTime};

use jsonwebtoken::Algorithm;
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm as Jws};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, IdTokenClaims, IdTokenVerifier, Nonce,
    SignatureVerificationError, core::CoreGenderClaim,
};

use super::claims::{Claims, OtherClaims};
use super::discovery::{Known, Token};
use super::{Attempt, OidcError, Provider};
use crate::secret::Secret;

/// How long ago a token may have been issued that was fetched just now.
const MAX_AGE: Duration = Duration::from_secs(600);

/// What a token must say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    /// The time, milliseconds since the Unix epoch.
    pub(super) now_ms: i64,
    /// The login that it ends; `None` when claims are refreshed.
    pub(super) attempt: Option<&'a Attempt<'a>>,
}

/// A token that is good.
pub(super) struct Verified {
    pub(super) claims: Claims,
    pub(super) sub: String,
    pub(super) auth_time_ms: Option<i64>,
}

impl Provider {
    /// The claims of a token, if the provider has signed it, for us, lately. A key that is not known is asked for once.
    pub(super) async fn verify(
        &self,
        token: &Token,
        access_token: &AccessToken,
        expected: Expected<'_>,
    ) -> Result<Verified, OidcError> {
        let known = self.known()?;
        let verified = self.verify_by(&known, token, access_token, expected);
        if !matches!(verified, Err(Failed::KeyUnknown)) {
            return verified.map_err(OidcError::from);
        }
        let known = self.ask_anew(&known).await?;
        self.verify_by(&known, token, access_token, expected).map_err(OidcError::from)
    }

    fn verify_by(
        &self,
        known: &Known,
        token: &Token,
        access_token: &AccessToken,
        expected: Expected<'_>,
    ) -> Result<Verified, Failed> {
        let verifier = self.verifier(known, expected.now_ms);
        let nonce = |nonce: Option<&Nonce>| expected.nonce(nonce);
        let claims = token.claims(&verifier, nonce)?;
        self.is_for_us(claims)?;
        of_this_access_token(token, claims, access_token, &verifier)?;
        let auth_time_ms = claims.auth_time().map(|time| time.timestamp_millis());
        self.is_as_demanded(claims, auth_time_ms, expected)?;
        Ok(Verified { claims: Claims::of(claims), sub: claims.subject().to_string(), auth_time_ms })
    }

    /// Issuer, audience, algorithm, signature, `exp` and `iat`. As for a public client, whatever we are: a secret that both
    /// sides know would sign as well as verify.
    fn verifier<'k>(&self, known: &Known, now_ms: i64) -> IdTokenVerifier<'k, CoreJsonWebKey> {
        let leeway_ms = milliseconds(self.settings.leeway);
        let (earliest, latest) = (now_ms - leeway_ms - milliseconds(MAX_AGE), now_ms + leeway_ms);
        let client_id = ClientId::new(self.settings.client_id.to_string());
        IdTokenVerifier::new_public_client(client_id, known.issuer.clone(), known.keys.clone())
            .set_allowed_algs(self.settings.algorithms.iter().filter_map(jws))
            .set_time_fn(move || time(now_ms - leeway_ms).into())
            .set_issue_time_verifier_fn(move |issued| match issued.timestamp_millis() {
                issued_ms if issued_ms > latest => Err("`iat` lies in the future".to_owned()),
                issued_ms if issued_ms < earliest => Err("`iat` is too long ago".to_owned()),
                _ => Ok(()),
            })
    }

    /// The crate looks at `aud`; whoever else it was issued to is told by `azp`.
    fn is_for_us(&self, claims: &IdTokenClaims<OtherClaims, CoreGenderClaim>) -> Result<(), OidcError> {
        match claims.authorized_party() {
            Some(party) if **party != *self.settings.client_id => {
                Err(OidcError::token("it was issued to another client (`azp`)"))
            }
            None if claims.audiences().len() > 1 => Err(OidcError::token("it has several audiences and no `azp`")),
            _ => Ok(()),
        }
    }

    fn is_as_demanded(
        &self,
        claims: &IdTokenClaims<OtherClaims, CoreGenderClaim>,
        auth_time_ms: Option<i64>,
        expected: Expected<'_>,
    ) -> Result<(), OidcError> {
        let Some(Attempt { begun_at_ms, demand, .. }) = expected.attempt else { return Ok(()) };
        let acr = claims.auth_context_ref().map(|acr| acr.as_str());
        if demand.acr.as_deref().is_some_and(|demanded| acr != Some(demanded)) {
            return Err(OidcError::Refused(
                "the login is not of the authentication class that was demanded".to_owned(),
            ));
        }
        // As policy will compare: what passed here by a leeway and not there would be asked for again without end.
        let youngest = demand.max_age_s.map(|age_s| expected.now_ms - i64::from(age_s) * 1000);
        let again = demand.login_again.then_some(begun_at_ms - milliseconds(self.settings.leeway));
        let Some(since_ms) = youngest.max(again) else { return Ok(()) };
        match auth_time_ms {
            None => Err(OidcError::token("it does not tell when the person authenticated (`auth_time`)")),
            Some(auth_time_ms) if auth_time_ms < since_ms => Err(OidcError::TooOld),
            Some(_) => Ok(()),
        }
    }
}

impl Expected<'_> {
    fn nonce(&self, nonce: Option<&Nonce>) -> Result<(), String> {
        let Some(attempt) = self.attempt else { return Ok(()) };
        match nonce.is_some_and(|nonce| Secret::new(nonce.secret().as_str()) == *attempt.nonce) {
            true => Ok(()),
            false => Err("it is not that of this login".to_owned()),
        }
    }
}

/// `at_hash`, where it is there (§3.1.3.8).
fn of_this_access_token(
    token: &Token,
    claims: &IdTokenClaims<OtherClaims, CoreGenderClaim>,
    access_token: &AccessToken,
    verifier: &IdTokenVerifier<'_, CoreJsonWebKey>,
) -> Result<(), OidcError> {
    let Some(told) = claims.access_token_hash() else { return Ok(()) };
    let algorithm = token.signing_alg().map_err(OidcError::token)?;
    let key = token.signing_key(verifier).map_err(OidcError::token)?;
    match AccessTokenHash::from_token(access_token, algorithm, key) {
        Ok(hash) if hash == *told => Ok(()),
        _ => Err(OidcError::token("it belongs to another access token (`at_hash`)")),
    }
}

/// Why a token is not good.
enum Failed {
    /// Its key may be one that the provider has begun to use.
    KeyUnknown,
    Invalid(OidcError),
}

impl From<ClaimsVerificationError> for Failed {
    fn from(error: ClaimsVerificationError) -> Self {
        match error {
            ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
                Self::KeyUnknown
            }
            other => Self::Invalid(other.into()),
        }
    }
}

impl From<OidcError> for Failed {
    fn from(error: OidcError) -> Self {
        Self::Invalid(error)
    }
}

impl From<Failed> for OidcError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::KeyUnknown => Self::token("the provider has no key that it names"),
            Failed::Invalid(error) => error,
        }
    }
}

/// The crate's name of an algorithm. A symmetric one has none here.
pub(super) fn jws(algorithm: &Algorithm) -> Option<Jws> {
    Some(match algorithm {
        Algorithm::ES256 => Jws::EcdsaP256Sha256,
        Algorithm::ES384 => Jws::EcdsaP384Sha384,
        Algorithm::RS256 => Jws::RsaSsaPkcs1V15Sha256,
        Algorithm::RS384 => Jws::RsaSsaPkcs1V15Sha384,
        Algorithm::RS512 => Jws::RsaSsaPkcs1V15Sha512,
        Algorithm::PS256 => Jws::RsaSsaPssSha256,
        Algorithm::PS384 => Jws::RsaSsaPssSha384,
        Algorithm::PS512 => Jws::RsaSsaPssSha512,
        Algorithm::EdDSA => Jws::EdDsa,
        _ => return None,
    })
}

fn time(ms: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

pub(super) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
