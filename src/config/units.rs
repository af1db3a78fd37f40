//! Durations and sizes as people write them: `24h`, `14d`, `64 KiB`.

const UNITS: [(&str, u64); 6] =
    [("s", 1), ("min", 60), ("m", 60), ("h", 3_600), ("d", 86_400), ("w", 604_800)];

/// A thousand years: beyond it a number is a slip, and arithmetic on instants stays far from its limits.
const SECONDS_MAX: u64 = 1_000 * 366 * 86_400;

/// Seconds in `text`: whole numbers with a unit (`s`, `m` or `min`, `h`, `d`, `w`), several of them added up (`1h 30m`).
/// `y` is 365 days. The error is a remedy.
pub fn seconds(text: &str) -> Result<u64, String> {
    let mut total: u64 = 0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("is empty; write a number and a unit, such as \"24h\" or \"14d\"".to_owned());
    }
    while !rest.is_empty() {
        let (number, after) = number(rest)?;
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        total = number
            .checked_mul(unit_seconds(unit)?)
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total <= SECONDS_MAX)
            .ok_or("is more than a thousand years; write a shorter one")?;
        rest = after.trim_start();
    }
    Ok(total)
}

fn unit_seconds(unit: &str) -> Result<u64, String> {
    if unit == "y" {
        return Ok(365 * 86_400);
    }
    if let Some(&(_, seconds)) = UNITS.iter().find(|(name, _)| *name == unit) {
        return Ok(seconds);
    }
    Err(match unit {
        "" => "has no unit; write s, m, h, d, w or y after the number".to_owned(),
        _ => format!("has the unknown unit '{unit}'; write s, m (minutes), h, d, w or y"),
    })
}

/// The digits at the start of `text`, and what follows them.
fn number(text: &str) -> Result<(u64, &str), String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if end == 0 {
        return Err("is no duration or size; write a whole number and a unit".to_owned());
    }
    let number = text[..end].parse().map_err(|_| "is too large a number; write a smaller one".to_owned())?;
    Ok((number, text[end..].trim_start()))
}

/// Bytes in `text`: `65536`, `64KiB`, `1 MiB`, `1GiB`; `kB` and `MB` are thousands and millions. The error is a remedy.
pub fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = number(text.trim())?;
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err("has an unknown unit; write B, KiB, MiB or GiB".to_owned()),
    };
    number.checked_mul(factor).ok_or_else(|| "is too large a size; write a smaller one".to_owned())
}

/// `seconds` as a policy would write it: `14d`, `1h 30m`. [`seconds`] reads it back.
pub fn duration_text(seconds: u64) -> String {
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
        if rest >= length {
            parts.push(format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, expected) in [
            ("24h", 86_400),
            ("14d", 1_209_600),
            ("1d", 86_400),
            ("90s", 90),
            ("1h30m", 5_400),
            (" 1h 30min ", 5_400),
            ("2w", 1_209_600),
            ("7y", 7 * 365 * 86_400),
            ("0s", 0),
        ] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in ["", "14", "d", "14 days", "1.5h", "-1h", "99999999999999999999s", "5000y", "1h 30", "1D"]
        {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, expected) in
            [("65536", 65_536), ("64KiB", 65_536), ("1 MiB", 1 << 20), ("2MB", 2_000_000), ("7 B", 7)]
        {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "MiB", "1 mib", "1.5MiB", "99999999999GiB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_written_so_that_they_can_be_read() {
        for text in ["14d", "1d 12h", "1h 30m", "1m 1s", "0s"] {
            assert_eq!(duration_text(seconds(text).unwrap()), text);
        }
    }
}
