/* The watch over stores: it is told of each, and the stores are made. */
#include "../../test/check.h"
#include "../watch.h"
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };
static _Alignas(PAGE) unsigned char memory[3 * PAGE];
static size_t told[3 * PAGE];

static bool note(const void *address)
{
    told[(const unsigned char *)address - memory]++;
    return true;
}

static int watch(void)
{
    volatile unsigned char *bytes = memory;

    if (watch_stores(memory, memory + 2 * PAGE, note) < 0)
        return 1;
    for (int i = 0; i < 3; i++)
        bytes[5]++; /* comes back to what it was below, like a count of references */
    for (int i = 0; i < 3; i++)
        bytes[5]--;
    bytes[2 * PAGE] = 7;
    if (told[5] != 6 || bytes[5] != 0 || told[2 * PAGE] != 0 || bytes[2 * PAGE] != 7)
        return 2;
    struct __attribute__((packed)) unaligned {
        unsigned long value;
    };
    volatile struct unaligned *both = (volatile struct unaligned *)(void *)(memory + PAGE - 4);
    both->value = 0x0102030405060708; /* in two pages */
    return both->value == 0x0102030405060708 && told[PAGE - 4] + told[PAGE] > 0 && told[6] == 0 ? 0 : 3;
}

static void every_store_is_told_and_made(void)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0)
        _exit(watch());
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_EQUAL(status, 0);
}

const struct test watch_tests[] = {
#ifdef __x86_64__
    {"every store is told of and made, also where it changes nothing in the end", every_store_is_told_and_made},
#endif
    {NULL, NULL},
};
