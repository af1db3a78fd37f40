//! The compiled policy: one table per source, class and output, indexed by slot.
//!
//! Everything that can be decided once is decided here, so that the hot loop matches on a small enum and never on a name.
//! Four things are folded in: what the class does to a field, which outputs the view leaves over, what the kind of the
//! field makes of a treatment, and what becomes of an identifier that is found inside text. That last one follows the
//! field: an address in a message is treated as `client.address` is, so that both give one token; a kind of identifier
//! that the policy does not name is dropped in text as it would be in its field.

use std::net::IpAddr;

use ipnet::IpNet;

use super::class::{Class, Policy, View};
use super::treatment::{Form, Output, PathRule, Prefix, QueryRule, Segment, Treatment};
use crate::record::field::{Grammar, Kind, kind_of};
use crate::record::span::{Escape, Layout, Slot, slot_bit};

/// What becomes of one identifier, in its own field or inside text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdAction {
    /// A mark of its kind stands in its place.
    Drop,
    /// A keyed token.
    Token(Form),
    /// A prefix of the address.
    Truncate(Prefix),
}

/// What is done to one value of one slot.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Does not leave.
    Drop,
    /// Leaves in this grammar; otherwise it is scrubbed as text.
    Keep(Grammar),
    /// The event time, as written.
    Time,
    /// The event time, to the hour.
    Hour,
    /// One address.
    Address(IdAction),
    /// A list of addresses.
    Addresses(IdAction),
    /// Any other identifier: canonical, then a token.
    Token,
    /// Free text: a message, in which keys say what their values are.
    Scrub,
    /// Free text that is a user agent: what looks like a version is one.
    ScrubAgent,
    /// A path without rules of its own: scrubbed.
    ScrubPath,
    /// A query without rules of its own: scrubbed.
    ScrubQuery,
    /// A path with templates.
    Path(Box<PathPlan>),
    /// A query with named parameters.
    Query(Box<QueryPlan>),
    /// A URL: its path and its query are treated as those fields are.
    Url(Box<UrlPlan>),
    /// A user agent: family and major version.
    Family,
}

impl Action {
    /// True when a value in which the sieve finds nothing, which has no escapes and whose record names nobody leaves as it
    /// stands. (What does not keep to its grammar is searched, and then nothing is found.)
    pub fn leaves_alone(&self) -> bool {
        match self {
            Self::Keep(_) | Self::Time | Self::ScrubAgent | Self::ScrubPath | Self::ScrubQuery => true,
            Self::Url(plan) => plan.is_text(),
            _ => false,
        }
    }
}

/// What a template calls a tenant. It is no field: it leaves as part of a room's token only.
pub const TENANT: &str = "tenant";

/// A compiled [`PathRule`].
#[derive(Clone, Debug, PartialEq)]
pub struct PathPlan {
    /// Templates: literal bytes or the field's kind and action.
    pub templates: Vec<Vec<PathSegment>>,
    /// Paths that begin so are scrubbed and leave.
    pub keep_prefixes: Vec<Vec<u8>>,
    /// What matches nothing is scrubbed rather than dropped.
    pub otherwise_scrub: bool,
}

/// One segment of a compiled template.
#[derive(Clone, Debug, PartialEq)]
pub enum PathSegment {
    /// These bytes.
    Literal(Vec<u8>),
    /// A value of this kind.
    Field(Kind, Action),
    /// Whose rooms these are: part of the name of every room in the same URL.
    Tenant,
}

/// A compiled [`QueryRule`].
#[derive(Clone, Debug, PartialEq)]
pub struct QueryPlan {
    /// Parameters that leave, scrubbed.
    pub keep: Vec<Vec<u8>>,
    /// Parameters that are another field.
    pub named: Vec<(Vec<u8>, Kind, Action)>,
}

/// What is done inside a URL.
#[derive(Clone, Debug, PartialEq)]
pub struct UrlPlan {
    /// To its path.
    pub path: Action,
    /// To its query; [`Action::Drop`] under `generalise`.
    pub query: Action,
}

