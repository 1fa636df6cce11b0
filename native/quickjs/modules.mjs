/** Assembly that puts files into the program: bytecode modules (main.c) and the executor's image (host.h). */

export function moduleTable(modules, imagePath) {
  const rows = modules.map((_, index) => `\t.quad .Lname${index}, .Lcode${index}, .Lend${index}\n`);
  const contents = modules.map(
    ({ name, path }, index) =>
      `.Lname${index}:\t.asciz "${name}"\n.Lcode${index}:\t.incbin "${path}"\n.Lend${index}:\n`,
  );
  return [
    '\t.section .data.rel.ro,"aw"\n\t.balign 8\n\t.globl modules\nmodules:\n',
    ...rows,
    '\t.quad 0, 0, 0\n\t.section .rodata\n',
    ...contents,
    '\t.balign 16\n\t.globl executor_image, executor_image_end\n',
    `executor_image:\t.incbin "${imagePath}"\nexecutor_image_end:\n`,
    '\t.section .note.GNU-stack,"",%progbits\n',
  ].join('');
}
