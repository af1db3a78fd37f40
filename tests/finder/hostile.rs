//! Messages made to hurt: cost is linear in their length.

use std::hint::black_box;
use std::time::{Duration, Instant};

use sluis::protect::text::{Context, find};

/// What is repeated, of what keys, elements, tuples, quotes and identifiers of Jabber are made of.
const UNITS: &[&str] = &[
    "a=",
    "a=a=a=a ",
    "name=\"name=\"",
    "\"name\":\"",
    "\"name\":\"x\",",
    "name=x ",
    "{name=",
    "<item name=",
    "</nick>",
    "<nick>",
    "<nick></nick>",
    "</",
    "<",
    "{",
    "{1,",
    "{1,2,3,",
    "{nick,\"",
    ",\"",
    "room=[",
    "room=[a",
    "room=[room=[@",
    "room=a ",
    "room=",
    "room: ",
    "nick=a b ",
    "nick= ",
    "nick='",
    "nick=\"",
    "nick=\"\\",
    "nick=\\\"",
    "\\\"nick\\\":\\\"",
    "nick=<",
    "nick=&quot;",
    "&quot;nick&quot;:",
    "user=<user=<",
    "user=<<\"",
    "user:",
    "user=",
    "authenticated as: ",
    "rtmp://",
    "rtmp://a/",
    "o=a 1 1 \ns=x\n",
    "o=a ",
    "\no=",
    "\\no=1 1",
    "@@@@",
    "@conference.a",
    "a@conference.a/",
    "a@conference.a/a@",
    "[a]a@conference.a ",
    "[a",
    "a@muc.b@",
    "a@b/",
    "user=a@",
    "id=",
    "session=",
    "session: ",
    "token=x",
    "\"a\" <",
    "\"<@",
    "\"a\" <a@b> ",
    "<@",
    "49517bef",
    "49517bef ",
    "49517bef-",
    "49517bef-89d4-4e65-b61a-c243d48fd69e@a/",
    "ab:",
    "\"",
    "\\",
    "'",
    "\\\"",
    "%40conference.",
    "%3C%40",
];

/// The same, of what sentences that name people are made of, escaped stanzas, values in brackets and records.
const SENTENCES: &[&str] = &[
    "user user user ",
    "user ",
    "invalid user ",
    "invalid user a ",
    "invalid user a port ",
    "for invalid user ",
    "password for ",
    "for for for ",
    "password for for ",
    "logged in as ",
    "as as as ",
    "or ",
    "user 'a",
    "user 'a'a",
    " user '/",
    " user \"/",
    " user </",
    " user `a",
    " user [a",
    " user []",
    " user <4:a(",
    " <4:a(1",
    " <4:)>",
    " <4:(1)>",
    "display name ",
    "display name '",
    "display name: ",
    "name name name ",
    "name.name=",
    "user.name=a ",
    "\"user.name\":\"",
    "Login failed: ",
    "owner: A ",
    "owner: A van ",
    "owner=",
    "participant \"",
    "(uid=1",
    "a(uid=1)",
    "uid=",
    "nick=[",
    "nick=[a",
    "nick=(a ",
    "password=[=",
    "nick=A, B",
    "nick=A, ",
    "nick='a'a",
    "id='a'a",
    "id='a'a'a=",
    "user= a=",
    "[",
    "(",
    "user[name=",
    "user(a[b]name=",
    "{\"name\":",
    "\"user\":{\"name\":\"1",
    "\"user\" : \"",
    "\" : ",
    "&lt;",
    "&lt;/",
    "&lt;/nick&gt;",
    "&lt;nick&gt;",
    "&amp;lt;/nick",
    "gt;</nick>",
    ";;;;</nick>",
    "<![CDATA[",
    "<nick><![CDATA[",
    "]]></nick>",
    "{user,\"a\",\"a\",",
    "{user,\"\",",
    "{user,\"\",\"\",",
    "{user,<<>>,",
    "{user,<<\"a",
    "{jid,<<\"\">>,<<>>,",
    ",\"a\"",
    "a@conference.a/A B ",
];

/// The bound lies far from both linear cost, which is milliseconds, and quadratic cost, which is minutes.
#[test]
#[cfg_attr(debug_assertions, ignore = "needs a release build")]
fn cost_of_messages_is_linear_on_hostile_input() {
    let (mut out, mut slow) = (Vec::new(), Vec::new());
    for unit in UNITS.iter().chain(SENTENCES) {
        // Also behind a key and an opening quote, so that what never closes is looked through once.
        for begin in ["", "nick=\"", "{\"email\":", "v=0\no=a 1 1 x\n"] {
            let text = begin.to_owned() + &unit.repeat((1 << 18) / unit.len());
            for context in [Context::Message, Context::Meeting, Context::Query, Context::Url] {
                let begun = Instant::now();
                find(black_box(text.as_bytes()), context, &mut out);
                let spent = begun.elapsed();
                if spent > Duration::from_secs(1) {
                    slow.push(format!("{begin:?}, {unit:?}, {context:?}: {spent:?}"));
                }
            }
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
}
