/** JSON text of a value, bigints as exact integers: what JSON.stringify refuses to print. */

/**
 * As JSON.stringify(value, null, indent), and byte for byte the same where no bigint is. Functions and
 * undefined members are left out.
 */
export function printJson(value: unknown, indent: string | number = ''): string {
  const unit = typeof indent === 'number' ? ' '.repeat(indent) : indent;
  return print(value, unit, '');
}

function print(value: unknown, unit: string, margin: string): string {
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const inner = margin + unit;
  if (Array.isArray(value)) {
    const items = value.map((item) => print(item, unit, inner));
    return enclose('[', items, ']', unit, margin);
  }
  const colon = unit === '' ? ':' : ': ';
  const members = Object.entries(value).flatMap(([name, member]) =>
    member === undefined || typeof member === 'function'
      ? []
      : [`${JSON.stringify(name)}${colon}${print(member, unit, inner)}`],
  );
  return enclose('{', members, '}', unit, margin);
}

function enclose(
  open: string,
  parts: readonly string[],
  close: string,
  unit: string,
  margin: string,
): string {
  if (parts.length === 0) return open + close;
  if (unit === '') return `${open}${parts.join(',')}${close}`;
  const inner = `\n${margin}${unit}`;
  return `${open}${inner}${parts.join(`,${inner}`)}\n${margin}${close}`;
}
