/** From ops.json: the Op union and field table for TypeScript, structures and decoder for C. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

interface Field {
  readonly name: string;
  readonly type: keyof typeof TYPES;
  readonly constants?: string;
}
interface Operation {
  readonly call: string;
  readonly actors: readonly string[];
  readonly doc: string;
  readonly fields: readonly Field[];
}

/** Type in ops.json → TypeScript type, C declarations of the structure's member, C reader. */
const TYPES = {
  u32: { ts: 'number', c: 'uint32_t %', read: 'tsr_read_u32' },
  i32: { ts: 'number', c: 'int32_t %', read: 'tsr_read_i32' },
  u64: { ts: 'bigint', c: 'uint64_t %', read: 'tsr_read_u64' },
  str: { ts: 'string', c: 'const char *%', read: 'tsr_read_str' },
  'str?': { ts: 'string | undefined', c: 'const char *%', read: 'tsr_read_str_or_null' },
  strs: { ts: 'readonly string[]', c: 'char **%', read: 'tsr_read_strs' },
  filter: { ts: 'SeccompFilter', c: 'struct tsr_bytes %', read: 'tsr_read_bytes' },
  bytes: { ts: 'Uint8Array', c: 'struct tsr_bytes %', read: 'tsr_read_bytes' },
  u32s: { ts: 'readonly number[]', c: 'struct tsr_u32s %', read: 'tsr_read_u32s' },
  slot: { ts: 'Slot', c: 'uint32_t %', read: 'tsr_read_slot' },
  'slot?': { ts: 'Slot | undefined', c: 'uint32_t %', read: 'tsr_read_slot_or_none' },
  slot_out: { ts: 'Slot', c: 'uint32_t %', read: 'tsr_read_slot' },
  'slot_out?': { ts: 'Slot | undefined', c: 'uint32_t %', read: 'tsr_read_slot_or_none' },
} as const;

/** Types as one letter each, for the C tests that build plans of every shape. */
const LETTERS: { readonly [K in keyof typeof TYPES]: string } = {
  u32: 'u',
  i32: 'i',
  u64: 'U',
  str: 's',
  'str?': 'S',
  strs: 'v',
  filter: 'b',
  bytes: 'b',
  u32s: 'w',
  slot: 'l',
  'slot?': 'L',
  slot_out: 'l',
  'slot_out?': 'L',
};

const HEADER = 'Generated from schemas/ops.json by schemas/generate.ts. Do not edit.';

export function generateOps(root: string): void {
  const text = readFileSync(`${root}/schemas/ops.json`, 'utf8');
  const table = JSON.parse(text) as { flags: Record<string, number>; operations: Operation[] };
  const { flags, operations } = table;
  // Two builds that do not share this table must not talk: its hash is the wire's version.
  const version = createHash('sha256').update(JSON.stringify(table)).digest().readUInt32LE(0);
  mkdirSync(`${root}/src/generated`, { recursive: true });
  mkdirSync(`${root}/native/generated`, { recursive: true });
  writeFileSync(`${root}/src/generated/ops.ts`, typescript(operations, flags, version));
  writeFileSync(`${root}/src/generated/layouts.ts`, layouts(operations));
  writeFileSync(`${root}/native/generated/ops.h`, header(operations, flags, version));
  writeFileSync(`${root}/native/generated/ops_decode.c`, decoder(operations));
  writeFileSync(`${root}/native/generated/ops_shapes.h`, shapes(operations));
}

const optional = (type: string) => type.endsWith('?');

