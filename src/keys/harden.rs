//! What a process does for its own memory before it reads a key.

/// Makes the process undumpable: no core file, and no other process of the same user may attach to it or read its memory
/// (`prctl(2)`, `PR_SET_DUMPABLE`). Says whether the system did it; a process that may be dumped still works.
///
/// Pages with keys are locked one by one where they are made ([`secret`](super::secret)).
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn make_undumpable() -> bool {
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).is_ok()
}

/// Elsewhere there is no such switch that is safe to call.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn make_undumpable() -> bool {
    false
}
