/* A segregated-fit allocator for a process that lives for milliseconds: blocks come from a bump pointer,
 * freed ones wait in a list of their size, nothing is coalesced. Its whole state lies in the section
 * tsrun_heap, at addresses that are the same in every process of one build. */
#include "heap.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	PAGE = 4096,
	HEAP_BYTES = 3 << 20,  /* zero pages behind the snapshot cost nothing until they are written */
	SINGLE_BYTES = 512 << 10, /* of these, what an engine's container may take: each is a fault */
	CHUNK_BYTES = 2 << 20, /* how the heap grows behind them: by one huge page, a fault as long as 75 small ones */
	SMALL_BYTES = 1024,    /* sizes up to here step by 16, above by a quarter of a power of two */
	SMALL_CLASSES = SMALL_BYTES / 16,
	CLASSES = SMALL_CLASSES + 4 * 24,
};
/* contents counts in 32 bits; the engine gives up far below. */
static const size_t LARGEST_BYTES = (size_t)1 << 30;

/* In front of every block: its class and what it may hold. Eight bytes behind a multiple of 16. */
struct block {
	uint32_t class;
	uint32_t contents; /* in units of 8 bytes */
	struct block *next; /* while it is free; the first bytes of the contents otherwise */
};
enum { HEADER = offsetof(struct block, next) };

static struct {
	unsigned char *next;
	unsigned char *end;
	struct block *free[CLASSES];
	_Alignas(16) unsigned char bytes[HEAP_BYTES];
} heap __attribute__((section("tsrun_heap"), aligned(PAGE), no_reorder)); /* the last: zeros at its end are left out */

/* While a snapshot is made; not part of it. */
static struct {
	uint32_t *numbers; /* of the block whose contents begin at this multiple of 16 */
	uint32_t last;
	bool counts; /* the blocks that are asked for get numbers */
	const struct heap_kept *kept;
	struct {
		unsigned char *next; /* where the next block of the group goes */
		unsigned char *end;
	} groups[HEAP_GROUPS];
} making;

/* Bytes of a whole block (header and contents) to its class; class_bytes is the inverse, rounded up. */
static unsigned class_of(size_t bytes)
{
	if (bytes <= SMALL_BYTES)
		return (unsigned)((bytes + 15) / 16 - 1);
	unsigned shift = (unsigned)(sizeof(long) * CHAR_BIT - 1) - (unsigned)__builtin_clzl(bytes - 1) - 2;
	unsigned quarter = (unsigned)((bytes - 1) >> shift) & 3;
	return SMALL_CLASSES + (shift - 8) * 4 + quarter;
}

static size_t class_bytes(unsigned class)
{
	if (class < SMALL_CLASSES)
		return (class + 1) * (size_t)16;
	unsigned shift = (class - SMALL_CLASSES) / 4 + 8;
	return (size_t)((class - SMALL_CLASSES) % 4 + 5) << shift;
}

