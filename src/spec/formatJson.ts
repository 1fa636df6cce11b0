/** JSON text with exact integers: JSON.stringify refuses a bigint, and 2^64-1 is an ordinary limit. */

/**
 * JSON text of plain data: bigints as integer literals, members whose value is undefined left out, keys
 * in their order. `indent` spaces (or a tab) a level on lines of their own; on one line without it, as
 * JSON.stringify writes both.
 */
export const formatJson = (value: unknown, indent = ''): string => write(value, indent, '');

function write(value: unknown, indent: string, outer: string): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const inner = outer + indent;
  if (Array.isArray(value)) {
    return enclose(
      '[]',
      value.map((element) => write(element, indent, inner)),
      indent,
      outer,
    );
  }
  const colon = indent === '' ? ':' : ': ';
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([key, member]) => `${JSON.stringify(key)}${colon}${write(member, indent, inner)}`);
  return enclose('{}', members, indent, outer);
}

function enclose(brackets: '[]' | '{}', parts: readonly string[], indent: string, outer: string) {
  const [open = '', close = ''] = brackets;
  if (parts.length === 0 || indent === '') return open + parts.join(',') + close;
  const line = `\n${outer}${indent}`;
  return `${open}${line}${parts.join(`,${line}`)}\n${outer}${close}`;
}
