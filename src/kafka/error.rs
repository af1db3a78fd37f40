//! Why brokers or the client refused something.

use rdkafka::error::{KafkaError as Client, RDKafkaErrorCode};

/// What went wrong between us and the brokers. Holds names of the configuration and of error codes, never content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KafkaError {
    /// The configuration cannot be used.
    #[error("{what}: {problem}")]
    Config {
        /// The option or the section.
        what: String,
        /// What is wrong, with the remedy.
        problem: String,
    },
    /// A call failed.
    #[error("{what}: {}", said(*code))]
    Call {
        /// What was asked.
        what: &'static str,
        /// The broker's or the client's answer.
        code: RDKafkaErrorCode,
    },
    /// A transaction, or the producer that it was of, cannot go on.
    #[error("{what}: {}", said(*code))]
    Transaction {
        /// What was asked.
        what: &'static str,
        /// The answer.
        code: RDKafkaErrorCode,
        /// What is to be done about it.
        remedy: Remedy,
    },
}

/// What is to be done about a failed call of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The same call again.
    Retry,
    /// The transaction is to be aborted, and its records read again.
    Abort,
    /// The producer is of no use any more; a new one is needed.
    Renew,
}

impl KafkaError {
    /// A failed call.
    pub(super) fn call(what: &'static str, error: &Client) -> Self {
        Self::Call { what, code: code_of(error) }
    }

    /// A failed call of a transaction.
    pub(super) fn transaction(what: &'static str, error: &Client) -> Self {
        let Client::Transaction(error) = error else { return Self::call(what, error) };
        let remedy = Remedy::of(error.is_fatal(), error.txn_requires_abort(), error.is_retriable());
        Self::Transaction { what, code: error.code(), remedy }
    }

    /// The code of the broker or the client, if it has one.
    pub const fn code(&self) -> Option<RDKafkaErrorCode> {
        match self {
            Self::Config { .. } => None,
            Self::Call { code, .. } | Self::Transaction { code, .. } => Some(*code),
        }
    }
}

impl Remedy {
    /// What librdkafka's flags ask for. An error without any is a call in the wrong state: only a new producer is sure.
    pub(super) const fn of(is_fatal: bool, requires_abort: bool, is_retriable: bool) -> Self {
        match (is_fatal, requires_abort, is_retriable) {
            (false, true, _) => Self::Abort,
            (false, false, true) => Self::Retry,
            _ => Self::Renew,
        }
    }
}

fn code_of(error: &Client) -> RDKafkaErrorCode {
    match error {
        Client::Transaction(error) => error.code(),
        other => other.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail),
    }
}

/// The oldest brokers that fence a lane by the generation of its group (KIP-447), and that can be asked and told all that is needed.
pub const KAFKA_MIN: &str = "2.5";

/// A code in words, with the remedy where there is one.
pub fn said(code: RDKafkaErrorCode) -> String {
    use RDKafkaErrorCode as E;
    let remedy = match code {
        E::TopicAuthorizationFailed => {
            "; the user lacks a right on the topic (READ and DESCRIBE on inputs, WRITE and DESCRIBE on outputs)"
        }
        E::GroupAuthorizationFailed => "; the user lacks the right READ on the consumer group",
        E::TransactionalIdAuthorizationFailed => {
            "; the user lacks the rights WRITE and DESCRIBE on its transactional ids"
        }
        E::ClusterAuthorizationFailed => "; the user lacks the right IDEMPOTENT_WRITE on the cluster",
        E::SaslAuthenticationFailed | E::Authentication => {
            "; see user, password and mechanism in [kafka.sasl]"
        }
        E::AllBrokersDown | E::BrokerTransportFailure | E::Resolve => {
            "; see 'brokers' in [kafka], and whether they are up"
        }
        E::SSL => "; see 'tls' in [kafka]: certificates, names and dates",
        E::UnknownTopic | E::UnknownTopicOrPartition | E::UnknownPartition => {
            "; make it with `sluis topics apply`, or see its name"
        }
        E::UnsupportedVersion | E::UnsupportedFeature => {
            return format!("{code:?}; brokers of Kafka {KAFKA_MIN} or later are needed");
        }
        E::ProducerFenced | E::Fenced | E::InvalidProducerEpoch => {
            "; another process has the same transactional id: give each its own 'instance' in [kafka]"
        }
        _ => "",
    };
    format!("{code:?}{remedy}")
}
