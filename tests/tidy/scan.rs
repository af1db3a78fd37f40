//! A reader of Rust source, just good enough for the house rules.
//!
//! *In*: the text of a file. *Out*: its code without comments, strings and test code, its functions, its imports. *Promised*:
//! line numbers stay those of the file. *Not here*: the rules (`mod`).

/// The text with comments, string and character literals blanked out; every newline stays where it is.
pub fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let end = literal_or_comment(bytes, i);
        if end == i {
            out.push(bytes[i]);
            i += 1;
            continue;
        }
        out.extend(bytes[i..end].iter().map(|b| if *b == b'\n' { b'\n' } else { b' ' }));
        i = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Where the comment or literal that begins at `i` ends; `i` itself when none begins there.
fn literal_or_comment(bytes: &[u8], i: usize) -> usize {
    let rest = &bytes[i..];
    let word_before = i > 0 && (bytes[i - 1].is_ascii_alphanumeric() || bytes[i - 1] == b'_');
    if rest.starts_with(b"//") {
        return i + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    }
    if rest.starts_with(b"/*") {
        return i + block_comment(rest);
    }
    if rest[0] == b'"' {
        return i + quoted(rest, b'"');
    }
    if !word_before && (rest.starts_with(b"b\"") || rest.starts_with(b"c\"")) {
        return i + 1 + quoted(&rest[1..], b'"');
    }
    if !word_before && let Some(length) = raw_string(rest) {
        return i + length;
    }
    if rest[0] == b'\'' {
        return i + character(rest);
    }
    i
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut i) = (0, 0);
    while i < rest.len() {
        if rest[i..].starts_with(b"/*") {
            (depth, i) = (depth + 1, i + 2);
        } else if rest[i..].starts_with(b"*/") {
            (depth, i) = (depth - 1, i + 2);
            if depth == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    rest.len()
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut i = 1;
    while i < rest.len() {
        match rest[i] {
            b'\\' => i += 2,
            b if b == quote => return i + 1,
            _ => i += 1,
        }
    }
    rest.len()
}

fn raw_string(rest: &[u8]) -> Option<usize> {
    let start = usize::from(rest[0] == b'b');
    if rest.get(start) != Some(&b'r') {
        return None;
    }
    let hashes = rest[start + 1..].iter().take_while(|b| **b == b'#').count();
    let open = start + 1 + hashes;
    if rest.get(open) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'"'];
    close.resize(1 + hashes, b'#');
    let body = &rest[open + 1..];
    let end = body.windows(close.len()).position(|w| w == close).map_or(body.len(), |p| p + close.len());
    Some(open + 1 + end)
}

/// Length of a character literal; 0 for a lifetime.
fn character(rest: &[u8]) -> usize {
    match rest.get(1) {
        Some(b'\\') => quoted(rest, b'\''),
        Some(_) => {
            let end = rest.iter().skip(2).take(4).position(|b| *b == b'\'').map(|p| p + 3);
            let lifetime = rest[1].is_ascii_alphabetic() && rest.get(2) != Some(&b'\'');
            if lifetime { 0 } else { end.unwrap_or(0) }
        }
        None => 0,
    }
}

/// The code with everything under `#[cfg(test)]` blanked out. Takes what [`code_only`] gives.
pub fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(start) = out.find("#[cfg(test)]") {
        let end = item_end(&out, start + "#[cfg(test)]".len());
        let blank: String = out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
    }
    out
}

/// Where the item that begins after `from` ends: behind its `;` or its closing brace.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0_u32;
    for (i, b) in code.bytes().enumerate().skip(from) {
        match b {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b';' if depth == 0 => return i + 1,
            b'{' if depth == 0 => return closing_brace(code, i) + 1,
            _ => {}
        }
    }
    code.len()
}

/// The position of the brace that closes the one at `open`.
fn closing_brace(code: &str, open: usize) -> usize {
    let mut depth = 0_u32;
    for (i, b) in code.bytes().enumerate().skip(open) {
        match b {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return i;
                }
            }
            _ => {}
        }
    }
    code.len().saturating_sub(1)
}

/// Modules declared as files of their own under `#[cfg(test)]`.
pub fn test_modules(code: &str) -> Vec<String> {
    let items = code.split("#[cfg(test)]").skip(1);
    items.filter_map(|item| module_declaration(item.trim_start().lines().next()?)).collect()
}

/// Every module that the code declares in a file of its own.
pub fn declared_modules(code: &str) -> Vec<String> {
    code.lines().filter_map(|line| module_declaration(line.trim())).collect()
}

fn module_declaration(line: &str) -> Option<String> {
    let line =
        line.trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ").trim_start_matches("pub ");
    let name = line.strip_prefix("mod ")?.split(';').next()?;
    line.contains(';').then(|| name.trim().to_owned())
}

