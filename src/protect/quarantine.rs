//! What cannot be parsed: sealed to the DPO's public key, or discarded; counted either way (PI-2).
//!
//! *In*: refused records as raw bytes, with the reason. *Out*: [`Sealed`], an age v1 file per batch, which is all that
//! the quarantine sink accepts; and [`shape`], which tells a person who debugs a format what a failing line looks like
//! without showing it. *Promised*: without the DPO's key nothing of a record can be read from what leaves here; without
//! recipients nothing leaves at all. *Not here*: files and deadlines (`sink::quarantine`).
//!
//! The plaintext is made for reading with `age -d` and a pager. Each record is one line of JSON that says where it came
//! from, why it was refused and how many bytes follow, then those bytes as they came, then a newline:
//! ```text
//! {"source":"nginx","refused":"does not match the format","received":1795251600,"bytes":27}
//! GET /no/such/thing HTTP/1.1
//! ```

use std::io::Write;

use age::x25519::Recipient;

use crate::record::span::Refusal;
use crate::record::timestamp::Timestamp;

/// A record that was refused. Holds raw bytes: no `Debug`, no `Display`.
#[derive(Clone, Copy)]
pub struct Refused<'a> {
    /// The name of its source in the pipeline file.
    pub source: &'a str,
    /// Why.
    pub refusal: Refusal,
    /// When it was received.
    pub received: Timestamp,
    /// The record without its final newline; of a record that was cut, its beginning.
    pub bytes: &'a [u8],
}

/// What became of refused records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Sealed to the recipients.
    pub sealed: u64,
    /// Counted and gone: there is no recipient.
    pub discarded: u64,
}

/// Ciphertext and a count. Only [`Sealer::seal`] fills it, so raw bytes cannot reach the quarantine by any way.
#[derive(Clone, Debug, Default)]
pub struct Sealed {
    bytes: Vec<u8>,
    records: u64,
}

impl Sealed {
    /// The age file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Records in it.
    pub const fn records(&self) -> u64 {
        self.records
    }
}

/// Why nothing can be sealed. Never holds content or a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuarantineError {
    /// A recipient that is none.
    #[error(
        "recipient {number} is not an age X25519 public key; give the line `age1…` that age-keygen prints as `public key`"
    )]
    BadRecipient {
        /// Its place in the list, from 1.
        number: usize,
    },
    /// A secret key where a public one belongs.
    #[error(
        "recipient {number} is a secret key; remove it, consider it leaked, and give the public key `age1…`"
    )]
    SecretKey {
        /// Its place in the list, from 1.
        number: usize,
    },
    /// The encryption itself failed.
    #[error("the quarantine could not be sealed; nothing of it was kept")]
    Sealing,
}

/// Seals refused records to the DPO's public keys.
pub struct Sealer {
    recipients: Vec<Recipient>,
}

impl Sealer {
    /// A sealer to `recipients` (`age1…`); without any, refused records are counted and discarded.
    ///
    /// # Errors
    /// A recipient that is not an X25519 public key of age.
    pub fn new<S: AsRef<str>>(recipients: &[S]) -> Result<Self, QuarantineError> {
        let parse = |(at, text): (usize, &S)| {
            let (number, text) = (at + 1, text.as_ref().trim());
            if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
                return Err(QuarantineError::SecretKey { number });
            }
            text.parse().map_err(|_| QuarantineError::BadRecipient { number })
        };
        let recipients = recipients.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { recipients })
    }

    /// True when refused records are discarded.
    pub fn discards(&self) -> bool {
        self.recipients.is_empty()
    }

    /// Seals the refused records of one batch into `out`, whose former content goes and whose memory is used again.
    ///
    /// # Errors
    /// [`QuarantineError::Sealing`]; `out` is empty then.
    pub fn seal<'a>(
        &self,
        records: impl IntoIterator<Item = Refused<'a>>,
        out: &mut Sealed,
    ) -> Result<Outcome, QuarantineError> {
        out.bytes.clear();
        out.records = 0;
        let mut records = records.into_iter().peekable();
        if self.discards() {
            return Ok(Outcome { discarded: records.count() as u64, ..Outcome::default() });
        }
        if records.peek().is_none() {
            return Ok(Outcome::default());
        }
        if let Ok(sealed) = self.encrypt(records, &mut out.bytes) {
            out.records = sealed;
            return Ok(Outcome { sealed, ..Outcome::default() });
        }
        out.bytes.clear();
        Err(QuarantineError::Sealing)
    }

    fn encrypt<'a>(
        &self,
        records: impl Iterator<Item = Refused<'a>>,
        out: &mut Vec<u8>,
    ) -> std::io::Result<u64> {
        let recipients = self.recipients.iter().map(|recipient| recipient as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(recipients).map_err(std::io::Error::other)?;
        let mut writer = encryptor.wrap_output(out)?;
        let mut sealed = 0;
        for record in records {
            let head = serde_json::json!({
                "source": record.source,
                "refused": record.refusal.name(),
                "received": record.received.seconds(),
                "bytes": record.bytes.len(),
            });
            writeln!(writer, "{head}")?;
            writer.write_all(record.bytes)?;
            writer.write_all(b"\n")?;
            sealed += 1;
        }
        writer.finish()?;
        Ok(sealed)
    }
}

