/* Texts, numbers, /etc/passwd, what a hook said. */
#include "../text.h"
#include "../hook.h"
#include "../passwd.h"
#include "check.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void numbers(void)
{
    char buffer[24];

    CHECK_TEXT(tsr_format_number(buffer, 0, 10), "0");
    CHECK_TEXT(tsr_format_number(buffer, UINT64_MAX, 10), "18446744073709551615");
    CHECK_TEXT(tsr_format_number(buffer, UINT64_MAX, 8), "1777777777777777777777");
    CHECK_TEXT(tsr_format_number(buffer, 01777, 8), "1777");
    CHECK_EQUAL(tsr_parse_number("0"), 0);
    CHECK_EQUAL(tsr_parse_number("4194304"), 4194304);
    CHECK_EQUAL(tsr_parse_number(""), -1);
    CHECK_EQUAL(tsr_parse_number("-1"), -1);
    CHECK_EQUAL(tsr_parse_number("1x"), -1);
    CHECK_EQUAL(tsr_parse_number("99999999999"), -1);
}

static void texts_are_cut(void)
{
    static struct tsr_text text;

    for (int i = 0; i < 1000; i++)
        tsr_text_add(&text, "0123456789");
    CHECK_EQUAL(text.length, TSR_TEXT_MAX);
    tsr_text_add_number(&text, 1);
    CHECK_EQUAL(text.length, TSR_TEXT_MAX);
    CHECK_EQUAL(text.bytes[TSR_TEXT_MAX - 1], '0' + (TSR_TEXT_MAX - 1) % 10);
}

/* uid 1000's home by this file; "/" when it does not tell. */
static const struct {
    const char *claim, *file, *home;
} passwds[] = {
    {"the usual", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:u:/home/user:/bin/sh\n", "/home/user"},
    {"no newline at the end", "user:x:1000:1000:u:/home/user", "/home/user"},
    {"the first of two", "a:x:1000:0::/a:\nb:x:1000:0::/b:\n", "/a"},
    {"an empty home is none", "a:x:1000:0:::\n", "/"},
    {"an empty uid is not 0 nor 1000", "a:x::0::/a:\n", "/"},
    {"a uid with anything else in it", "a:x:1000x:0::/a:\n", "/"},
    {"a uid that would wrap around", "a:x:18446744073709552616:0::/a:\n", "/"},
    {"too few fields", "user:x:1000:1000:/home\n", "/"},
    {"somebody else", "root:x:0:0::/root:\n", "/"},
    {"comments and junk", "#\n\n:::::\nuser:x:1000:0::/u:/bin/sh\n", "/u"},
    {"an empty file", "", "/"},
};

static void find_home(const char *content, size_t length, const char *expected)
{
    int fd = memfd_create("passwd", 0);
    char home[64] = "/";

    CHECK_EQUAL(write(fd, content, length), (long long)length);
    lseek(fd, 0, SEEK_SET);
    tsr_find_home(fd, 1000, home, sizeof home);
    close(fd);
    CHECK_TEXT(home, expected);
}

static void homes(void)
{
    static char large[20000];

    for (size_t i = 0; i < sizeof passwds / sizeof *passwds; i++) {
        check_case(passwds[i].claim);
        find_home(passwds[i].file, strlen(passwds[i].file), passwds[i].home);
    }
    check_case("a line longer than any buffer before it");
    memset(large, 'x', sizeof large);
    memcpy(large + sizeof large - 24, "\nu:x:1000:0::/home/u:sh\n", 24);
    find_home(large, sizeof large, "/home/u");
    check_case("a home too long to be one");
    memset(large, 'x', sizeof large);
    memcpy(large, "u:x:1000:0::/", 13);
    find_home(large, sizeof large, "/");
}

static const char *described(int status, uint32_t timeout_ms, const char *out, const char *err)
{
    static struct tsr_output output[2];
    static struct tsr_text text;

    memset(output, 0, sizeof output);
    text.length = 0;
    tsr_output_add(&output[0], out, strlen(out));
    tsr_output_add(&output[1], err, strlen(err));
    tsr_describe_hook(&text, status, timeout_ms, output);
    text.bytes[text.length] = '\0';
    return text.bytes;
}

static void hooks(void)
{
    CHECK_TEXT(described(1 << 8, 0, "", ""), "exit status 1, stdout: , stderr: ");
    CHECK_TEXT(described(127 << 8, 0, "a\n", "b\nc\n\n"), "exit status 127, stdout: a, stderr: b\nc");
    CHECK_TEXT(described(9, 0, "", ""), "signal: killed, stdout: , stderr: ");
    CHECK_TEXT(described(9, 1000, "", ""),
               "hook ran past specified timeout of 1.0s, stdout: , stderr: ");
    CHECK_TEXT(described(9, 250, "", ""), "hook ran past specified timeout of 0.3s, stdout: , stderr: ");
}

static void outputs_keep_their_end(void)
{
    static struct tsr_output output;
    char number[24];

    for (uint64_t i = 0; i < 1000; i++) {
        const char *digits = tsr_format_number(number, i, 10);

        tsr_output_add(&output, digits, strlen(digits));
    }
    CHECK_EQUAL(output.length, TSR_OUTPUT_MAX);
    CHECK(output.is_cut);
    CHECK(memcmp(output.bytes + TSR_OUTPUT_MAX - 9, "997998999", 9) == 0);
    for (size_t i = 0; i < 2; i++) {
        char *large = calloc(1, 5000);

        large[4999] = 'z';
        tsr_output_add(&output, large, 5000);
        CHECK_EQUAL(output.bytes[TSR_OUTPUT_MAX - 1], 'z');
        free(large);
    }
}

const struct test text_tests[] = {
    {"numbers are written and read exactly", numbers},
    {"a text too long for its message is cut", texts_are_cut},
    {"find_home reads /etc/passwd as it is", homes},
    {"a failed hook is described in runc's words", hooks},
    {"of a hook's output the end is kept", outputs_keep_their_end},
    {NULL, NULL},
};
