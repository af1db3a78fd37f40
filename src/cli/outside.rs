//! A run as it is seen from outside: its meters, its facts, its admin endpoint, made from the plan.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use zeroize::Zeroizing;

use super::clock::TrustedClock;
use super::exit::Failure;
use super::opened;
use super::said;
use crate::config::admin_file::AdminPlan;
use crate::config::kafka::SecretFrom;
use crate::config::plan::{Plan, SourceKind};
use crate::pipeline::build;
use crate::pipeline::metered::Metered;
use crate::telemetry::Phase;
use crate::telemetry::admin::{Admin, Settings, TOKEN_BYTES_MIN, Token, Told};
use crate::telemetry::attend::Attendant;
use crate::telemetry::log::Log;
use crate::telemetry::meters::Meters;
use crate::telemetry::setup::{ClassSetup, PolicySetup, Setup, SinkSetup, SourceSetup};
use crate::telemetry::tls::Certificate;

/// Lasts as long as the run: dropped, the endpoint closes, and what was held back of the log is told.
pub struct Outside {
    /// What is counted.
    pub meters: Arc<Meters>,
    /// What is told.
    pub log: Arc<Log>,
    _admin: Option<Admin>,
    _attendant: Option<Attendant>,
}

impl Outside {
    /// Begins to count, and to answer where the plan has an endpoint.
    pub fn begin(
        plan: &Plan,
        file: &Path,
        clock: &Arc<TrustedClock>,
        stop: &Arc<AtomicBool>,
    ) -> Result<Self, Failure> {
        let meters = Arc::new(Meters::new(setup(plan, file)));
        let log = Arc::new(Log::new(Arc::clone(&meters)));
        let (asked, told) = (Arc::clone(clock), Arc::clone(clock));
        let admin = match &plan.admin {
            None => None,
            Some(admin) => {
                let told = Told {
                    meters: Arc::clone(&meters),
                    now: Arc::new(move || asked.now()),
                    clock_paused: Box::new(move || told.is_paused()),
                };
                let scheme = if admin.tls.is_some() { "https" } else { "http" };
                let admin = Admin::begin(settings(admin)?, told).map_err(Failure::usage)?;
                said::note(format!("admin endpoint on {scheme}://{}", admin.address()));
                Some(admin)
            }
        };
        let paused = Arc::clone(clock);
        let attendant = Attendant::begin(Arc::clone(&log), move || paused.is_paused(), Arc::clone(stop));
        Ok(Self { meters, log, _admin: admin, _attendant: attendant })
    }

    /// The meters as the pipeline's delivery uses them.
    pub fn metered(&self, plan: &Plan) -> Metered {
        let sources = (0..plan.sources.len()).filter_map(|at| self.meters.source(at).cloned());
        let sinks = build::places(plan);
        let sinks = sinks.into_iter().filter_map(|(sink, class)| self.meters.sink(sink, class).cloned());
        Metered::new(sources.collect(), sinks.collect())
    }

    /// Records flow from now on.
    pub fn running(&self) {
        self.meters.set(Phase::Running);
    }
}

/// Every name that a label can have.
fn setup(plan: &Plan, file: &Path) -> Setup {
    let policy = &plan.policy;
    let topics = |kind: &SourceKind| match kind {
        SourceKind::Kafka(kafka) => kafka.topics.clone(),
        SourceKind::Stdin | SourceKind::File { .. } => Vec::new(),
    };
    let sinks = plan.sinks.iter().map(|sink| {
        let lives = sink.classes.iter().zip(&sink.lives).zip(sink.worst_seconds());
        let classes = lives.map(|((class, lives), worst_seconds)| ClassSetup {
            name: policy.classes[*class].name.clone(),
            limit_seconds: lives.ends_seconds(),
            worst_seconds,
        });
        SinkSetup { name: sink.name.clone(), classes: classes.collect() }
    });
    let on_kafka = plan.sources.iter().any(|source| matches!(source.kind, SourceKind::Kafka(_)));
    let lanes = plan.kafka.as_ref().filter(|_| on_kafka).map_or(0, |kafka| kafka.lanes.unwrap_or_else(cores));
    Setup {
        pipeline: file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default(),
        policy: PolicySetup {
            name: policy.name.clone(),
            version: policy.version.clone(),
            hash: policy.hash.clone(),
        },
        sources: plan
            .sources
            .iter()
            .map(|source| SourceSetup { name: source.name.clone(), topics: topics(&source.kind) })
            .collect(),
        sinks: sinks.collect(),
        lanes,
        workers: if lanes > 0 { 0 } else { plan.threads.unwrap_or_else(opened::default_threads) },
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn settings(plan: &AdminPlan) -> Result<Settings, Failure> {
    let token = plan.token.as_ref().map(token).transpose()?;
    let read = |tls: &crate::config::admin_file::AdminTls| {
        Certificate::read(tls.certificate.clone(), tls.key.clone()).map_err(Failure::usage)
    };
    Ok(Settings { listen: plan.listen, token, tls: plan.tls.as_ref().map(read).transpose()? })
}

fn token(place: &SecretFrom) -> Result<Token, Failure> {
    let (place, text) = match place {
        SecretFrom::File(path) => (path.display().to_string(), opened::read(path)?),
        SecretFrom::Environment(variable) => {
            let text = std::env::var(variable).map_err(|_| {
                Failure::usage(format!(
                    "environment variable {variable} is not set; [admin] has its token there"
                ))
            })?;
            (format!("environment variable {variable}"), text)
        }
    };
    Token::new(&Zeroizing::new(text)).ok_or_else(|| {
        Failure::usage(format!(
            "{place}: no token of the admin endpoint; write at least {TOKEN_BYTES_MIN} characters without blanks, such as \
             `openssl rand -base64 24` prints"
        ))
    })
}
