/** Nothing of the runtime specification is dropped: who owns each property, as schemas/ lists them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { UNSUPPORTED } from '../../../src/config/unsupported.ts';

const top = new URL('../../../', import.meta.url).pathname;

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: boolean | Schema;
  readonly definitions?: Readonly<Record<string, Schema>>;
}

const read = (file: string): Schema =>
  JSON.parse(readFileSync(`${top}schemas/${file}`, 'utf8')) as Schema;

/** The pointers of all properties, `*` for an index or a name of a map. */
function pointers(schema: Schema, file: string, pointer: string): readonly string[] {
  if (schema.$ref !== undefined) {
    const [other, name] = schema.$ref.split('#/definitions/');
    const target = other === '' || other === undefined ? file : other;
    const document = read(target);
    const found = name === undefined ? document : document.definitions?.[name];
    if (found === undefined) throw new Error(`${schema.$ref} leads nowhere`);
    return pointers(found, target, pointer);
  }
  if (schema.items !== undefined) return pointers(schema.items, file, `${pointer}/*`);
  if (typeof schema.additionalProperties === 'object') {
    return pointers(schema.additionalProperties, file, `${pointer}/*`);
  }
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => [
    `${pointer}/${name}`,
    ...pointers(property, file, `${pointer}/${name}`),
  ]);
}

const PROPERTIES = pointers(read('config.schema.json'), 'config.schema.json', '');

const isUnsupported = (pointer: string): boolean =>
  UNSUPPORTED.some(({ pattern }) => pointer === pattern || pointer.startsWith(`${pattern}/`));

/** Those that are neither part of a section's file nor owned by one sibling, with who carries them out. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  '/ociVersion': 'spec/version.ts',
  '/annotations': 'container/state.ts',
  '/process/consoleSize': 'config/process/terminal.ts',
  '/linux/gidMappings': 'config/linux/uidMappings.ts',
};

/** The file whose path is the property's path, or of what the property is a part of. */
function owner(pointer: string): string | undefined {
  const parts = pointer.split('/').filter((part) => part !== '' && part !== '*');
  for (let length = parts.length; length > 0; length -= 1) {
    const path = parts.slice(0, length);
    const file = ELSEWHERE[`/${path.join('/')}`] ?? `config/${path.join('/')}.ts`;
    if (existsSync(`${top}src/${file}`)) return file;
  }
  return undefined;
}

/** These hold no property by themselves: each of theirs has a file of its own. */
const SECTIONS: readonly string[] = ['/process', '/linux', '/linux/resources'];

/** A file and what stands in the directory of its name. */
function textOf(file: string): string {
  const directory = `${top}src/${file.slice(0, -'.ts'.length)}`;
  const parts = existsSync(directory) ? readdirSync(directory).map((n) => `${directory}/${n}`) : [];
  return [`${top}src/${file}`, ...parts].map((path) => readFileSync(path, 'utf8')).join('\n');
}

describe('every property of the runtime specification', () => {
  it('is in the schemas, as many as there are', () => {
    expect(PROPERTIES.length).toBeGreaterThan(150);
  });

  it.each(PROPERTIES)('%s has its file in src/config or a row in unsupported.ts', (pointer) => {
    if (isUnsupported(pointer)) return;
    if (SECTIONS.includes(pointer)) return;
    const file = owner(pointer);
    expect(file).toBeDefined();
    if (file === undefined) return;
    expect(SECTIONS.map((section) => `config${section}.ts`)).not.toContain(file);
    // Named there, so that a property added to the schema alone is noticed.
    const name = pointer.split('/').findLast((part) => part !== '*') ?? '';
    expect(textOf(file), `${file} does not mention ${name}`).toMatch(new RegExp(`\\b${name}`, 'i'));
  });

  it.each(UNSUPPORTED.map(({ pattern }) => pattern))('%s, unsupported, is known', (pattern) => {
    expect(PROPERTIES).toContain(pattern);
  });
});