/// Characters of a shape, after which it ends with an ellipsis.
pub const SHAPE_CHARS_MAX: usize = 200;

/// What a line looks like: runs of letters become `A(n)`, of digits `9(n)`, of bytes beyond ASCII `U(n)`, of control bytes
/// `C(n)`; a space or an ASCII punctuation mark stays, and from four equal ones on it becomes one with its count. No letter
/// or digit of the line is in it, and it is at most [`SHAPE_CHARS_MAX`] characters.
pub fn shape(line: &[u8]) -> String {
    let mut shape = String::with_capacity(SHAPE_CHARS_MAX + 4);
    let mut rest = line;
    let mut chars = 0;
    while let Some(&first) = rest.first() {
        let class = class_of(first);
        let length = rest.iter().take_while(|&&byte| class_of(byte) == class).count();
        rest = &rest[length..];
        let piece = match class {
            b'A' | b'9' | b'U' | b'C' => format!("{}({length})", char::from(class)),
            mark if length > 3 => format!("{}({length})", char::from(mark)),
            mark => String::from(char::from(mark)).repeat(length),
        };
        chars += piece.len();
        if chars >= SHAPE_CHARS_MAX {
            shape.push('…');
            break;
        }
        shape.push_str(&piece);
    }
    shape
}

/// The class of a byte; marks are their own.
const fn class_of(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' => b'A',
        b'0'..=b'9' => b'9',
        0x80.. => b'U',
        0..=0x1f | 0x7f => b'C',
        mark => mark,
    }
}