function typescript(
  operations: readonly Operation[],
  flags: Record<string, number>,
  version: number,
): string {
  const member = (o: Operation) =>
    [
      `  /** ${o.doc} */`,
      `  | { readonly call: '${o.call}'${o.fields
        .map((f) => `; readonly ${f.name}${optional(f.type) ? '?' : ''}: ${TYPES[f.type].ts}`)
        .join('')} }`,
    ].join('\n');
  const row = (o: Operation, i: number) =>
    `  ${o.call}: { opcode: ${i}, actors: ${JSON.stringify(o.actors)}, fields: ${JSON.stringify(o.fields)} },`;
  return [
    `// ${HEADER}`,
    "import type { SeccompFilter } from '../linux/constants/seccomp.ts';",
    '',
    'type Slot = string;',
    '',
    `export const WIRE_VERSION = ${version};`,
    ...Object.entries(flags).map(([name, value]) => `export const ${name} = ${value};`),
    '',
    'export type Op =',
    `${operations.map(member).join('\n')};`,
    '',
    "export type OpCall = Op['call'];",
    '/** The operations the runtime performs itself, in the host. */',
    `export const RUNTIME_CALLS = [${operations
      .filter((o) => o.actors.includes('runtime'))
      .map((o) => `'${o.call}'`)
      .join(', ')}] as const;`,
    'export type RuntimeCall = (typeof RUNTIME_CALLS)[number];',
    `export type FieldType = ${Object.keys(TYPES)
      .map((t) => `'${t}'`)
      .join(' | ')};`,
    'export interface OpField {',
    '  readonly name: string;',
    '  readonly type: FieldType;',
    '  /** Prefix of the constants to print, or octal, caps, rlim, dev. */',
    '  readonly constants?: string;',
    '}',
    'export interface OpShape {',
    '  readonly opcode: number;',
    "  readonly actors: readonly ('runtime' | 'outer' | 'init')[];",
    '  readonly fields: readonly OpField[];',
    '}',
    '',
    'export const OPS: { readonly [K in OpCall]: OpShape } = {',
    ...operations.map(row),
    '};',
    '',
  ].join('\n');
}

/** Operations the executor has; the runtime's own never travel. */
const inExecutor = (o: Operation) => o.actors.some((a) => a !== 'runtime');

/** Which actors perform an operation: a bit each, at the number they have on the wire. */
const ACTOR_BITS: Readonly<Record<string, number>> = { runtime: 0, outer: 2, init: 4 };

/** As the letters for the C tests; but open(2)'s flags are the machine's own, and a filter is compiled. */
const kind = ({ type, constants }: Field): string =>
  constants === 'O_' ? 'o' : type === 'filter' ? 'f' : LETTERS[type];

/** One text an operation: src/engine/encode.ts and native/quickjs/encode.c read those a plan has. */
function layouts(operations: readonly Operation[]): string {
  const row = (o: Operation, opcode: number) => {
    if (!inExecutor(o)) return [];
    const actors = o.actors.reduce((bits, actor) => bits | (ACTOR_BITS[actor] ?? 0), 0);
    const fields = o.fields.map((field) => `${kind(field)}${field.name}`).join(' ');
    return [`  ${o.call}: [${opcode}, ${actors}, '${fields}'],`];
  };
  return [
    `// ${HEADER}`,
    '/**',
    ' * Of the operations of the executor. Kinds of fields: u u32, i i32, U u64, s str, S str or absent, v strs,',
    ' * w u32s, b bytes, f filter, l slot, L slot or absent, o flags of open(2).',
    ' */',
    'export const LAYOUTS: {',
    '  readonly [call: string]: readonly [opcode: number, actors: number, fields: string];',
    '} = {',
    ...operations.flatMap(row),
    '};',
    '',
  ].join('\n');
}