impl UrlPlan {
    /// True when path and query are treated as text, as in the common policy: then one search over the whole URL says the same
    /// as three.
    pub fn is_text(&self) -> bool {
        self.path == Action::ScrubPath && self.query == Action::ScrubQuery
    }
}

/// What becomes of identifiers found inside text, by kind. See the module comment.
#[derive(Clone, Debug, PartialEq)]
pub struct TextPlan {
    /// Addresses: as `client.address`.
    pub address: IdAction,
    /// E-mail addresses: as `user.email`.
    pub email: IdAction,
    /// Hardware addresses: as `client.mac`.
    pub mac: IdAction,
    /// Persons' names: as `user.full_name`.
    pub name: IdAction,
    /// Names that clients give themselves in statistics: as `endpoint.stats_id`.
    pub stats: IdAction,
    /// Logins: as `user.name`.
    pub user: IdAction,
    /// Identifiers of Jabber that are more than an account: as `user.jid`.
    pub jid: IdAction,
    /// Rooms: as `conference.name`.
    pub room: IdAction,
    /// Endpoints and meetings: as `endpoint.id`.
    pub endpoint: IdAction,
    /// Sessions and devices: as `session.id`.
    pub session: IdAction,
    /// True when messages are about meetings: the format has endpoints.
    pub meetings: bool,
    /// Infrastructure that stays readable.
    pub own_networks: Vec<IpNet>,
}

impl TextPlan {
    /// True for an address of our own infrastructure.
    #[inline]
    pub fn owns(&self, ip: IpAddr) -> bool {
        !self.own_networks.is_empty() && self.own_networks.iter().any(|network| network.contains(&ip))
    }
}

/// How exactly an NDJSON record says when it happened. Its deadline is as exact, since one tells the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeRule {
    /// To the microsecond.
    Exact,
    /// To the hour.
    Hour,
    /// Not at all.
    Absent,
}

/// One output of one slot.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotOutput {
    /// Index into [`Table::columns`].
    pub column: u16,
    /// What is done.
    pub action: Action,
    /// [`Action::leaves_alone`] of it.
    pub leaves_alone: bool,
}

/// One slot as the hot loop sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotPlan {
    /// What the field can tell.
    pub kind: Kind,
    /// How its values are written.
    pub escape: Escape,
    /// See [`Slot::scale`](crate::record::span::Slot::scale).
    pub scale: f64,
    /// What leaves; empty when the field is dropped. Under `--emit same` the first one stands in the field's place.
    pub outputs: Vec<SlotOutput>,
}

impl SlotPlan {
    /// The templates of a path that names a room.
    pub fn names_rooms(&self) -> Option<&PathPlan> {
        let Action::Path(plan) = &self.outputs.first()?.action else { return None };
        let room = |segment: &PathSegment| matches!(segment, PathSegment::Field(Kind::Room, _));
        plan.templates.iter().flatten().any(room).then_some(&**plan)
    }
}

/// The compiled policy of one source, class and output.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// By slot index.
    pub slots: Vec<SlotPlan>,
    /// Names of the columns that can leave.
    pub columns: Vec<String>,
    /// Slots whose values name a person or a room: they are looked for in the record's texts. With the action of the field.
    pub naming: Vec<(u16, IdAction)>,
    /// Slots of paths whose templates name a room, where the format has messages that can repeat it.
    pub naming_paths: Vec<u16>,
    /// [`slot_bit`] of each of both.
    pub naming_bits: u64,
    /// Identifiers in text.
    pub text: TextPlan,
    /// The event time in the envelope of NDJSON.
    pub time: TimeRule,
    /// The server's mark for an absent value.
    pub absent: &'static str,
    /// True when one record can fill a column more than once: two slots share it, or the format can repeat a slot.
    pub repeats: bool,
}

