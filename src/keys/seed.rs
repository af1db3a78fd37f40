//! A random seed for hashes that this process makes for itself alone.
//!
//! No key: nothing that leaves is made of it. It stands on a locked page all the same, because what is hashed under it are names of
//! people, and who has the hashes and the seed can try names out.

use super::error::KeyError;
use super::secret::Locked;

/// Words of a seed.
const WORDS: usize = 4;

/// Random words of the operating system, gone with the process.
pub struct Seed(Locked<[u64; WORDS]>);

impl Seed {
    /// Draws one.
    pub fn random() -> Result<Self, KeyError> {
        let mut drawn = Ok(());
        let seed = Locked::<[u64; WORDS]>::filled(|words| {
            for word in words {
                match getrandom::u64() {
                    Ok(random) => *word = random,
                    Err(error) => drawn = Err(error),
                }
            }
        });
        drawn.map(|()| Self(seed)).map_err(|_| KeyError::Random)
    }

    /// The words, for the time of one search.
    #[inline]
    pub fn words(&self) -> [u64; WORDS] {
        *self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_seeds_differ() {
        let (one, two) = (Seed::random().unwrap(), Seed::random().unwrap());
        assert_ne!(one.words(), two.words());
        assert!(one.words().iter().all(|&word| word != 0));
    }
}
