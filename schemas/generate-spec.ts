/**
 * From the JSON Schemas: src/generated/spec.ts (types), validators.js and outputValidators.js (ajv
 * standalone code).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { _, Ajv, type KeywordCxt } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import { compile, type JSONSchema } from 'json-schema-to-typescript';

const FILES = ['config', 'process', 'linux', 'resources', 'state', 'features'] as const;

/**
 * Type → its validator, a module each group: what a container is made of, and what tests hold the
 * output against, which the program itself does not carry along.
 */
const MODULES = {
  validators: {
    Spec: 'validateConfig',
    Process: 'validateProcess',
    LinuxResources: 'validateResources',
  },
  outputValidators: { State: 'validateState', Features: 'validateFeatures' },
} as const;

const HEADER = 'Generated from schemas/*.schema.json by schemas/generate.ts. Do not edit.';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

export async function generateSpec(root: string): Promise<void> {
  const schemas = FILES.map((name) => {
    const text = readFileSync(`${root}/schemas/${name}.schema.json`, 'utf8');
    return JSON.parse(text) as JsonObject;
  });
  const definitions = flatten(schemas);
  const out = `${root}/src/generated`;
  writeFileSync(`${out}/spec.ts`, await types(definitions));
  writeFileSync(`${out}/propertyNames.ts`, propertyNames(definitions));
  for (const [module, names] of Object.entries(MODULES)) {
    writeFileSync(`${out}/${module}.js`, validators(definitions, names));
    writeFileSync(`${out}/${module}.d.ts`, declarations(names));
  }
}

type Definitions = ReadonlyMap<string, JsonObject>;

/** Every file and definition by its type's name, `$ref`s naming these: one type, one validator each. */
function flatten(schemas: readonly JsonObject[]): Definitions {
  const titles = new Map(schemas.map((s) => [String(s['$id']), String(s['title'])]));
  const all = schemas.flatMap(({ $id, $schema, definitions, title, ...rest }) => {
    const own = Object.entries((definitions ?? {}) as JsonObject) as [string, JsonObject][];
    return [[String(title), rest], ...own] as [string, JsonObject][];
  });
  const named = (node: JsonObject): JsonObject => {
    if (typeof node['$ref'] !== 'string') return node;
    const [file = '', name] = node['$ref'].split('#/definitions/');
    return { $ref: name ?? titles.get(file) ?? file };
  };
  const result = new Map<string, JsonObject>();
  for (const [name, schema] of all) {
    if (result.has(name)) throw new Error(`two definitions are called ${name}`);
    result.set(name, rewrite(schema, named) as JsonObject);
  }
  return result;
}

/**
 * Which properties there are: of each object, name → the object it leads to, `*` before that of the members
 * of a list or map, nothing for a plain value. What a misspelt property may have been meant to be.
 */
function propertyNames(definitions: Definitions): string {
  const table: Record<string, Record<string, string>> = {};
  const target = (schema: JsonObject, name: string): string => {
    if (typeof schema['$ref'] === 'string') return schema['$ref'];
    const members = schema['items'] ?? schema['additionalProperties'];
    if (typeof members === 'object' && members !== null) {
      const member = target(members as JsonObject, name);
      return member === '' ? '' : `*${member}`;
    }
    if (!('properties' in schema)) return '';
    add(name, schema);
    return name;
  };
  const add = (name: string, { properties }: JsonObject) => {
    const entries = Object.entries((properties ?? {}) as JsonObject) as [string, JsonObject][];
    table[name] = Object.fromEntries(
      entries.map(([property, schema]) => [property, target(schema, `${name}.${property}`)]),
    );
  };
  for (const [name, schema] of definitions) if ('properties' in schema) add(name, schema);
  const type = '{ readonly [object: string]: { readonly [property: string]: string } }';
  return `/** ${HEADER} */\nexport const PROPERTY_NAMES: ${type} = ${JSON.stringify(table)};\n`;
}

/** Copies a schema, giving every object in it to `change`. */
function rewrite(value: Json, change: (node: JsonObject) => JsonObject): Json {
  if (Array.isArray(value)) return value.map((item) => rewrite(item, change));
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, item]) => [key, rewrite(item, change)]);
  return change(Object.fromEntries(entries) as JsonObject);
}

