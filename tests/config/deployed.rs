//! The pipelines that the Compose file and the manifests of Kubernetes run, as they find them in their containers.

use super::headlines;
use sluis::config::pipeline_from_str;
use sluis::config::plan::{Plan, WorstAge};
use std::path::{Path, PathBuf};
use std::{fs, io};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Reads a policy where it is in the tree: `compose.yaml` mounts the shipped one into the container.
fn policy(path: &Path) -> io::Result<String> {
    let mounted = root().join("deploy/compose/policy");
    match path.strip_prefix(&mounted) {
        Ok(name) => fs::read_to_string(root().join("config/policy").join(name)),
        Err(_) => fs::read_to_string(path),
    }
}

fn deployed(directory: &str) -> Plan {
    let path = root().join("deploy").join(directory).join("pipeline.toml");
    let name = path.to_string_lossy();
    match pipeline_from_str(&fs::read_to_string(&path).unwrap(), &name, &policy) {
        Ok((plan, warnings)) => {
            assert_eq!(headlines(&warnings), [""; 0], "{name}");
            assert!(plan.sinks.iter().flat_map(|sink| &sink.worst_ages).all(WorstAge::within_limit));
            plan
        }
        Err(found) => panic!("{found}"),
    }
}

#[test]
fn deployed_pipelines_are_accepted_without_a_warning_and_take_their_name_from_the_host() {
    for directory in ["compose", "kubernetes"] {
        let plan = deployed(directory);
        // Instances run the same file: one that had its name from there would be fenced by the other.
        assert_eq!(plan.kafka.as_ref().and_then(|kafka| kafka.instance.clone()), None, "{directory}");
        assert_eq!(plan.kafka.as_ref().and_then(|kafka| kafka.lanes), Some(1), "{directory}");
        // Probes ask the endpoint.
        assert!(plan.admin.is_some(), "{directory}");
        assert!(plan.keys.is_some() && plan.state.is_some(), "{directory}");
    }
}

#[test]
fn pods_are_sent_secrets_over_tls_alone() {
    let plan = deployed("kubernetes");
    let security = plan.kafka.map(|kafka| kafka.security).unwrap();
    assert!(security.tls.is_some() && security.sasl.is_some());
    let admin = plan.admin.unwrap();
    assert!(admin.tls.is_some() && admin.token.is_some());
}

#[test]
fn the_policy_of_the_pods_is_the_shipped_one() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    assert_eq!(read("deploy/kubernetes/policy.toml"), read("config/policy/web.toml"));
}
