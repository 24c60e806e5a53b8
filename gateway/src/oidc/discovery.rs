//! What the provider says of itself (OpenID Connect Discovery 1.0), and the keys by which it signs.

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreErrorResponseType,
    CoreGenderClaim, CoreGrantType, CoreJsonWebKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::url::Url;
use openidconnect::{
    AdditionalProviderMetadata, AuthType, Client, ClientId, ClientSecret, DiscoveryError, EmptyExtraTokenFields,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IdToken, IdTokenFields, IssuerUrl, JsonWebKeySet,
    LogoutProviderMetadata, ProviderMetadata, StandardErrorResponse, StandardTokenResponse,
};
use serde::{Deserialize, Serialize};

use super::claims::OtherClaims;
use super::error::shown;
use super::http::{Http, HttpError, https};
use crate::config;
use crate::jose::jwks::Keys;
use crate::secret::Secret;

/// The most keys that are kept.
const MAX_KEYS: usize = 64;
/// The shortest RSA modulus that is believed: 2048 bits in base64url.
const MIN_RSA_CHARACTERS: usize = 342;

pub(super) type Token =
    IdToken<OtherClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
pub(super) type TokenResponse = StandardTokenResponse<
    IdTokenFields<
        OtherClaims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;
type Rp = Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    TokenResponse,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
    EndpointMaybeSet,
>;
type Metadata = ProviderMetadata<
    LogoutProviderMetadata<MoreMetadata>,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What the crate does not know of metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct MoreMetadata {
    /// RFC 9207 §3
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for MoreMetadata {}

/// A provider that has been asked.
#[derive(Debug)]
pub(super) struct Known {
    /// What speaks to it.
    pub(super) rp: Rp,
    /// Its name.
    pub(super) issuer: IssuerUrl,
    /// The keys that are strong enough to be believed, for ID tokens.
    pub(super) keys: CoreJsonWebKeySet,
    /// The same for every other token of the provider.
    pub(super) jwks: Keys,
    /// Whether it names itself where it sends the browser back (RFC 9207).
    pub(super) names_itself: bool,
    /// Whether it has a UserInfo endpoint.
    pub(super) has_userinfo: bool,
    /// Where its sessions are ended (OpenID Connect RP-Initiated Logout 1.0).
    pub(super) end_session: Option<Url>,
}

impl Known {
    /// Asks the provider.
    ///
    /// # Errors
    /// What is wrong with its answer, in words that may be logged.
    pub(super) async fn ask(settings: &config::Oidc, secret: &Secret, http: &Http) -> Result<Self, String> {
        let issuer = IssuerUrl::new(settings.issuer.to_string()).map_err(|error| error.to_string())?;
        let metadata = Metadata::discover_async(issuer, http).await.map_err(words)?;
        let token_endpoint = metadata.token_endpoint().cloned().ok_or("its metadata has no `token_endpoint`")?;
        let more = metadata.additional_metadata().clone();
        let end_session = more.end_session_endpoint.map(|url| url.url().clone());

        let named = [metadata.authorization_endpoint().url(), token_endpoint.url(), metadata.jwks_uri().url()];
        let userinfo = metadata.userinfo_endpoint().map(|url| url.url());
        for url in named.into_iter().chain(userinfo).chain(end_session.as_ref()) {
            proven(url)?;
        }
        let keys = usable(metadata.jwks());
        let json = serde_json::to_vec(&keys).map_err(|error| error.to_string())?;
        let jwks = Keys::read_unnamed_too(&json)
            .map_err(|_| "its key set has no key that could verify a signature".to_owned())?;
        let client_id = ClientId::new(settings.client_id.to_string());
        let client_secret = ClientSecret::new(secret.reveal().to_owned());
        Ok(Self {
            issuer: metadata.issuer().clone(),
            names_itself: more.additional_metadata.authorization_response_iss_parameter_supported,
            has_userinfo: metadata.userinfo_endpoint().is_some(),
            end_session,
            keys,
            jwks,
            rp: Client::from_provider_metadata(metadata.clone(), client_id, Some(client_secret))
                .set_auth_type(auth_type(&metadata))
                .set_token_uri(token_endpoint),
        })
    }
}

/// By header where the provider does not say otherwise (RFC 6749 §2.3.1).
fn auth_type(metadata: &Metadata) -> AuthType {
    let methods = metadata.token_endpoint_auth_methods_supported();
    let by_body_only = methods.is_some_and(|methods| {
        methods.contains(&CoreClientAuthMethod::ClientSecretPost)
            && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
    });
    if by_body_only { AuthType::RequestBody } else { AuthType::BasicAuth }
}

/// Tokens and codes go only to servers that prove who they are.
fn proven(url: &Url) -> Result<(), String> {
    let uri = url.as_str().parse().map_err(|_| format!("`{}` cannot be called", shown(url.as_str())))?;
    https(&uri).map(drop).map_err(|error| shown(&error.to_string()))
}

fn usable(keys: &CoreJsonWebKeySet) -> CoreJsonWebKeySet {
    JsonWebKeySet::new(keys.keys().iter().filter(|key| strong(key)).take(MAX_KEYS).cloned().collect())
}

/// Whether a key is no symmetric one, which everybody who can read it could sign by, and no RSA key of the last century.
fn strong(key: &CoreJsonWebKey) -> bool {
    #[derive(Deserialize)]
    struct Parts {
        kty: String,
        n: Option<String>,
    }
    let parts = serde_json::to_value(key).and_then(serde_json::from_value::<Parts>);
    parts.is_ok_and(|parts| match parts.kty.as_str() {
        "RSA" => parts.n.is_some_and(|n| n.len() >= MIN_RSA_CHARACTERS),
        "EC" | "OKP" => true,
        _ => false,
    })
}

fn words(error: DiscoveryError<HttpError>) -> String {
    shown(&match error {
        DiscoveryError::Request(error) => error.to_string(),
        DiscoveryError::Parse(error) => format!("its metadata or keys cannot be read at `{}`", error.path()),
        DiscoveryError::Response(status, _, _) => format!("it answered {status}, or not in JSON"),
        other => other.to_string(),
    })
}
