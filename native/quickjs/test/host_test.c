/* tsrunHost, function by function. */
#include "../host.h"
#include "../../test/check.h"
#include "script.h"
#include <stdlib.h>

/* In place of the executor's image, which modules.mjs puts there. */
__asm__(".section .rodata\n"
        ".globl executor_image, executor_image_end\n"
        "executor_image:\t.ascii \"\\177ELF\"\n"
        "executor_image_end:\n"
        ".text\n");

static void texts_are_decoded(void)
{
    JSContext *context = engine_begin();

    CHECK_SCRIPT(context, "const bytes = Uint8Array.of(0x61, 0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80, 0x62);"
                          "tsrunHost.decodeUtf8(bytes) === 'a\\u00e9\\u{1f600}b'");
    CHECK_SCRIPT(context, "tsrunHost.decodeUtf8(bytes, 1, 3) === '\\u00e9'");
    CHECK_SCRIPT(context, "tsrunHost.decodeUtf8(bytes.subarray(7)) === 'b'");
    CHECK_SCRIPT(context, "tsrunHost.decodeUtf8(bytes, 8) === ''");
    CHECK_SCRIPT(context, "tsrunHost.decodeUtf8(new Uint8Array(0)) === ''");
    CHECK_SCRIPT(context, "tsrunHost.decodeUtf8(Uint8Array.of(0x41, 0xff, 0, 0xe2, 0x82)) === 'A\\ufffd\\0\\ufffd'");
    CHECK_SCRIPT(context, "tsrunHost.decodeUtf8(new Uint8Array(3000).fill(0xff)) === '\\ufffd'.repeat(3000)");
    engine_end(context);
}

static void bounds_are_checked(void)
{
    static const char *const wrong[] = {"9", "-1", "0, 9", "3, 2", "0, -1", "2 ** 53", "0.5"};
    JSContext *context = engine_begin();
    char script[96];

    CHECK_SCRIPT(context, "const eight = new Uint8Array(8); true");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(script, sizeof script, "throws(RangeError, () => tsrunHost.decodeUtf8(eight, %s))", wrong[i]);
        CHECK_SCRIPT(context, script);
    }
    CHECK_SCRIPT(context, "throws(TypeError, () => tsrunHost.decodeUtf8('text'))");
    CHECK_SCRIPT(context, "throws(TypeError, () => tsrunHost.decodeUtf8([1, 2]))");
    engine_end(context);
}

static void texts_are_encoded(void)
{
    JSContext *context = engine_begin();

    CHECK_SCRIPT(context, "same(tsrunHost.encodeUtf8('a\\u00e9\\u{1f600}\\0'), [97, 195, 169, 240, 159, 152, 128, 0])");
    CHECK_SCRIPT(context, "tsrunHost.encodeUtf8('').length === 0");
    CHECK_SCRIPT(context, "same(tsrunHost.encodeUtf8('x\\ud800y'), [120, 239, 191, 189, 121])");
    CHECK_SCRIPT(context, "same(tsrunHost.encodeUtf8('\\udc00'), [239, 191, 189])");
    CHECK_SCRIPT(context, "throws(TypeError, () => tsrunHost.encodeUtf8(Symbol()))");
    engine_end(context);
}

static void texts_are_encoded_in_place(void)
{
    JSContext *context = engine_begin();

    CHECK_SCRIPT(context, "const into = new Uint8Array(6); tsrunHost.encodeInto('\\u00e9b', into, 2) === 3");
    CHECK_SCRIPT(context, "same(into, [0, 0, 195, 169, 98, 0])");
    CHECK_SCRIPT(context, "tsrunHost.encodeInto('', into, 6) === 0");
    CHECK_SCRIPT(context, "tsrunHost.encodeInto('abc', into, 3) === 3");
    CHECK_SCRIPT(context, "tsrunHost.encodeInto('XYZ', into, 4) === -1");
    CHECK_SCRIPT(context, "same(into, [0, 0, 195, 97, 98, 99])");
    CHECK_SCRIPT(context, "throws(RangeError, () => tsrunHost.encodeInto('a', into, 7))");
    CHECK_SCRIPT(context, "throws(RangeError, () => tsrunHost.encodeInto('a', into, -1))");
    CHECK_SCRIPT(context, "throws(RangeError, () => tsrunHost.encodeInto('a\\0b', into, 0))");
    CHECK_SCRIPT(context, "throws(RangeError, () => tsrunHost.encodeInto('\\ud800', into, 0))");
    CHECK_SCRIPT(context, "same(into, [0, 0, 195, 97, 98, 99])");
    engine_end(context);
}

