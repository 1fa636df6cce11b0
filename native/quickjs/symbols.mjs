/** The table of the C functions src/ binds: a static program has no dlsym to find them by. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A name and a signature (engine.ts) side by side, and a library where the function is not libc's. */
const BINDING = /'(\w+)',\s*'[ilv]:[isp]*'(?:,\s*'([\w.]+)')?/g;

/** Every `{ name, library }` bound below a directory, sorted, each once. */
export function boundSymbols(directory) {
  const found = new Map();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
    for (const [, name, library] of text.matchAll(BINDING)) {
      found.set(`${library ?? ''} ${name}`, { name, library });
    }
  }
  return [...found.keys()].sort().map((key) => found.get(key));
}

/** Assembly of `symbols` (ffi.h): pointer-sized words, relocated where the program is not fixed. */
export function symbolTable(symbols) {
  const strings = new Map();
  const label = (text) => {
    if (!strings.has(text)) strings.set(text, `.Ltext${strings.size}`);
    return strings.get(text);
  };
  const rows = symbols.map(
    ({ name, library }) => `\t.quad ${label(name)}, ${library ? label(library) : 0}, ${name}\n`,
  );
  return [
    '\t.section .data.rel.ro,"aw"\n\t.balign 8\n\t.globl symbols\nsymbols:\n',
    ...rows,
    '\t.quad 0, 0, 0\n\t.section .rodata\n',
    ...[...strings].map(([text, name]) => `${name}:\t.asciz "${text}"\n`),
    '\t.section .note.GNU-stack,"",%progbits\n',
  ].join('');
}
