/** What a generated validator found, said as problems. */
import type { SchemaError } from '../generated/validators.js';
import { formatJson } from './formatJson.ts';
import { escapePointer } from './json.ts';
import { error, type Problem, warning } from './problem.ts';

/** One problem an error of the schema; of several about one value the first. */
export function schemaProblems(
  errors: readonly SchemaError[] | null | undefined,
  data: unknown,
): readonly Problem[] {
  const problems = (errors ?? []).map((found) => schemaProblem(found, data));
  return problems.filter(
    (problem, i) => problems.findIndex((other) => other.path === problem.path) === i,
  );
}

/** The value a JSON pointer names; undefined where there is none. */
export function valueAt(data: unknown, pointer: string): unknown {
  let value = data;
  for (const part of pointer.split('/').slice(1)) {
    if (value === null || typeof value !== 'object') return undefined;
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    value = Object.getOwnPropertyDescriptor(value, name)?.value;
  }
  return value;
}

const TYPES: Readonly<Record<string, string>> = {
  array: 'an array',
  boolean: 'true or false',
  integer: 'an integer',
  object: 'an object',
  string: 'a string',
};

const RANGES: Readonly<Record<string, string>> = {
  unsigned: '0 to 18446744073709551615',
  signed: '-9223372036854775808 to 9223372036854775807',
};

function schemaProblem(found: SchemaError, data: unknown): Problem {
  const { instancePath, keyword, params } = found;
  const got = valueAt(data, instancePath);
  const name = escapePointer(
    String(params['missingProperty'] ?? params['additionalProperty'] ?? ''),
  );
  switch (keyword) {
    case 'required':
      return error(`${instancePath}/${name}`, 'is required');
    case 'additionalProperties':
      return warning(
        `${instancePath}/${name}`,
        'is not a property of the runtime specification and is ignored',
      );
    case 'type':
      if (typeof got === 'bigint' && params['type'] === 'integer') {
        return error(instancePath, 'is out of range', got);
      }
      return error(instancePath, `must be ${TYPES[String(params['type'])] ?? params['type']}`, got);
    case 'enum':
      return { ...error(instancePath, 'is not a known value', got), expected: choices(params) };
    case 'minimum':
      return error(instancePath, `must be at least ${params['limit']}`, got);
    case 'maximum':
      return error(instancePath, `must be at most ${params['limit']}`, got);
    case 'minItems':
      return error(instancePath, 'must not be empty', got);
    case 'integer64':
      return integer64(instancePath, got, RANGES[String(params['kind'])] ?? '');
    default:
      return error(instancePath, `breaks the rule ${keyword}`, got);
  }
}

function integer64(path: string, got: unknown, range: string): Problem {
  const isInteger = typeof got === 'bigint' || Number.isSafeInteger(got);
  const message = isInteger ? 'is out of range' : 'must be an integer';
  return { ...error(path, message, got), expected: range };
}

function choices(params: SchemaError['params']): string {
  const values = params['allowedValues'];
  return Array.isArray(values) ? values.map((value) => formatJson(value)).join(', ') : '';
}
