/* The allocator of the native host: blocks do not overlap, hold what they say, and are used again. */
#include "../heap.h"
#include "../../test/check.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Only a heap from which nothing was allocated yet is laid out: here that of the first test's child. */
static int lay_out(void)
{
    static const struct heap_kept kept = {
        .bytes = { 112 + 320, 112 },
        .group = { [2] = 1, [4] = 1, [5] = 2 },
    };
    const void *found;

    if (heap_number_blocks() < 0 || heap_keep_together(&kept) < 0)
        return 1;
    unsigned char *first = heap_alloc(100), *second = heap_alloc(100);
    unsigned char *third = heap_alloc(300), *fourth = heap_alloc(300), *fifth = heap_alloc(100);
    if (!(second < fourth && fourth < fifth && fifth < first && first < third) ||
        fourth != second + heap_size(second) + 8 || fifth != fourth + heap_size(fourth) + 8)
        return 2;
    if (heap_number_at(fourth + 299, &found) != 4 || found != fourth)
        return 3;
    if (heap_number_at(first, &found) != 1 || found != first || heap_number_at(&found, &found) != 0)
        return 4;
    memset(fifth, 0xa5, heap_size(fifth)); /* reaches to the last byte in front of the others */
    heap_free(second);
    if (heap_number_at(first, &found) != 1 || heap_alloc(100) != second)
        return 5;
    heap_seal();
    const unsigned char *late = heap_alloc(100);
    /* It has none: found is the last one in front of it that has. */
    return late >= heap_end() - 4096 && heap_number_at(late, &found) == 3 && found == third ? 0 : 6;
}

static void chosen_blocks_lie_side_by_side(void)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0)
        _exit(lay_out());
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_EQUAL(status, 0);
}

static void blocks_hold_what_was_asked(void)
{
    for (size_t size = 0; size < 70000; size = size < 2100 ? size + 1 : size + 997) {
        unsigned char *block = heap_alloc(size);

        if (block == NULL || (uintptr_t)block % 16 != 0 || heap_size(block) < size) {
            CHECK_EQUAL(size, -1);
            return;
        }
        memset(block, 0xa5, heap_size(block));
        heap_free(block);
    }
    CHECK_EQUAL(heap_size(NULL), 0);
    heap_free(NULL);
}

static void free_blocks_are_used_again(void)
{
    void *one = heap_alloc(100), *other = heap_alloc(100);

    CHECK(one != other);
    heap_free(one);
    CHECK(heap_alloc(100) == one);
    heap_free(one);
    heap_free(other);
    CHECK(heap_alloc(97) == other);
    heap_free(other);
}

static void blocks_grow_with_their_contents(void)
{
    unsigned char *block = heap_realloc(NULL, 10);

    memcpy(block, "0123456789", 10);
    for (size_t size = 11; size < 200000; size += size / 3) {
        block = heap_realloc(block, size);
        CHECK(memcmp(block, "0123456789", 10) == 0);
        block[size - 1] = 1;
    }
    unsigned char *shrunk = heap_realloc(block, 10);
    CHECK(shrunk != block);
    CHECK(memcmp(shrunk, "0123456789", 10) == 0);
    CHECK(heap_realloc(shrunk, 9) == shrunk);
    heap_free(shrunk);
}

static void more_than_can_be_is_refused(void)
{
    void *block = heap_alloc(64);

    CHECK(heap_alloc(SIZE_MAX) == NULL);
    CHECK(heap_alloc((size_t)1 << 40) == NULL);
    CHECK(heap_realloc(block, SIZE_MAX - 8) == NULL);
    heap_free(block); /* a failed realloc leaves it to its owner */
}

/* Many blocks at once, of sizes and in an order that a fixed seed decides: no byte of one is another's. */
static void blocks_do_not_overlap(void)
{
    enum { BLOCKS = 500, STEPS = 40000 };
    static struct {
        unsigned char *bytes;
        size_t size;
    } blocks[BLOCKS];
    uint32_t seed = 1;
    long wrong = 0;

    for (int step = 0; step < STEPS; step++) {
        seed = seed * 1664525 + 1013904223;
        size_t which = (seed >> 8) % BLOCKS, size = (seed >> 4) % (step % 50 == 0 ? 60000 : 600) + 1;
        unsigned char mark = (unsigned char)which;

        for (size_t i = 0; i < blocks[which].size; i++)
            wrong += blocks[which].bytes[i] != mark;
        if (seed >> 31 == 0) {
            heap_free(blocks[which].bytes);
            blocks[which].bytes = heap_alloc(size);
        } else {
            blocks[which].bytes = heap_realloc(blocks[which].bytes, size);
        }
        blocks[which].size = size;
        memset(blocks[which].bytes, mark, size);
    }
    CHECK_EQUAL(wrong, 0);
    for (size_t i = 0; i < BLOCKS; i++)
        heap_free(blocks[i].bytes);
}

static void a_sealed_heap_starts_a_page(void)
{
    void *before = heap_alloc(100);
    const unsigned char *end = heap_end();

    CHECK_EQUAL((uintptr_t)end % 4096, 0);
    heap_free(before);
    heap_seal();
    unsigned char *after = heap_alloc(100);
    CHECK(after != before);
    CHECK(after >= end && after < end + 4096);
    heap_free(after);
}

const struct test heap_tests[] = {
    {"chosen blocks lie side by side, and every block has its number", chosen_blocks_lie_side_by_side},
    {"a block is aligned and holds what was asked for", blocks_hold_what_was_asked},
    {"what was freed is used again for its size", free_blocks_are_used_again},
    {"a block grows and shrinks with its contents", blocks_grow_with_their_contents},
    {"more than there can be is refused", more_than_can_be_is_refused},
    {"blocks do not overlap, whatever is allocated and freed", blocks_do_not_overlap},
    {"behind a seal nothing that was freed before comes back", a_sealed_heap_starts_a_page},
    {NULL, NULL},
};