/// A function and its length.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its first line, from 1.
    pub line: usize,
    /// Lines from `fn` to the closing brace.
    pub length: usize,
}

/// The functions of the code that have a body.
pub fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let word_before = at > 0 && !matches!(code.as_bytes()[at - 1], b' ' | b'\n' | b'(' | b'\t');
        let name: String = code[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if word_before || name.is_empty() {
            continue;
        }
        let end = item_end(code, at);
        if code.as_bytes().get(end.wrapping_sub(1)) != Some(&b'}') {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        found.push(Function { name, line, length: code[at..end].matches('\n').count() + 1 });
    }
    found
}

/// What a file uses of this crate: paths like `record::span::Part`, from `use` and from plain paths alike.
pub fn crate_paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let word_before =
            at > 0 && (code.as_bytes()[at - 1].is_ascii_alphanumeric() || code.as_bytes()[at - 1] == b'_');
        if !word_before {
            expand("", &code[at + "crate::".len()..], &mut found);
        }
    }
    found
}

/// Follows one use tree (`a::{b, c::{d, e}}`) and adds its leaves; returns how many bytes it took.
fn expand(prefix: &str, tree: &str, found: &mut Vec<String>) -> usize {
    let path: usize =
        tree.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'*')).count();
    let whole = format!("{prefix}{}", &tree[..path]);
    if tree.as_bytes().get(path) != Some(&b'{') {
        found.push(whole.trim_end_matches("::").to_owned());
        return path;
    }
    let mut at = path + 1;
    while at < tree.len() && tree.as_bytes()[at] != b'}' {
        if tree.as_bytes()[at].is_ascii_alphanumeric() || matches!(tree.as_bytes()[at], b'_' | b'*') {
            at += expand(&whole, &tree[at..], found).max(1);
            // `a as b`: the new name is no path.
            let renamed = tree[at..].strip_prefix(" as ").map_or(0, |rest| {
                4 + rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count()
            });
            at += renamed;
        } else {
            at += 1;
        }
    }
    at + 1
}

/// `derive` lists and the type that each stands on.
pub fn derives(code: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("#[derive(") {
        let list: String = code[at + 9..].chars().take_while(|c| *c != ')').collect();
        let after = &code[at..];
        let kinds = ["struct ", "enum ", "union "];
        let Some(start) = kinds.iter().filter_map(|k| after.find(k).map(|i| i + k.len())).min() else {
            continue;
        };
        let name: String = after[start..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        found.push((name, list));
    }
    found
}

/// Lines that hold code.
pub fn code_lines(code: &str) -> usize {
    code.lines().filter(|line| !line.trim().is_empty()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_vanish_and_lines_stay() {
        let text = "a // crate::x\nb \"crate::{\" c /* \n */ 'x' '{' &'a str r#\"}\"# b\"\\\"\" d";
        let code = code_only(text);
        assert_eq!(code.matches('\n').count(), text.matches('\n').count());
        let words: Vec<&str> = code.split_whitespace().collect();
        assert_eq!(words, ["a", "b", "c", "&'a", "str", "d"]);
    }

    #[test]
    fn test_code_vanishes() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() { x.unwrap() }\n}\nfn c() {}\n#[cfg(test)]\nmod t;\n";
        let live = without_tests(code);
        assert!(!live.contains("unwrap") && live.contains("fn c"));
        assert_eq!(test_modules(code), ["t"]);
        assert_eq!(live.matches('\n').count(), code.matches('\n').count());
    }

    #[test]
    fn functions_are_measured() {
        let code = "fn one() { 1 }\nimpl X {\n    pub fn two(a: [u8; 4]) -> u8\n    {\n        a[0]\n    }\n}\ntrait T { fn no(&self); }";
        let lengths: Vec<(String, usize)> = functions(code).into_iter().map(|f| (f.name, f.length)).collect();
        assert_eq!(lengths, [("one".into(), 1), ("two".into(), 4)]);
    }

    #[test]
    fn use_trees_are_followed() {
        let code = "use crate::record::{batch::RawBatch, span::{Part, Slot as S}};\nfn f(x: crate::keys::Token) {}\nuse mycrate::no;";
        assert_eq!(
            crate_paths(code),
            ["record::batch::RawBatch", "record::span::Part", "record::span::Slot", "keys::Token"]
        );
    }

    #[test]
    fn derives_are_seen() {
        let code = "#[derive(Clone, Debug)]\n#[serde(x)]\npub struct Raw {}\n#[derive(Copy)] enum E {}";
        assert_eq!(derives(code), [("Raw".into(), "Clone, Debug".into()), ("E".into(), "Copy".into())]);
    }
}
