/* Calls of C functions: what reaches them is what was given, or they are not called. */
#include "../../test/check.h"
#include "../ffi.h"
#include "script.h"
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

static long got[8];
static int calls;
static char text[64];

static long take(long a, long b, long c, long d, long e, long f, long g, long h)
{
    const long given[] = {a, b, c, d, e, f, g, h};

    memcpy(got, given, sizeof got);
    calls++;
    return a;
}

static long variadic(long count, ...)
{
    va_list arguments;
    long sum = 0;

    va_start(arguments, count);
    for (long i = 0; i < count; i++)
        sum += va_arg(arguments, long);
    va_end(arguments);
    return sum;
}

static long fail(long number)
{
    errno = (int)number;
    return -1;
}

static long read_text(const char *string)
{
    if (string == NULL)
        return -1;
    strncpy(text, string, sizeof text - 1);
    return (long)strlen(string);
}

static void fill(unsigned char *bytes, long length)
{
    for (long i = 0; i < length; i++)
        bytes[i] = (unsigned char)(i + 1);
}

const struct symbol symbols[] = {
    {"take", NULL, (const void *)take},           {"variadic", NULL, (const void *)variadic},
    {"fail", NULL, (const void *)fail},           {"read_text", NULL, (const void *)read_text},
    {"fill", NULL, (const void *)fill},           {"take", "libother.so.1", (const void *)variadic},
    {NULL, NULL, NULL},
};

static void integers_arrive_whole(void)
{
    static const struct {
        const char *value;
        long expected;
    } table[] = {
        {"0", 0},
        {"-1", -1},
        {"2147483647", INT_MAX},
        {"4294967296", 4294967296},
        {"-0", 0},
        {"1e3", 1000},
        {"2 ** 53", 9007199254740992},
        {"-(2 ** 53)", -9007199254740992},
        {"5n", 5},
        {"-5n", -5},
        {"0x7fffffffffffffffn", LONG_MAX},
        {"0xffffffffffffffffn", -1}, /* RLIM_INFINITY */
        {"1n << 63n", LONG_MIN},
    };
    JSContext *context = engine_begin();
    char script[96];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        check_case(table[i].value);
        snprintf(script, sizeof script, "bind('take', 'l:i')(%s); true", table[i].value);
        got[0] = 77;
        CHECK_SCRIPT(context, script);
        CHECK_EQUAL(got[0], table[i].expected);
    }
    engine_end(context);
}

static void what_is_no_integer_reaches_nobody(void)
{
    static const char *const values[] = {
        "0.5", "NaN", "Infinity", "-Infinity", "2 ** 53 + 2", "1e300",
    };
    static const char *const others[] = {"undefined", "null", "'1'", "true", "{}", "[1]", "Symbol()"};
    JSContext *context = engine_begin();
    char script[96];

    calls = 0;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        snprintf(script, sizeof script, "throws(RangeError, () => bind('take', 'l:i')(%s))", values[i]);
        CHECK_SCRIPT(context, script);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(script, sizeof script, "throws(TypeError, () => bind('take', 'l:i')(%s))", others[i]);
        CHECK_SCRIPT(context, script);
    }
    CHECK_EQUAL(calls, 0);
    engine_end(context);
}

static void eight_arguments_stand_in_their_places(void)
{
    JSContext *context = engine_begin();

    CHECK_SCRIPT(context, "bind('take', 'l:iiiiiiii')(1, 2, 3, 4, 5, 6, 7, 8) === 1");
    for (int i = 0; i < 8; i++)
        CHECK_EQUAL(got[i], i + 1);
    CHECK_SCRIPT(context, "bind('take', 'l:')() === 0");
    CHECK_EQUAL(got[7], 0);
    CHECK_SCRIPT(context, "bind('variadic', 'l:iiii')(3, 10, 20, 30) === 60");
    calls = 0;
    CHECK_SCRIPT(context, "throws(TypeError, () => bind('take', 'l:ii')(1))");
    CHECK_SCRIPT(context, "throws(TypeError, () => bind('take', 'l:ii')(1, 2, 3))");
    CHECK_EQUAL(calls, 0);
    engine_end(context);
}

static void results_have_their_width(void)
{
    JSContext *context = engine_begin();

    CHECK_SCRIPT(context, "bind('take', 'i:i')(-1) === -1");
    CHECK_SCRIPT(context, "bind('take', 'i:i')(0x1ffffffff) === -1");
    CHECK_SCRIPT(context, "bind('take', 'l:i')(0x1ffffffff) === 0x1ffffffff");
    CHECK_SCRIPT(context, "bind('take', 'v:i')(9) === 0");
    engine_end(context);
}

static void errno_is_the_last_calls(void)
{
    JSContext *context = engine_begin();

    CHECK_SCRIPT(context, "bind('fail', 'i:i')(2) === -1 && tsrunHost.errno() === 2");
    errno = 0;
    CHECK_SCRIPT(context, "throws(TypeError, () => bind('fail', 'i:i')('x')) && tsrunHost.errno() === 2");
    CHECK_EQUAL(ffi_errno(), ENOENT);
    engine_end(context);
}

