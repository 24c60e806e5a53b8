//! Everything that is true or false.

use arbitrary::Result;

use super::{Author, FREE_TYPES, Type};
use crate::world::{APP_GROUPS, APPS, GROUPS, PRINCIPALS};

impl Author<'_, '_> {
    pub(super) fn predicate(&mut self) -> Result<String> {
        match self.bytes.int_in_range(0..=21_u8)? {
            0..=2 => self.comparison(),
            3 | 4 => self.equality(),
            5..=7 => self.guarded(),
            8 | 9 => self.connective(),
            10 => Ok(format!("!({})", self.of(Type::Bool)?)),
            11 | 12 => Ok(format!("({} like {})", self.of(Type::Text)?, self.pattern()?)),
            13 | 14 => self.set_predicate(),
            15 | 16 => self.membership(),
            17 => self.kind_test(),
            18 => self.address_predicate(),
            19 => self.decimal_comparison(),
            20 => self.unreachable(),
            _ if self.world.is_extended => self.about_extension(),
            _ => self.idle_test(),
        }
    }

    fn comparison(&mut self) -> Result<String> {
        let kind = *self.bytes.choose(&[Type::Long, Type::Datetime, Type::Duration])?;
        let operator = *self.bytes.choose(&["<", "<=", ">", ">="])?;
        Ok(format!("({} {operator} {})", self.of(kind)?, self.of(kind)?))
    }

    fn equality(&mut self) -> Result<String> {
        let operator = *self.bytes.choose(&["==", "!="])?;
        let known: Vec<_> = self.known.iter().map(|fact| fact.kind).collect();
        let kinds = [FREE_TYPES, &known].concat();
        let kind = *self.bytes.choose(&kinds)?;
        if self.bytes.ratio(1, 12)? {
            return Ok(format!("({} {operator} {})", self.set(kind)?, self.set(kind)?));
        }
        Ok(format!("({} {operator} {})", self.of(kind)?, self.of(kind)?))
    }

    /// A test for a fact, and something that may read it.
    fn guarded(&mut self) -> Result<String> {
        let (test, facts) = self.presence()?;
        let last = facts.last().copied();
        let then = self.knowing(facts, |author| match last {
            Some(fact) if fact.kind != Type::Bool && author.bytes.arbitrary()? => {
                Ok(format!("({} == {})", author.read(fact)?, author.of(fact.kind)?))
            }
            Some(fact) if author.bytes.arbitrary()? && fact.kind == Type::Bool => author.read(fact),
            _ => author.of(Type::Bool),
        })?;
        Ok(match self.bytes.int_in_range(0..=3_u8)? {
            // Either side of this `||` teaches that the fact is there.
            0 => format!("((({test} && {}) || {test}) && {then})", self.of(Type::Bool)?),
            _ => format!("({test} && {then})"),
        })
    }

    fn connective(&mut self) -> Result<String> {
        let operator = *self.bytes.choose(&["&&", "||"])?;
        Ok(format!("({} {operator} {})", self.of(Type::Bool)?, self.of(Type::Bool)?))
    }

    fn set_predicate(&mut self) -> Result<String> {
        let kind = *self.bytes.choose(FREE_TYPES)?;
        let set = self.set(kind)?;
        Ok(match self.bytes.int_in_range(0..=4_u8)? {
            0 | 1 => format!("{set}.contains({})", self.of(kind)?),
            2 => format!("{set}.containsAll({})", self.set(kind)?),
            3 => format!("{set}.containsAny({})", self.set(kind)?),
            _ => format!("{set}.isEmpty()"),
        })
    }

    /// `in`: for principal, action and resource, and for entities that a policy names.
    fn membership(&mut self) -> Result<String> {
        Ok(match self.bytes.int_in_range(0..=9_u8)? {
            0 | 1 => format!("(principal in {})", self.entity("Group", GROUPS)?),
            2 => format!("(principal in {})", self.set(Type::Group)?),
            3 => format!("(resource in {})", self.entity("AppGroup", APP_GROUPS)?),
            4 => format!("(resource in {})", self.set(Type::AppGroup)?),
            5 => format!("(action in {})", self.entity("Action", self.world.actions())?),
            6 => format!("(action in {})", self.set(Type::Action)?),
            7 => format!("({} in {})", self.of(Type::App)?, self.of(Type::AppGroup)?),
            8 => format!("({} in {})", self.entity("User", PRINCIPALS)?, self.of(Type::Group)?),
            _ => format!("({} in {})", self.of(Type::App)?, self.entity("App", APPS)?),
        })
    }

    fn kind_test(&mut self) -> Result<String> {
        Ok(match self.bytes.int_in_range(0..=6_u8)? {
            0 => "(principal is User)".to_owned(),
            1 => "(principal is Workload)".to_owned(),
            2 => format!("(principal is User in {})", self.of(Type::Group)?),
            3 => format!("(principal is Workload in {})", self.set(Type::Group)?),
            4 => format!("(resource is App in {})", self.set(Type::AppGroup)?),
            5 => format!("({} is App)", self.of(Type::App)?),
            _ => format!("(principal == {})", self.entity("User", PRINCIPALS)?),
        })
    }

    fn address_predicate(&mut self) -> Result<String> {
        let address = self.of(Type::Ip)?;
        Ok(match self.bytes.int_in_range(0..=5_u8)? {
            0 => format!("{address}.isIpv4()"),
            1 => format!("{address}.isIpv6()"),
            2 => format!("{address}.isLoopback()"),
            3 => format!("{address}.isMulticast()"),
            _ => format!("{address}.isInRange({})", self.of(Type::Ip)?),
        })
    }

    fn decimal_comparison(&mut self) -> Result<String> {
        let names = ["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"];
        let name = *self.bytes.choose(&names)?;
        Ok(format!("{}.{name}({})", self.of(Type::Decimal)?, self.of(Type::Decimal)?))
    }

    /// A fact that is not known to be there, where evaluation never comes.
    fn unreachable(&mut self) -> Result<String> {
        let wild = *self.bytes.choose(&[
            "context.device.compliant",
            "context.session.auth_age_s < 60",
            "resource.owner == \"u0\"",
            "App::\"nowhere\".owner like \"*\"",
        ])?;
        Ok(match self.bytes.int_in_range(0..=2_u8)? {
            0 => format!("(false && {wild})"),
            1 => format!("(true || {wild})"),
            _ => format!("(if true then {} else {wild})", self.of(Type::Bool)?),
        })
    }

    /// Entities of the operator's own types, of which there are none: to read their attributes is an error.
    fn about_extension(&mut self) -> Result<String> {
        const PREDICATES: &[&str] = &[
            "(Site::\"x\" has name)",
            "(Site::\"x\" has name && Site::\"x\".name == \"a\")",
            "(Site::\"x\".floor > 3)",
            "Site::\"x\".hasTag(\"a\")",
            "(Site::\"x\".hasTag(\"a\") && Site::\"x\".getTag(\"a\") == \"b\")",
            "(Site::\"x\" in Site::\"y\")",
            "(Site::\"x\" in Site::\"x\")",
            "(Site::\"x\" == Site::\"y\")",
            "(Colour::\"red\" == Colour::\"green\")",
            "[Colour::\"red\", Colour::\"green\"].contains(Colour::\"red\")",
            "(Colour::\"red\" is Colour)",
        ];
        Ok((*self.bytes.choose(PREDICATES)?).to_owned())
    }
}
