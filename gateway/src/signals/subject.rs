//! Subject identifiers (RFC 9493) and complex subjects (Shared Signals Framework 1.0 §3): whom an event is about, in the
//! words of the transmitter.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::jose::name::Name;

/// `sub_id` of a SET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectId {
    /// One identifier. What kind of thing it names, the event type says.
    Simple(Identifier),
    /// `complex`: several properties of one subject.
    Complex(ComplexSubject),
}

/// One identifier (RFC 9493 §3.2).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "format", rename_all = "snake_case")]
pub enum Identifier {
    /// `email`
    Email {
        /// The address.
        email: Name,
    },
    /// `iss_sub`
    IssSub {
        /// Who gave the name.
        iss: Name,
        /// The name.
        sub: Name,
    },
    /// `opaque`
    Opaque {
        /// The name.
        id: Name,
    },
    /// A format that names nobody here: `account`, `aliases`, `did`, `jwt_id`, `phone_number`, `saml_assertion_id`, `uri`
    /// and those of one transmitter.
    #[serde(other)]
    Other,
}

/// The members of a complex subject that are understood. All speak of one subject; others are passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct ComplexSubject {
    /// The person or workload.
    pub user: Option<Identifier>,
    /// The machine.
    pub device: Option<Identifier>,
    /// One session of theirs at the transmitter.
    pub session: Option<Identifier>,
    /// The customer of the transmitter to whom they belong.
    pub tenant: Option<Identifier>,
}

impl<'de> Deserialize<'de> for SubjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if !value.is_object() {
            return Err(D::Error::custom("`sub_id` is no object"));
        }
        let complex = value.get("format").and_then(Value::as_str) == Some("complex");
        let read = match complex {
            true => ComplexSubject::deserialize(value).map(Self::Complex),
            false => Identifier::deserialize(value).map(Self::Simple),
        };
        read.map_err(|error| D::Error::custom(format!("`sub_id`: {error}")))
    }
}

impl SubjectId {
    /// Who may be meant where an event is about a person.
    pub fn user(&self) -> Option<&Identifier> {
        match self {
            Self::Simple(identifier) => Some(identifier),
            Self::Complex(subject) => subject.user.as_ref(),
        }
    }

    /// Which machine may be meant where an event is about a device.
    pub fn device(&self) -> Option<&Identifier> {
        match self {
            Self::Simple(identifier) => Some(identifier),
            Self::Complex(subject) => subject.device.as_ref(),
        }
    }

    /// The tenant, where one is named.
    pub fn tenant(&self) -> Option<&Identifier> {
        match self {
            Self::Simple(_) => None,
            Self::Complex(subject) => subject.tenant.as_ref(),
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email { email } => write!(f, "email {email}"),
            Self::IssSub { iss, sub } => write!(f, "iss_sub {iss} {sub}"),
            Self::Opaque { id } => write!(f, "opaque {id}"),
            Self::Other => f.write_str("another format"),
        }
    }
}

/// For records.
impl fmt::Display for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Complex(ComplexSubject { user, device, session, tenant }) = self else {
            return self.user().map_or(Ok(()), |identifier| identifier.fmt(f));
        };
        let members = [("user", user), ("device", device), ("session", session), ("tenant", tenant)];
        let mut separator = "";
        for (name, member) in members {
            let Some(identifier) = member else { continue };
            write!(f, "{separator}{name}: {identifier}")?;
            separator = "; ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<SubjectId, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn every_format_that_is_understood_is_read() {
        for (value, shown) in [
            (json!({"format": "email", "email": "a@x"}), "email a@x"),
            (json!({"format": "iss_sub", "iss": "https://idp", "sub": "7", "more": [1]}), "iss_sub https://idp 7"),
            (json!({"format": "opaque", "id": "d1"}), "opaque d1"),
            (json!({"format": "phone_number", "phone_number": "+84"}), "another format"),
            (
                json!({"format": "complex", "user": {"format": "email", "email": "a@x"}, "group": 3,
                       "device": {"format": "opaque", "id": "d1"}, "tenant": {"format": "opaque", "id": "t"}}),
                "user: email a@x; device: opaque d1; tenant: opaque t",
            ),
            (json!({"format": "complex", "session": {"format": "opaque", "id": "s"}}), "session: opaque s"),
        ] {
            assert_eq!(read(value.clone()).unwrap().to_string(), shown, "{value}");
        }
    }

    #[test]
    fn what_does_not_have_its_form_is_refused() {
        for value in [
            json!({}),
            json!("alice"),
            json!(["a"]),
            json!({"email": "a@x"}),
            json!({"format": 1}),
            json!({"format": "email"}),
            json!({"format": "email", "email": ""}),
            json!({"format": "email", "email": "a\nb"}),
            json!({"format": "email", "email": ["a@x"]}),
            json!({"format": "iss_sub", "sub": "7"}),
            json!({"format": "opaque", "id": "x".repeat(513)}),
            json!({"format": "complex", "user": "alice"}),
            json!({"format": "complex", "user": {"email": "a@x"}}),
        ] {
            assert!(read(value.clone()).is_err(), "{value}");
        }
    }

    #[test]
    fn a_complex_subject_has_no_complex_member() {
        let inner = json!({"format": "complex", "user": {"format": "email", "email": "a@x"}});
        let nested = read(json!({"format": "complex", "user": inner})).unwrap();
        assert_eq!(nested.user(), Some(&Identifier::Other));
    }
}
