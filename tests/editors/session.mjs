// A session with yaml-language-server: what it says of good files, of every key, of bad ones, and what it offers.
//
//   node tests/editors/session.mjs PATH-OF-YAML-LANGUAGE-SERVER SCRATCH    in the top folder of the repository
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [program, scratch] = process.argv.slice(2);
const server = spawn(process.execPath, [program, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
const waiting = new Map();
const diagnostics = new Map();
let number = 0;
let failures = 0;

function send(message) {
  const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
  server.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
  server.stdin.write(body);
}

function request(method, params) {
  number += 1;
  const id = number;
  send({ id, method, params });
  return new Promise((done, fail) => waiting.set(id, { done, fail }));
}

let buffer = Buffer.alloc(0);
server.stdout.on("data", (chunk) => {
  buffer = Buffer.concat([buffer, chunk]);
  for (;;) {
    const end = buffer.indexOf("\r\n\r\n");
    if (end < 0) return;
    const length = Number(/Content-Length: (\d+)/i.exec(buffer.subarray(0, end).toString())[1]);
    if (buffer.length < end + 4 + length) return;
    const message = JSON.parse(buffer.subarray(end + 4, end + 4 + length).toString());
    buffer = buffer.subarray(end + 4 + length);
    receive(message);
  }
});

function receive(message) {
  if (message.method === undefined) {
    const { done, fail } = waiting.get(message.id);
    waiting.delete(message.id);
    message.error ? fail(new Error(JSON.stringify(message.error))) : done(message.result);
  } else if (message.method === "workspace/configuration") {
    const yaml = { validate: true, hover: true, completion: true, schemaStore: { enable: false } };
    send({ id: message.id, result: message.params.items.map((item) => (item.section === "yaml" ? yaml : {})) });
  } else if (message.method === "textDocument/publishDiagnostics") {
    diagnostics.get(message.params.uri)?.(message.params.diagnostics);
  } else if (message.id !== undefined) {
    send({ id: message.id, result: null });
  }
}

function expect(condition, what) {
  if (!condition) {
    failures += 1;
    console.log(`FAILED: ${what}`);
  }
}

/** Opens a text as a file; gives its address and what is wrong with it. */
async function open(path, text) {
  const uri = pathToFileURL(resolve(path)).href;
  const told = new Promise((done) => diagnostics.set(uri, done));
  send({ method: "textDocument/didOpen", params: { textDocument: { uri, languageId: "yaml", version: 1, text } } });
  return { uri, problems: await told };
}

const at = (uri, line, character) => ({ textDocument: { uri }, position: { line, character } });

/** Every key of a text that stands in a line of its own, or first in an item of a list. */
function* keys(text) {
  for (const [line, content] of text.split("\n").entries()) {
    const match = /^([ -]*)("[^"]*"|[^\s#"'[{:][^\s:]*):(\s|$)/.exec(content);
    if (match) yield { line, character: match[1].length + 1, key: match[2] };
  }
}

/** The values of a key, wherever a schema has it. */
function* properties(schema, name) {
  if (schema === null || typeof schema !== "object") return;
  if (schema.properties?.[name]) yield schema.properties[name];
  for (const [key, below] of Object.entries(schema)) if (key !== "if") yield* properties(below, name);
}

const schema = (name) => JSON.parse(readFileSync(`schemas/${name}.schema.json`, "utf8"));
const modeline = (name) => `# yaml-language-server: $schema=${pathToFileURL(resolve(`schemas/${name}.schema.json`)).href}\n`;
const words = (text) => text.replace(/[\\`]/g, "").replace(/\s+/g, " ");

// Good files are without a mark, and every key is explained.
function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !entry.name.startsWith(".")) yield* files(path);
    else if (/\.ya?ml$/.test(entry.name)) yield path;
  }
}

async function good() {
  let seen = 0;
  const samples = [...files("tests/data/config")].map((path) => {
    const name = /(\w+)[^/]*$/.exec(path)[1];
    return [path, modeline(name) + readFileSync(path, "utf8")];
  });
  const own = [...files("examples/company"), ...files("examples/quickstart"), ...files(join(scratch, "init"))];
  for (const [path, text] of [...samples, ...own.map((path) => [path, readFileSync(path, "utf8")])]) {
    expect(text.startsWith("# yaml-language-server: $schema="), `${path} names no schema`);
    const { uri, problems } = await open(path, text);
    expect(problems.length === 0, `${path}: ${problems.map((found) => found.message).join("; ")}`);
    for (const { line, character, key } of keys(text)) {
      const hover = await request("textDocument/hover", at(uri, line, character));
      const shown = hover?.contents?.value ?? "";
      expect(shown.length > 40, `${path}:${line + 1}: nothing is said of ${key}: ${shown}`);
      seen += 1;
    }
  }
  console.log(`${samples.length + own.length} files without a mark, ${seen} keys explained`);
}

/** The hover text of a key is its description. */
async function explained() {
  const text = `${modeline("repository")}repo:\n  type: docker\n  immutable_tags: []\n  permissions:\n    "*": [read]\n`;
  const { uri } = await open(join(scratch, "repos/explained.yaml"), text);
  for (const [line, character, key] of [[1, 1, "repo"], [2, 4, "type"], [3, 4, "immutable_tags"], [4, 4, "permissions"], [5, 5, "*"]]) {
    const hover = await request("textDocument/hover", at(uri, line, character));
    const docs = [...properties(schema("repository"), key)].map((property) => words(property.description));
    expect(docs.some((doc) => words(hover.contents.value).includes(doc)), `hover of ${key}: ${hover.contents.value}`);
  }
}

/** What is offered at the place of `|`. */
async function offers(name, text) {
  const before = text.slice(0, text.indexOf("|"));
  const { uri } = await open(join(scratch, `${name}-${number}.yaml`), modeline(name) + text.replace("|", ""));
  const line = before.split("\n").length;
  const list = await request("textDocument/completion", at(uri, line, before.split("\n").at(-1).length));
  return (list.items ?? list).map((item) => ({ label: item.label, doc: item.documentation?.value ?? item.documentation ?? "" }));
}

async function completed() {
  const repository = schema("repository").properties.repo.properties;
  const user = schema("credentials").properties.credentials.additionalProperties.properties;
  const registry = schema("registry").properties;
  const test = schema("tests").properties.tests.items.properties;
  const operations = [...properties(schema("repository"), "allow")][0].anyOf[0].enum;
  const cases = [
    ["repository", "repo:\n  |", Object.keys(repository)],
    ["repository", "repo:\n  type: |", ["docker"]],
    ["repository", "repo:\n  type: docker\n  permissions:\n    |", ['"*"', "/*"]],
    ["repository", "repo:\n  type: docker\n  permissions:\n    jane:\n      - |", operations.map((word) => (word === "*" ? '"*"' : word))],
    ["repository", "repo:\n  type: docker\n  storage:\n    type: |", ["fs", "s3", "memory"]],
    ["credentials", "credentials:\n  jane:\n    |", Object.keys(user)],
    ["credentials", "credentials:\n  jane:\n    type: |", user.type.enum],
    ["storages", "storages:\n  default:\n    type: |", ["fs", "s3", "memory"]],
    ["storages", "storages:\n  default:\n    type: s3\n    |", ["bucket", "region", "endpoint", "prefix", "redirect", "credentials"]],
    ["registry", "|", Object.keys(registry)],
    ...Object.entries(registry).map(([key, value]) => ["registry", `${key}:\n  |`, Object.keys(value.properties)]),
    ["registry", "log:\n  level: |", ["error", "warn", "info", "debug"]],
    ["tests", "tests:\n  - |", Object.keys(test)],
    ["tests", "tests:\n  - as: |", ["anonymous"]],
    ["tests", "tests:\n  - as: jane\n    can: |", ["pull", "push", "overwrite", "delete"]],
    ["tests", "tests:\n  - as: jane\n    cannot:\n      - |", ["pull", "push", "overwrite", "delete"]],
  ];
  let seen = 0;
  for (const [name, text, wanted] of cases) {
    const offered = await offers(name, text);
    for (const label of wanted) {
      const found = offered.filter((item) => item.label === label || item.label === label.replaceAll('"', ""));
      expect(found.length > 0, `${name}: ${JSON.stringify(text)} offers no ${label}: ${offered.map((item) => item.label)}`);
      // Examples carry no text of their own: the key that they belong to has it.
      const explained = found.some((item) => item.doc.length > 4) || label === "anonymous";
      expect(found.length === 0 || explained, `${name}: ${label} is offered without a word`);
      seen += 1;
    }
  }
  console.log(`${cases.length} places complete ${seen} words, each explained`);
}

/** What `check` refuses, an editor marks, as far as a schema can say it. */
async function bad() {
  const cases = [
    ["repository", "repo: {type: docker, permisions: {}}\n"],
    ["repository", "repo: {type: docker-proxy}\n"],
    ["repository", "repo: {type: docker, permissions: {jane: [reed]}}\n"],
    ["repository", "repo: {type: docker, permissions: {jane: read}}\n"],
    ["credentials", "credentials: {jane: {type: md5, pass: x}}\n"],
    ["credentials", "credentials: {jane: {type: argon2}}\n"],
    ["storages", "storages: {default: {type: s3}}\n"],
    ["registry", "passwords: {min_length: 4}\n"],
    ["tests", "tests: []\n"],
    ["tests", "tests: [{as: jane, image: app}]\n"],
    ["tests", "tests: [{as: jane, can: reed, image: app}]\n"],
    ["tests", "tests: [{as: jane, can: [], image: app}]\n"],
  ];
  for (const [index, [name, text]] of cases.entries()) {
    const { problems } = await open(join(scratch, `bad-${index}.yaml`), modeline(name) + text);
    expect(problems.length > 0, `no mark at ${text}`);
  }
  console.log(`${cases.length} mistakes are marked`);
}

mkdirSync(join(scratch, "repos"), { recursive: true });
await request("initialize", {
  processId: process.pid,
  rootUri: pathToFileURL(resolve(".")).href,
  capabilities: {
    workspace: { configuration: true },
    textDocument: {
      completion: { completionItem: { snippetSupport: true, documentationFormat: ["markdown", "plaintext"] } },
      hover: { contentFormat: ["markdown"] },
    },
  },
});
send({ method: "initialized", params: {} });
await good();
await explained();
await completed();
await bad();
await request("shutdown");
send({ method: "exit" });
server.stdin.end();
process.exitCode = failures > 0 ? 1 : 0;
