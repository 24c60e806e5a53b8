//! Random expressions that are well-typed: what strict validation admits, and hardly anything else.

mod facts;
mod literal;
mod predicate;
mod value;

use arbitrary::{Result, Unstructured};

use self::facts::{FACTS, Fact, IDLE_TESTS};
use crate::world::World;

/// The types of expressions that are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Long,
    Text,
    Datetime,
    Duration,
    Ip,
    Decimal,
    User,
    Group,
    App,
    AppGroup,
    Action,
    /// A part of the context, a record.
    Part(&'static str),
    /// A record literal of one certain shape.
    Record,
}

/// Types of which there are values without asking anything.
const FREE_TYPES: &[Type] = &[
    Type::Long,
    Type::Text,
    Type::Bool,
    Type::Datetime,
    Type::Duration,
    Type::Ip,
    Type::Decimal,
    Type::User,
    Type::Group,
    Type::App,
    Type::AppGroup,
    Type::Action,
    Type::Part("request"),
    Type::Record,
];

/// Writes expressions. When the bytes are used up, it writes the simplest that will do.
pub(crate) struct Author<'a, 'b> {
    bytes: &'a mut Unstructured<'b>,
    world: &'a World,
    /// Whether the scope says that the principal is a person.
    is_for_people: bool,
    /// The optional facts that are known to be there.
    known: Vec<&'static Fact>,
    /// How much deeper expressions may nest.
    depth: usize,
}

impl<'a, 'b> Author<'a, 'b> {
    pub(crate) fn new(bytes: &'a mut Unstructured<'b>, world: &'a World, is_for_people: bool) -> Self {
        Self { bytes, world, is_for_people, known: Vec::new(), depth: 0 }
    }

    /// The condition of a clause.
    pub(crate) fn condition(&mut self) -> Result<String> {
        self.depth = self.bytes.int_in_range(2..=6)?;
        self.of(Type::Bool)
    }

    /// An expression of this type.
    fn of(&mut self, kind: Type) -> Result<String> {
        if self.depth == 0 || self.bytes.is_empty() {
            return self.leaf(kind);
        }
        self.depth -= 1;
        let text = match self.bytes.int_in_range(0..=11_u8)? {
            0..=2 => self.leaf(kind),
            3 => self.choice(kind),
            4 => self.field(kind),
            _ => self.compound(kind),
        };
        self.depth += 1;
        text
    }

    fn compound(&mut self, kind: Type) -> Result<String> {
        match kind {
            Type::Bool => self.predicate(),
            Type::Long => self.number(),
            Type::Datetime => self.datetime(),
            Type::Duration => self.duration(),
            Type::Record => self.record(),
            _ => self.leaf(kind),
        }
    }

    /// A literal, or a fact that may be read here.
    fn leaf(&mut self, kind: Type) -> Result<String> {
        if let Type::Part(_) = kind {
            return self.part(kind);
        }
        let facts: Vec<_> = FACTS.iter().filter(|fact| fact.kind == kind && self.may_read(fact)).collect();
        if facts.is_empty() || self.bytes.ratio(1, 3)? {
            return self.literal(kind);
        }
        let fact = self.bytes.choose(&facts)?;
        self.read(fact)
    }

    fn may_read(&self, fact: &Fact) -> bool {
        fact.optional_base().is_none_or(|base| self.known.contains(&base))
            && (!fact.is_optional || self.known.contains(&fact))
    }

    /// The parts of the context by their paths; one that is not known to be there only where nothing looks at it.
    fn part(&mut self, kind: Type) -> Result<String> {
        let fact = FACTS.iter().find(|fact| fact.kind == kind && self.may_read(fact));
        fact.map_or_else(|| Ok("context.request".to_owned()), |fact| self.read(fact))
    }

    /// `base.name`, in one of its spellings.
    fn read(&mut self, fact: &Fact) -> Result<String> {
        let Fact { base, name, is_optional, .. } = fact;
        Ok(match self.bytes.int_in_range(0..=15_u8)? {
            0 => format!("{base}[\"{name}\"]"),
            1 if !is_optional && self.depth > 0 => {
                let test = self.leaf(Type::Bool)?;
                format!("(if {test} then {base} else {base}).{name}")
            }
            2 if !is_optional => format!("{{\"the base\": {base}}}[\"the base\"].{name}"),
            _ => format!("{base}.{name}"),
        })
    }

    /// `if … then … else …`, of any type; where the test is for a fact, the first branch can read it.
    fn choice(&mut self, kind: Type) -> Result<String> {
        if self.bytes.arbitrary()? {
            let (test, facts) = self.presence()?;
            let then = self.knowing(facts, |author| author.of(kind))?;
            return Ok(format!("(if {test} then {then} else {})", self.of(kind)?));
        }
        let test = self.of(Type::Bool)?;
        Ok(format!("(if {test} then {} else {})", self.of(kind)?, self.of(kind)?))
    }

    /// A field of a record literal.
    fn field(&mut self, kind: Type) -> Result<String> {
        let (field, other) = (self.of(kind)?, self.leaf(Type::Long)?);
        Ok(format!("{{\"it\": {field}, \"ít\": {other}}}.it"))
    }

    /// A test of whether facts are there, and which they are.
    fn presence(&mut self) -> Result<(String, Vec<&'static Fact>)> {
        let optional: Vec<_> = FACTS.iter().filter(|fact| fact.is_optional).collect();
        let fact = *self.bytes.choose(&optional)?;
        let Fact { base, name, .. } = fact;
        let Some(above) = fact.optional_base() else {
            return Ok((format!("({base} has {name})"), vec![fact]));
        };
        let facts = vec![above, fact];
        Ok(match self.bytes.int_in_range(0..=3_u8)? {
            0 if self.known.contains(&above) => (format!("({base} has \"{name}\")"), facts),
            1 => (format!("(context has {} && {base} has {name})", above.name), facts),
            2 => (format!("(context has {}.{name})", above.name), facts),
            _ => (format!("(context has {})", above.name), vec![above]),
        })
    }

    /// What is written where these facts are known to be there.
    fn knowing<T>(&mut self, facts: Vec<&'static Fact>, write: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let before = self.known.len();
        self.known.extend(facts);
        let written = write(self);
        self.known.truncate(before);
        written
    }

    fn idle_test(&mut self) -> Result<String> {
        Ok((*self.bytes.choose(IDLE_TESTS)?).to_owned())
    }
}
