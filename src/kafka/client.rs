//! How clients are configured: the connection as the pipeline says, and what our promises need.

use std::fs;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use super::error::KafkaError;
use super::lost;
use crate::config::kafka::{
    KafkaPlan, MESSAGE_TIMEOUT_SECONDS, Sasl, SecretFrom, Security, TRANSACTION_TIMEOUT_SECONDS,
};
use crate::config::kafka_options::{self, Client};

/// The most that one lane needs to be fast: more only takes memory.
const LANE_BYTES_MAX: usize = 16 << 20;

/// The connection alone: for whoever asks brokers something.
///
/// # Errors
/// When a secret cannot be read.
pub fn connection(plan: &KafkaPlan) -> Result<ClientConfig, KafkaError> {
    connection_of(plan, Client::Both)
}

/// The connection of a client: with the options that are for it, since another client's would only make the library complain.
fn connection_of(plan: &KafkaPlan, client: Client) -> Result<ClientConfig, KafkaError> {
    let mut config = ClientConfig::new();
    for (key, value) in &plan.options {
        if kafka_options::allowed(key).is_some_and(|allowed| allowed.is_for(client)) {
            config.set(key, value);
        }
    }
    config
        .set("bootstrap.servers", plan.brokers.join(","))
        .set("client.id", "sluis")
        // The default waits up to 10 s after a broker has come back.
        .set("reconnect.backoff.max.ms", "1000")
        .set("allow.auto.create.topics", "false")
        // What the library measures is sent to no cluster.
        .set("enable.metrics.push", "false")
        .set("log.connection.close", "false")
        .set_log_level(RDKafkaLogLevel::Error);
    lost::look(&mut config);
    secure(&mut config, &plan.security)?;
    Ok(config)
}

/// Bytes that the queues of one of `lanes` may hold.
pub fn lane_bytes(plan: &KafkaPlan, lanes: usize) -> usize {
    (plan.in_flight_bytes / lanes.max(1)).min(LANE_BYTES_MAX)
}

/// The consumer of a lane.
///
/// # Errors
/// As [`connection`].
pub fn consumer(plan: &KafkaPlan, lanes: usize) -> Result<ClientConfig, KafkaError> {
    let mut config = connection_of(plan, Client::Consumer)?;
    // A third of the lane's bytes are what was read.
    let bytes = lane_bytes(plan, lanes) / 3;
    // A member that was killed keeps its partitions from the others for as long: the default is 45 s.
    set_default(&mut config, plan, "session.timeout.ms", "10000");
    // A rebalance is heard of with a heartbeat, by each member in turn, and what it moves rests meanwhile.
    set_default(&mut config, plan, "heartbeat.interval.ms", "1000");
    config
        .set("group.id", &plan.group)
        // Positions are ours alone.
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("queued.max.messages.kbytes", (bytes / 1024).to_string())
        .set("queued.min.messages", "20000")
        // Compressed: what is fetched at once unfolds to several times as much, and to an object per message.
        .set("fetch.max.bytes", "1048576")
        .set("fetch.message.max.bytes", "262144")
        // The default sits a second out whenever the queue is full.
        .set("fetch.queue.backoff.ms", "5")
        .set("enable.partition.eof", "false")
        .set("check.crcs", "true");
    Ok(config)
}

/// The producer of a lane: of transactions called `transactional_id`, or idempotent alone.
///
/// # Errors
/// As [`connection`].
pub fn producer(
    plan: &KafkaPlan,
    lanes: usize,
    transactional_id: Option<&str>,
    compression: &str,
) -> Result<ClientConfig, KafkaError> {
    let mut config = connection_of(plan, Client::Producer)?;
    let bytes = lane_bytes(plan, lanes) * 2 / 3;
    // With transactions nobody sees a message before the commit, which sends at once whatever waits: lingering costs no time, and saves the
    // sending thread half of its turns. Under at least once a commit waits for it.
    set_default(&mut config, plan, "linger.ms", if transactional_id.is_some() { "50" } else { "5" });
    set_default(&mut config, plan, "batch.size", "262144");
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("compression.type", compression)
        .set("queue.buffering.max.kbytes", (bytes / 1024).to_string())
        // What the client keeps of each message is more than most of them hold.
        .set("queue.buffering.max.messages", (bytes / 512).max(1_000).to_string())
        // Receipts of what went well are not needed: a transaction says it for all, and at least once waits until nothing is in flight.
        .set("delivery.report.only.error", "true")
        // A coordinator that is busy is asked again soon: with the default a commit takes a tenth of a second longer.
        .set("retry.backoff.ms", "5")
        .set("retry.backoff.max.ms", "20");
    match transactional_id {
        Some(id) => {
            let millis = (TRANSACTION_TIMEOUT_SECONDS * 1000).to_string();
            config
                .set("transactional.id", id)
                .set("transaction.timeout.ms", &millis)
                .set("message.timeout.ms", &millis)
                // librdkafka looks for the group's coordinator anew only when a connection comes up or goes down, and waits for it without
                // a limit of time (its issue 5456). Connections that nothing comes through go down on their own, so that it looks.
                .set("connections.max.idle.ms", "5000");
        }
        None => {
            config.set("message.timeout.ms", (MESSAGE_TIMEOUT_SECONDS * 1000).to_string());
        }
    }
    Ok(config)
}

