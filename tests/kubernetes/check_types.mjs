// SPDX-License-Identifier: Apache-2.0
//
// Checks objects (YAML, from standard input) against the published types of their kinds: a wrong type and a field that
// there is none of are errors. The compiler compares literals with types, which is why they become a program.
//
//     kubectl kustomize OVERLAY | node check_types.mjs DIRECTORY
//
// DIRECTORY: where package.json's dependencies are installed.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const directory = process.argv[2];
const require = createRequire(join(directory, "package.json"));
const yaml = require("yaml");

const packages = { "monitoring.coreos.com": "@kubernetes-models/prometheus-operator" };

function moduleOf({ apiVersion, kind }) {
  const group = apiVersion.includes("/") ? apiVersion.split("/")[0] : "";
  return `${packages[group] ?? "kubernetes-models"}/${apiVersion}/${kind}`;
}

const objects = yaml
  .parseAllDocuments(readFileSync(0, "utf8"))
  .map((document) => document.toJS())
  .filter(Boolean);
const program = objects.map(
  (object, index) =>
    `import type { I${object.kind} as Kind${index} } from "${moduleOf(object)}";\n` +
    `export const object${index}: Kind${index} = ${JSON.stringify(object, null, 1)};\n`,
);
writeFileSync(join(directory, "objects.ts"), program.join("\n"));

const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "commonjs", "objects.ts"];
const compiler = spawnSync(process.execPath, [require.resolve("typescript/bin/tsc"), ...options], {
  cwd: directory,
  encoding: "utf8",
});
process.stdout.write(compiler.stdout + compiler.stderr);
console.log(`${objects.map((object) => object.kind).join(", ")}: ${compiler.status === 0 ? "as published" : "wrong"}`);
process.exit(compiler.status === 0 ? 0 : 1);
