/* tsrunHost, function by function. */
#include "../host.h"
#include "../../test/check.h"
#include "script.h"
#include <stdlib.h>
#include <unistd.h>

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

/* A file of `length` bytes of 'x' behind one of two bytes. */
static void write_long_file(const char *path, size_t length)
{
    FILE *file = fopen(path, "wbe");
    CHECK(file != NULL && fputs("\xc3\xa9", file) >= 0);
    for (size_t i = 0; i < length; i++)
        CHECK(fputc('x', file) == 'x');
    CHECK(fclose(file) == 0);
}

static void files_are_read(void)
{
    char path[] = "/tmp/tsrun-host-test-XXXXXX", script[256];
    JSContext *context = engine_begin();
    int fd = mkstemp(path);

    CHECK(fd >= 0 && close(fd) == 0);
    snprintf(script, sizeof script, "const path = '%s', read = () => tsrunHost.readText(-100, path); read() === ''", path);
    CHECK_SCRIPT(context, script);
    /* One that fits, one that fills the first room, and one for which it is made larger twice. */
    static const size_t lengths[] = {1, (16 << 10) - 2, 50000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        write_long_file(path, lengths[i]);
        snprintf(script, sizeof script, "read() === '\\u00e9' + 'x'.repeat(%zu)", lengths[i]);
        CHECK_SCRIPT(context, script);
    }
    CHECK(unlink(path) == 0);
    CHECK_SCRIPT(context, "read().call === 'openat' && read().errno === 2");
    CHECK_SCRIPT(context, "tsrunHost.readText(-100, '/').call === 'read' && tsrunHost.readText(-100, '/').errno === 21");
    CHECK_SCRIPT(context, "tsrunHost.readText(-1, 'relative').errno === 9");
    CHECK_SCRIPT(context, "tsrunHost.readText(-100, '/proc/self/comm') !== ''");
    CHECK_SCRIPT(context, "throws(TypeError, () => tsrunHost.readText(-100, '/proc/self/comm\\0x'))");
    CHECK_SCRIPT(context, "throws(TypeError, () => tsrunHost.readText(-100, null))");
    CHECK_SCRIPT(context, "throws(TypeError, () => tsrunHost.readText('x', '/'))");
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

static void steps_are_encoded(void)
{
    JSContext *context = engine_begin();

    CHECK_SCRIPT(context,
                 "const layouts = Object.fromEntries([...'uiUsSlLvwbfo?'].map((kind) => [kind, [7, 2, kind + 'value']]));"
                 "layouts.two = [8, 4, 'ufirst lsecond']; layouts.none = [9, 6, ''];"
                 "layouts.wide = [1, 2, 'ua ub uc ud ue uf ug uh ui uj uk ul um'];"
                 "const wire = { actors: { outer: 1, init: 2 }, layouts,"
                 "  errnos: { ab: 2, c: 1 },"
                 "  openFlags: (flags) => flags + 1, filter: () => Uint8Array.of(9) };"
                 "const encode = (...steps) => tsrunHost.encodeSteps(steps, wire);"
                 "const field = (kind, value) =>"
                 "  encode({ actor: 'outer', op: { call: kind, value } }).bytes.slice(16);"
                 "same(encode().bytes, []) && encode().count === 0 && encode().slots.length === 0");
    CHECK_SCRIPT(context, "same(encode({ actor: 'init', op: { call: 'two', first: 5, second: 'x' },"
                          "  ignore: ['ab', 'c'], warn: true }).bytes,"
                          "  [32, 0, 0, 0, 8, 0, 2, 2, 0, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0,"
                          "   5, 0, 0, 0, 0, 0, 0, 0])");
    CHECK_SCRIPT(context, "['no', 'toString', 3, Symbol()].every((name) => throws(Error, () =>"
                          "  encode({ actor: 'outer', op: { call: 'none' }, ignore: [name] })))");
    /* Runtime steps travel no further than as a yield, and as a place in the plan. */
    CHECK_SCRIPT(context, "const none = { call: 'none' }, runtime = { actor: 'runtime', op: {} };"
                          "const mixed = encode(runtime, { actor: 'outer', op: none }, runtime,"
                          "  { actor: 'init', op: none }, { actor: 'init', op: none });"
                          "mixed.count === 3 && same(mixed.bytes, [16, 0, 0, 0, 9, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0,"
                          "  16, 0, 0, 0, 9, 0, 2, 1, 3, 0, 0, 0, 0, 0, 0, 0,"
                          "  16, 0, 0, 0, 9, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0])");
    CHECK_SCRIPT(context, "const slot = (value) => ({ actor: 'outer', op: { call: 'l', value } });"
                          "const slots = encode(slot('a'), slot('b'), slot('a'));"
                          "slots.slots.join() === 'a,b' && same([16, 36, 56].map((at) => slots.bytes[at]), [0, 1, 0])");
    CHECK_SCRIPT(context, "same(field('u', 0xffffffff), [255, 255, 255, 255]) && same(field('i', -2), [254, 255, 255, 255])");
    CHECK_SCRIPT(context, "same(field('U', 2n ** 64n - 2n), [254, 255, 255, 255, 255, 255, 255, 255])");
    CHECK_SCRIPT(context, "same(field('s', '\u00e4'), [3, 0, 0, 0, 195, 164, 0]) && same(field('s', ''), [1, 0, 0, 0, 0])");
    CHECK_SCRIPT(context, "same(field('S'), [0, 0, 0, 0]) && same(field('S', ''), [1, 0, 0, 0, 0])");
    CHECK_SCRIPT(context, "same(field('L'), [255, 255, 255, 255]) && same(field('L', 'a'), [0, 0, 0, 0])");
    CHECK_SCRIPT(context, "same(field('v', ['a']), [1, 0, 0, 0, 2, 0, 0, 0, 97, 0])");
    CHECK_SCRIPT(context, "same(field('w', [1, 2]), [2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0])");
    CHECK_SCRIPT(context, "same(field('b', Uint8Array.of(7, 8)), [2, 0, 0, 0, 7, 8]) && same(field('f', {}), [1, 0, 0, 0, 9])");
    CHECK_SCRIPT(context, "same(field('o', 1), [2, 0, 0, 0])");
    CHECK_SCRIPT(context, "field('w', Array(10000).fill(0xa5a5a5a5)).length === 40004");
    CHECK_SCRIPT(context, "[['u', 2 ** 32], ['u', -1], ['u', 0.5], ['u', NaN], ['u', '1'], ['u'], ['i', 2 ** 31],"
                          " ['i', -(2 ** 31) - 1], ['U', 2n ** 64n], ['U', -1n], ['U', 1], ['s', 'a\\0b'], ['s', '\\ud800'],"
                          " ['s'], ['l'], ['v', 'a'], ['v', [1]], ['?', 1], ['absent', 1], ['wide'], [Symbol()]]"
                          ".every(([kind, value]) => throws(kind.length ? RangeError : Error, () => field(kind, value)))");
    CHECK_SCRIPT(context, "throws(RangeError, () => encode({ actor: 'outer', op: { call: 'two', first: 1, second: 'a' } }))");
    CHECK_SCRIPT(context, "throws(TypeError, () => encode(undefined)) && throws(TypeError, () => encode({ actor: 'init' }))");
    CHECK_SCRIPT(context, "wire.filter = () => { throw new TypeError(); }; throws(TypeError, () => field('f', {}))");
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
    {"readText reads a whole file, however long, or says which call failed", files_are_read},
    {"decodeUtf8 refuses a part that is none", bounds_are_checked},
    {"encodeUtf8 writes every text, halves of pairs as U+FFFD", texts_are_encoded},
    {"encodeInto writes what fits, or nothing", texts_are_encoded_in_place},
    {"steps are encoded as native/README.md draws them, or refused", steps_are_encoded},
    {"peek copies memory, but none from address 0", memory_is_read_as_a_copy},
    {"arguments, environment, path, machine and image are the process's own", the_process_is_known},
    {"import gives a promise", a_missing_module_is_a_rejection},
    {"onStart takes one function, once", the_start_function_is_given_once},
    {NULL, NULL},
};
