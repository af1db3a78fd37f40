//! Key bytes at rest in memory: on a page of their own, locked where permitted, wiped on drop, never printable.
//!
//! A [`Secret`] has no `Debug`, `Display`, `Clone`, `PartialEq` or serialisation. The one way to its bytes is
//! [`Secret::expose`], and each use says why. Derived keys live in a [`Locked`] too, so that none stays in a page that
//! may be written to swap. What cannot be promised: hibernation, a debugger run by root, and registers.

use std::sync::atomic::{AtomicBool, Ordering};

use region::LockGuard;
use zeroize::Zeroize;

use super::error::KeyError;

/// Bytes in a key: the output length of SHA-256.
pub const KEY_BYTES: usize = 32;

/// Set when the system refused to lock a page, until somebody asks.
static LOCK_REFUSED: AtomicBool = AtomicBool::new(false);

/// Whether the system has refused to lock a key page since this was last asked (usually `RLIMIT_MEMLOCK`). Keys then
/// work as before but may reach swap, which the program says once.
pub fn take_lock_refused() -> bool {
    LOCK_REFUSED.swap(false, Ordering::Relaxed)
}

/// A page of its own. The lock of the system counts whole pages and not callers: two secrets on one page would unlock
/// each other. 4096 is the smallest page of the platforms we build for; on larger pages neighbours may unlock early.
#[repr(align(4096))]
struct Page<T>(T);

/// A value on a locked page, wiped on drop.
pub struct Locked<T: Zeroize> {
    // Declared first, dropped first: the page is wiped, then unlocked, then freed.
    _guard: Option<LockGuard>,
    page: Box<Page<T>>,
}

impl<T: Zeroize + Default> Locked<T> {
    /// A value made in place by `fill`, so that no copy of it ever lies outside the page.
    pub fn filled(fill: impl FnOnce(&mut T)) -> Self {
        let mut page = Box::new(Page(T::default()));
        let guard = region::lock(&raw const *page, size_of::<Page<T>>());
        if guard.is_err() {
            LOCK_REFUSED.store(true, Ordering::Relaxed);
        }
        fill(&mut page.0);
        Self { _guard: guard.ok(), page }
    }
}

impl<T: Zeroize> Locked<T> {
    /// The value, for use in place.
    #[inline]
    pub(super) fn expose(&self) -> &T {
        &self.page.0
    }

    /// The value, to be changed in place.
    pub(super) fn expose_mut(&mut self) -> &mut T {
        &mut self.page.0
    }
}

impl<T: Zeroize> Drop for Locked<T> {
    fn drop(&mut self) {
        self.page.0.zeroize();
    }
}

/// A 32-byte secret. It cannot be printed, copied or compared by accident:
///
/// ```compile_fail,E0277
/// let secret = sluis::keys::secret::Secret::random().unwrap();
/// println!("{secret:?}");
/// ```
/// ```compile_fail,E0599
/// let secret = sluis::keys::secret::Secret::random().unwrap();
/// let copy = secret.clone();
/// ```
/// ```compile_fail,E0369
/// let secret = sluis::keys::secret::Secret::random().unwrap();
/// assert!(secret == secret);
/// ```
pub struct Secret(Locked<[u8; KEY_BYTES]>);

impl Secret {
    /// Random bytes of the operating system.
    pub fn random() -> Result<Self, KeyError> {
        let mut drawn = Ok(());
        let secret = Self::filled(|bytes| drawn = getrandom::fill(bytes));
        drawn.map(|()| secret).map_err(|_| KeyError::Random)
    }

    /// A secret whose bytes `fill` writes in place; they begin as zeros.
    pub fn filled(fill: impl FnOnce(&mut [u8; KEY_BYTES])) -> Self {
        Self(Locked::filled(fill))
    }

    /// The bytes.
    pub(super) fn expose(&self) -> &[u8; KEY_BYTES] {
        self.0.expose()
    }

    /// The bytes, to be replaced in place.
    pub(super) fn expose_mut(&mut self) -> &mut [u8; KEY_BYTES] {
        self.0.expose_mut()
    }
}

/// Whether two keys are equal, in a time that does not tell where they differ.
pub(super) fn same(left: &[u8; KEY_BYTES], right: &[u8; KEY_BYTES]) -> bool {
    let difference = left.iter().zip(right).fold(0, |sum, (left, right)| sum | (left ^ right));
    std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_random_secrets_differ_and_are_not_zero() {
        let (one, two) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert!(!same(one.expose(), two.expose()));
        assert!(!same(one.expose(), &[0; KEY_BYTES]));
        assert!(same(one.expose(), one.expose()));
    }

    #[test]
    fn each_secret_has_a_page_of_its_own() {
        let secrets: Vec<_> = (0..4u8).map(|byte| Secret::filled(|bytes| bytes.fill(byte))).collect();
        for (byte, secret) in (0..4u8).zip(&secrets) {
            assert_eq!((&raw const *secret.expose()).addr() % 4096, 0);
            assert_eq!(secret.expose(), &[byte; KEY_BYTES]);
        }
    }

    /// A type that records that it was wiped, since freed memory cannot be read in safe code.
    #[derive(Default)]
    struct Witness(Option<std::rc::Rc<std::cell::Cell<bool>>>);

    impl Zeroize for Witness {
        fn zeroize(&mut self) {
            self.0.take().unwrap().set(true);
        }
    }

    #[test]
    fn a_locked_value_is_wiped_on_drop() {
        let wiped = std::rc::Rc::new(std::cell::Cell::new(false));
        let value = Locked::<Witness>::filled(|value| value.0 = Some(wiped.clone()));
        assert!(!wiped.get());
        drop(value);
        assert!(wiped.get());
    }
}