impl Table {
    /// Compiles `class` of `policy`, narrowed by `view`, for the slots of `layout`.
    pub fn compile(policy: &Policy, class: &Class, view: Option<&View>, layout: &Layout) -> Self {
        let compiler = Compiler { policy, class, view };
        let mut columns: Vec<String> = Vec::new();
        let mut slots = Vec::with_capacity(layout.slots.len());
        let mut naming = Vec::new();
        for (index, slot) in layout.slots.iter().enumerate() {
            let mut outputs = Vec::new();
            for (name, action) in compiler.outputs(&slot.field, slot.kind) {
                let column = columns.iter().position(|known| *known == name).unwrap_or_else(|| {
                    columns.push(name);
                    columns.len() - 1
                });
                let leaves_alone = action.leaves_alone();
                outputs.push(SlotOutput { column: column as u16, action, leaves_alone });
            }
            if names_somebody(slot, layout) {
                naming.push((index as u16, compiler.identifier(&slot.field)));
            }
            slots.push(SlotPlan { kind: slot.kind, escape: slot.escape, scale: slot.scale, outputs });
        }
        let has_messages = layout.slots.iter().any(|slot| slot.field == "message");
        let naming_paths: Vec<u16> = (0..)
            .zip(&slots)
            .filter(|(_, slot)| has_messages && slot.names_rooms().is_some())
            .map(|(index, _)| index)
            .collect();
        let used: usize = slots.iter().map(|slot| slot.outputs.len()).sum();
        let repeats = layout.repeats || used > columns.len();
        Self {
            slots,
            columns,
            naming_bits: naming
                .iter()
                .map(|(slot, _)| slot)
                .chain(&naming_paths)
                .fold(0, |bits, slot| bits | slot_bit(*slot)),
            naming,
            naming_paths,
            text: compiler.text(layout),
            time: compiler.time(),
            absent: layout.absent,
            repeats,
        }
    }
}

/// True for a slot whose values are looked for in the record's texts. Of sessions, those of meetings stand there too.
fn names_somebody(slot: &Slot, layout: &Layout) -> bool {
    match slot.kind {
        Kind::User | Kind::Name | Kind::Room | Kind::Email | Kind::Jid | Kind::Endpoint => true,
        _ => slot.field == "session.id" && layout.slots.iter().any(|other| other.kind == Kind::Room),
    }
}

/// One address, or a list of them.
fn address_action(kind: Kind, action: IdAction) -> Action {
    if kind == Kind::Addresses { Action::Addresses(action) } else { Action::Address(action) }
}

struct Compiler<'a> {
    policy: &'a Policy,
    class: &'a Class,
    view: Option<&'a View>,
}