static void values_are_packed(void)
{
    JSContext *context = engine_begin();

    CHECK_SCRIPT(context, "const pack = tsrunHost.pack; same(pack([1, 0xffffffff]), [1, 0, 0, 0, 255, 255, 255, 255])");
    CHECK_SCRIPT(context, "same(pack([2n ** 64n - 2n]), [254, 255, 255, 255, 255, 255, 255, 255])");
    CHECK_SCRIPT(context, "same(pack(['\\u00e4', '']), [3, 0, 0, 0, 195, 164, 0, 1, 0, 0, 0, 0])");
    CHECK_SCRIPT(context, "same(pack([Uint8Array.of(7, 8)]), [2, 0, 0, 0, 7, 8])");
    CHECK_SCRIPT(context, "same(pack([[5], []]), [8, 0, 0, 0, 5, 0, 0, 0, 4, 0, 0, 0])");
    CHECK_SCRIPT(context, "pack(Array(10000).fill(0xa5a5a5a5)).length === 40000");
    CHECK_SCRIPT(context, "pack(Array(5000).fill('abc')).every((byte, at) => byte === [4, 0, 0, 0, 97, 98, 99, 0][at % 8])");
    CHECK_SCRIPT(context, "[2 ** 32, -1, 0.5, NaN, 2n ** 64n, -1n, 'a\\0b', '\\ud800']"
                          ".every((value) => throws(RangeError, () => pack([1, value])))");
    CHECK_SCRIPT(context, "throws(TypeError, () => pack([undefined])) && throws(TypeError, () => pack([{}]))");
    CHECK_SCRIPT(context, "let deep = []; for (let i = 0; i < 100; i++) deep = [deep]; throws(RangeError, () => pack(deep))");
    engine_end(context);
}

static void memory_is_read_as_a_copy(void)
{
    JSContext *context = engine_begin();

    CHECK_SCRIPT(context, "const memory = Uint8Array.of(1, 2, 3, 4);"
                          "const copy = tsrunHost.peek(tsrunHost.address(memory) + 1n, 2); same(copy, [2, 3])");
    CHECK_SCRIPT(context, "copy[0] = 9; memory[1] === 2");
    CHECK_SCRIPT(context, "tsrunHost.peek(0, 0).length === 0");
    CHECK_SCRIPT(context, "throws(RangeError, () => tsrunHost.peek(0, 1))");
    CHECK_SCRIPT(context, "throws(RangeError, () => tsrunHost.peek(tsrunHost.address(memory), -1))");
    CHECK_SCRIPT(context, "throws(TypeError, () => tsrunHost.peek('0', 0))");
    CHECK_SCRIPT(context, "throws(TypeError, () => tsrunHost.address({}))");
    engine_end(context);
}

static void the_process_is_known(void)
{
    char name[] = "tsrun", argument[] = "a\xff", *arguments[] = {name, argument, NULL};
    JSContext *context = engine_begin();

    setenv("TSRUN_SHIM_TEST", "\xc3\xa9", 1);
    host_set_arguments(2, arguments);
    CHECK_SCRIPT(context, "same(tsrunHost.args(), ['a\\ufffd'])");
    CHECK_SCRIPT(context, "tsrunHost.environ().includes('TSRUN_SHIM_TEST=\\u00e9')");
    CHECK_SCRIPT(context, "tsrunHost.self().length === 1 && tsrunHost.self()[0].startsWith('/')");
    host_set_arguments(0, arguments);
    CHECK_SCRIPT(context, "tsrunHost.args().length === 0");
    CHECK_SCRIPT(context, "['x86_64', 'aarch64'].includes(tsrunHost.machine)");
    CHECK_SCRIPT(context, "same(tsrunHost.executorImage(), [127, 69, 76, 70])");
    engine_end(context);
}

static void a_missing_module_is_a_rejection(void)
{
    JSContext *context = engine_begin();

    CHECK_SCRIPT(context, "tsrunHost.import('./nowhere.js').then(() => {}, () => {}) instanceof Promise");
    CHECK_SCRIPT(context, "throws(TypeError, () => tsrunHost.import(Symbol()))");
    engine_end(context);
}

static void the_start_function_is_given_once(void)
{
    JSContext *context = engine_begin();

    JSValue none = host_start_function(context);
    CHECK(JS_IsUndefined(none));
    CHECK_SCRIPT(context, "throws(TypeError, () => tsrunHost.onStart(1))");
    CHECK_SCRIPT(context, "globalThis.started = 0; tsrunHost.onStart(() => { started += 1; }); true");
    CHECK_SCRIPT(context, "throws(TypeError, () => tsrunHost.onStart(() => {}))");
    JSValue start = host_start_function(context);
    JS_FreeValue(context, JS_Call(context, start, JS_UNDEFINED, 0, NULL));
    JS_FreeValue(context, start);
    CHECK_SCRIPT(context, "started === 1");
    engine_end(context);
}

const struct test host_tests[] = {
    {"decodeUtf8 reads a part of bytes, replacing what is ill-formed", texts_are_decoded},
    {"decodeUtf8 refuses a part that is none", bounds_are_checked},
    {"encodeUtf8 writes every text, halves of pairs as U+FFFD", texts_are_encoded},
    {"encodeInto writes what fits, or nothing", texts_are_encoded_in_place},
    {"pack writes numbers, bigints, texts, bytes and lists, or refuses them", values_are_packed},
    {"peek copies memory, but none from address 0", memory_is_read_as_a_copy},
    {"arguments, environment, path, machine and image are the process's own", the_process_is_known},
    {"import gives a promise", a_missing_module_is_a_rejection},
    {"onStart takes one function, once", the_start_function_is_given_once},
    {NULL, NULL},
};
