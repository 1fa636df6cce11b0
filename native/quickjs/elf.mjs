/** Puts the snapshot into the program's file (elf(5), 64 bits, little-endian). */

const PT_LOAD = 1;
const PAGE = 4096;

/**
 * The program with `contents` as what is loaded at `address`, without section headers unless a profiler
 * wants them. Zeros at the end of
 * `contents` are left to the kernel: they cost no byte of the file and no page until they are written.
 */
export function withSegment(program, address, contents, keepSections = false) {
  const segment = loadSegments(program).find(({ vaddr }) => vaddr === BigInt(address));
  if (segment === undefined || segment.memsz !== BigInt(contents.length)) {
    throw new Error(`no segment of ${contents.length} bytes at 0x${address.toString(16)}`);
  }
  let used = contents.length;
  while (used > 0 && contents[used - 1] === 0) used -= 1;
  used = Math.ceil(used / PAGE) * PAGE;

  const others = loadSegments(program).filter((other) => other.header !== segment.header);
  const loaded = others.map(({ offset, filesz }) => Number(offset + filesz));
  const start = keepSections ? program.length : Math.max(...loaded);
  // p_offset and p_vaddr agree modulo p_align: 64 KiB for arm64, whose pages may be that large.
  const offset = Math.ceil(start / segment.align) * segment.align;
  const file = Buffer.alloc(offset + used);
  program.copy(file, 0, 0, start);
  contents.copy(file, offset, 0, used);
  file.writeBigUInt64LE(BigInt(offset), segment.header + 8); // p_offset
  file.writeBigUInt64LE(BigInt(used), segment.header + 32); // p_filesz
  if (keepSections) return file;
  file.writeBigUInt64LE(0n, 40); // e_shoff
  file.writeUInt16LE(0, 60); // e_shnum
  file.writeUInt16LE(0, 62); // e_shstrndx
  return file;
}

function loadSegments(program) {
  const table = Number(program.readBigUInt64LE(32)); // e_phoff
  const size = program.readUInt16LE(54); // e_phentsize
  return Array.from({ length: program.readUInt16LE(56) }, (_, index) => table + index * size)
    .filter((header) => program.readUInt32LE(header) === PT_LOAD)
    .map((header) => ({
      header,
      offset: program.readBigUInt64LE(header + 8),
      vaddr: program.readBigUInt64LE(header + 16),
      filesz: program.readBigUInt64LE(header + 32),
      memsz: program.readBigUInt64LE(header + 40),
      align: Math.max(PAGE, Number(program.readBigUInt64LE(header + 48))),
    }));
}
