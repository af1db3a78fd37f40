//! What cannot be parsed: sealed to the DPO's public key, or discarded; counted either way (PI-2).
