//! What can be done to a field.

/// How a pseudonym is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// 22 characters of base64url.
    Token,
    /// A unique-local IPv6 address (RFC 4193), so that columns typed as addresses keep working. Addresses only.
    Address,
}

/// Prefix lengths that truncation keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    /// Bits of an IPv4 address, 0 to 32. Default 24.
    pub v4: u8,
    /// Bits of an IPv6 address, 0 to 128. Default 40.
    pub v6: u8,
}

impl Default for Prefix {
    fn default() -> Self {
        Self { v4: 24, v6: 40 }
    }
}

/// The `url.path` treatment: templates name what stands where, prefixes that may stay, and what happens to the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathRule {
    /// Templates, tried in order: segments are literal or a field (`/{tenant}/{conference.name}`).
    pub templates: Vec<Vec<Segment>>,
    /// Paths that begin with one of these leave, scrubbed.
    pub keep_prefixes: Vec<String>,
    /// Otherwise: true keeps the path, scrubbed; false drops it (the default).
    pub otherwise_scrub: bool,
}

/// One segment of a path template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Must be exactly this.
    Literal(String),
    /// Is a value of this field, and treated as the policy treats that field.
    Field(String),
}

/// The `url.query` treatment: which parameters stay, and which are values of another field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryRule {
    /// Parameters that leave, scrubbed.
    pub keep_parameters: Vec<String>,
    /// Parameters that are a field: `room` is `conference.name`.
    pub name_parameters: Vec<(String, String)>,
}

/// What is done to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// Leaves as it is, in its field's own grammar; text is scrubbed all the same where the grammar does not hold.
    Keep,
    /// Does not leave.
    Drop,
    /// An address loses its last bits.
    Truncate(Prefix),
    /// A keyed token.
    Pseudonymise(Form),
    /// Coarser: URL to path without query, user agent to family and major version, time to the hour.
    Generalise,
    /// Free text: every identifier inside is found and treated as its own field is.
    Scrub,
    /// The path of a URL by templates.
    Template(PathRule),
    /// The query of a URL by parameter names.
    Parameters(QueryRule),
}

impl Treatment {
    /// The word of the policy file, used by `explain`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::Truncate(_) => "truncate",
            Self::Pseudonymise(_) => "pseudonymise",
            Self::Generalise => "generalise",
            Self::Scrub => "scrub",
            Self::Template(_) => "template",
            Self::Parameters(_) => "keep_parameters",
        }
    }
}

/// Where in which file a rule stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// File as the user named it; `built-in` for the built-in policy.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
}

/// One output of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The name it leaves under; `None` is the field's own.
    pub rename: Option<String>,
    /// What is done.
    pub treatment: Treatment,
}

/// The rule of one field: one or two outputs (a token and a network of one address).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What leaves.
    pub outputs: Vec<Output>,
    /// Where the rule stands, for `explain` and errors.
    pub place: Place,
}