/// The proof that a record was treated, for tests of what comes after.
#[cfg(test)]
pub(crate) const fn treated_for_tests() -> super::Treated {
    super::Treated(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    const CANARY: &str = "canary.user@mail.example.org 203.0.113.77";

    fn refused(bytes: &[u8]) -> Refused<'_> {
        Refused { source: "ng\"inx", refusal: Refusal::Mismatch, received: Timestamp::from_seconds(7), bytes }
    }

    fn open(identity: &age::x25519::Identity, sealed: &Sealed) -> Vec<u8> {
        let decryptor = age::Decryptor::new(sealed.bytes()).unwrap();
        let mut plain = Vec::new();
        let key: &dyn age::Identity = identity;
        decryptor.decrypt(std::iter::once(key)).unwrap().read_to_end(&mut plain).unwrap();
        plain
    }

    fn holds(bytes: &[u8], needle: &[u8]) -> bool {
        memchr::memmem::find(bytes, needle).is_some()
    }

    /// PI-2: sealed to the DPO, and every recipient can open it.
    #[test]
    fn every_recipient_reads_what_was_refused_and_nobody_else() {
        let keys = [age::x25519::Identity::generate(), age::x25519::Identity::generate()];
        let sealer = Sealer::new(&keys.each_ref().map(|key| key.to_public().to_string())).unwrap();
        let mut sealed = Sealed::default();
        let long = vec![b'x'; 200_000];
        let raw = [CANARY.as_bytes(), b"", b"\x00\xff\r", &long];
        let outcome = sealer.seal(raw.map(refused), &mut sealed).unwrap();
        assert_eq!(outcome, Outcome { sealed: 4, discarded: 0 });
        assert_eq!(sealed.records(), 4);
        assert!(!holds(sealed.bytes(), b"canary") && !holds(sealed.bytes(), b"203.0.113.77"));
        for key in &keys {
            let plain = open(key, &sealed);
            let mut rest = &plain[..];
            for record in raw {
                let end = memchr::memchr(b'\n', rest).unwrap();
                let head: serde_json::Value = serde_json::from_slice(&rest[..end]).unwrap();
                assert_eq!(head["source"], "ng\"inx");
                assert_eq!(head["refused"], Refusal::Mismatch.name());
                assert_eq!(head["received"], 7);
                assert_eq!(head["bytes"], record.len());
                assert_eq!(&rest[end + 1..=end + record.len()], record);
                rest = &rest[end + 2 + record.len()..];
            }
            assert!(rest.is_empty());
        }
        let stranger = age::x25519::Identity::generate();
        let decryptor = age::Decryptor::new(sealed.bytes()).unwrap();
        let key: &dyn age::Identity = &stranger;
        assert!(decryptor.decrypt(std::iter::once(key)).is_err());
    }

    #[test]
    fn without_recipients_records_are_counted_and_gone() {
        let sealer = Sealer::new::<&str>(&[]).unwrap();
        let mut sealed = Sealed::default();
        let outcome = sealer.seal([refused(b"a"), refused(b"b")], &mut sealed).unwrap();
        assert_eq!(outcome, Outcome { sealed: 0, discarded: 2 });
        assert!(sealed.bytes().is_empty() && sealed.records() == 0);
    }

    #[test]
    fn no_records_make_no_file_and_old_content_goes() {
        let key = age::x25519::Identity::generate();
        let sealer = Sealer::new(&[key.to_public().to_string()]).unwrap();
        let mut sealed = Sealed::default();
        sealer.seal([refused(b"a")], &mut sealed).unwrap();
        assert!(!sealed.bytes().is_empty());
        assert_eq!(sealer.seal([], &mut sealed).unwrap(), Outcome::default());
        assert!(sealed.bytes().is_empty());
    }

    #[test]
    fn recipients_that_are_none_are_named_by_number_only() {
        let error = Sealer::new(&["age1canary"]).err().unwrap();
        assert_eq!(error, QuarantineError::BadRecipient { number: 1 });
        assert!(!error.to_string().contains("canary"));
        let public = age::x25519::Identity::generate().to_public().to_string();
        let error = Sealer::new(&[public.as_str(), "AGE-SECRET-KEY-1CANARY"]).err().unwrap();
        assert_eq!(error, QuarantineError::SecretKey { number: 2 });
        assert!(!error.to_string().contains("CANARY"));
    }

    #[test]
    fn a_shape_shows_classes_and_lengths() {
        assert_eq!(
            shape(b"203.0.113.9 - - [10/Oct/2026:13:55:36 +0200] \"GET /\""),
            "9(3).9(1).9(3).9(1) - - [9(2)/A(3)/9(4):9(2):9(2):9(2) +9(4)] \"A(3) /\""
        );
        assert_eq!(shape("naïve\t\u{1f600}".as_bytes()), "A(2)U(2)A(2)C(1)U(4)");
        assert_eq!(shape(b"-----...\"\""), "-(5)...\"\"");
        assert_eq!(shape(b""), "");
    }

    #[test]
    fn a_shape_is_bounded_and_never_content() {
        for line in [vec![b'.'; 1 << 20], b"a1".repeat(1 << 18), CANARY.repeat(50).into_bytes()] {
            let shape = shape(&line);
            assert!(shape.chars().count() <= SHAPE_CHARS_MAX, "{} characters", shape.chars().count());
        }
        let shape = shape(CANARY.as_bytes());
        for word in CANARY.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 1) {
            assert!(!shape.contains(word), "a word of the line is in its shape");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_letter_of_a_line_is_in_its_shape(line in proptest::collection::vec(0_u8.., 0..400)) {
            let shape = shape(&line);
            proptest::prop_assert!(shape.chars().count() <= SHAPE_CHARS_MAX);
            for c in shape.chars() {
                // Letters are the four class letters; digits are the class 9 or part of a length.
                proptest::prop_assert!(!c.is_ascii_lowercase());
                if c.is_ascii_uppercase() {
                    proptest::prop_assert!(matches!(c, 'A' | 'U' | 'C'));
                }
            }
        }
    }
}