fn set_default(config: &mut ClientConfig, plan: &KafkaPlan, key: &str, value: &str) {
    if !plan.options.contains_key(key) {
        config.set(key, value);
    }
}

fn secure(config: &mut ClientConfig, security: &Security) -> Result<(), KafkaError> {
    let protocol = match (&security.tls, &security.sasl) {
        (None, None) => "PLAINTEXT",
        (Some(_), None) => "SSL",
        (None, Some(_)) => "SASL_PLAINTEXT",
        (Some(_), Some(_)) => "SASL_SSL",
    };
    config.set("security.protocol", protocol);
    if let Some(tls) = &security.tls {
        config.set("ssl.endpoint.identification.algorithm", "https");
        let files = [
            ("ssl.ca.location", &tls.ca),
            ("ssl.certificate.location", &tls.certificate),
            ("ssl.key.location", &tls.key),
        ];
        for (key, path) in files {
            if let Some(path) = path {
                config.set(key, path.to_string_lossy());
            }
        }
        if let Some(password) = &tls.key_password {
            config.set("ssl.key.password", secret(password)?);
        }
    }
    match &security.sasl {
        None => {}
        Some(Sasl::Plain { user, password }) => {
            config
                .set("sasl.mechanism", "PLAIN")
                .set("sasl.username", user)
                .set("sasl.password", secret(password)?);
        }
        Some(Sasl::Scram { mechanism, user, password }) => {
            config
                .set("sasl.mechanism", *mechanism)
                .set("sasl.username", user)
                .set("sasl.password", secret(password)?);
        }
        Some(Sasl::Oidc { token_url, token_ca, client_id, client_secret, scope }) => {
            config
                .set("sasl.mechanism", "OAUTHBEARER")
                .set("sasl.oauthbearer.method", "oidc")
                .set("sasl.oauthbearer.token.endpoint.url", token_url)
                .set("sasl.oauthbearer.client.id", client_id)
                .set("sasl.oauthbearer.client.secret", secret(client_secret)?);
            if let Some(ca) = token_ca {
                config.set("https.ca.location", ca.to_string_lossy());
            }
            if let Some(scope) = scope {
                config.set("sasl.oauthbearer.scope", scope);
            }
        }
    }
    Ok(())
}

/// Reads a secret. What it is never stands in an error.
fn secret(from: &SecretFrom) -> Result<String, KafkaError> {
    let problem = |what: String, problem: &str| KafkaError::Config { what, problem: problem.to_owned() };
    let text = match from {
        SecretFrom::File(path) => fs::read_to_string(path).map_err(|error| {
            problem(
                path.display().to_string(),
                &format!("the secret cannot be read ({}); let this user read the file", error.kind()),
            )
        })?,
        SecretFrom::Environment(name) => std::env::var(name).map_err(|_| {
            problem(format!("environment variable {name}"), "is not set, or no text; put the secret in it")
        })?,
    };
    let secret = text.lines().next().unwrap_or_default().trim_end().to_owned();
    if secret.is_empty() {
        return Err(problem("a secret of [kafka]".to_owned(), "is empty; see its file or variable"));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::pipeline_from_str;

    #[test]
    fn each_client_has_the_options_that_are_for_it_and_sends_no_metrics() {
        let text = include_str!("../../config/meet-kafka.toml").replace(
            "tls = true\n",
            "options = { \"client.rack\" = \"a\", \"linger.ms\" = 20, \"fetch.min.bytes\" = 9 }\n",
        );
        let text = text.replace("sasl = {", "# sasl = {");
        let load = |_: &std::path::Path| Ok(include_str!("../../config/policy/meet.toml").to_owned());
        let (plan, _) = pipeline_from_str(&text, "p.toml", &load).unwrap_or_else(|found| panic!("{found}"));
        let kafka = plan.kafka.unwrap();
        let configs = [
            connection(&kafka).unwrap(),
            consumer(&kafka, 1).unwrap(),
            producer(&kafka, 1, None, "lz4").unwrap(),
        ];
        for (config, (fetch, linger)) in
            configs.iter().zip([(None, None), (Some("9"), None), (None, Some("20"))])
        {
            assert_eq!(
                (config.get("client.rack"), config.get("enable.metrics.push")),
                (Some("a"), Some("false"))
            );
            assert_eq!((config.get("fetch.min.bytes"), config.get("linger.ms")), (fetch, linger));
        }
    }
}
