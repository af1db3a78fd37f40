//! Which treatment suits which kind of field.
//!
//! The table fails closed: what can name a person is never kept, and a treatment that would do nothing for a kind is
//! refused rather than believed.

use crate::policy::treatment::{Form, Treatment};
use crate::record::field::Kind;

/// Why `treatment` does not suit the field `name`; `None` when it does.
pub(super) fn objection(name: &str, kind: Kind, treatment: &Treatment) -> Option<String> {
    if suits(kind, treatment) {
        return None;
    }
    let address = matches!(kind, Kind::Address | Kind::Addresses);
    if address && matches!(treatment, Treatment::Generalise) {
        return Some(format!(
            "'generalise' of '{name}' (an address to its country) is not in this version; {}",
            remedy(kind)
        ));
    }
    let word = match treatment {
        Treatment::Pseudonymise(Form::Address) => "pseudonymise = \"address\"",
        other => other.name(),
    };
    Some(format!("'{word}' does not suit '{name}', {}; {}", meaning(kind), remedy(kind)))
}

fn suits(kind: Kind, treatment: &Treatment) -> bool {
    match treatment {
        Treatment::Drop => true,
        Treatment::Keep => matches!(kind, Kind::Time | Kind::Harmless(_)),
        Treatment::Truncate(_) | Treatment::Pseudonymise(Form::Address) => {
            matches!(kind, Kind::Address | Kind::Addresses)
        }
        Treatment::Pseudonymise(Form::Token) => !matches!(kind, Kind::Time),
        Treatment::Generalise => matches!(kind, Kind::Time | Kind::Url | Kind::Agent),
        // Not for addresses and names: a host name or a login holds no address to find, and would leave whole.
        Treatment::Scrub => matches!(
            kind,
            Kind::Path
                | Kind::Query
                | Kind::Url
                | Kind::Agent
                | Kind::Text
                | Kind::Harmless(_)
                | Kind::Unclassified
        ),
        Treatment::Template(_) => matches!(kind, Kind::Path),
        Treatment::Parameters(_) => matches!(kind, Kind::Query),
    }
}

const fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::Time => "the time",
        Kind::Address => "an address",
        Kind::Addresses => "a list of addresses",
        Kind::User => "a user name",
        Kind::Name => "a person's name",
        Kind::Room => "a room",
        Kind::Email => "an e-mail address",
        Kind::Mac => "a hardware address",
        Kind::Jid => "a Jabber identifier",
        Kind::Endpoint => "an endpoint or a meeting",
        Kind::Identifier => "an identifier",
        Kind::Path => "a path",
        Kind::Query => "the query of a URL",
        Kind::Url => "a URL",
        Kind::Agent => "a user agent",
        Kind::Text => "free text",
        Kind::Harmless(_) => "harmless in its own grammar",
        Kind::Unclassified => "which can hold anything",
    }
}

const fn remedy(kind: Kind) -> &'static str {
    match kind {
        Kind::Time => "keep, generalise or drop it",
        Kind::Address | Kind::Addresses => "pseudonymise, truncate or drop it",
        Kind::User
        | Kind::Name
        | Kind::Room
        | Kind::Email
        | Kind::Mac
        | Kind::Jid
        | Kind::Endpoint
        | Kind::Identifier => "pseudonymise or drop it",
        Kind::Path => "scrub, template or drop it",
        Kind::Query => "scrub it, list keep_parameters or drop it",
        Kind::Url | Kind::Agent => "scrub, generalise or drop it",
        Kind::Text => "scrub or drop it",
        Kind::Harmless(_) => "keep, scrub or drop it",
        Kind::Unclassified => "scrub, pseudonymise or drop it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::field::KNOWN;

    #[test]
    fn what_can_name_a_person_is_never_kept() {
        for known in KNOWN {
            let kept = suits(known.kind, &Treatment::Keep);
            assert_eq!(kept, matches!(known.kind, Kind::Time | Kind::Harmless(_)), "{}", known.name);
            assert!(suits(known.kind, &Treatment::Drop), "{}", known.name);
        }
    }

    #[test]
    fn what_cannot_be_found_by_scrubbing_is_not_scrubbed() {
        for name in ["client.address", "user.name", "user.full_name", "conference.name", "session.id"] {
            assert!(!suits(crate::record::field::kind_of(name), &Treatment::Scrub), "{name}");
        }
    }
}
