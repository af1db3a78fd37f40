//! What is told of a pipeline once, at start: every name that a label or a log line can ever have.

/// A pipeline and its parts, by name. Parts are then spoken of by their place in these lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// What the pipeline is called.
    pub pipeline: String,
    /// The policy that it runs under.
    pub policy: PolicySetup,
    /// Its sources, in the order of the plan.
    pub sources: Vec<SourceSetup>,
    /// Its sinks, in the order of the plan.
    pub sinks: Vec<SinkSetup>,
    /// Kafka lanes; 0 where there are none.
    pub lanes: usize,
    /// Worker threads; 0 where there are lanes.
    pub workers: usize,
}

/// The policy of a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicySetup {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its text, in hex.
    pub hash: String,
}

/// A source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceSetup {
    /// Its name.
    pub name: String,
    /// Its topics as the pipeline file writes them: one that is a regular expression counts for all that it matches, because how many
    /// these are is not ours to say.
    pub topics: Vec<String>,
}

/// A sink.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkSetup {
    /// Its name.
    pub name: String,
    /// The classes that it takes.
    pub classes: Vec<ClassSetup>,
}

/// A class as one sink has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassSetup {
    /// Its name.
    pub name: String,
    /// How long a record may live, in seconds.
    pub limit_seconds: u64,
    /// How old one can get in this sink, in seconds.
    pub worst_seconds: u64,
}

impl Setup {
    /// The topics of all sources as the pipeline file writes them, each once.
    pub fn topics(&self) -> Vec<String> {
        let mut topics: Vec<String> = Vec::new();
        for topic in self.sources.iter().flat_map(|source| &source.topics) {
            if !topics.contains(topic) {
                topics.push(topic.clone());
            }
        }
        topics
    }
}