static int grow(size_t bytes)
{
	if (heap.next == NULL && bytes <= HEAP_BYTES / 2) {
		heap.next = heap.bytes + 16 - HEADER;
		heap.end = heap.bytes + HEAP_BYTES;
		return 0;
	}
	size_t chunk = bytes + 16 > CHUNK_BYTES ? (bytes + 16 + PAGE - 1) & ~(size_t)(PAGE - 1) : CHUNK_BYTES;
	unsigned char *memory =
		mmap(NULL, chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -1;
	/* Who comes here fills most of it: one fault for 512 of them. Kernels without huge pages have none to give. */
	madvise(memory, chunk, MADV_HUGEPAGE);
	heap.next = memory + 16 - HEADER;
	heap.end = memory + chunk;
	return 0;
}

static void *begin_block(struct block *block, unsigned class, size_t bytes)
{
	block->class = class;
	block->contents = (uint32_t)((bytes - HEADER) / 8);
	return &block->next;
}

static inline void *take_block(unsigned class)
{
	struct block *block = heap.free[class];
	if (block != NULL) {
		heap.free[class] = block->next;
		return &block->next;
	}
	size_t bytes = class_bytes(class);
	if ((size_t)(heap.end - heap.next) < bytes && grow(bytes) < 0)
		return NULL;
	block = (struct block *)(void *)heap.next;
	heap.next += bytes;
	return begin_block(block, class, bytes);
}

/* Which multiple of 16 an address belongs to: headers are the last eight bytes of one. */
static size_t place_of(const void *address)
{
	return ((uintptr_t)address + HEADER - (uintptr_t)heap.bytes) / 16;
}

static __attribute__((cold, noinline)) void *take_numbered(unsigned class)
{
	size_t bytes = class_bytes(class);
	uint32_t number = ++making.last;
	void *contents;

	if (number >= HEAP_NUMBERS)
		return take_block(class);
	unsigned group = making.kept == NULL ? 0 : making.kept->group[number];
	if (group > 0 && (size_t)(making.groups[group - 1].end - making.groups[group - 1].next) >= bytes) {
		contents = begin_block((struct block *)(void *)making.groups[group - 1].next, class, bytes);
		making.groups[group - 1].next += bytes;
	} else {
		contents = take_block(class);
	}
	if (contents != NULL && place_of(contents) < HEAP_BYTES / 16)
		making.numbers[place_of(contents)] = number;
	return contents;
}

void *heap_alloc(size_t size)
{
	if (__builtin_expect(size > LARGEST_BYTES, 0))
		return NULL;
	unsigned class = class_of(size + HEADER);
	return __builtin_expect(making.counts, 0) ? take_numbered(class) : take_block(class);
}

int heap_number_blocks(void)
{
	making.last = 0;
	making.numbers = calloc(HEAP_BYTES / 16, sizeof *making.numbers);
	making.counts = making.numbers != NULL;
	return making.counts ? 0 : -1;
}

uint32_t heap_number_at(const void *address, const void **ret_block)
{
	size_t place = place_of(address);

	if ((const unsigned char *)address < heap.bytes || place >= HEAP_BYTES / 16)
		return 0;
	while (place > 0 && making.numbers[place] == 0)
		place--;
	*ret_block = heap.bytes + place * 16;
	return making.numbers[place];
}

int heap_keep_together(const struct heap_kept *kept)
{
	size_t room = 0;

	for (size_t i = 0; i < HEAP_GROUPS; i++)
		room += kept->bytes[i];
	if (heap.next != NULL || room > HEAP_BYTES / 2 || grow(0) < 0)
		return -1;
	making.kept = kept;
	for (size_t i = 0; i < HEAP_GROUPS; i++) {
		making.groups[i].next = heap.next;
		heap.next += (kept->bytes[i] + 15) & ~(size_t)15;
		making.groups[i].end = heap.next;
	}
	return 0;
}

const unsigned char *heap_begin(void)
{
	return (const unsigned char *)(((uintptr_t)heap.bytes + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
}

static struct block *block_of(const void *contents)
{
	return (struct block *)((uintptr_t)contents - HEADER);
}

size_t heap_size(const void *block)
{
	return block == NULL ? 0 : (size_t)block_of(block)->contents * 8;
}

void heap_free(void *contents)
{
	if (contents == NULL)
		return;
	struct block *block = block_of(contents);
	block->next = heap.free[block->class];
	heap.free[block->class] = block;
}

void *heap_realloc(void *block, size_t size)
{
	if (block == NULL)
		return heap_alloc(size);
	size_t old = heap_size(block);
	if (size <= old && size + HEADER > old / 2)
		return block;
	void *moved = heap_alloc(size);
	if (moved == NULL)
		return NULL;
	memcpy(moved, block, old < size ? old : size);
	heap_free(block);
	return moved;
}

const unsigned char *heap_end(void)
{
	return (const unsigned char *)(((uintptr_t)heap.next + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
}

void heap_seal(void)
{
	making.counts = false;
	memset(heap.free, 0, sizeof heap.free);
	heap.next = (unsigned char *)(uintptr_t)heap_end() + 16 - HEADER;
	if (heap.end - heap.next > SINGLE_BYTES)
		heap.end = heap.next + SINGLE_BYTES;
}
