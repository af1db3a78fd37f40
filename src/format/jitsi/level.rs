//! The names of levels, in the languages that Java has them in.
//!
//! *In*: what stands where a level stands. *Out*: whether it is one. *Promised*: no allocation; the names of
//! `java.util.logging` in every language of JDK 8 and later, in any case (JDK 7 writes `Infos`, later ones `INFOS`). *Not here*: what a
//! level means: it stays as the service wrote it.

/// Longest name that is looked for, in bytes: the longest of the table has 18.
const LEVEL_BYTES_MAX: usize = 48;

/// What stands where a level should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// A level that ends before this position, where its colon stands.
    Known(usize),
    /// No level that any language has, and a colon at this position.
    Unknown(usize),
    /// Nothing that ends with a colon.
    Absent,
}

/// Reads the level at `at`, which a colon ends.
#[inline]
pub(super) fn read(line: &[u8], at: usize) -> Level {
    let Some(rest) = line.get(at..) else { return Level::Absent };
    // Nearly every record has one of these.
    if rest.starts_with(b"INFO:") {
        return Level::Known(at + 4);
    }
    if rest.starts_with(b"WARNING:") {
        return Level::Known(at + 7);
    }
    other(rest, at)
}

#[inline(never)]
fn other(rest: &[u8], at: usize) -> Level {
    let head = &rest[..rest.len().min(LEVEL_BYTES_MAX)];
    let Some(length) = memchr::memchr(b':', head) else { return Level::Absent };
    let word = &head[..length];
    if is_known(word) {
        Level::Known(at + length)
    } else if length > 0 && !word.iter().any(u8::is_ascii_control) {
        Level::Unknown(at + length)
    } else {
        Level::Absent
    }
}

/// True for the name of a level in any language, in any case.
fn is_known(word: &[u8]) -> bool {
    if matches!(word, b"SEVERE" | b"FINE" | b"FINER" | b"FINEST" | b"CONFIG") {
        return true;
    }
    let Ok(word) = str::from_utf8(word) else { return false };
    // Upper and lower case of these letters are equally long, so that most names fall out by their length.
    NAMES
        .iter()
        .any(|name| name.len() == word.len() && word.chars().flat_map(char::to_lowercase).eq(name.chars()))
}

/// `sun.util.logging.resources.logging*`, in lower case. `OFF` and `ALL` are names of levels too, though nobody logs at them.
const NAMES: &[&str] = &[
    // English
    "severe",
    "warning",
    "info",
    "config",
    "fine",
    "finer",
    "finest",
    "off",
    "all",
    // German
    "schwerwiegend",
    "warnung",
    "information",
    "konfiguration",
    "fein",
    "feiner",
    "am feinsten",
    "deaktiviert",
    "alle",
    // Spanish
    "grave",
    "advertencia",
    "información",
    "configurar",
    "configuración",
    "detallado",
    "muy detallado",
    "más detallado",
    "desactivado",
    "todo",
    // French
    "avertissement",
    "infos",
    "précis",
    "plus précis",
    "le plus précis",
    "désactivé",
    "tout",
    // Italian
    "avvertenza",
    "informazioni",
    "configurazione",
    "buono",
    "migliore",
    "ottimale",
    "non attivo",
    "tutto",
    // Japanese
    "重大",
    "致命的",
    "警告",
    "情報",
    "構成",
    "普通",
    "詳細",
    "最も詳細",
    "オフ",
    "すべて",
    // Korean
    "심각",
    "경고",
    "정보",
    "구성",
    "미세",
    "보다 미세",
    "가장 미세",
    "해제",
    "모두",
    // Brazilian Portuguese
    "advertência",
    "informações",
    "configuração",
    "detalhado",
    "mais detalhado",
    "o mais detalhado",
    "desativado",
    "tudo",
    // Swedish
    "allvarlig",
    "varning",
    "konfig",
    "fin",
    "finare",
    "finaste",
    "av",
    "alla",
    // Chinese, simplified
    "严重",
    "信息",
    "配置",
    "详细",
    "较详细",
    "非常详细",
    "禁用",
    "全部",
    // Chinese, traditional
    "嚴重",
    "資訊",
    "組態",
    "較詳細",
    "最詳細",
    "關閉",
    "所有",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_any_case() {
        for name in NAMES {
            let upper: String = name.chars().flat_map(char::to_uppercase).collect();
            assert_eq!(upper.len(), name.len(), "{name}: the comparison of lengths would miss it");
            for word in [(*name).to_owned(), upper] {
                assert_eq!(
                    read(format!("x {word}: [1]").as_bytes(), 2),
                    Level::Known(2 + word.len()),
                    "{word}"
                );
            }
        }
        assert_eq!(read("Información: x".as_bytes(), 0), Level::Known(12));
    }

    #[test]
    fn what_is_no_level() {
        assert_eq!(read(b"DEBUGGING: [1]", 0), Level::Unknown(9));
        assert_eq!(read(b"\xff\xfe: [1]", 0), Level::Unknown(2));
        for line in [&b"INFO [1]"[..], b"", b": [1]", b"a\nb: [1]"] {
            assert_eq!(read(line, 0), Level::Absent);
        }
        assert_eq!(read(b"INFO:", 7), Level::Absent);
        assert_eq!(read(format!("{}: ", "x".repeat(48)).as_bytes(), 0), Level::Absent);
    }
}
