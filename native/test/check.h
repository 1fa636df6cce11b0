/* The smallest test runner that says what failed: named tests, counted checks. */
#ifndef TSR_CHECK_H
#define TSR_CHECK_H

#include <stdbool.h>

struct test {
    const char *title;
    void (*run)(void);
};

struct suite {
    const char *name;
    const struct test *tests;
};

/* What main.c runs; ends with a name of NULL. */
extern const struct suite suites[];

void check_that(bool holds, const char *claim, const char *file, int line);
void check_equal(long long got, long long expected, const char *claim, const char *file, int line);
void check_text(const char *got, const char *expected, const char *claim, const char *file, int line);
/* What was being looked at, printed with failures until it is set again; NULL for nothing. */
void check_case(const char *name);

#define CHECK(claim) check_that((claim), #claim, __FILE__, __LINE__)
#define CHECK_EQUAL(got, expected) \
    check_equal((long long)(got), (long long)(expected), #got, __FILE__, __LINE__)
#define CHECK_TEXT(got, expected) check_text((got), (expected), #got, __FILE__, __LINE__)

/* A fresh directory below $TMPDIR or /tmp, removed with all it holds by the runner at the end of a test. */
const char *fresh_directory(void);

#endif
