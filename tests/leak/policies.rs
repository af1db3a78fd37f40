//! Policies that between them use every treatment on every field that a canary can stand in.

/// A policy for the leak test: a name for messages and its `[fields]`.
pub struct Policy {
    /// For messages.
    pub name: &'static str,
    fields: &'static str,
}

const HARMLESS: &str = r#"
"time" = "keep"
"http.request.method" = "keep"
"network.protocol.version" = "keep"
"http.response.status_code" = "keep"
"http.response.body.size" = "keep"
"http.server.request.duration" = "keep"
"server.address" = "keep"
"server.port" = "keep"
"severity_text" = "keep"
"error.code" = "keep"
"module.name" = "keep"
"process.pid" = "keep"
"thread.id" = "keep"
"connection.id" = "keep"
"#;

/// The policies.
pub const POLICIES: &[Policy] = &[
    Policy {
        name: "tokens",
        fields: r#"
"client.address" = "pseudonymise"
"http.request.header.x-forwarded-for" = "pseudonymise"
"upstream.address" = "pseudonymise"
"user.name" = "pseudonymise"
"user.full_name" = "pseudonymise"
"client.ident" = "pseudonymise"
"url.path" = "scrub"
"url.query" = "scrub"
"http.request.line" = "scrub"
"http.request.header.referer" = "scrub"
"user_agent.original" = "scrub"
"upstream.url" = "scrub"
"message" = "scrub"
"#,
    },
    Policy {
        name: "addresses and networks",
        fields: r#"
"client.address" = { pseudonymise = "address", truncate = { v4 = 24, v6 = 40, as = "client.network" } }
"http.request.header.x-forwarded-for" = { pseudonymise = "address" }
"upstream.address" = { pseudonymise = "address" }
"user.name" = "drop"
"client.ident" = "drop"
"url.path" = "scrub"
"url.query" = "scrub"
"http.request.line" = "scrub"
"http.request.header.referer" = "scrub"
"user_agent.original" = "scrub"
"upstream.url" = "scrub"
"message" = "scrub"
"#,
    },
    Policy {
        name: "truncate",
        fields: r#"
"client.address" = "truncate"
"http.request.header.x-forwarded-for" = "truncate"
"upstream.address" = "truncate"
"user.name" = "pseudonymise"
"client.ident" = "pseudonymise"
"url.path" = "scrub"
"url.query" = "scrub"
"http.request.line" = "scrub"
"http.request.header.referer" = "scrub"
"user_agent.original" = "scrub"
"upstream.url" = "scrub"
"message" = "scrub"
"#,
    },
    Policy {
        name: "generalise and templates",
        fields: r#"
"client.address" = "drop"
"http.request.header.x-forwarded-for" = "drop"
"user.name" = "pseudonymise"
"conference.name" = "pseudonymise"
"url.path" = { template = ["/{conference.name}", "/p/{conference.name}"], keep_prefixes = ["/static/", "/from"], else = "scrub" }
"url.query" = { keep_parameters = ["q", "a", "lang"], name_parameters = { room = "conference.name" } }
"http.request.header.referer" = "generalise"
"user_agent.original" = "generalise"
"upstream.url" = "generalise"
"message" = "scrub"
"#,
    },
    Policy { name: "drop", fields: "\"client.address\" = \"drop\"\n" },
];

impl Policy {
    /// The policy file.
    pub fn text(&self) -> String {
        format!(
            concat!(
                "[policy]\nname = \"leak\"\nversion = \"2026-11-21\"\ncontroller = \"Example\"\n",
                "contact = \"privacy@example.org\"\nlocations = [\"NL\"]\n\n[domain.web]\nepoch = \"1d\"\n\n",
                "[class.web]\nretention = \"14d\"\ndomain = \"web\"\npurposes = [\"security\"]\n",
                "legal_basis = \"GDPR art. 6(1)(f)\"\nsubjects = [\"visitors\"]\n\n[fields]\n{}{}"
            ),
            HARMLESS, self.fields
        )
    }
}
