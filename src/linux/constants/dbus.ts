/** Values as D-Bus knows them (D-Bus Specification, "Type System"): data with a signature. */

/** Integers of 64 bits are bigint; arrays, structs and dictionary entries are lists of their members. */
export type DbusItem = string | boolean | number | bigint | readonly DbusItem[] | DbusValue;

/** A value with its type: what a `v` (variant) holds. `type` is one complete type, as `a(ss)`. */
export interface DbusValue {
  readonly type: string;
  readonly value: DbusItem;
}

/** The end of the complete type that begins at `start`; RangeError when there is none. */
export function endOfType(signature: string, start = 0): number {
  const first = signature[start];
  if (first === undefined) throw new RangeError(`no type in ${signature}`);
  if (first === 'a') return endOfType(signature, start + 1);
  if ('ybnqiuxtdhsogv'.includes(first)) return start + 1;
  const close = first === '(' ? ')' : first === '{' ? '}' : undefined;
  if (close === undefined) throw new RangeError(`no type in ${signature}`);
  // At least one member ("Type System"): what takes no bytes, an array could hold without end.
  let at = endOfType(signature, start + 1);
  while (signature[at] !== close) at = endOfType(signature, at);
  return at + 1;
}

/** The complete types a signature is made of. */
export function typesOf(signature: string): readonly string[] {
  const types: string[] = [];
  for (let at = 0; at < signature.length; ) {
    const end = endOfType(signature, at);
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}
