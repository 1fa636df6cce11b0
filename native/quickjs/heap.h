/* The memory of the JavaScript engine. It lives in a section of its own, so that the build can run the
 * program's top level once and keep the result as that section's contents (see snapshot.h). */
#ifndef TSRUN_HEAP_H
#define TSRUN_HEAP_H

#include <stddef.h>

/* Blocks are 16-byte aligned and never zeroed. NULL when the kernel gives no memory. One thread. */
void *heap_alloc(size_t size);
void *heap_realloc(void *block, size_t size);
void heap_free(void *block);
/* What the block may hold, at least what was asked for. */
size_t heap_size(const void *block);

/* The first page-aligned address behind everything allocated from the section so far. */
const unsigned char *heap_end(void);
/* Forgets the free blocks, so that what is allocated from now on lies on pages of its own. */
void heap_seal(void);

#endif
