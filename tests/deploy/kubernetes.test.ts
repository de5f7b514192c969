/** deploy/kubernetes.yaml against the API's own schema (kubernetes-models is generated from it), as strictly as a server that refuses unknown fields. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { IDaemonSet } from "kubernetes-models/apps/v1/DaemonSet";
import ts from "typescript";
import { parseAllDocuments } from "yaml";
import { PRIVILEGES } from "../../src/agent/privileges.ts";

const ROOT = join(import.meta.dir, "../..");
const FILE = join(ROOT, "deploy/kubernetes.yaml");

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
}

function manifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  });
}

/** Types, required fields, formats. Throws with the path of what is wrong. */
async function validate(manifest: Manifest): Promise<void> {
  const models = await import(`kubernetes-models/${manifest.apiVersion}/${manifest.kind}`);
  new models[manifest.kind](structuredClone(manifest)).validate();
}

/** What the compiler finds when the manifests are written down as literals of the API's types: fields that do not exist, too. */
function misfits(all: readonly Manifest[]): readonly string[] {
  const name = join(ROOT, "manifests.ts");
  const lines = all.map(
    (each, i) =>
      `import type { I${each.kind} as T${i} } from "kubernetes-models/${each.apiVersion}/${each.kind}";\n` +
      `export const m${i}: T${i} = ${JSON.stringify(each)};\n`,
  );
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    target: ts.ScriptTarget.ESNext,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (path) => path === name || fileExists(path);
  host.getSourceFile = (path, ...more) =>
    path === name
      ? ts.createSourceFile(path, lines.join(""), ts.ScriptTarget.ESNext, true)
      : getSourceFile(path, ...more);
  const found = ts.getPreEmitDiagnostics(ts.createProgram([name], options, host));
  return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
}

const text = readFileSync(FILE, "utf8");
const all = manifests(text);

test("every document fits the schema of Kubernetes, and none has a field that it does not know", async () => {
  const kinds = all.map(({ kind }) => kind);
  expect(kinds).toEqual(["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "ConfigMap", "DaemonSet"]);
  for (const each of all) await validate(each);
  expect(misfits(all)).toEqual([]);
}, 60_000);

test("a wrong type, a missing field and a misspelled one are found", async () => {
  const wrong = (from: string, to: string): Manifest => {
    expect(text).toContain(from);
    return manifests(text.replace(from, to)).at(-1)!;
  };
  await expect(validate(wrong("hostPID: true", "hostPID: maybe"))).rejects.toThrow("hostPID must be boolean");
  await expect(validate(wrong("- name: hosa\n          image", "- image"))).rejects.toThrow("name");
  expect(misfits([wrong("hostPID: true", "hostPid: true")]).join()).toContain("hostPid");
}, 60_000);

test("the container is granted exactly what the agent uses, as the unit is", () => {
  const names = PRIVILEGES.map((privilege) => privilege.name).toSorted();
  const container = (all.at(-1) as IDaemonSet).spec?.template.spec?.containers[0];
  const { drop, add } = container?.securityContext?.capabilities ?? {};
  expect(drop).toEqual(["ALL"]);
  expect(add?.map((name) => `CAP_${name}`).toSorted()).toEqual(names);
  const unit = readFileSync(join(ROOT, "deploy/hosa.service"), "utf8");
  expect(/^CapabilityBoundingSet=(.*)$/m.exec(unit)?.[1]?.split(" ").toSorted()).toEqual(names);
});