static void strings_are_utf8_and_whole(void)
{
    JSContext *context = engine_begin();

    CHECK_SCRIPT(context, "bind('read_text', 'l:s')('/a/\\u00e9\\u{1f600}') === 9");
    CHECK_TEXT(text, "/a/\xc3\xa9\xf0\x9f\x98\x80");
    CHECK_SCRIPT(context, "bind('read_text', 'l:s')('') === 0");
    CHECK_SCRIPT(context, "bind('read_text', 'l:s')(null) === -1");
    text[0] = '\0';
    CHECK_SCRIPT(context, "throws(TypeError, () => bind('read_text', 'l:s')('/etc\\0/x'))");
    CHECK_SCRIPT(context, "throws(TypeError, () => bind('read_text', 'l:s')(undefined))");
    CHECK_SCRIPT(context, "throws(TypeError, () => bind('read_text', 'l:s')(5))");
    CHECK_TEXT(text, "");
    /* The first string is given back although the second argument is none. */
    CHECK_SCRIPT(context, "throws(TypeError, () => bind('take', 'l:ss')('x'.repeat(5000), 5))");
    engine_end(context);
}

static void buffers_are_the_memory_itself(void)
{
    JSContext *context = engine_begin();

    CHECK_SCRIPT(context, "const all = new Uint8Array(8); bind('fill', 'v:pi')(all.subarray(2, 5), 3);"
                          "same(all, [0, 0, 1, 2, 3, 0, 0, 0])");
    CHECK_SCRIPT(context, "bind('take', 'l:p')(null) === 0");
    CHECK_SCRIPT(context, "bind('take', 'l:p')(tsrunHost.address(all) + 1n); true");
    CHECK_SCRIPT(context, "BigInt(bind('take', 'l:p')(all)) === tsrunHost.address(all)");
    CHECK_SCRIPT(context, "throws(TypeError, () => bind('take', 'l:p')({}))");
    CHECK_SCRIPT(context, "throws(TypeError, () => bind('take', 'l:p')('text'))");
    CHECK_SCRIPT(context, "throws(TypeError, () => bind('take', 'l:p')(undefined))");
    engine_end(context);
}

static void only_what_is_linked_can_be_bound(void)
{
    JSContext *context = engine_begin();

    CHECK_SCRIPT(context, "throws(ReferenceError, () => bind('system', 'i:s'))");
    CHECK_SCRIPT(context, "throws(ReferenceError, () => bind('fail', 'i:i', 'libother.so.1'))");
    CHECK_SCRIPT(context, "throws(ReferenceError, () => bind('take', 'i:i', 'libthird.so'))");
    CHECK_SCRIPT(context, "bind('take', 'l:iii', 'libother.so.1')(2, 20, 22) === 42");
    CHECK_SCRIPT(context, "bind('take', 'l:iii', undefined)(2, 20, 22) === 2");
    engine_end(context);
}

static void odd_signatures_are_refused(void)
{
    static const char *const signatures[] = {"",    "i",    "i:d",        "d:i", ":i",
                                             "ii:", "i:i ", "i:iiiiiiiii", "i;i", "v"};
    JSContext *context = engine_begin();
    char script[96];

    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        snprintf(script, sizeof script, "throws(TypeError, () => bind('take', '%s'))", signatures[i]);
        CHECK_SCRIPT(context, script);
    }
    engine_end(context);
}

static void the_snapshot_makes_no_calls(void)
{
    JSContext *context = engine_begin();

    calls = 0;
    ffi_allow_calls(false);
    CHECK_SCRIPT(context, "const late = bind('take', 'l:i'); throws(InternalError, () => late(1))");
    CHECK_EQUAL(calls, 0);
    ffi_allow_calls(true);
    CHECK_SCRIPT(context, "late(1) === 1");
    engine_end(context);
}

const struct test ffi_tests[] = {
    {"integers of 64 bits arrive whole, modulo 2^64", integers_arrive_whole},
    {"what is no integer is refused before the call", what_is_no_integer_reaches_nobody},
    {"up to eight arguments stand in their places, as many as the signature says",
     eight_arguments_stand_in_their_places},
    {"a result is an int, a long or nothing", results_have_their_width},
    {"errno is that of the last call, whatever ran since", errno_is_the_last_calls},
    {"a string is UTF-8 with no NUL in it, or null", strings_are_utf8_and_whole},
    {"a buffer is passed by its address, not copied", buffers_are_the_memory_itself},
    {"only functions of the table can be bound, by name and library", only_what_is_linked_can_be_bound},
    {"a signature that is none is refused", odd_signatures_are_refused},
    {"while the snapshot is made nothing is called", the_snapshot_makes_no_calls},
    {NULL, NULL},
};
