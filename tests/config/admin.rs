//! `[admin]`: what is accepted, and what would let others in.

use std::path::PathBuf;

use sluis::config::admin_file::{AdminPlan, AdminTls};
use sluis::config::kafka::SecretFrom;

use super::{PIPELINE, POLICY, load_pipeline, refused_pipeline};

fn with_admin(admin: &str) -> String {
    format!("{PIPELINE}\n[admin]\n{admin}")
}

fn plan(admin: &str) -> AdminPlan {
    let (plan, _) = load_pipeline(&with_admin(admin), POLICY).unwrap_or_else(|found| panic!("{found}"));
    plan.admin.unwrap()
}

#[test]
fn loopback_needs_nothing_else() {
    for listen in ["127.0.0.1:9464", "127.8.9.1:80", "[::1]:9464"] {
        let listen_key = format!("listen = \"{listen}\"\n");
        let expected = AdminPlan { listen: listen.parse().unwrap(), token: None, tls: None };
        assert_eq!(plan(&listen_key), expected);
    }
    assert!(load_pipeline(PIPELINE, POLICY).is_ok_and(|(plan, _)| plan.admin.is_none()));
}

#[test]
fn a_token_with_tls_may_be_reached_by_others() {
    let read = plan(
        "listen = \"0.0.0.0:9464\"\ntoken = { file = \"token\" }\ntls = { certificate = \"c.pem\", key = \"/k.pem\" }\n",
    );
    let expected = AdminPlan {
        listen: "0.0.0.0:9464".parse().unwrap(),
        token: Some(SecretFrom::File(PathBuf::from("etc/token"))),
        tls: Some(AdminTls { certificate: PathBuf::from("etc/c.pem"), key: PathBuf::from("/k.pem") }),
    };
    assert_eq!(read, expected);
    let read = plan("listen = \"[::]:9464\"\ntoken = { env = \"SLUIS_TOKEN\" }\nbehind_proxy = true\n");
    assert_eq!(read.token, Some(SecretFrom::Environment("SLUIS_TOKEN".to_owned())));
}

#[test]
fn what_would_let_others_in_is_refused() {
    for (admin, expected) in [
        (
            "listen = \"0.0.0.0:9464\"\n",
            "0.0.0.0 can be reached by others, and there is no 'token'; write token",
        ),
        ("listen = \"[::]:9464\"\nbehind_proxy = true\n", ":: can be reached by others"),
        (
            "listen = \"192.0.2.1:1\"\ntls = { certificate = \"c\", key = \"k\" }\n",
            "192.0.2.1 can be reached by others",
        ),
        (
            "listen = \"127.0.0.1:1\"\ntoken = { file = \"t\" }\n",
            "a token without TLS can be read on its way",
        ),
        (
            "listen = \"127.0.0.1:1\"\ntoken = { file = \"t\" }\nbehind_proxy = false\n",
            "a token without TLS can be read on its way",
        ),
        ("listen = \"localhost:9464\"\n", "'listen' is no address with a port"),
        ("listen = \"127.0.0.1\"\n", "'listen' is no address with a port"),
        ("", "missing 'listen' in [admin]; write an address and port"),
        ("listen = \"127.0.0.1:1\"\ntls = { certificate = \"c\" }\n", "missing 'key' in 'tls' of [admin]"),
        (
            "listen = \"127.0.0.1:1\"\ntoken = { file = \"t\", env = \"T\" }\nbehind_proxy = true\n",
            "two places in 'token'",
        ),
        ("listen = \"127.0.0.1:1\"\ntoken = {}\nbehind_proxy = true\n", "no place in 'token'"),
        ("listen = \"127.0.0.1:1\"\nbehind_proxy = \"yes\"\n", "'behind_proxy' must be true or false"),
        ("listen = \"127.0.0.1:1\"\ntokens = 1\n", "unknown key 'tokens' in [admin]; did you mean 'token'"),
    ] {
        let found = refused_pipeline(&with_admin(admin));
        assert!(found.len() == 1 && found[0].contains(expected), "{admin}: {found:#?}");
    }
}

#[test]
fn a_secret_in_the_file_itself_is_refused_and_not_shown() {
    let text = with_admin("listen = \"127.0.0.1:1\"\nbehind_proxy = true\ntoken = \"the-secret-of-tests\"\n");
    let found = load_pipeline(&text, POLICY).unwrap_err().to_string();
    assert!(found.contains("a secret in the pipeline file") && !found.contains("the-secret"), "{found}");
}
