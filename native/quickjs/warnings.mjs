/** What the shim is compiled with, in the build and in its tests; the executor's Makefile has the same. */
export const WARNINGS = [
  '-std=c17 -Wall -Wextra -Wconversion -Wshadow -Wvla -Wformat=2 -Wswitch-enum',
  '-Wmissing-prototypes -Wstrict-prototypes -Werror',
]
  .join(' ')
  .split(' ');
