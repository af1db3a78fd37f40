//! `sluis topics`: Kafka topics as the policy needs them.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::exit::{self, Failure};
use super::opened;
use super::said;
use super::table::{Align, set};
use crate::config::plan::Plan;
use crate::governance::topics::{planned, steps, wanted};
use crate::kafka::client;
use crate::kafka::clock::{APART_SECONDS, BrokerClock};
use crate::kafka::judge::{Planned, Weight};
use crate::kafka::limits::{Broker, WorstAge, text};
use crate::kafka::live::{LiveTopics, Wanted};
use crate::kafka::topics::{Cluster, TopicsError};

/// The arguments.
#[derive(Args)]
#[command(after_help = "\
Examples:
  sluis topics plan pipeline.toml
  sluis topics plan pipeline.toml --offline
  sluis topics apply pipeline.toml --dry-run
  sluis topics apply pipeline.toml && sluis check pipeline.toml --live

Limits are set so that the oldest record, with lateness, segments and the brokers' own pace, stays inside its class.")]
pub struct TopicsArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show what each output topic should be, with the arithmetic, and where the cluster differs
    Plan(PlanArgs),
    /// Create what is not there and set what is not as it should be; no other setting is touched
    Apply(ApplyArgs),
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  sluis topics plan pipeline.toml
  sluis topics plan pipeline.toml --offline")]
