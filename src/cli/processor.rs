//! Whether this processor can run this build.
//!
//! Builds for x86-64 take the instructions that every server since 2015 has (`x86-64-v3`: AVX2, BMI; see `.cargo/config.toml`). An
//! older one would stop at the first of them without a word, so it is asked first.

/// An error for people if the processor lacks an instruction set that this build uses. Where the operating system does not say,
/// nothing is wrong.
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_feature = "avx2"))]
pub(super) fn check() -> Result<(), &'static str> {
    match std::fs::read("/proc/cpuinfo") {
        Ok(text) if lacks(&text, b" avx2") || lacks(&text, b" bmi2") => Err(
            "this processor has no AVX2, which this build uses; build sluis for it with: RUSTFLAGS= cargo build --release",
        ),
        _ => Ok(()),
    }
}

/// Elsewhere builds take what every processor of their kind has.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_feature = "avx2")))]
pub(super) fn check() -> Result<(), &'static str> {
    Ok(())
}

/// True when `text` lists the features of a processor, and `feature` is not among them. A loop that no compiler makes into the
/// very instructions that are in question.
#[cfg_attr(not(target_feature = "avx2"), allow(dead_code, reason = "the tests ask for it on every platform"))]
fn lacks(text: &[u8], feature: &[u8]) -> bool {
    let (mut listed, mut at) = (false, 0);
    while at < text.len() {
        listed |= text[at..].starts_with(b"\nflags\t");
        if text[at..].starts_with(feature)
            && matches!(text.get(at + feature.len()), None | Some(b' ' | b'\n'))
        {
            return false;
        }
        at += 1;
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_whole_words() {
        assert!(!lacks(b"processor\t: 0\nflags\t\t: fpu avx avx2 bmi2\nbugs\t:\n", b" avx2"));
        assert!(!lacks(b"x\nflags\t\t: fpu avx2", b" avx2"));
        assert!(lacks(b"processor\t: 0\nflags\t\t: fpu avx avx2x\n", b" avx2"));
        // Nothing is known.
        assert!(!lacks(b"", b" avx2") && !lacks(b"processor\t: 0\n", b" avx2"));
    }

    #[test]
    fn this_processor_runs_this_build() {
        assert_eq!(check(), Ok(()));
    }
}
