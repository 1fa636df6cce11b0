/* The engine's memory is the heap's (heap.c), which the engine keeps the count of. */
#include "memory.h"
#include "heap.h"

static void *engine_malloc(JSMallocState *state, size_t size)
{
	void *block = heap_alloc(size);
	state->malloc_size += heap_size(block);
	return block;
}

static void engine_free(JSMallocState *state, void *block)
{
	state->malloc_size -= heap_size(block);
	heap_free(block);
}

static void *engine_realloc(JSMallocState *state, void *block, size_t size)
{
	if (size == 0) {
		engine_free(state, block);
		return NULL;
	}
	size_t old = heap_size(block);
	void *moved = heap_realloc(block, size);
	if (moved != NULL)
		state->malloc_size += heap_size(moved) - old;
	return moved;
}

const JSMallocFunctions engine_memory = { engine_malloc, engine_free, engine_realloc, heap_size };
