//! Which certificates of its issuer a list speaks of (RFC 5280 §5.2.5).

use x509_parser::asn1_rs::Any;
use x509_parser::extensions::{DistributionPointName, GeneralName};
use x509_parser::prelude::FromDer;

use crate::facts::trust::authority::sha256;
use crate::request::identify::ChainLink;

/// What an issuingDistributionPoint says.
#[derive(Debug, Default)]
pub(super) struct Scope {
    only_end_entities: bool,
    only_authorities: bool,
    /// SHA-256 of the URIs one of which a certificate must name as its distribution point; `None` for every certificate.
    distribution_points: Option<Box<[[u8; 32]]>>,
}

impl Scope {
    /// Reads an issuingDistributionPoint, whose form webpki has checked.
    pub(super) fn parse(extension: &[u8]) -> Result<Self, String> {
        const CANNOT_BE_PARSED: &str = "its issuingDistributionPoint cannot be parsed";
        const URI: u32 = 6;
        let mut scope = Self::default();
        let (_, point) = Any::from_der(extension).map_err(|_| CANNOT_BE_PARSED)?;
        for field in elements(point.data).ok_or(CANNOT_BE_PARSED)? {
            match field.tag().0 {
                0 => {
                    let (_, full_name) = Any::from_der(field.data).map_err(|_| CANNOT_BE_PARSED)?;
                    let names = elements(full_name.data).ok_or(CANNOT_BE_PARSED)?;
                    let uris = names.iter().filter(|name| name.tag().0 == URI).map(|name| sha256(name.data));
                    scope.distribution_points = Some(uris.collect());
                }
                1 => scope.only_end_entities = field.data != [0],
                2 => scope.only_authorities = field.data != [0],
                _ => {}
            }
        }
        Ok(scope)
    }

    /// Whether this certificate is in it.
    pub(super) fn covers(&self, link: &ChainLink, is_authority: bool) -> bool {
        let excluded = if is_authority { self.only_end_entities } else { self.only_authorities };
        let here = match &self.distribution_points {
            Some(points) => points.iter().any(|point| link.distribution_points.contains(point)),
            None => true,
        };
        here && !excluded
    }
}

/// The elements of a SEQUENCE's contents.
fn elements(mut contents: &[u8]) -> Option<Vec<Any<'_>>> {
    let mut elements = Vec::new();
    while !contents.is_empty() {
        let (rest, element) = Any::from_der(contents).ok()?;
        elements.push(element);
        contents = rest;
    }
    Some(elements)
}

/// SHA-256 of each URI of a distribution point's name.
pub(in crate::facts::trust) fn uris<'a>(name: &'a DistributionPointName<'_>) -> impl Iterator<Item = [u8; 32]> + 'a {
    let names = match name {
        DistributionPointName::FullName(names) => names.as_slice(),
        DistributionPointName::NameRelativeToCRLIssuer(_) => &[],
    };
    names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(sha256(uri.as_bytes())),
        _ => None,
    })
}
