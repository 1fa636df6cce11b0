/* The tests of the native host's shim, one table a file. */
#include "../../test/check.h"
#include <stddef.h>

extern const struct test ffi_tests[], host_tests[], utf8_tests[], heap_tests[], watch_tests[];

const struct suite suites[] = {
    {"ffi", ffi_tests},   {"host", host_tests},   {"utf8", utf8_tests},
    {"heap", heap_tests}, {"watch", watch_tests}, {NULL, NULL},
};
