/* The memory of the JavaScript engine. It lives in a section of its own, so that the build can run the
 * program's top level once and keep the result as that section's contents (see snapshot.h). */
#ifndef TSRUN_HEAP_H
#define TSRUN_HEAP_H

#include <stddef.h>
#include <stdint.h>

/* Blocks are 16-byte aligned and never zeroed. NULL when the kernel gives no memory. One thread. */
void *heap_alloc(size_t size);
void *heap_realloc(void *block, size_t size);
void heap_free(void *block);
/* What the block may hold, at least what was asked for. */
size_t heap_size(const void *block);

/* The first page-aligned address behind everything allocated from the section so far. */
const unsigned char *heap_end(void);
/* Forgets the free blocks, so that what is allocated from now on lies on pages of its own, and has no number. */
void heap_seal(void);

/*
 * While a snapshot is made, blocks have numbers from 1 on, in the order in which they are asked for: the same
 * program asks alike in every process. 0, or -1 when memory is short.
 */
int heap_number_blocks(void);
enum { HEAP_NUMBERS = 1 << 20 }; /* numbers are below */
/* The number of the block that an address lies in, and its contents; 0 when there is none. */
uint32_t heap_number_at(const void *address, const void **ret_block);
enum { HEAP_GROUPS = 8, HEAP_BLOCK_BYTES = 8 };
struct heap_kept {
	/* What the blocks of each group hold, with HEAP_BLOCK_BYTES more for each block. */
	size_t bytes[HEAP_GROUPS];
	/* By a block's number: its group from 1 on, 0 of none. */
	unsigned char group[HEAP_NUMBERS];
};
/*
 * Before the first block: those of a group come to lie together, in front of all others; the groups follow each
 * other. What `kept` points to is looked at as long as blocks have numbers. -1 when there is no room.
 */
int heap_keep_together(const struct heap_kept *kept);
/* The first whole page of blocks. */
const unsigned char *heap_begin(void);

#endif
