//! User agents made coarse: family and major version (clause VN-3).
//!
//! A short ordered list rather than a database of patterns: the families below are what statistics ask for, everything else is
//! `Other`, and a coarser answer is always safe here. Order matters, since browsers name their ancestors.

use memchr::memmem;

/// Marks, the family they stand for, most specific first. The major version is the number after the mark.
const FAMILIES: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("Opera/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Headless Chrome"),
    ("Electron/", "Electron"),
    ("jitsi-meet/", "Jitsi Meet"),
    ("JitsiMeetSDK/", "Jitsi Meet"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
    ("MSIE ", "Internet Explorer"),
    ("Trident/", "Internet Explorer"),
    ("curl/", "curl"),
    ("Wget/", "Wget"),
    ("python-requests/", "python-requests"),
    ("Go-http-client/", "Go-http-client"),
    ("okhttp/", "okhttp"),
    ("Apache-HttpClient/", "Apache-HttpClient"),
    ("Java/", "Java"),
];

/// Words that name a robot, in lower case.
const ROBOTS: &[&str] = &["bot", "crawl", "spider", "slurp", "monitor", "scan", "preview"];

/// Writes the family and major version of `agent`: `Firefox 121`, `Robot`, `Other`.
pub fn family(agent: &[u8], out: &mut Vec<u8>) {
    if ROBOTS.iter().any(|word| contains_ignoring_case(agent, word.as_bytes())) {
        out.extend_from_slice(b"Robot");
        return;
    }
    for (mark, family) in FAMILIES {
        if let Some(at) = memmem::find(agent, mark.as_bytes()) {
            out.extend_from_slice(family.as_bytes());
            let digits = agent[at + mark.len()..].iter().take(4).take_while(|b| b.is_ascii_digit()).count();
            if digits > 0 {
                out.push(b' ');
                out.extend_from_slice(&agent[at + mark.len()..at + mark.len() + digits]);
            }
            return;
        }
    }
    out.extend_from_slice(b"Other");
}

fn contains_ignoring_case(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families() {
        let of = |agent: &str| {
            let mut out = Vec::new();
            family(agent.as_bytes(), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            of("Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0"),
            "Firefox 121"
        );
        assert_eq!(
            of("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36 Edg/120.0.1"),
            "Edge 120"
        );
        assert_eq!(
            of("Mozilla/5.0 (Macintosh) AppleWebKit/605 (KHTML, like Gecko) Version/17.1 Safari/605"),
            "Safari 17"
        );
        assert_eq!(of("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"), "Robot");
        assert_eq!(of("alice@example.org 203.0.113.7"), "Other");
    }
}