function header(
  operations: readonly Operation[],
  flags: Record<string, number>,
  version: number,
): string {
  const own = operations.filter(inExecutor);
  const struct = (o: Operation) =>
    o.fields.length === 0
      ? []
      : [
          `/* ${o.doc} */`,
          `struct op_${o.call} {`,
          ...o.fields.map((f) => `    ${TYPES[f.type].c.replace('%', f.name)};`),
          '};',
          '',
        ];
  return [
    `/* ${HEADER} */`,
    '#ifndef TSR_GENERATED_OPS_H',
    '#define TSR_GENERATED_OPS_H',
    '#include "../wire.h"',
    '',
    `#define TSR_WIRE_VERSION ${version}u`,
    ...Object.entries(flags).map(([name, value]) => `#define ${name} ${value}u`),
    '',
    'enum tsr_opcode {',
    ...operations.flatMap((o, i) => (inExecutor(o) ? [`    OP_${o.call} = ${i},`] : [])),
    '};',
    '',
    ...own.flatMap(struct),
    'union tsr_op {',
    ...own.filter((o) => o.fields.length > 0).map((o) => `    struct op_${o.call} ${o.call};`),
    '};',
    '',
    'struct tsr_machine;',
    ...own.map(
      (o) =>
        `int op_${o.call}(struct tsr_machine *m${o.fields.length > 0 ? `, const struct op_${o.call} *op` : ''});`,
    ),
    '',
    '/* Decodes the fields of one operation; -EPROTO for an unknown opcode or bad fields. */',
    'int tsr_decode_op(struct tsr_reader *r, uint16_t opcode, union tsr_op *ret_op);',
    '/* Performs one decoded operation: 0 or -errno. */',
    'int tsr_perform_op(struct tsr_machine *m, uint16_t opcode, const union tsr_op *op);',
    '/* The slots an operation cannot do without: writes at most 4, returns how many. */',
    'unsigned tsr_required_slots(uint16_t opcode, const union tsr_op *op, uint32_t ret_slots[4]);',
    '#endif',
    '',
  ].join('\n');
}

function decoder(operations: readonly Operation[]): string {
  const own = operations.filter(inExecutor);
  const read = (o: Operation) => [
    `    case OP_${o.call}:`,
    ...o.fields.map((f) => `        ${TYPES[f.type].read}(r, &ret_op->${o.call}.${f.name});`),
    '        break;',
  ];
  const perform = (o: Operation) => [
    `    case OP_${o.call}:`,
    `        return op_${o.call}(m${o.fields.length > 0 ? `, &op->${o.call}` : ''});`,
  ];
  const slots = (o: Operation) => {
    const required = o.fields.filter((f) => f.type === 'slot');
    if (required.length === 0) return [];
    return [
      `    case OP_${o.call}:`,
      ...required.map((f, i) => `        ret_slots[${i}] = op->${o.call}.${f.name};`),
      `        return ${required.length};`,
    ];
  };
  return [
    `/* ${HEADER} */`,
    '#include "ops.h"',
    '#include <errno.h>',
    '',
    'int tsr_decode_op(struct tsr_reader *r, uint16_t opcode, union tsr_op *ret_op)',
    '{',
    '    switch (opcode) {',
    ...own.flatMap(read),
    '    default:',
    '        return -EPROTO;',
    '    }',
    '    return r->error;',
    '}',
    '',
    'int tsr_perform_op(struct tsr_machine *m, uint16_t opcode, const union tsr_op *op)',
    '{',
    '    switch (opcode) {',
    ...own.flatMap(perform),
    '    default:',
    '        return -EPROTO;',
    '    }',
    '}',
    '',
    'unsigned tsr_required_slots(uint16_t opcode, const union tsr_op *op, uint32_t ret_slots[4])',
    '{',
    '    switch (opcode) {',
    ...own.flatMap(slots),
    '    default:',
    '        return 0;',
    '    }',
    '}',
    '',
  ].join('\n');
}

/** What the C tests know of the operations: opcode, name, the letters of the fields. */
function shapes(operations: readonly Operation[]): string {
  const row = (o: Operation, i: number) =>
    inExecutor(o)
      ? [`    {${i}, "${o.call}", "${o.fields.map((f) => LETTERS[f.type]).join('')}"},`]
      : [];
  return [
    `/* ${HEADER} */`,
    '#include <stdint.h>',
    '',
    'static const struct {',
    '    uint16_t opcode;',
    '    const char *call;',
    '    /* u u32, i i32, U u64, s str, S str?, v strs, b bytes, w u32s, l slot, L slot? */',
    '    const char *fields;',
    '} tsr_shapes[] = {',
    ...operations.flatMap(row),
    '};',
    '',
  ].join('\n');
}