struct PlanArgs {
    /// Pipeline file
    pipeline: PathBuf,
    /// Ask no broker: brokers are taken for what they are by default
    #[arg(long)]
    offline: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  sluis topics apply pipeline.toml --dry-run
  sluis topics apply pipeline.toml

A setting that is stricter than planned stays as it is: a longer one would lengthen the life of records that are there. Input topics are
judged and never changed. Takes the rights Create, Alter and AlterConfigs on the output topics, Describe and DescribeConfigs on all
topics, and DescribeConfigs on the cluster.

Exit code 1 when something stays that cannot be set, 4 when the cluster cannot be asked or refuses.")]
struct ApplyArgs {
    /// Pipeline file
    pipeline: PathBuf,
    /// Print the changes and make none
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub fn run(arguments: &TopicsArgs) -> Result<u8, Failure> {
    match &arguments.command {
        Command::Plan(arguments) => plan(arguments),
        Command::Apply(arguments) => apply(arguments),
    }
}

fn plan(arguments: &PlanArgs) -> Result<u8, Failure> {
    let plan = opened::pipeline(&arguments.pipeline)?;
    let wanted = wanted_of(&plan)?;
    let asked = if arguments.offline {
        None
    } else {
        Some(cluster(&plan).and_then(|cluster| ask(&cluster, &wanted)))
    };
    match asked {
        Some(Ok(live)) => {
            print!("{}", table(&wanted, &live.planned, live.broker));
            print!("{}", judged(&live));
            Ok(exit::DONE)
        }
        Some(Err(failure)) if failure.code != exit::DOWNSTREAM => Err(failure),
        not => {
            if let Some(Err(failure)) = not {
                anstream::eprintln!(
                    "sluis: {}; what follows takes brokers for what they are by default",
                    failure.message
                );
            }
            print!("{}", table(&wanted, &planned(&wanted), Broker::default()));
            Ok(exit::DONE)
        }
    }
}

fn apply(arguments: &ApplyArgs) -> Result<u8, Failure> {
    let plan = opened::pipeline(&arguments.pipeline)?;
    let wanted = wanted_of(&plan)?;
    let cluster = cluster(&plan)?;
    let mut live = ask(&cluster, &wanted)?;
    let steps = steps(&live);
    for step in &steps {
        if !arguments.dry_run {
            step.take(&cluster).map_err(Failure::downstream)?;
        }
        for line in step.lines() {
            println!("{}{line}", if arguments.dry_run { "would " } else { "" });
        }
    }
    if steps.is_empty() {
        println!("nothing to change");
    }
    if arguments.dry_run {
        return Ok(exit::DONE);
    }
    // A new topic takes a moment until every broker knows it.
    for _ in 0..SETTLING_TRIES {
        live.again(&cluster).map_err(Failure::downstream)?;
        if live.refusals().all(|finding| finding.change.is_none() && live.has_output(&finding.topic)) {
            break;
        }
        std::thread::sleep(SETTLING);
    }
    print!("{}", judged(&live));
    Ok(if live.refusals().next().is_some() { exit::CHECK_FAILED } else { exit::DONE })
}

const SETTLING_TRIES: u32 = 20;
const SETTLING: std::time::Duration = std::time::Duration::from_millis(100);

/// What `check --live` prints of the topics, and whether something is refused. Nothing for a pipeline without Kafka.
pub fn check_live(plan: &Plan) -> Result<(String, bool), Failure> {
    if plan.kafka.is_none() {
        return Ok((String::new(), false));
    }
    let wanted = wanted(plan);
    let cluster = cluster(plan)?;
    let live = ask(&cluster, &wanted)?;
    let (clocks, apart) = clocks(&cluster, &live);
    let refused = live.refusals().next().is_some() || apart;
    Ok((format!("\n{}{}{clocks}", table(&wanted, &live.planned, live.broker), judged(&live)), refused))
}

/// What the stamps of topics tell of the brokers' clocks, and whether one is apart. One that is behind shows by what is written meanwhile.
fn clocks(cluster: &Cluster, live: &LiveTopics) -> (String, bool) {
    let mut clock = BrokerClock::default();
    let mut look = || clock.look(cluster, live.stamped(), opened::now);
    let looked = look().and_then(|apart| {
        if apart.is_some() || live.stamped().is_empty() {
            return Ok(apart);
        }
        std::thread::sleep(BETWEEN_LOOKS);
        look()
    });
    match looked {
        Ok(Some(apart)) => (format!("refused: {apart}\n"), true),
        Ok(None) if live.stamped().is_empty() => {
            ("clocks: no topic has stamps of brokers, so that theirs cannot be told\n".to_owned(), false)
        }
        Ok(None) => (
            format!(
                "clocks: no stamp tells a broker's apart from ours by {APART_SECONDS} s or more (one that is behind shows when something is \
                 written)\n"
            ),
            false,
        ),
        Err(error) => (format!("unseen: {error}; clocks of brokers were not compared\n"), false),
    }
}

/// How long `check --live` waits for something to be written.
const BETWEEN_LOOKS: std::time::Duration = std::time::Duration::from_secs(1);

/// The topics of a pipeline that is about to run; refused, with the arithmetic, when one of them would keep a record too long.
pub fn refuse_at_start(plan: &Plan) -> Result<(Cluster, LiveTopics), Failure> {
    let wanted = wanted_of(plan)?;
    let cluster = cluster(plan)?;
    let live = ask(&cluster, &wanted)?;
    let refused: Vec<_> = live.refusals().map(ToString::to_string).collect();
    if refused.is_empty() {
        return match BrokerClock::default().look(&cluster, live.stamped(), opened::now) {
            Ok(Some(apart)) => Err(Failure::downstream(apart)),
            Ok(None) => Ok((cluster, live)),
            Err(error) => {
                said::warning(format!("{error}; clocks of brokers are compared later"));
                Ok((cluster, live))
            }
        };
    }
    Err(Failure {
        message: format!("the topics are not as the policy needs them\n  {}", refused.join("\n  ")),
        code: exit::CHECK_FAILED,
    })
}

fn wanted_of(plan: &Plan) -> Result<Wanted, Failure> {
    let wanted = wanted(plan);
    if wanted.inputs.is_empty() && wanted.outputs.is_empty() {
        return Err(Failure::usage("the pipeline has no Kafka topic: no source or sink of kind \"kafka\""));
    }
    Ok(wanted)
}

fn cluster(plan: &Plan) -> Result<Cluster, Failure> {
    let Some(kafka) = &plan.kafka else { return Err(Failure::usage("the pipeline has no section [kafka]")) };
    let config = client::connection(kafka).map_err(Failure::usage)?;
    Cluster::open(&config).map_err(Failure::usage)
}

fn ask(cluster: &Cluster, wanted: &Wanted) -> Result<LiveTopics, Failure> {
    LiveTopics::ask(cluster, wanted.clone()).map_err(|error: TopicsError| Failure::downstream(error))
}

/// What each output should be, and under it the sums.
fn table(wanted: &Wanted, planned: &[Planned], broker: Broker) -> String {
    let left = |title| (title, Align::Left);
    let right = |title| (title, Align::Right);
    let mut rows = Vec::new();
    let mut sums = String::new();
    for (output, planned) in wanted.outputs.iter().zip(planned) {
        let partitions = match planned.partitions {
            Some(partitions) => partitions.to_string(),
            None if output.keyed => "any".to_owned(),
            None => "as input".to_owned(),
        };
        let (retention, segment) = match &planned.limits {
            Ok(limits) => (text(limits.retention_ms.unwrap_or_default()), text(limits.segment_ms)),
            Err(_) => ("none fits".to_owned(), String::new()),
        };
        rows.push(vec![
            output.topic.clone(),
            output.holds.clone(),
            partitions,
            planned.replicas.to_string(),
            planned.min_in_sync.to_string(),
            retention,
            segment,
            "LogAppendTime".to_owned(),
            "delete".to_owned(),
        ]);
        let sum = match planned.limits {
            Ok(limits) => {
                WorstAge { arrival: output.arrival, broker, limits, limit_ms: output.limit_ms }.to_string()
            }
            Err(error) => error.to_string(),
        };
        sums.push_str(&format!("{}: {sum}\n", output.topic));
    }
    let head = [
        left("topic"),
        left("holds"),
        right("partitions"),
        right("replicas"),
        right("in sync"),
        left("retention.ms"),
        left("segment.ms"),
        left("timestamps"),
        left("cleanup"),
    ];
    if rows.is_empty() {
        return "no topic is written\n".to_owned();
    }
    format!("{}\nOldest record:\n{sums}", set(&head, &rows))
}

/// What is wrong with the cluster's topics.
fn judged(live: &LiveTopics) -> String {
    let mut out = String::new();
    for unseen in &live.unseen {
        out.push_str(&format!("unseen: {unseen}\n"));
    }
    for (weight, word) in [(Weight::Refuses, "refused"), (Weight::Warns, "warning")] {
        for finding in live.findings.iter().filter(|finding| finding.weight == weight) {
            out.push_str(&format!("{word}: {finding}\n"));
        }
    }
    if out.is_empty() { "\nthe topics are as they should be\n".to_owned() } else { format!("\n{out}") }
}
