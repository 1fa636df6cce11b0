/* The tests of the executor, one table a file. */
#include "check.h"
#include <stddef.h>

extern const struct test wire_tests[], resolve_tests[], text_tests[], run_tests[], start_tests[], hook_tests[],
    execute_tests[], supervise_tests[], removal_tests[], copy_up_tests[], trace_tests[], notify_tests[];

const struct suite suites[] = {
    {"wire", wire_tests},       {"resolve", resolve_tests}, {"text", text_tests},
    {"run", run_tests},         {"start", start_tests},     {"hook", hook_tests},
    {"execute", execute_tests}, {"copy_up", copy_up_tests}, {"supervise", supervise_tests},
    {"removal", removal_tests}, {"trace", trace_tests},     {"notify", notify_tests}, {NULL, NULL},
};
