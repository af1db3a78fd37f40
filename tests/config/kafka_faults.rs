//! What can be wrong with a pipeline on Kafka, one slip or contradiction each, applied to the fixture of `kafka`.
