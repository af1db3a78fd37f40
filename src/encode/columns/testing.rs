//! Lines for tests of columns.

use super::Columns;

/// Objects of JSON, one per line, with marks for keys, which must be those of columns. What is no object stays.
///
/// # Panics
/// When a key is none, or no column's.
pub fn marked(columns: &Columns, lines: &str) -> String {
    let mut out = String::new();
    for line in lines.lines() {
        if let Some(mut rest) = line.strip_prefix('{') {
            while !rest.is_empty() && rest != "}" {
                let (key, behind) = piece(rest, ':');
                let (value, behind) = piece(behind, ',');
                let name: String = serde_json::from_str(key).unwrap();
                let mark = columns.mark(&name).unwrap_or_else(|| panic!("no column {name}"));
                out.push_str(std::str::from_utf8(&mark).unwrap());
                // The last one ends with its object.
                out.push_str(value.strip_suffix('}').filter(|_| behind.is_empty()).unwrap_or(value));
                rest = behind;
            }
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

/// What stands before the first `end` that is in no string, array or object, and what stands behind it.
fn piece(text: &str, end: char) -> (&str, &str) {
    let (mut depth, mut in_string, mut is_escaped) = (0, false, false);
    for (at, char) in text.char_indices() {
        match char {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => in_string = !in_string,
            _ if in_string => {}
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            _ if char == end && depth == 0 => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    (text, "")
}
