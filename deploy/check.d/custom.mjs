// Standard input: a JSON array of objects of kinds that Kubernetes itself does not know. Standard output: for each, a JSON array of what is
// wrong with it. Run where node_modules is.
import { readFileSync } from "node:fs";

const packages = {
  "keda.sh/v1alpha1": "@kubernetes-models/keda",
  "monitoring.coreos.com/v1": "@kubernetes-models/prometheus-operator",
};

const wrong = [];
for (const object of JSON.parse(readFileSync(0, "utf8"))) {
  const name = packages[object.apiVersion];
  if (!name) {
    wrong.push([`no schema is known for ${object.apiVersion} ${object.kind}`]);
    continue;
  }
  const models = await import(`${name}/${object.apiVersion}/${object.kind}`);
  try {
    new models[object.kind](object).validate();
    wrong.push([]);
  } catch (error) {
    wrong.push([error.message]);
  }
}
console.log(JSON.stringify(wrong));