/** One schema with every definition in it, so that each becomes one exported type. */
async function types(all: Definitions): Promise<string> {
  const bundle = { title: 'Schemas', type: 'object', definitions: Object.fromEntries(all) };
  const bundled = rewrite(bundle, (node) => {
    if (typeof node['$ref'] === 'string') return { $ref: `#/definitions/${node['$ref']}` };
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

function validators(all: Definitions, names: Readonly<Record<string, string>>): string {
  const ajv = new Ajv({
    allErrors: true,
    code: { source: true, esm: true, lines: false },
    // Each definition its own function, made once.
    inlineRefs: false,
    // The words are src/spec/schemaProblems.ts's.
    messages: false,
  });
  ajv.addKeyword({
    keyword: 'integer64',
    schemaType: 'string',
    code: integer64,
    error: { message: '', params: (cxt) => _`{kind: ${cxt.schema}}` },
  });
  for (const [name, schema] of all) {
    ajv.addSchema({ $id: name, ...(rewrite(schema, strict) as JsonObject) });
  }
  const code = standalone(
    ajv,
    Object.fromEntries(Object.entries(names).map(([type, validator]) => [validator, type])),
  );
  if (/\brequire\(|\bimport\b/.test(code)) throw new Error('a validator needs a module of ajv');
  return `// ${HEADER}\n${compact(code)}\n`;
}

/**
 * A third less code to load at each start: no paths into schemas that are not there at run time, one function
 * for the lines that ajv repeats at each error. A validator is not told the place of what it is given: of the
 * errors it finds, which are few, the caller says that they are below one.
 */
function compact(code: string): string {
  const short = code
    .replaceAll(/schemaPath:"[^"]*",/g, '')
    .replaceAll(/, \{instancePath="",[^}]*\}=\{\}\)/g, ')')
    .replaceAll(/\{(?:instancePath:)?([^{}]*?),parentData:[^}]*\}/g, '$1')
    .replaceAll(
      /\(!\((validate\d+)\(([\w.[\]]+), instancePath\+(.*?)\)\)\)\{vErrors = vErrors === null \? \1\.errors : vErrors\.concat\(\1\.errors\);/g,
      '(!$1($2)){vErrors = below(vErrors, $1.errors, $3);',
    )
    .replaceAll('instancePath:instancePath+', 'instancePath:')
    .replaceAll('{instancePath,', '{instancePath:"",')
    .replaceAll(
      /const (err\d+) = (\{[^;]*\});if\(vErrors === null\)\{vErrors = \[\1\];\}else \{vErrors\.push\(\1\);\}/g,
      'vErrors = add(vErrors, $2);',
    );
  if (/const err\d+|parentData|instancePath(?!:")/.test(short))
    throw new Error('ajv words its errors in another way now');
  const functions = short.split(/(?=function validate\d+\(data\))/);
  return `${functions.map(countMembers).join('')}\n${COMPACT_FUNCTIONS}`;
}

/**
 * A validator looks for unknown members only of what has more members than are known: to count is half the
 * work, and a config may have thousands of mounts.
 */
function countMembers(validator: string): string {
  const [loop] =
    /for\(const key0 in data\)\{if\([^;]*keyword:"additionalProperties"[^;]*;errors\+\+;\}\}/.exec(
      validator,
    ) ?? [];
  const end = validator.indexOf('}else {vErrors = add(vErrors, {instancePath:"",keyword:"type"');
  const members = validator.match(/if\(data\.\w+ !== undefined\)\{/g) ?? [];
  if (loop === undefined || end < 0 || new Set(members).size < members.length) return validator;
  const counted = validator
    .slice(0, end)
    .replace(loop, 'let known = 0;')
    .replaceAll(/if\(data\.\w+ !== undefined\)\{/g, '$&known++;');
  return `${counted}if(known !== Object.keys(data).length){${loop}}${validator.slice(end)}`;
}

const COMPACT_FUNCTIONS = `
function add(errors, error) {
  return errors === null ? [error] : [...errors, error];
}
function below(errors, found, path) {
  const all = found.map((error) => ({ ...error, instancePath: path + error.instancePath }));
  return errors === null ? all : [...errors, ...all];
}`;

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

function declarations(names: Readonly<Record<string, string>>): string {
  return [
    `// ${HEADER}`,
    `import type { ${Object.keys(names).join(', ')} } from './spec.ts';`,
    'export interface SchemaError {',
    '  readonly instancePath: string;',
    '  readonly keyword: string;',
    '  readonly params: { readonly [name: string]: unknown };',
    '}',
    'export interface Validator<T> {',
    '  (data: unknown): data is T;',
    '  errors?: null | readonly SchemaError[];',
    '}',
    ...Object.entries(names).map(
      ([type, validator]) => `export declare const ${validator}: Validator<${type}>;`,
    ),
    '',
  ].join('\n');
}
