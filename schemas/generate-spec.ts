/** From the JSON Schemas: src/generated/spec.ts (types) and validators.js (ajv standalone code). */
import { readFileSync, writeFileSync } from 'node:fs';
import { _, Ajv, type KeywordCxt } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import { compile, type JSONSchema } from 'json-schema-to-typescript';

/** Schema file → its validator, and the type that proves. linux is reached through config alone. */
const SCHEMAS = {
  config: { validator: 'validateConfig', type: 'Spec' },
  process: { validator: 'validateProcess', type: 'Process' },
  linux: undefined,
  resources: { validator: 'validateResources', type: 'LinuxResources' },
  state: { validator: 'validateState', type: 'State' },
  features: { validator: 'validateFeatures', type: 'Features' },
} as const;

const HEADER = 'Generated from schemas/*.schema.json by schemas/generate.ts. Do not edit.';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

export async function generateSpec(root: string): Promise<void> {
  const schemas = Object.keys(SCHEMAS).map((name) => {
    const text = readFileSync(`${root}/schemas/${name}.schema.json`, 'utf8');
    return JSON.parse(text) as JsonObject;
  });
  const out = `${root}/src/generated`;
  writeFileSync(`${out}/spec.ts`, await types(schemas));
  writeFileSync(`${out}/validators.js`, validators(schemas));
  writeFileSync(`${out}/validators.d.ts`, declarations());
}

/** Copies a schema, giving every object in it to `change`. */
function rewrite(value: Json, change: (node: JsonObject) => JsonObject): Json {
  if (Array.isArray(value)) return value.map((item) => rewrite(item, change));
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, item]) => [key, rewrite(item, change)]);
  return change(Object.fromEntries(entries) as JsonObject);
}

/** One schema with every definition in it, so that each becomes one exported type. */
async function types(schemas: readonly JsonObject[]): Promise<string> {
  const titles = new Map(schemas.map((s) => [s['$id'], s['title']]));
  const definitions: JsonObject = {};
  for (const schema of schemas) {
    const { $id: _id, $schema: _schema, definitions: own, title, ...rest } = schema;
    definitions[String(title)] = rest;
    Object.assign(definitions, own);
  }
  const bundled = rewrite({ title: 'Schemas', type: 'object', definitions }, (node) => {
    if (typeof node['$ref'] === 'string') return { $ref: local(node['$ref'], titles) };
    if (typeof node['integer64'] !== 'string') return node;
    const { integer64: _kind, ...rest } = node;
    return { ...rest, tsType: 'Integer64' };
  });
  const text = await compile(bundled as JSONSchema, 'Schemas', {
    additionalProperties: false,
    bannerComment: `// ${HEADER}`,
    format: false,
    ignoreMinAndMaxItems: true,
    unreachableDefinitions: true,
  });
  return `${readonly(text)}\n${INTEGER64}`;
}

const INTEGER64 = `/** An integer of 64 bits: a number where that is exact, else a bigint. */
export type Integer64 = number | bigint;
`;

function local(ref: string, titles: ReadonlyMap<Json | undefined, Json | undefined>): string {
  const [file, name] = ref.split('#/definitions/');
  return `#/definitions/${name ?? titles.get(file ?? '')}`;
}

/** Members and arrays become readonly: a config is never changed. */
function readonly(text: string): string {
  return text
    .replace(/export interface Schemas \{[^}]*\}\n/, '')
    .replace(/^(\s*)(\[k: string\]|\w+\??): /gm, '$1readonly $2: ')
    .replace(/(\w+|\([^()]*\))\[\]/g, 'readonly $1[]')
    .replace(
      /(\n \*)?\n \* This interface was referenced by `Schemas`'s[^\n]*\n[^\n]*\n \*\//g,
      '\n */',
    )
    .replace(/\/\*\*\n \*\/\n/g, '');
}

/** No descriptions; an unknown property is an error, which src/spec/validate.ts makes a warning. */
function strict(schema: JsonObject): JsonObject {
  const { description: _text, ...rest } = schema;
  const isShape = rest['type'] === 'object' && 'properties' in rest;
  return isShape && !('additionalProperties' in rest)
    ? { ...rest, additionalProperties: false }
    : rest;
}

function validators(schemas: readonly JsonObject[]): string {
  const ajv = new Ajv({
    allErrors: true,
    code: { source: true, esm: true, lines: false },
    // Each definition its own function, made once.
    inlineRefs: false,
  });
  ajv.addKeyword({
    keyword: 'integer64',
    schemaType: 'string',
    code: integer64,
    error: {
      message: 'must be a 64-bit integer',
      params: (cxt) => _`{kind: ${cxt.schema}}`,
    },
  });
  for (const schema of schemas) ajv.addSchema(rewrite(schema, strict) as JsonObject);
  const names = Object.entries(SCHEMAS).flatMap(([file, made]) =>
    made === undefined ? [] : [[made.validator, `${file}.schema.json`]],
  );
  const code = standalone(ajv, Object.fromEntries(names) as Record<string, string>);
  if (/\brequire\(|\bimport\b/.test(code)) throw new Error('a validator needs a module of ajv');
  return `// ${HEADER}\n${code}\n`;
}

/** A safe integer, or a bigint in range: the loader makes one of each integer a number cannot hold. */
function integer64(cxt: KeywordCxt): void {
  const { data, schema } = cxt;
  const [least, greatest] =
    schema === 'unsigned' ? ['0', `${2n ** 64n - 1n}`] : [`${-(2n ** 63n)}`, `${2n ** 63n - 1n}`];
  const number =
    schema === 'unsigned'
      ? _`(Number.isSafeInteger(${data}) && ${data} >= 0)`
      : _`Number.isSafeInteger(${data})`;
  cxt.pass(
    _`typeof ${data} === "bigint" ? ${data} >= BigInt(${least}) && ${data} <= BigInt(${greatest}) : ${number}`,
  );
}

function declarations(): string {
  const made = Object.values(SCHEMAS).filter((row) => row !== undefined);
  return [
    `// ${HEADER}`,
    `import type { ${made.map((row) => row.type).join(', ')} } from './spec.ts';`,
    'export interface SchemaError {',
    '  readonly instancePath: string;',
    '  readonly keyword: string;',
    '  readonly params: { readonly [name: string]: unknown };',
    '  readonly message?: string;',
    '}',
    'export interface Validator<T> {',
    '  (data: unknown): data is T;',
    '  errors?: null | readonly SchemaError[];',
    '}',
    ...made.map((row) => `export declare const ${row.validator}: Validator<${row.type}>;`),
    '',
  ].join('\n');
}