impl Compiler<'_> {
    /// What leaves of the field `name`, under which names, after the view narrowed it.
    fn outputs(&self, name: &str, kind: Kind) -> Vec<(String, Action)> {
        if kind == Kind::Time {
            return match self.time() {
                TimeRule::Exact => vec![("time".to_owned(), Action::Time)],
                TimeRule::Hour => vec![("time".to_owned(), Action::Hour)],
                TimeRule::Absent => Vec::new(),
            };
        }
        let Some(rule) = self.class.fields.get(name) else { return Vec::new() };
        rule.outputs
            .iter()
            .filter(|output| output.treatment != Treatment::Drop && self.leaves(name, output))
            .map(|output| {
                (
                    output.rename.clone().unwrap_or_else(|| name.to_owned()),
                    self.action(kind, &output.treatment),
                )
            })
            .collect()
    }

    /// The time leaves as the class says; a class that does not say keeps it, as every record has one, unless a view leaves it
    /// out.
    fn time(&self) -> TimeRule {
        let seen = self.view.is_none_or(|view| view.fields.iter().any(|field| field == "time"));
        match self
            .class
            .fields
            .get("time")
            .and_then(|rule| rule.outputs.first())
            .map(|output| &output.treatment)
        {
            _ if !seen => TimeRule::Absent,
            Some(Treatment::Drop) => TimeRule::Absent,
            Some(Treatment::Generalise) => TimeRule::Hour,
            _ => TimeRule::Exact,
        }
    }

    fn leaves(&self, name: &str, output: &Output) -> bool {
        let out = output.rename.as_deref().unwrap_or(name);
        self.view.is_none_or(|view| view.fields.iter().any(|field| field == out))
    }

    /// The first output of a field that leaves.
    fn first(&self, name: &str) -> Option<&Output> {
        self.class
            .fields
            .get(name)?
            .outputs
            .iter()
            .find(|output| output.treatment != Treatment::Drop && self.leaves(name, output))
    }

    fn action(&self, kind: Kind, treatment: &Treatment) -> Action {
        match treatment {
            Treatment::Drop => Action::Drop,
            Treatment::Truncate(prefix) => address_action(kind, IdAction::Truncate(*prefix)),
            Treatment::Pseudonymise(form) => match kind {
                Kind::Address | Kind::Addresses => address_action(kind, IdAction::Token(*form)),
                _ => Action::Token,
            },
            Treatment::Template(rule) => Action::Path(Box::new(self.path(rule))),
            Treatment::Parameters(rule) => Action::Query(Box::new(self.query(rule))),
            Treatment::Generalise => match kind {
                Kind::Agent => Action::Family,
                Kind::Url => self.url(Action::Drop),
                _ => self.scrub(kind),
            },
            Treatment::Keep | Treatment::Scrub => self.scrub(kind),
        }
    }

    fn scrub(&self, kind: Kind) -> Action {
        match kind {
            Kind::Harmless(grammar) => Action::Keep(grammar),
            Kind::Agent => Action::ScrubAgent,
            Kind::Path => Action::ScrubPath,
            Kind::Query => Action::ScrubQuery,
            Kind::Url => self.url(self.named_action("url.query", Kind::Query)),
            _ => Action::Scrub,
        }
    }

    fn url(&self, query: Action) -> Action {
        Action::Url(Box::new(UrlPlan { path: self.named_action("url.path", Kind::Path), query }))
    }

    /// What the class does to the field `name`, wherever a value of it turns up.
    fn named_action(&self, name: &str, kind: Kind) -> Action {
        // A view narrows columns, not the meaning of a path inside a referrer that it lets leave.
        match self.class.fields.get(name).and_then(|rule| rule.outputs.first()) {
            Some(output) => self.action(kind, &output.treatment),
            None => Action::Drop,
        }
    }

    fn path(&self, rule: &PathRule) -> PathPlan {
        let segment = |segment: &Segment| match segment {
            Segment::Literal(text) => PathSegment::Literal(text.as_bytes().to_vec()),
            Segment::Field(name) if name == TENANT => PathSegment::Tenant,
            Segment::Field(name) => PathSegment::Field(kind_of(name), self.named_action(name, kind_of(name))),
        };
        PathPlan {
            templates: rule.templates.iter().map(|template| template.iter().map(segment).collect()).collect(),
            keep_prefixes: rule.keep_prefixes.iter().map(|prefix| prefix.as_bytes().to_vec()).collect(),
            otherwise_scrub: rule.otherwise_scrub,
        }
    }

    fn query(&self, rule: &QueryRule) -> QueryPlan {
        QueryPlan {
            keep: rule.keep_parameters.iter().map(|name| name.as_bytes().to_vec()).collect(),
            named: rule
                .name_parameters
                .iter()
                .map(|(parameter, field)| {
                    let kind = kind_of(field);
                    (parameter.as_bytes().to_vec(), kind, self.named_action(field, kind))
                })
                .collect(),
        }
    }

    /// What becomes of an identifier of the field `name` inside text.
    fn identifier(&self, name: &str) -> IdAction {
        match self.first(name).map(|output| &output.treatment) {
            Some(Treatment::Pseudonymise(form)) => IdAction::Token(*form),
            Some(Treatment::Truncate(prefix)) => IdAction::Truncate(*prefix),
            _ => IdAction::Drop,
        }
    }

    fn text(&self, layout: &Layout) -> TextPlan {
        TextPlan {
            address: self.identifier("client.address"),
            email: self.identifier("user.email"),
            mac: self.identifier("client.mac"),
            name: self.identifier("user.full_name"),
            stats: self.identifier("endpoint.stats_id"),
            user: self.identifier("user.name"),
            jid: self.identifier("user.jid"),
            room: self.identifier("conference.name"),
            endpoint: self.identifier("endpoint.id"),
            session: self.identifier("session.id"),
            meetings: layout.slots.iter().any(|slot| slot.field == "endpoint.id"),
            own_networks: self.policy.own_networks.clone(),
        }
    }
}
