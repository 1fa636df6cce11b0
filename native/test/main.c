/* Runs every test of the program it is linked into (suites). */
#include "check.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long checks, failures;
static const char *current_case;
static char directory[256];

void check_case(const char *name)
{
    current_case = name;
}

void check_that(bool holds, const char *claim, const char *file, int line)
{
    checks++;
    if (holds)
        return;
    failures++;
    printf("    %s:%d: %s%s%s does not hold\n", file, line, current_case == NULL ? "" : current_case,
           current_case == NULL ? "" : ": ", claim);
}

void check_equal(long long got, long long expected, const char *claim, const char *file, int line)
{
    check_that(got == expected, claim, file, line);
    if (got != expected)
        printf("        got %lld, expected %lld\n", got, expected);
}

void check_text(const char *got, const char *expected, const char *claim, const char *file, int line)
{
    check_that(strcmp(got, expected) == 0, claim, file, line);
    if (strcmp(got, expected) != 0)
        printf("        got \"%s\", expected \"%s\"\n", got, expected);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static void remove_directory(void)
{
    if (directory[0] != '\0' && nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0)
        perror(directory);
}

const char *fresh_directory(void)
{
    const char *top = getenv("TMPDIR");

    /* A test that asks again is done with the one before. */
    remove_directory();
    snprintf(directory, sizeof directory, "%s/tsrun-test-XXXXXX", top == NULL ? "/tmp" : top);
    if (mkdtemp(directory) == NULL)
        abort();
    return directory;
}

static void run(const char *suite, const struct test *test)
{
    long before = failures;

    directory[0] = '\0';
    current_case = NULL;
    fflush(stdout);
    test->run();
    remove_directory();
    if (failures > before)
        printf("not ok %s: %s\n", suite, test->title);
}

int main(int count, char **arguments)
{
    int tests = 0;

    /* Nothing here waits for long: a test that hangs has failed. */
    alarm(120);
    for (const struct suite *suite = suites; suite->name != NULL; suite++) {
        if (count > 1 && strcmp(arguments[1], suite->name) != 0)
            continue;
        for (const struct test *test = suite->tests; test->title != NULL; test++, tests++)
            run(suite->name, test);
    }
    printf("native: %d tests, %ld checks, %ld failures\n", tests, checks, failures);
    return failures == 0 && tests > 0 ? 0 : 1;
}
