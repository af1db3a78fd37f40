//! The words by which [`super::prose`] tells logins from the rest of a sentence, in lower case.

/// What stands before `user` where a login follows, whatever it looks like.
pub(super) fn leads_surely(word: &[u8]) -> bool {
    matches!(
        word,
        b"invalid" | b"illegal" | b"authenticating" | b"nonexistent" | b"non-existent" | b"disallowed"
    )
}

/// What stands before `user` where a login may follow.
pub(super) fn leads_perhaps(word: &[u8]) -> bool {
    matches!(word, b"for" | b"from" | b"by" | b"as" | b"unknown" | b"of" | b"to")
}

/// What stands before `for` where a login follows.
pub(super) fn proves(word: &[u8]) -> bool {
    matches!(
        word,
        b"password"
            | b"publickey"
            | b"hostbased"
            | b"interactive"
            | b"pam"
            | b"mic"
            | b"none"
            | b"authentication"
            | b"auth"
            | b"credentials"
            | b"login"
            | b"exceeded"
            | b"failure"
            | b"failures"
            | b"error"
            | b"tried"
            | b"unknown"
    )
}

/// What stands before `as` where a login follows.
pub(super) fn enters(word: &[u8]) -> bool {
    matches!(word, b"authenticated" | b"authenticate" | b"authenticating" | b"login" | b"reauthenticated")
}

/// What stands before `in as`.
pub(super) fn leads_in(word: &[u8]) -> bool {
    matches!(word, b"logged" | b"log" | b"logging" | b"signed" | b"sign")
}

/// What goes on behind a login.
pub(super) fn goes_on(word: &[u8]) -> bool {
    matches!(
        word,
        b"from"
            | b"by"
            | b"via"
            | b"port"
            | b"not"
            | b"has"
            | b"was"
            | b"is"
            | b"does"
            | b"on"
            | b"at"
            | b"cannot"
            | b"with"
            | b"left"
            | b"credentials"
            | b"already"
            | b"authentication"
            | b"unknown"
            | b"tried"
    )
}

/// Words behind `user`, `for` or `as` that are nobody's login, but part of the sentence.
pub(super) fn is_usual(word: &[u8]) -> bool {
    is_of_language(word) || is_of_programs(word)
}

fn is_of_language(word: &[u8]) -> bool {
    matches!(
        word,
        b"a" | b"added"
            | b"an"
            | b"and"
            | b"any"
            | b"are"
            | b"by"
            | b"can"
            | b"cannot"
            | b"connected"
            | b"created"
            | b"defined"
            | b"deleted"
            | b"did"
            | b"disconnected"
            | b"does"
            | b"expected"
            | b"exists"
            | b"failed"
            | b"for"
            | b"found"
            | b"from"
            | b"had"
            | b"has"
            | b"here"
            | b"in"
            | b"is"
            | b"joined"
            | b"left"
            | b"must"
            | b"not"
            | b"of"
            | b"on"
            | b"or"
            | b"removed"
            | b"requested"
            | b"the"
            | b"to"
            | b"unknown"
            | b"usual"
            | b"was"
            | b"with"
    )
}

/// `user interface`, `user input`, `user session`.
fn is_of_programs(word: &[u8]) -> bool {
    matches!(
        word,
        b"access"
            | b"account"
            | b"accounts"
            | b"action"
            | b"activity"
            | b"agent"
            | b"auth"
            | b"authentication"
            | b"certificate"
            | b"code"
            | b"connection"
            | b"count"
            | b"credentials"
            | b"data"
            | b"database"
            | b"directory"
            | b"entry"
            | b"error"
            | b"event"
            | b"events"
            | b"experience"
            | b"field"
            | b"group"
            | b"groups"
            | b"id"
            | b"ids"
            | b"info"
            | b"information"
            | b"input"
            | b"interface"
            | b"limit"
            | b"list"
            | b"login"
            | b"manager"
            | b"mode"
            | b"name"
            | b"names"
            | b"object"
            | b"password"
            | b"permissions"
            | b"presence"
            | b"profile"
            | b"record"
            | b"request"
            | b"requests"
            | b"role"
            | b"roles"
            | b"session"
            | b"sessions"
            | b"settings"
            | b"space"
    )
}

/// Bytes of the longest of these words.
const WORD_MAX: usize = 16;

/// A word in lower case; nothing for one that is longer than all of ours.
pub(super) struct Lower([u8; WORD_MAX], usize);

impl Lower {
    /// Takes `word`.
    pub(super) fn of(word: &[u8]) -> Self {
        let mut bytes = [0; WORD_MAX];
        let length = if word.len() <= WORD_MAX { word.len() } else { 0 };
        bytes[..length].copy_from_slice(&word[..length]);
        bytes.make_ascii_lowercase();
        Self(bytes, length)
    }

    /// The word.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0[..self.1]
    }
}
